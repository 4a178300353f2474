"""What a path and a method ask for: the URL grammar of the API."""

from dataclasses import dataclass

from tests.kubernetes.double.api.status import not_allowed
from tests.kubernetes.double.web.message import Request

_BY_METHOD = {"POST": "create", "GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
# Resources whose objects are named behind /namespaces/ themselves.
_OF_NAMESPACES = ("status", "finalize")


@dataclass(frozen=True, slots=True)
class Route:
    """A request, as authorization sees it. `plural` is empty for what is no resource."""

    verb: str
    path: str
    group: str = ""
    version: str = ""
    namespace: str = ""
    plural: str = ""
    name: str = ""
    sub: str = ""
    rest: str = ""
    """What follows the subresource `proxy`."""

    @property
    def resource(self) -> str:
        """The resource with its subresource, as RBAC names it."""
        return f"{self.plural}/{self.sub}" if self.sub else self.plural


def route(request: Request) -> Route:
    """Take a request's path apart."""
    parts = [part for part in request.path.split("/") if part]
    verb = _BY_METHOD.get(request.method)
    if verb is None:
        raise not_allowed()
    plain = Route(request.method.lower(), request.path)
    match parts:
        case ["api", version, *rest] if rest:
            group = ""
        case ["apis", group, version, *rest] if rest:
            pass
        case _:
            return plain
    watching = rest[0] == "watch"
    rest = rest[1:] if watching else rest
    namespace = ""
    if rest[:1] == ["namespaces"] and len(rest) > 2 and rest[2] not in _OF_NAMESPACES:
        namespace, rest = rest[1], rest[2:]
    if not rest:
        return plain
    plural, name, sub = (*rest[:3], "", "", "")[:3]
    if plural == "namespaces":
        namespace = name
    tail = request.path.split(f"/{name}/{sub}", 1)[-1] if sub == "proxy" else "/".join(rest[3:])
    verb = _verb(request, verb, name, watching=watching)
    return Route(verb, request.path, group, version, namespace, plural, name, sub, tail)


def _verb(request: Request, verb: str, name: str, *, watching: bool) -> str:
    if verb == "get" and (watching or request.flag("watch")) and (not name or watching):
        return "watch"
    if verb == "get" and not name:
        return "list"
    if verb == "delete" and not name:
        return "deletecollection"
    return verb
