"""OpenAPI version 2 in the protobuf that kubectl asks for (gnostic's `OpenAPIv2.proto`): what clients read of it."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from tests.kubernetes.double.api.protobuf import length_delimited, varint

type Json = dict[str, Any]

MEDIA_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
NAMES = (MEDIA_TYPE, "application/com.github.proto-openapi.spec.v2@v1.0+protobuf")
_METHODS = {"get": 2, "put": 3, "post": 4, "delete": 5, "patch": 8}


def document(openapi: Json) -> bytes:
    """The whole document."""
    info = _text(1, openapi["info"]["title"]) + _text(2, openapi["info"]["version"])
    paths = b"".join(length_delimited(2, _named(path, _path(item))) for path, item in openapi["paths"].items())
    definitions = _schemas(openapi["definitions"])
    return (
        _text(1, openapi["swagger"])
        + length_delimited(2, info)
        + length_delimited(8, paths)
        + length_delimited(9, definitions)
    )


def _text(number: int, text: str | None) -> bytes:
    return length_delimited(number, text.encode()) if text else b""


def _named(name: str, value: bytes) -> bytes:
    return _text(1, name) + length_delimited(2, value)


def _schemas(schemas: Mapping[str, Json]) -> bytes:
    return b"".join(length_delimited(1, _named(name, _schema(body))) for name, body in schemas.items())


def _schema(schema: Json) -> bytes:
    out = _text(1, schema.get("$ref")) + _text(2, schema.get("format")) + _text(4, schema.get("description"))
    out += b"".join(_text(19, name) for name in schema.get("required", ()))
    match schema.get("additionalProperties"):
        case dict() as values:
            out += length_delimited(21, length_delimited(1, _schema(values)))
        case bool() as any_of_them:
            out += length_delimited(21, varint(2 << 3) + varint(any_of_them))
    if kind := schema.get("type"):
        out += length_delimited(22, _text(1, kind))
    if items := schema.get("items"):
        out += length_delimited(23, length_delimited(1, _schema(items)))
    if properties := schema.get("properties"):
        out += length_delimited(25, _schemas(properties))
    return out + _extensions(31, schema)


def _extensions(number: int, node: Json) -> bytes:
    found = ((name, value) for name, value in node.items() if name.startswith("x-"))
    # JSON is YAML too.
    return b"".join(length_delimited(number, _named(name, _text(2, json.dumps(value)))) for name, value in found)


def _path(item: Json) -> bytes:
    return b"".join(length_delimited(_METHODS[method], _operation(body)) for method, body in item.items())


def _operation(operation: Json) -> bytes:
    out = _texts(6, operation["produces"]) + _texts(7, operation["consumes"])
    for parameter in operation["parameters"]:
        query = _text(2, parameter["in"]) + _text(4, parameter["name"]) + _text(6, parameter["type"])
        # ParametersItem, Parameter, NonBodyParameter: each has one of several, and here always the same.
        out += length_delimited(8, length_delimited(1, length_delimited(2, length_delimited(3, query))))
    responses = b""
    for code, response in operation["responses"].items():
        schema = length_delimited(2, length_delimited(1, _schema(response["schema"])))
        value = length_delimited(1, _text(1, response["description"]) + schema)
        responses += length_delimited(1, _named(code, value))
    return out + length_delimited(9, responses) + _extensions(13, operation)


def _texts(number: int, texts: Iterable[str]) -> bytes:
    return b"".join(_text(number, text) for text in texts)
