"""Fields as `managedFields` names them: sets of paths, and objects laid out as paths.

A path's elements are those of FieldsV1 (structured-merge-diff, `fieldpath/serialize-pe.go`): `f:NAME` for a field,
`k:{…}` for the item of a list with these keys, `v:VALUE` for an item of a set.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tests.kubernetes.double.objects.schema import child, is_map, items, resolve

type Json = dict[str, Any]
type Path = tuple[str, ...]
type Layout = dict[Path, Any]

_MEMBER = "the item itself"
_NOBODYS = (
    ("f:apiVersion",),
    ("f:kind",),
    *(
        ("f:metadata", f"f:{name}")
        for name in [
            "name",
            "namespace",
            "uid",
            "resourceVersion",
            "generation",
            "creationTimestamp",
            "managedFields",
            "selfLink",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "generateName",
        ]
    ),
)


def layout(obj: Json, schema: Json, *, whole: bool) -> Layout:
    """Each path that an object sets, and its value. `whole`: those of maps and lists themselves too, as an update
    owns them; an apply owns only what it says."""
    found = dict(_walk(obj, schema, (), whole))
    return {path: value for path, value in found.items() if path[:2] not in _NOBODYS and path[:1] not in _NOBODYS}


def _walk(value: Any, schema: Json, path: Path, whole: bool) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict) and value and schema.get("x-kubernetes-map-type") != "atomic" and schema:
        if whole and is_map(schema) and path:
            yield path, _MEMBER
        for name, inner in value.items():
            if inner is not None:
                yield from _walk(inner, child(schema, name) or {}, (*path, f"f:{name}"), whole)
    elif isinstance(value, list) and schema.get("x-kubernetes-list-type") == "map":
        if (whole and path[-1] != "f:containers") or not value:
            yield path, _MEMBER
        for item in value:
            here = (*path, key_of(item, schema))
            yield here, _MEMBER
            yield from _walk(item, items(schema), here, whole)
    elif isinstance(value, list) and schema.get("x-kubernetes-list-type") == "set":
        if whole or not value:
            yield path, _MEMBER
        yield from (((*path, f"v:{_dumped(item)}"), item) for item in value)
    elif path:
        yield path, value


def key_of(item: Json, schema: Json) -> str:
    """The element that names a list's item by its keys."""
    fields = items(schema).get("properties", {})
    keys = {}
    for name in sorted(schema["x-kubernetes-list-map-keys"]):
        value = item.get(name, resolve(fields.get(name, {})).get("default"))
        if value is not None:
            keys[name] = value
    return f"k:{_dumped(keys)}"


def _dumped(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def tree(paths: set[Path]) -> Json:
    """A set of paths as FieldsV1."""
    root: Json = {}
    for path in sorted(paths):
        node = root
        for element in path:
            node = node.setdefault(element, {})
        node["."] = {}
    return _without_lone_dots(root)


def _without_lone_dots(node: Json) -> Json:
    if node == {".": {}}:
        return {}
    return {name: inner if name == "." else _without_lone_dots(inner) for name, inner in node.items()}


def paths(fields: Mapping[str, Any], before: Path = ()) -> set[Path]:
    """FieldsV1 as a set of paths."""
    found: set[Path] = set()
    for element, inner in fields.items():
        if element == ".":
            found.add(before)
        elif inner:
            found |= paths(inner, (*before, element))
        else:
            found.add((*before, element))
    return found


def shown(path: Path) -> str:
    """A path as messages have it: `.spec.containers[name="app"].image`."""
    text = ""
    for element in path:
        sign, rest = element[:2], element[2:]
        if sign == "k:":
            keys = json.loads(rest)
            text += "[" + ",".join(f"{name}={_dumped(value)}" for name, value in keys.items()) + "]"
        else:
            text += f".{rest}" if sign == "f:" else f"[={rest}]"
    return text


def merged(live: Any, wanted: Any, schema: Json) -> Any:
    """What `live` becomes where `wanted` says something."""
    if isinstance(live, dict) and isinstance(wanted, dict) and schema and not _atomic(schema):
        made = dict(live)
        for name, inner in wanted.items():
            known = child(schema, name) or {}
            made[name] = merged(live[name], inner, known) if name in live else inner
        return made
    kind = schema.get("x-kubernetes-list-type")
    if isinstance(live, list) and isinstance(wanted, list) and kind == "map":
        ours = {key_of(item, schema): item for item in wanted}
        kept = []
        for item in live:
            other = ours.pop(key_of(item, schema), None)
            kept.append(item if other is None else merged(item, other, items(schema)))
        return [*kept, *ours.values()]
    if isinstance(live, list) and isinstance(wanted, list) and kind == "set":
        return [*live, *(item for item in wanted if item not in live)]
    return wanted


def _atomic(schema: Json) -> bool:
    return schema.get("x-kubernetes-map-type") == "atomic"


def without(obj: Any, path: Path, schema: Json) -> None:
    """Drop what is at a path, in place."""
    for element in path[:-1]:
        obj, schema = _down(obj, element, schema)
        if obj is None:
            return
    last = path[-1]
    if last.startswith("f:") and isinstance(obj, dict):
        obj.pop(last[2:], None)
    elif last.startswith("k:") and isinstance(obj, list):
        obj[:] = [item for item in obj if key_of(item, schema) != last]
    elif last.startswith("v:") and isinstance(obj, list):
        obj[:] = [item for item in obj if _dumped(item) != last[2:]]


def _down(obj: Any, element: str, schema: Json) -> tuple[Any, Json]:
    if element.startswith("f:") and isinstance(obj, dict):
        return obj.get(element[2:]), child(schema, element[2:]) or {}
    if element.startswith("k:") and isinstance(obj, list):
        return next((item for item in obj if key_of(item, schema) == element), None), items(schema)
    return None, {}
