"""Patches: JSON (RFC 6902), merge (RFC 7386), strategic merge."""

import copy
from collections.abc import Sequence
from typing import Any

from tests.kubernetes.double.api.status import ApiError, bad_request
from tests.kubernetes.double.objects.schema import child, items

type Json = dict[str, Any]

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

_DIRECTIVE, _DELETE_PRIMITIVES, _ORDER, _RETAIN = (
    "$patch",
    "$deleteFromPrimitiveList/",
    "$setElementOrder/",
    "$retainKeys",
)


def _unprocessable(message: str) -> ApiError:
    return ApiError(422, "Invalid", f"the server rejected our request due to an error in our request: {message}")


def json_patch(document: Json, operations: object) -> Json:
    """RFC 6902."""
    if not isinstance(operations, list):
        raise bad_request("json: cannot unmarshal object into Go value of type jsonpatch.Patch")
    made: Any = copy.deepcopy(document)
    for operation in operations:
        try:
            made = _operate(made, operation)
        except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
            path = operation.get("path") if isinstance(operation, dict) else operation
            raise _unprocessable(f"{path}: {error}") from error
    return made  # type: ignore[no-any-return]


def _operate(document: Any, operation: Json) -> Any:
    path = _pointer(operation["path"])
    match operation["op"]:
        case "test":
            if _at(document, path) != operation.get("value"):
                raise ValueError("test failed")
            return document
        case "remove":
            return _removed(document, path)
        case "add":
            return _added(document, path, operation["value"])
        case "replace":
            _at(document, path)
            return _added(_removed(document, path), path, operation["value"]) if path else operation["value"]
        case "copy":
            return _added(document, path, copy.deepcopy(_at(document, _pointer(operation["from"]))))
        case "move":
            source = _pointer(operation["from"])
            value = _at(document, source)
            return _added(_removed(document, source), path, value)
        case other:
            raise ValueError(f"Unexpected kind: {other}")


def _pointer(text: str) -> list[str]:
    if text and not text.startswith("/"):
        raise ValueError("a path begins with /")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _at(document: Any, path: Sequence[str]) -> Any:
    for part in path:
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


def _removed(document: Any, path: Sequence[str]) -> Any:
    holder, last = _at(document, path[:-1]), path[-1]
    del holder[int(last) if isinstance(holder, list) else last]
    return document


def _added(document: Any, path: Sequence[str], value: Any) -> Any:
    if not path:
        return value
    holder, last = _at(document, path[:-1]), path[-1]
    if isinstance(holder, list):
        holder.insert(len(holder) if last == "-" else int(last), value)
    else:
        holder[last] = value
    return document


def merge_patch(document: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    made = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            made.pop(name, None)
        else:
            made[name] = merge_patch(made.get(name), value)
    return made


def strategic_patch(document: Json, patch: Json, schema: Json) -> Json:
    """A merge in which lists are merged too, by the keys that the schema names."""
    return _merged_map(copy.deepcopy(document), patch, schema)


def _merged_map(document: Json, patch: Json, schema: Json) -> Json:
    if patch.get(_DIRECTIVE) == "replace":
        return {name: value for name, value in patch.items() if name != _DIRECTIVE}
    if patch.get(_DIRECTIVE) == "delete":
        return {}
    if (kept := patch.get(_RETAIN)) is not None:
        document = {name: value for name, value in document.items() if name in kept}
    for name, value in patch.items():
        if name in (_DIRECTIVE, _RETAIN) or name.startswith(_ORDER):
            continue
        if name.startswith(_DELETE_PRIMITIVES):
            field = name.removeprefix(_DELETE_PRIMITIVES)
            document[field] = [item for item in document.get(field) or () if item not in value]
        elif value is None:
            document.pop(name, None)
        else:
            document[name] = _merged(document.get(name), value, child(schema, name) or {})
    for name, order in patch.items():
        if name.startswith(_ORDER):
            field = name.removeprefix(_ORDER)
            document[field] = _ordered(document.get(field) or [], order, child(schema, field) or {})
    return document


def _merged(old: Any, new: Any, schema: Json) -> Any:
    if isinstance(new, dict):
        return _merged_map(old if isinstance(old, dict) else {}, new, schema)
    if isinstance(new, list) and "merge" in schema.get("x-kubernetes-patch-strategy", "").split(","):
        return _merged_list(old or [], new, schema)
    return new


def _merged_list(old: list[Any], new: list[Any], schema: Json) -> list[Any]:
    key = schema.get("x-kubernetes-patch-merge-key")
    if key is None:
        return [*old, *(item for item in new if item not in old)]
    if any(isinstance(item, dict) and item.get(_DIRECTIVE) == "replace" for item in new):
        return [item for item in new if _DIRECTIVE not in item]
    made = list(old)
    for item in new:
        if key not in item:
            raise bad_request(f"map: {item} does not contain declared merge key: {key}")
        at = next((n for n, one in enumerate(made) if one.get(key) == item[key]), None)
        if item.get(_DIRECTIVE) == "delete":
            made = [one for one in made if one.get(key) != item[key]]
        elif at is None:
            made.append(_merged_map({}, item, items(schema)))
        else:
            made[at] = _merged_map(made[at], item, items(schema))
    return made


def _ordered(values: list[Any], order: list[Any], schema: Json) -> list[Any]:
    key = schema.get("x-kubernetes-patch-merge-key")
    wanted = [item.get(key) if key else item for item in order]

    def place(item: Any) -> tuple[int, int]:
        name = item.get(key) if key else item
        return (0, wanted.index(name)) if name in wanted else (1, 0)

    return sorted(values, key=place)
