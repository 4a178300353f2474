"""Who asks, and whether they may: tokens, certificates, impersonation, RBAC."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from tests.kubernetes.double.api.route import Route
from tests.kubernetes.double.api.status import ApiError, forbidden, unauthorized
from tests.kubernetes.double.objects.storage import Storage
from tests.kubernetes.double.web.message import Request

type Json = dict[str, Any]

RBAC = "rbac.authorization.k8s.io"
AUTHENTICATED, UNAUTHENTICATED = "system:authenticated", "system:unauthenticated"
MASTERS = "system:masters"
_ACCOUNT = "system:serviceaccount:"
_EXTRA = "impersonate-extra-"


@dataclass(frozen=True, slots=True)
class User:
    """Who asks."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def json(self) -> Json:
        """As UserInfo has it."""
        info = {"username": self.name, "uid": self.uid, "groups": list(self.groups), "extra": dict(self.extra)}
        return {name: value for name, value in info.items() if value}


ANONYMOUS = User("system:anonymous", (UNAUTHENTICATED,))


class Tokens:
    """Bearer tokens: those of the users that were given, and those of service accounts."""

    def __init__(self, users: Mapping[str, User]) -> None:
        self._users = users
        self._key = secrets.token_bytes(32)

    def issue(self, account: Json, lifetime_s: int, audiences: Sequence[str]) -> str:
        """A token for a service account, in the form of a JWT."""
        meta = account["metadata"]
        claims = {
            "aud": list(audiences),
            "exp": int(time.time()) + lifetime_s,
            "iss": "https://kubernetes.default.svc",
            "sub": f"{_ACCOUNT}{meta['namespace']}:{meta['name']}",
            "uid": meta["uid"],
        }
        head = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
        return f"{head}.{self._signature(head)}"

    def user(self, token: str) -> User | None:
        """Whose token this is."""
        if (known := self._users.get(token)) is not None:
            return known
        head, _, signature = token.rpartition(".")
        if not head or not hmac.compare_digest(signature, self._signature(head)):
            return None
        claims = json.loads(base64.urlsafe_b64decode(head.split(".")[1] + "=="))
        if claims["exp"] < time.time():
            return None
        namespace = claims["sub"].split(":")[2]
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", AUTHENTICATED)
        return User(claims["sub"], groups, claims["uid"])

    def _signature(self, head: str) -> str:
        return _encoded(hmac.digest(self._key, head.encode(), hashlib.sha256))


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _part(value: Json) -> str:
    return _encoded(json.dumps(value, separators=(",", ":")).encode())


_BEARER_PROTOCOL = "base64url.bearer.authorization.k8s.io."


def authenticate(request: Request, tokens: Tokens) -> User:
    """Who sent the request, before impersonation."""
    scheme, _, token = request.header("authorization").partition(" ")
    if not token:
        # Browsers cannot set headers of a WebSocket: they send the token among its protocols.
        offered = ",".join(request.all("sec-websocket-protocol")).split(",")
        hidden = [one.strip().removeprefix(_BEARER_PROTOCOL) for one in offered if _BEARER_PROTOCOL in one]
        if hidden:
            scheme, token = "bearer", base64.urlsafe_b64decode(hidden[0] + "==").decode("utf-8", "replace")
    if scheme.lower() == "bearer":
        if (found := tokens.user(token.strip())) is None:
            raise unauthorized()
        return found
    if (certificate := request.certificate) is not None:
        return User(certificate.name, (*certificate.organisations, AUTHENTICATED))
    return ANONYMOUS


def impersonated(request: Request, user: User, rules: "Rules") -> User:
    """Who the request is to be taken for; the sender has to be allowed to say so."""
    name, groups = request.header("impersonate-user"), request.all("impersonate-group")
    uid = request.header("impersonate-uid")
    extra: dict[str, list[str]] = {}
    for key, value in request.headers:
        if key.startswith(_EXTRA):
            extra.setdefault(unquote(key.removeprefix(_EXTRA)), []).append(value)
    if not name:
        if groups or uid or extra:
            message = f"requested {[*groups, uid, *extra]} without impersonating a user"
            raise ApiError(500, "InternalError", f"Internal error occurred: {message}")
        return user
    for route in _asked(name, groups, uid, extra):
        rules.check(user, route)
    if name.startswith(_ACCOUNT) and not groups:
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{name.split(':')[2]}"]
    everyone = UNAUTHENTICATED if name == ANONYMOUS.name else AUTHENTICATED
    return User(name, tuple(dict.fromkeys([*groups, everyone])), uid, extra)


