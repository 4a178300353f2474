"""The API's schemas, from the OpenAPI definitions that `kubernetes-validate` carries."""

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from tests.kubernetes.double.objects.kinds import Kind

type Json = dict[str, Any]

RELEASE = "1.37"
_PREFIX = "#/$defs/"
_OF_GROUP = {
    "": "io.k8s.api.core",
    "apiextensions.k8s.io": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions",
}
META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
LIST_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta"
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"


@cache
def definitions() -> dict[str, Json]:
    """Every definition by its name, as kube-apiserver publishes them: references unresolved, nothing nullable."""
    path = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{RELEASE}.0-local" / "_definitions.json"
    found: dict[str, Json] = {name: _published(body) for name, body in json.loads(path.read_bytes())["$defs"].items()}
    found[_QUANTITY] = {"type": "string", "description": "Quantity is a fixed-point representation of a number."}
    # Two of the keys of lists have a default, which the package leaves out.
    for port in ("ContainerPort", "ServicePort"):
        found[f"io.k8s.api.core.v1.{port}"]["properties"]["protocol"]["default"] = "TCP"
    found[_INT_OR_STRING] = {"type": "string", "format": "int-or-string"}
    return found


def _published(node: Any) -> Any:
    match node:
        case {"$ref": str(target)} if target.startswith(_PREFIX):
            rest = {key: _published(value) for key, value in node.items() if key != "$ref"}
            return {**rest, "$ref": target.removeprefix(_PREFIX)}
        case dict():
            made = {key: _published(value) for key, value in node.items() if not (key == "enum" and "type" in node)}
            if isinstance(kinds := node.get("type"), list):
                made["type"] = next(kind for kind in kinds if kind != "null")
            return made
        case list():
            return [_published(item) for item in node]
        case _:
            return node


def definition_of(kind: Kind) -> str:
    """The name of a built-in kind's definition."""
    return definition_named(kind.group, kind.version, kind.name)


def definition_named(group: str, version: str, name: str) -> str:
    """The name under which a kind's definition is published."""
    base = _OF_GROUP.get(group, f"io.k8s.api.{group.split('.')[0]}")
    return f"{base}.{version}.{name}"


def resolve(schema: Json) -> Json:
    """The schema, with what a reference leads to; what stands beside the reference goes first."""
    if target := schema.get("$ref"):
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        return {**definitions().get(target, {}), **rest}
    return schema


def child(schema: Json, name: str) -> Json | None:
    """The schema of a field; None if there is no such field."""
    if (found := schema.get("properties", {}).get(name)) is not None:
        return resolve(found)
    more = schema.get("additionalProperties")
    if isinstance(more, dict):
        return resolve(more)
    if more is True or schema.get("x-kubernetes-preserve-unknown-fields") or not schema.get("properties"):
        return {}
    return None


def items(schema: Json) -> Json:
    """The schema of a list's items."""
    return resolve(schema.get("items", {}))


def is_map(schema: Json) -> bool:
    """Whether the keys are data, not names of fields."""
    return not schema.get("properties")


def is_quantity(schema: Json) -> bool:
    """Whether a number is as good as a string here."""
    return str(schema.get("description")).startswith("Quantity is a fixed-point")


def unknown_fields(value: Any, schema: Json, path: str = "") -> Iterator[str]:
    """The paths of fields that the schema does not have."""
    if isinstance(value, dict):
        for name, inner in value.items():
            found = child(schema, name)
            here = f"{path}.{name}" if path else name
            if found is None:
                yield here
            else:
                yield from unknown_fields(inner, found, here)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from unknown_fields(item, items(schema), f"{path}[{number}]")


def pruned(value: Any, schema: Json) -> Any:
    """The value without fields that the schema does not have, and without nulls."""
    if isinstance(value, dict):
        kept = ((name, inner, child(schema, name)) for name, inner in value.items())
        return {n: pruned(v, s) for n, v, s in kept if s is not None and (v is not None or not s)}
    if isinstance(value, list):
        return [pruned(item, items(schema)) for item in value]
    return str(value) if is_quantity(schema) and isinstance(value, int | float) else value


def wrong_types(value: Any, schema: Json, path: str = "") -> Iterator[tuple[str, str, str]]:
    """What is of another type than its field: path, found type, wanted type, as Go names them."""
    wanted = schema.get("type")
    if value is None or schema.get("format") == "int-or-string" or is_quantity(schema):
        return
    match value:
        case dict():
            if wanted not in (None, "object"):
                yield path, "object", wanted
                return
            for name, inner in value.items():
                yield from wrong_types(inner, child(schema, name) or {}, f"{path}.{name}" if path else name)
        case list():
            if wanted not in (None, "array"):
                yield path, "array", wanted
                return
            for item in value:
                yield from wrong_types(item, items(schema), path)
        case bool() if wanted not in (None, "boolean"):
            yield path, "bool", wanted
        case str() if wanted not in (None, "string"):
            yield path, "string", wanted
        case int() | float() if not isinstance(value, bool) and wanted not in (None, "integer", "number"):
            yield path, "number", wanted


def missing(value: Any, schema: Json, path: str = "") -> Iterator[str]:
    """The paths of required fields that are not there."""
    if isinstance(value, dict):
        for name in schema.get("required", ()):
            if value.get(name) is None:
                yield f"{path}.{name}" if path else name
        for name, inner in value.items():
            yield from missing(inner, child(schema, name) or {}, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from missing(item, items(schema), f"{path}[{number}]")
