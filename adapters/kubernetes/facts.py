"""Facts about one request to the Kubernetes API."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from hoopaddon.adapters.kubernetes.body.media import JSON, read_object, read_patch
from hoopaddon.adapters.kubernetes.body.patch import Changes, changes_of
from hoopaddon.adapters.kubernetes.body.references import references
from hoopaddon.adapters.kubernetes.request.info import RequestInfo, read_url
from hoopaddon.adapters.kubernetes.request.query import Query, read_query, refuse_repeats
from hoopaddon.errors import Unparsable
from hoopaddon.facts import Facts
from hoopaddon.web.request import WebRequest

STREAMS = frozenset({"exec", "attach", "portforward"})
_WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
_NEVER_DRY = frozenset({"token"})
"""Subresources whose creation does what it does whatever `dryRun` says."""
_ELSEWHERE = frozenset({"labelSelector", "fieldSelector", "dryRun", "command", "container", "watch"})
_IMPERSONATES = {"impersonate-user": "users", "impersonate-group": "groups", "impersonate-uid": "uids"}
_NO_CHANGES = Changes()
BAD_REQUEST, TOO_LARGE = "400", "413"
_NOTHING = RequestInfo("/", "get", "get")


@dataclass(frozen=True, slots=True)
class KubeFacts(Facts):
    """What a request asks for, to what, and with what."""

    info: RequestInfo = _NOTHING
    query: Query = MappingProxyType({})
    name: str = ""
    kind: str = ""
    patch: str = ""
    dry_run: bool = False
    options: Mapping[str, str] = MappingProxyType({})
    body: Any = None
    body_seen: bool = True
    changes: Changes = _NO_CHANGES
    refers_to: frozenset[str] = frozenset()
    argv: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Body:
    document: Any = None
    patch: str = ""
    seen: bool = True


def facts_of(request: WebRequest, base: str = "") -> KubeFacts:
    """Raises `Unparsable` for a request that cannot be understood, or that the server could understand otherwise.

    `base` is where the API begins at the target, `/k8s/clusters/c-1`, without a slash at its end.
    """
    if not request.path.startswith(f"{base}/"):
        raise Unparsable("a path beside the API's")
    try:
        return _facts(replace(request, path=request.path.removeprefix(base)) if base else request)
    except RecursionError:
        raise Unparsable("a body that nests too deep") from None


def _facts(request: WebRequest) -> KubeFacts:
    query, info = _url(request)
    if "websocket" in request.headers.get("upgrade").lower() and info.verb not in (*STREAMS, "proxy"):
        # The server would send a watch, or a log, in messages of a WebSocket.
        raise Unparsable(f"a {info.verb} over a WebSocket, which is not read here: ask without Upgrade")
    try:
        body = _body(request, info)
        changes = _changes(body, info)
    except Unparsable as e:
        # As the server says of what it cannot read.
        raise Unparsable(e.reason, code=e.code or BAD_REQUEST) from None
    document = body.document if isinstance(body.document, Mapping) else {}
    name = info.name or _metadata(document, "name")
    impersonated = _impersonated(request)
    return KubeFacts(
        verbs=_verbs(info, body.patch, bool(impersonated)),
        objects=frozenset({*_objects(info, name), *impersonated}),
        info=info,
        query=query,
        name=name,
        kind=_text(document.get("kind")),
        patch=body.patch,
        dry_run=_is_dry(info, query, body.document),
        options=_options(info, query, body.document),
        body=frozen(body.document),
        body_seen=body.seen,
        changes=Changes(tuple(map(frozen, changes.sets)), changes.removes),
        refers_to=references(changes.sets),
        argv=query.get("command", ()) if info.verb == "exec" else (),
    )


def _url(request: WebRequest) -> tuple[Query, RequestInfo]:
    refused: Unparsable | None = None
    query: Query = MappingProxyType({})
    try:
        query = read_query(request.query)
    except Unparsable as e:
        refused = e
    info = read_url(request.method, request.path, query)
    if info.verb != "proxy":
        # What is asked of somebody behind the server is read by their rules.
        if refused is not None:
            raise refused
        refuse_repeats(query)
    return query, info


# -- the body


def _body(request: WebRequest, info: RequestInfo) -> _Body:
    if info.verb == "proxy" or not info.is_resource:
        return _Body(seen=request.body == b"")
    if request.body is None:
        raise Unparsable("a body that is larger than what is looked into", code=TOO_LARGE)
    types = set(request.headers.all("content-type"))
    if len(types) > 1:
        raise Unparsable("two media types for one body")
    if not request.body:
        if info.api_verb in ("update", "patch"):
            raise Unparsable(f"a {request.method} without a body")
        return _Body()
    if request.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise Unparsable("a body with a Content-Encoding, which the API server does not take")
    if info.verb in STREAMS or info.api_verb not in _WRITES:
        raise Unparsable(f"a {request.method} for {info.verb} with a body")
    if info.api_verb == "patch":
        patch, document = read_patch(request.media_type, request.body)
        return _Body(document, patch)
    return _Body(_object(request, info))


def _object(request: WebRequest, info: RequestInfo) -> Any:
    document = read_object(request.media_type or JSON, request.body or b"")
    kind = document.get("kind")
    if _deletes(info) and kind not in (None, "", "DeleteOptions"):
        raise Unparsable("a DELETE whose body is no DeleteOptions")
    if kind is not None and not isinstance(kind, str):
        raise Unparsable("a body whose kind is no text")
    return document


def _changes(body: _Body, info: RequestInfo) -> Changes:
    return _NO_CHANGES if body.document is None or _deletes(info) else changes_of(body.patch, body.document)


def _deletes(info: RequestInfo) -> bool:
    return info.api_verb in ("delete", "deletecollection")


# -- what follows from both


def _verbs(info: RequestInfo, patch: str, impersonates: bool) -> frozenset[str]:
    verbs = {info.verb}
    if patch == "apply":
        # What is not there yet is created.
        verbs.add("create")
    if info.verb == "deletecollection" or (info.subresource == "eviction" and info.verb == "create"):
        verbs.add("delete")
    if impersonates:
        verbs.add("impersonate")
    return frozenset(verbs - {""})


def _objects(info: RequestInfo, name: str) -> Iterable[str]:
    """`pods`, `deployments.apps`, `pods/web`, `shop/pods`, `shop/pods/web`; a path where there is no resource."""
    if not info.is_resource:
        return {info.path}
    # Through a proxy `https:web:8443` is a port of `web`.
    bare = name.split(":")[-2 if name.count(":") == 2 else 0] if info.verb == "proxy" else name
    kinds = {info.resource, f"{info.resource}.{info.group}" if info.group else info.resource}
    names = kinds | ({f"{info.resource}/{one}" for one in (name, bare)} if name else set())
    if info.namespace and info.resource != "namespaces":
        names |= {f"{info.namespace}/{one}" for one in names if one == info.resource or "/" in one}
    return names


def _impersonated(request: WebRequest) -> set[str]:
    """Who the request is to be taken for: `users/admin`, `groups/system:masters`, `extra/scopes`."""
    found: set[str] = set()
    for name, value in request.headers:
        lowered = name.lower()
        if lowered.startswith("impersonate-"):
            kind = _IMPERSONATES.get(lowered)
            found.add(f"{kind}/{value}" if kind else f"extra/{lowered.removeprefix('impersonate-extra-')}")
    return found


def _is_dry(info: RequestInfo, query: Query, document: Any) -> bool:
    """Whether nothing will be stored, as the server's handlers decide it.

    A DELETE with a body takes its options from there and never looks at the query's.
    """
    asked = query.get("dryRun", ())
    if info.api_verb not in _WRITES or info.verb in STREAMS or info.verb == "proxy" or not info.is_resource:
        return False
    if info.subresource in _NEVER_DRY:
        return False
    if _deletes(info):
        return _says_dry(asked if document is None else document.get("dryRun"))
    if info.subresource == "eviction" and isinstance(document, Mapping):
        options = document.get("deleteOptions")
        return _says_dry(asked) or (isinstance(options, Mapping) and _says_dry(options.get("dryRun")))
    return _says_dry(asked)


def _says_dry(value: Any) -> bool:
    if not value:
        return False
    if not isinstance(value, list | tuple) or any(item != "All" for item in value):
        raise Unparsable("a dryRun that is not All")
    return True


def _options(info: RequestInfo, query: Query, document: Any) -> Mapping[str, str]:
    if _deletes(info) and document is not None:
        options = {key: value for key, value in document.items() if key not in ("kind", "apiVersion", "dryRun")}
        return MappingProxyType({key: str(value) for key, value in options.items()})
    return MappingProxyType({key: ",".join(query[key]) for key in query if key not in _ELSEWHERE})


def _metadata(document: Mapping[str, Any], key: str) -> str:
    metadata = document.get("metadata")
    return _text(metadata.get(key)) if isinstance(metadata, Mapping) else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def frozen(value: Any) -> Any:
    """The document for reading only."""
    if isinstance(value, dict):
        return MappingProxyType({key: frozen(item) for key, item in value.items()})
    if isinstance(value, list):
        return tuple(map(frozen, value))
    return value