def _asked(name: str, groups: Sequence[str], uid: str, extra: Mapping[str, Sequence[str]]) -> Iterator[Route]:
    def of(plural: str, named: str, group: str = "", namespace: str = "", sub: str = "") -> Route:
        return Route("impersonate", "", group, "v1", namespace, plural, named, sub)

    if name.startswith(_ACCOUNT) and name.count(":") == 3:
        _, _, namespace, account = name.split(":")
        yield of("serviceaccounts", account, "", namespace)
    else:
        yield of("users", name)
    yield from (of("groups", group) for group in groups)
    if uid:
        yield of("uids", uid, "authentication.k8s.io")
    for key, values in extra.items():
        yield from (of("userextras", value, "authentication.k8s.io", "", key) for value in values)


class Rules:
    """RBAC: what the roles say that are bound to a user."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def check(self, user: User, route: Route) -> None:
        """Raise Forbidden unless some role allows it."""
        if self.allows(user, route):
            return
        if not route.plural:
            raise ApiError(
                403, "Forbidden", f'forbidden: User "{user.name}" cannot {route.verb} path "{route.path}"', {}
            )
        where = f'in the namespace "{route.namespace}"' if route.namespace else "at the cluster scope"
        what = f'cannot {route.verb} resource "{route.resource}" in API group "{route.group}" {where}'
        raise forbidden(route.group, route.plural, route.name, f'User "{user.name}" {what}')

    def allows(self, user: User, route: Route) -> bool:
        """Whether some role allows it."""
        if MASTERS in user.groups:
            return True
        return any(_covers(rule, route) for rule in self.of(user, route.namespace))

    def of(self, user: User, namespace: str) -> Iterator[Json]:
        """Every rule that holds for the user, in this namespace or everywhere."""
        for binding in self._storage.all((RBAC, "clusterrolebindings")):
            if _binds(binding, user):
                yield from self.role(binding["roleRef"], "")
        if namespace:
            for binding in self._storage.all((RBAC, "rolebindings"), namespace):
                if _binds(binding, user):
                    yield from self.role(binding["roleRef"], namespace)

    def role(self, reference: Json, namespace: str) -> list[Json]:
        """The rules of the role that a binding names."""
        cluster_wide = reference["kind"] == "ClusterRole"
        plural, where = ("clusterroles", "") if cluster_wide else ("roles", namespace)
        found = self._storage.get((RBAC, plural), (where, reference["name"]))
        return (found or {}).get("rules") or []


def _binds(binding: Json, user: User) -> bool:
    for subject in binding.get("subjects") or ():
        match subject["kind"]:
            case "User" if subject["name"] == user.name:
                return True
            case "Group" if subject["name"] in user.groups:
                return True
            case "ServiceAccount":
                space = subject.get("namespace") or binding["metadata"].get("namespace", "")
                if user.name == f"{_ACCOUNT}{space}:{subject['name']}":
                    return True
    return False


def _covers(rule: Json, route: Route) -> bool:
    def has(names: str, *wanted: str) -> bool:
        listed = rule.get(names) or ()
        return "*" in listed or any(one in listed for one in wanted)

    if not has("verbs", route.verb):
        return False
    if not route.plural:
        return any(_matches(path, route.path) for path in rule.get("nonResourceURLs") or ())
    wanted = (route.resource, f"*/{route.sub}") if route.sub else (route.resource,)
    names = rule.get("resourceNames") or ()
    return has("apiGroups", route.group) and has("resources", *wanted) and (not names or route.name in names)


def _matches(pattern: str, path: str) -> bool:
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern
