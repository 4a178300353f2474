"""What a patch sets and what it takes away, as parts of an object.

Without the object that it is for, a patch says no more; so what it sets is looked at as the object's own would be.
What it copies from elsewhere in the object nobody knows: it may be what a Secret hides, on its way to a label.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hoopaddon.errors import Unparsable

_DIRECTIVES = ("$setElementOrder/", "$retainKeys", "$patch", "$deleteFromPrimitiveList/")
_OPERATIONS = frozenset({"add", "replace", "remove", "move", "copy", "test"})


@dataclass(frozen=True, slots=True)
class Changes:
    """`sets` are partial objects; `removes` are paths with dots, `metadata.finalizers`, `*` for a place in a list."""

    sets: tuple[Any, ...] = ()
    removes: frozenset[str] = frozenset()


def changes_of(kind: str, document: Any) -> Changes:
    """The changes of a body: `kind` is that of the patch, empty for an object. Raises `Unparsable`."""
    if kind == "json":
        return _json_patch(document)
    removes: set[str] = set()
    if kind in ("merge", "strategic"):
        return Changes((_merged(document, kind == "strategic", "", removes),), frozenset(removes))
    return Changes(tuple(_objects(document)))


def _objects(document: Any) -> Iterator[Any]:
    """The object, and where it is a List those in it too."""
    yield document
    if isinstance(document, Mapping) and isinstance(document.get("items"), list):
        # Of custom resources one may have a field of that name; to look into it does no harm.
        for item in document["items"]:
            yield from _objects(item)


def _merged(value: Any, strategic: bool, path: str, removes: set[str]) -> Any:
    """RFC 7386, and the directives of strategic merge patches (sig-api-machinery/strategic-merge-patch.md)."""
    if isinstance(value, list):
        if not value and not strategic:
            removes.add(path)
        if not strategic:
            # What a merge patch puts in a list's place has no directives in it.
            return value
        return [_merged(item, strategic, _below(path, "*"), removes) for item in value]
    if not isinstance(value, Mapping):
        return value
    found: dict[str, Any] = {}
    if strategic and value.get("$patch") in ("delete", "replace"):
        removes.add(path)
    for key, item in value.items():
        if strategic and key.startswith(_DIRECTIVES):
            if key.startswith("$deleteFromPrimitiveList/"):
                removes.add(_below(path, key.partition("/")[2]))
            elif key == "$retainKeys":
                removes.add(path)
            continue
        if item is None:
            removes.add(_below(path, key))
        found[key] = _merged(item, strategic, _below(path, key), removes)
    return found


def _json_patch(operations: list[Any]) -> Changes:
    """RFC 6902."""
    sets: list[Any] = []
    removes: set[str] = set()
    for operation in operations:
        if not isinstance(operation, Mapping) or operation.get("op") not in _OPERATIONS:
            raise Unparsable("a JSON patch with an operation that is none")
        op = operation["op"]
        path = _pointer(operation.get("path"))
        if op == "test":
            continue
        if op == "remove" or (op == "replace" and path and _is_place(path[-1])):
            removes.add(".".join(_named(path)))
        if op in ("move", "copy"):
            raise Unparsable(f"a JSON patch with a {op}, whose value nobody here knows: add the value", code="403")
        if op in ("add", "replace"):
            value = operation.get("value")
            if value in (None, [], {}):
                removes.add(".".join(_named(path)))
            sets.append(_placed(path, value))
    return Changes(tuple(sets), frozenset(removes))


def _pointer(pointer: Any) -> list[str]:
    """RFC 6901."""
    if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")):
        raise Unparsable("a JSON patch with a path that is none")
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _is_place(part: str) -> bool:
    return part == "-" or part.lstrip("-").isdigit()


def _named(path: list[str]) -> list[str]:
    return ["*" if _is_place(part) else part for part in path]


def _placed(path: list[str], value: Any) -> Any:
    """The value where the path leads, with nothing beside it."""
    for part in reversed(path):
        value = [value] if _is_place(part) else {part: value}
    return value


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
