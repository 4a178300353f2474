"""OpenAPI, as clients read it: version 3 by group and version, version 2 as a whole."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from tests.kubernetes.double.api.discovery import VERSION
from tests.kubernetes.double.objects.custom import Schemas
from tests.kubernetes.double.objects.kinds import Kind, Kinds
from tests.kubernetes.double.objects.patches import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH
from tests.kubernetes.double.objects.schema import definition_of, definitions

type Json = dict[str, Any]

_GVK = "x-kubernetes-group-version-kind"
_QUERY = ("dryRun", "fieldManager", "fieldValidation", "force", "pretty")


def index(kinds: Kinds, schemas: Schemas) -> Json:
    """/openapi/v3: where each version's document is."""
    paths = {}
    for group, versions in kinds.groups().items():
        for version in versions:
            path = f"apis/{group}/{version}" if group else f"api/{version}"
            text = json.dumps(document(kinds, schemas, group, version), sort_keys=True)
            digest = hashlib.sha512(text.encode()).hexdigest().upper()
            paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"}
    return {"paths": paths}


def document(kinds: Kinds, schemas: Schemas, group: str, version: str) -> Json | None:
    """/openapi/v3/apis/GROUP/VERSION; None if there is no such version."""
    served = [kind for kind in kinds if (kind.group, kind.version) == (group, version)]
    if not served:
        return None
    found: dict[str, Json] = {}
    for kind in served:
        _collect(_name(kind), found, {_name(kind): _own(kind, schemas)})
        _collect("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions", found, {})
    paths = {path: item for kind in served for path, item in _paths(kind, "#/components/schemas/", v3=True)}
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": VERSION["gitVersion"]},
        "paths": paths,
        "components": {"schemas": _pointed(found, "#/components/schemas/")},
    }


def whole(kinds: Kinds, schemas: Schemas) -> Json:
    """/openapi/v2."""
    found = dict(definitions())
    for kind in kinds:
        found[_name(kind)] = _own(kind, schemas)
    paths = {path: item for kind in kinds for path, item in _paths(kind, "#/definitions/", v3=False)}
    return {
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": VERSION["gitVersion"]},
        "paths": paths,
        "definitions": _pointed(found, "#/definitions/"),
    }


def _name(kind: Kind) -> str:
    if not kind.custom:
        return definition_of(kind)
    return f"{'.'.join(reversed(kind.group.split('.')))}.{kind.version}.{kind.name}"


def _own(kind: Kind, schemas: Schemas) -> Json:
    return {**schemas.of(kind), _GVK: [_gvk(kind)]}


def _gvk(kind: Kind) -> Json:
    return {"group": kind.group, "version": kind.version, "kind": kind.name}


def _collect(name: str, found: dict[str, Json], more: dict[str, Json]) -> None:
    if name in found or (body := more.get(name) or definitions().get(name)) is None:
        return
    found[name] = body
    for target in _targets(body):
        _collect(target, found, more)


def _targets(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(target := node.get("$ref"), str):
            yield target
        for inner in node.values():
            yield from _targets(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _targets(inner)


def _pointed(node: Any, prefix: str) -> Any:
    """The same with references as JSON pointers; beside one nothing else may stand, so it goes into `allOf`."""
    if isinstance(node, dict):
        if isinstance(target := node.get("$ref"), str):
            rest = {key: _pointed(value, prefix) for key, value in node.items() if key != "$ref"}
            pointer = {"$ref": prefix + target}
            if not rest:
                return pointer
            return {**rest, "allOf": [pointer]} if "components" in prefix else {**rest, **pointer}
        return {key: _pointed(value, prefix) for key, value in node.items()}
    return [_pointed(inner, prefix) for inner in node] if isinstance(node, list) else node


def _paths(kind: Kind, prefix: str, *, v3: bool) -> Iterator[tuple[str, Json]]:
    base = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    where = f"{base}/namespaces/{{namespace}}/{kind.plural}" if kind.namespaced else f"{base}/{kind.plural}"
    one = f"{where}/{{name}}"
    collection = {"post": "post"} if "create" in kind.verbs else {}
    if kind.stored:
        yield where, _item(kind, prefix, {**collection, "get": "list", "delete": "deletecollection"}, v3=v3)
        yield one, _item(kind, prefix, {name: name for name in ("get", "put", "patch", "delete")}, v3=v3)
        if kind.sub("status"):
            yield f"{one}/status", _item(kind, prefix, {name: name for name in ("get", "put", "patch")}, v3=v3)
    else:
        yield where, _item(kind, prefix, collection, v3=v3)


def _item(kind: Kind, prefix: str, methods: dict[str, str], *, v3: bool) -> Json:
    return {method: _operation(kind, prefix, action, v3=v3) for method, action in methods.items()}


def _operation(kind: Kind, prefix: str, action: str, *, v3: bool) -> Json:
    pointer = {"$ref": prefix + _name(kind)}
    parameters: list[Json] = []
    if action in ("post", "put", "patch", "delete"):
        kinds = {"schema": {"type": "string"}} if v3 else {"type": "string"}
        parameters = [{"name": name, "in": "query", **kinds} for name in _QUERY]
    operation: Json = {_GVK: _gvk(kind), "x-kubernetes-action": action, "parameters": parameters}
    bodies = ["*/*"]
    if action == "patch":
        strategic = [] if kind.custom else [STRATEGIC_PATCH]
        bodies = [APPLY_PATCH, JSON_PATCH, MERGE_PATCH, *strategic]
    if v3:
        operation["responses"] = {"200": {"description": "OK", "content": {"application/json": {"schema": pointer}}}}
        if action in ("post", "put", "patch"):
            operation["requestBody"] = {"required": True, "content": {name: {"schema": pointer} for name in bodies}}
    else:
        operation |= {"consumes": bodies, "produces": ["application/json"]}
        operation["responses"] = {"200": {"description": "OK", "schema": pointer}}
    return operation
