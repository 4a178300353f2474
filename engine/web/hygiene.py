"""Header fields that speak for somebody else than the client: taken out on the way to a target, and back."""

import re
from collections.abc import Iterable

from mitmproxy import http

from hoopaddon.web.mode import WebTarget

MAX_FIELDS = 100
MAX_FIELDS_BYTES = 64 * 1024
MAX_TARGET_BYTES = 32 * 1024

HOP_BY_HOP = frozenset(
    {"keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer"}
)
"""RFC 9110 section 7.6.1, but for those that mitmproxy needs: Connection, Transfer-Encoding and Upgrade."""

SAYS_WHO = re.compile(
    r"forwarded|x-forwarded-.*|x-real-ip|x-client-ip|x-cluster-client-ip|true-client-ip|cf-connecting-ip|via"
    r"|x-original-(url|host)|x-rewrite-url|x-(remote|forwarded|auth(enticated)?|webauth)[-_](user|group|groups|email|extra-.*)"
    r"|remote[-_]user|x-user|x-email|x-ssl-.*|ssl-client-.*|x-amzn-oidc-.*|x-goog-(iap|authenticated)-.*|x-ms-client-principal.*"
)
"""Who the client is and from where it comes: targets believe a proxy in front of them."""

_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_AUTHORITY = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=%-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")


class BadRequest(Exception):
    """A request that could be read in two ways, or that is too large. The text is for the client."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


def check(request: http.Request) -> None:
    """Raises `BadRequest`. What frames the message has been checked by mitmproxy (`validate_inbound_headers`)."""
    fields = request.headers.fields
    if len(fields) > MAX_FIELDS or sum(len(n) + len(v) for n, v in fields) > MAX_FIELDS_BYTES:
        raise BadRequest("too many header fields, or too large ones", 431)
    if len(request.data.path) > MAX_TARGET_BYTES:
        raise BadRequest("the request's target is too long", 414)
    for name, value in fields:
        # An underscore is a dash to many targets, so a field with one would come past those who look for the other.
        if not _NAME.fullmatch(name) or b"\0" in value or b"\n" in value or b"\r" in value:
            raise BadRequest("a header field is malformed")
    hosts = request.headers.get_all("host")
    authorities = {host.lower() for host in (*hosts, request.authority) if host}
    if len(hosts) > 1 or len(authorities) > 1:
        raise BadRequest("the request names two hosts")
    if any(not _AUTHORITY.fullmatch(authority) for authority in authorities):
        raise BadRequest("the request's host is malformed")
    if not request.path.startswith("/") and request.method != "CONNECT" and request.path != "*":
        raise BadRequest("the request's target does not begin with a slash")
    if any(byte <= 0x20 or byte >= 0x7F for byte in request.data.path):
        raise BadRequest("the request's target has characters that have to be percent-encoded")


def clean_request(request: http.Request, *, keep: Iterable[str] = ()) -> None:
    """Take out what is for the gateway alone, and what would speak for it."""
    kept = {name.lower() for name in keep} | {"connection"}
    said = [name.strip().lower() for name in request.headers.get("connection", "").split(",")]
    for name in {name.lower() for name in request.headers} - kept:
        if name == "te" and request.headers["te"].strip().lower() == "trailers":
            # gRPC needs to say this; nothing else is to be said in TE.
            continue
        if name in HOP_BY_HOP or name in _listed(said) or SAYS_WHO.fullmatch(name.replace("_", "-")):
            del request.headers[name]
    if "connection" in request.headers:
        # mitmproxy needs these to know when the connection ends, or turns into another one.
        request.headers["connection"] = ", ".join(name for name in said if name in _MEANT) or "keep-alive"


_MEANT = frozenset({"close", "keep-alive", "upgrade"})
_NEVER_LISTED = _MEANT | {"host", "content-length", "transfer-encoding", "content-type"}


def _listed(said: Iterable[str]) -> frozenset[str]:
    """The fields that a Connection field says are for the next hop alone."""
    return frozenset(said) - _NEVER_LISTED


def clean_response(response: http.Response, target: WebTarget, origin: str) -> None:
    """Lead the client back to the gateway, not past it: redirects to the target become those to `origin`.

    `origin` is where the client reaches the target's root: `https://gateway:8081/billing`.
    """
    for name in ("location", "content-location"):
        if name in response.headers:
            response.headers[name] = _led_back(response.headers[name], target, origin)
    if cookies := response.headers.get_all("set-cookie"):
        response.headers.set_all("set-cookie", [_DOMAIN.sub("", cookie) for cookie in cookies])
    # It would send the client to another address than the gateway's for what comes next.
    for name in ("alt-svc", "proxy-authenticate", "proxy-authentication-info"):
        response.headers.pop(name, None)


_DOMAIN = re.compile(r";\s*domain=[^;]*", re.IGNORECASE)


def _led_back(location: str, target: WebTarget, origin: str) -> str:
    for prefix in (f"{target.scheme}://{target.host}:{target.port}", f"{target.scheme}://{target.authority}"):
        rest = location[len(prefix) :]
        if location.lower().startswith(prefix.lower()) and (not rest or rest[0] in "/?#"):
            return origin + rest.removeprefix(target.path)
    return location
