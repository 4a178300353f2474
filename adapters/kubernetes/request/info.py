"""The grammar of the API's URLs, as `RequestInfo` in apiserver/pkg/endpoints/request/requestinfo.go has it."""

import re
from dataclasses import dataclass, replace
from urllib.parse import unquote_to_bytes

from hoopaddon.adapters.kubernetes.request.query import Query, first, is_true, shown
from hoopaddon.adapters.kubernetes.request.selectors import exact_name
from hoopaddon.errors import Unparsable

VERBS = {
    "POST": "create",
    "GET": "get",
    "HEAD": "get",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
SUBRESOURCE_VERBS = {
    "exec": "exec",
    "attach": "attach",
    "portforward": "portforward",
    "log": "logs",
    "proxy": "proxy",
}
"""What subresources of pods, services and nodes do that their method does not say."""

_PROXIED = frozenset({"pods", "services", "nodes"})
_NAMESPACE_SUBRESOURCES = frozenset({"status", "finalize"})
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_GROUP = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\\\ufffd]")


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """What a URL and a method name. Without `resource` it is a path beside the API's objects: `/version`, `/healthz`.

    `api_verb` is what the server authorizes; `verb` is what happens: `exec` and not `create`.
    """

    path: str
    api_verb: str
    verb: str
    group: str = ""
    version: str = ""
    namespace: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""
    rest: str = ""
    """What stands behind the subresource: the path that `proxy` asks for."""

    @property
    def is_resource(self) -> bool:
        return bool(self.resource)


def read_url(method: str, path: str, query: Query) -> RequestInfo:
    """Raises `Unparsable` for a URL that the server, or something before it, could read in two ways."""
    raw = _segments(path)
    info = _resource(method, [_decoded(s) for s in raw], path) if _is_resource(raw) else None
    if info is None:
        parts = [_plain(segment) for segment in map(_decoded, raw)]
        if method not in VERBS and method != "OPTIONS":
            raise Unparsable(f"the method {shown(method)} is none of the API's")
        return RequestInfo(f"/{'/'.join(parts)}", method.lower(), method.lower())
    return _with_query(info, method, query)


def _segments(path: str) -> list[str]:
    if not path.startswith("/"):
        raise Unparsable("a path that does not begin with a slash")
    if _BAD_ESCAPE.search(path):
        raise Unparsable("a path with a broken escape")
    trimmed = path[1:].removesuffix("/")
    return trimmed.split("/") if trimmed else []


def _decoded(segment: str) -> str:
    try:
        return unquote_to_bytes(segment).decode()
    except UnicodeDecodeError:
        raise Unparsable("a path that is not UTF-8") from None


def _plain(segment: str) -> str:
    """A name as a path may have it (apimachinery, `IsValidPathSegmentName`)."""
    if segment in ("", ".", ".."):
        raise Unparsable("a path with empty segments, `.` or `..`")
    if "/" in segment or "%" in segment or _CONTROL.search(segment):
        raise Unparsable("a path with an encoded slash, a percent sign or a control character in a name")
    return segment


def _is_resource(raw: list[str]) -> bool:
    parts = [_decoded(segment) for segment in raw[:4]]
    return (len(parts) >= 3 and parts[0] == "api") or (len(parts) >= 4 and parts[0] == "apis")


def _resource(method: str, segments: list[str], path: str) -> RequestInfo:
    head = 2 if segments[0] == "api" else 3
    group = _matching(_GROUP, segments[1], "group") if head == 3 else ""
    version = _matching(_LABEL, segments[head - 1], "version")
    parts = segments[head:]
    special = parts[0] if parts[0] in ("watch", "proxy") else ""
    if special:
        parts = parts[1:]
        if not parts:
            raise Unparsable(f"a path that ends with {special}/")
    namespace = ""
    if parts[0] == "namespaces" and len(parts) > 1:
        namespace = _matching(_LABEL, parts[1], "namespace")
        if len(parts) > 2 and parts[2] not in _NAMESPACE_SUBRESOURCES:
            parts = parts[2:]
    resource = _matching(_LABEL, parts[0], "resource")
    name = _plain(parts[1]) if len(parts) > 1 else ""
    subresource = _matching(_LABEL, parts[2], "subresource") if len(parts) > 2 and special != "proxy" else ""
    rest = parts[2:] if special == "proxy" else parts[3:]
    verb = _verb(method, special, group, resource, subresource)
    checked = _proxied(path, rest) if verb == "proxy" else "/".join(map(_plain, rest))
    return RequestInfo(
        path="/" + "/".join(segments),
        api_verb=special or VERBS.get(method, ""),
        verb=verb,
        group=group,
        version=version,
        namespace=namespace,
        resource=resource,
        subresource=subresource,
        name=name,
        rest=checked,
    )


def _matching(form: re.Pattern[str], text: str, what: str) -> str:
    if not form.fullmatch(text):
        raise Unparsable(f"a path whose {what} is {shown(text) or 'empty'}, which cannot be one")
    return text


def _verb(method: str, special: str, group: str, resource: str, subresource: str) -> str:
    if special == "watch" and method not in ("GET", "HEAD"):
        raise Unparsable(f"{shown(method)} on a watch")
    if not group and resource in _PROXIED and subresource in SUBRESOURCE_VERBS:
        return SUBRESOURCE_VERBS[subresource]
    if special:
        return special
    if method not in VERBS:
        raise Unparsable(f"the method {shown(method)} is none of the API's")
    return VERBS[method]


def _proxied(path: str, rest: list[str]) -> str:
    """The path that is asked of a pod, a service or a node: anything, but nothing that could climb out of it."""
    text = path
    for _ in range(3):
        if any(part in (".", "..") for part in re.split(r"[/\\]", text)):
            raise Unparsable("a path with `.` or `..` through a proxy")
        text = unquote_to_bytes(text).decode("utf-8", "replace")
    return "/".join(rest)


def _with_query(info: RequestInfo, method: str, query: Query) -> RequestInfo:
    """Lists and watches are told by the query; a list of what has one name is of that name."""
    if not info.name and info.api_verb == "get":
        verb = "watch" if is_true(query, "watch") else "list"
        return replace(info, api_verb=verb, verb=verb, name=exact_name(first(query, "fieldSelector")))
    if info.verb == "watch" and not info.name:
        return replace(info, name=exact_name(first(query, "fieldSelector")))
    if not info.name and info.api_verb == "delete":
        return replace(info, api_verb="deletecollection", verb="deletecollection")
    return info
