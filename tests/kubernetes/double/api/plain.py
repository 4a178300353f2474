"""Paths that are no resources: discovery, OpenAPI, version, health."""

import re
from typing import Any

from tests.kubernetes.double.api import discovery, negotiation, openapi, openapi_protobuf
from tests.kubernetes.double.api.negotiation import JSON, MediaType
from tests.kubernetes.double.api.status import not_acceptable
from tests.kubernetes.double.objects.cluster import Cluster
from tests.kubernetes.double.web.message import HeaderLines, Request, Response

type Json = dict[str, Any]

_DISCOVERY = "apidiscovery.k8s.io"
_CHECKS = ("ping", "log", "etcd", "poststarthook/rbac/bootstrap-roles")


class PlainPaths:
    """Answers them."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def answer(self, request: Request) -> Response:
        """Answer a request for such a path."""
        parts = [part for part in request.path.split("/") if part]
        kinds = self._cluster.kinds
        match parts:
            case []:
                return self._json(request, discovery.roots(kinds))
            case ["version"]:
                return self._json(request, discovery.VERSION)
            case ["healthz" | "livez" | "readyz", *_]:
                return _health(request, parts[0])
            case ["api" | "apis"]:
                return self._everything(request, core=parts[0] == "api")
            case ["api", version]:
                found = discovery.resource_list(kinds, "", version)
            case ["apis", group]:
                versions = kinds.groups().get(group)
                head = {"kind": "APIGroup", "apiVersion": "v1"}
                found = {**head, **discovery.group(group, versions)} if versions else None
            case ["apis", group, version]:
                found = discovery.resource_list(kinds, group, version)
            case ["openapi", *rest]:
                return self._openapi(request, rest)
            case _:
                found = None
        return nothing_there() if found is None else self._json(request, found)

    def _json(self, request: Request, document: Json, content_type: str = JSON) -> Response:
        headers: HeaderLines = [("Content-Type", content_type)]
        body = negotiation.written(document, MediaType(JSON))
        return Response(200, headers, negotiation.compressed(request, body, headers))

    def _everything(self, request: Request, *, core: bool) -> Response:
        for one in negotiation.media_types(",".join(request.all("accept"))):
            if one.parameters.get("g") == _DISCOVERY and one.transform == "APIGroupDiscoveryList":
                version = one.parameters.get("v", "")
                if version not in ("v2", "v2beta1"):
                    continue
                document = discovery.aggregated(self._cluster.kinds, core=core, version=version)
                tag = discovery.etag(document)
                if request.header("if-none-match") == tag:
                    return Response(304, [("ETag", tag), ("Vary", "Accept")])
                answer = self._json(request, document, discovery.AGGREGATED.format(version))
                answer.headers += [("ETag", tag), ("Vary", "Accept")]
                return answer
        if core:
            return self._json(request, discovery.api_versions(request.header("host")))
        return self._json(request, discovery.group_list(self._cluster.kinds))

    def _openapi(self, request: Request, rest: list[str]) -> Response:
        kinds, schemas = self._cluster.kinds, self._cluster.schemas
        if rest == ["v2"] and any(name in openapi_protobuf.NAMES for name in _accepted(request)):
            headers: HeaderLines = [("Content-Type", openapi_protobuf.MEDIA_TYPE)]
            body = openapi_protobuf.document(openapi.whole(kinds, schemas))
            return Response(200, headers, negotiation.compressed(request, body, headers))
        if not any(re.fullmatch(r"\*/\*|application/(json|\*)", name) for name in _accepted(request)):
            raise not_acceptable((JSON,))
        match rest:
            case ["v2"]:
                return self._json(request, openapi.whole(kinds, schemas))
            case ["v3"]:
                return self._json(request, openapi.index(kinds, schemas))
            case ["v3", "api", version]:
                found = openapi.document(kinds, schemas, "", version)
            case ["v3", "apis", group, version]:
                found = openapi.document(kinds, schemas, group, version)
            case _:
                found = None
        return nothing_there() if found is None else self._json(request, found)


def nothing_there() -> Response:
    """What is answered below a path that no part of the server has: Go's own words, and no Status."""
    return Response(404, [("Content-Type", "text/plain; charset=utf-8")], b"404 page not found\n")


def _accepted(request: Request) -> list[str]:
    return [one.name for one in negotiation.media_types(",".join(request.all("accept")))] or ["*/*"]


def _health(request: Request, name: str) -> Response:
    text = "ok"
    if request.flag("verbose"):
        text = "".join(f"[+]{check} ok\n" for check in _CHECKS) + f"{name} check passed\n"
    return Response(200, [("Content-Type", "text/plain; charset=utf-8")], text.encode())
