"""Header fields that speak for somebody else than the client: taken out on the way to a target, and back."""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from mitmproxy import http

from hoopaddon.errors import PeerError
from hoopaddon.web.login import COOKIE
from hoopaddon.web.mode import WebTarget

MAX_FIELDS = 100
MAX_FIELDS_BYTES = 64 * 1024
MAX_TARGET_BYTES = 32 * 1024

HOP_BY_HOP = frozenset(
    {"keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer"}
)
"""RFC 9110 section 7.6.1, but for those that mitmproxy needs: Connection, Transfer-Encoding and Upgrade."""

SAYS_WHO = re.compile(
    r"""
    # From where it comes, and what it asked somebody in front of the target for.
      (x-)?forwarded(-.*)? | via
    | (x-)?(real|client|cluster-client|true-client|remote|originating|appengine-user)-?(ip|addr(ess)?|port)
    | (true|fastly|cf-connecting|fly|do-connecting|x-azure|x-nf|ali-cdn-real)-(client-?ip|ip|ipv6|socketip)
    | cf-(connecting-.*|pseudo-ipv4|ipcountry|worker) | x-envoy-.* | x-cluster-.* | x-proxyuser-ip | x-coming-from
    | x-original-(url|uri|host|method|for|proto|forwarded-.*|remote-.*) | x-rewrite-(url|uri)
    | x-(http-)?host(-override)? | x-url-scheme | x-scheme | front-end-https | proxy | x-arr-.*
    # Who it is.
    | (x-)?(remote|auth(enticated|entication|-request)?|webauth|proxy|login|ldap|saml|sso|oidc|oauth2?)
      -(user|user-?name|user-?id|login|id|uid|sub|subject|principal|groups?|roles?|name|email|mail|preferred-username
        |access-token|id-token|jwt|extra-.*|claims?(-.*)?)
    | x-(user|user-?name|user-?id|user-?info|user-(email|mail|groups?|roles?)|email|groups?|roles?|principal)
    | x-(token|jwt)-(subject|sub|claim-.*|payload|assertion) | x-authenticated-.* | x-auth-request-.* | x-webauth-.*
    | x-(authentik|consumer|credential|anonymous|pomerium|vouch|authelia|keycloak|kong|grafana|gitlab-user)(-.*)?
    | cf-access-.* | tailscale-.* | x-goog-(iap|authenticated)-.* | x-endpoint-api-userinfo | x-apigateway-.*
    | x-amzn-(oidc|mtls)-.* | x-ms-(client-principal|token)(-.*)? | x-teleport-.* | teleport-jwt-assertion
    # The certificate that it has shown.
    | (x-)?(ssl|tls)(-.*)? | (x-)?client-(cert(ificate)?|verify|dn|san|subject|s-dn|i-dn)(-.*)? | x-tls-client-.*
    """,
    re.VERBOSE,
)
"""Who the client is and from where it comes: targets believe a proxy in front of them."""

_TO_DASHES = re.compile(r"[^a-z0-9]")
_METHOD = re.compile(rb"[A-Z]+(-[A-Z]+)*")
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
    # As it is sent: mitmproxy shows it in upper case, so that policies would see another one than the target.
    if not _METHOD.fullmatch(request.data.method):
        raise BadRequest("the request's method is not one of capital letters")
    fields = request.headers.fields
    if len(fields) > MAX_FIELDS or sum(len(n) + len(v) for n, v in fields) > MAX_FIELDS_BYTES:
        raise BadRequest("too many header fields, or too large ones", 431)
    if len(request.data.path) > MAX_TARGET_BYTES:
        raise BadRequest("the request's target is too long", 414)
    for name, value in fields:
        if not _NAME.fullmatch(name) or b"\0" in value or b"\n" in value or b"\r" in value:
            raise BadRequest("a header field is malformed")
    if not _is_framed(request):
        raise BadRequest("the request's Transfer-Encoding is not the one that is read here: chunked")
    hosts = request.headers.get_all("host")
    authorities = {host.lower() for host in (*hosts, request.authority) if host}
    if len(hosts) > 1 or len(authorities) > 1:
        raise BadRequest("the request names two hosts")
    if any(not _AUTHORITY.fullmatch(authority) for authority in authorities):
        raise BadRequest("the request's host is malformed")
    if not request.path.startswith("/") and request.method != "CONNECT" and request.path != "*":
        raise BadRequest("the request's target does not begin with a slash")
    if request.path == "*" and request.method != "OPTIONS":
        raise BadRequest("a request for `*` is one for its OPTIONS")
    if b"#" in request.data.path:
        raise BadRequest("the request's target has a fragment, which no client sends")
    if any(byte <= 0x20 or byte >= 0x7F for byte in request.data.path):
        raise BadRequest("the request's target has characters that have to be percent-encoded")


def check_response(response: http.Response) -> None:
    """Raises `PeerError` for an answer that could be read in two ways."""
    if not _is_framed(response):
        raise PeerError("server", "sends an answer in another Transfer-Encoding than chunked")


def _is_framed(message: http.Message) -> bool:
    """Whether nothing but chunks is between the body and who reads it.

    `gzip, chunked` is a body that nobody here decodes, and that the far end does (RFC 9112 section 6.1).
    """
    codings = [value.strip(b" \t").lower() for name, value in message.headers.fields if _is_coding(name)]
    return not codings or (codings == [b"chunked"] and message.http_version == "HTTP/1.1")


def _is_coding(name: bytes) -> bool:
    # An underscore is a dash to many targets.
    return name.lower().replace(b"_", b"-") == b"transfer-encoding"


def read_as(name: str) -> str:
    """A field's name as a target may read it: many take every sign for the same one (CGI's `HTTP_X_USER`)."""
    return _TO_DASHES.sub("-", name.lower())


def drop_named(request: http.Request, name: str) -> None:
    """Take out every field that a target may read as the one of this name."""
    for other in {field for field in request.headers if read_as(field) == read_as(name)}:
        del request.headers[other]


def clean_request(request: http.Request, *, keep: Iterable[str] = ()) -> None:
    """Take out what is for the gateway alone, and what would speak for it."""
    kept = {name.lower() for name in keep} | {"connection"}
    said = [name.strip().lower() for name in request.headers.get("connection", "").split(",")]
    for name in {name.lower() for name in request.headers} - kept:
        if name == "te" and request.headers["te"].strip().lower() == "trailers":
            # gRPC needs to say this; nothing else is to be said in TE.
            continue
        if name in HOP_BY_HOP or name in _listed(said) or SAYS_WHO.fullmatch(read_as(name)):
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
        prefix = urlsplit(origin).path
        kept = [_cookie(cookie, target, prefix) for cookie in cookies if not _GATEWAYS_COOKIE.match(cookie)]
        response.headers.set_all("set-cookie", kept)
    # It would send the client to another address than the gateway's for what comes next.
    for name in ("alt-svc", "proxy-authenticate", "proxy-authentication-info"):
        response.headers.pop(name, None)


# A cookie without a name is sent as its value alone, which may look like another cookie.
_GATEWAYS_COOKIE = re.compile(rf"[\s=]*{COOKIE}\s*(?:[=;]|$)", re.IGNORECASE)
_DOMAIN = re.compile(r";\s*domain\s*(=[^;]*)?(?=;|$)", re.IGNORECASE)
_PATH = re.compile(r"(;\s*path\s*=\s*)(/[^;]*)", re.IGNORECASE)
_BOUND_TO_ROOT = "__host-"


def _cookie(cookie: str, target: WebTarget, prefix: str) -> str:
    cookie = _DOMAIN.sub("", cookie)
    if not (prefix or target.path) or cookie.lstrip().lower().startswith(_BOUND_TO_ROOT):
        return cookie

    def led_back(path: re.Match[str]) -> str:
        inner, folder = path[2].rstrip(), f"{target.path}/"
        if folder.startswith(inner.rstrip("/") + "/"):
            return f"{path[1]}{prefix or '/'}"
        if inner.startswith(folder):
            return path[1] + prefix + inner.removeprefix(target.path)
        # Elsewhere at the target is nothing here, but may be another target.
        return path[1] + (prefix or path[2])

    return _PATH.sub(led_back, cookie)


def _led_back(location: str, target: WebTarget, origin: str) -> str:
    for prefix in (f"{target.scheme}://{target.host}:{target.port}", f"{target.scheme}://{target.authority}"):
        rest = location[len(prefix) :]
        if location.lower().startswith(prefix.lower()) and (not rest or rest[0] in "/?#"):
            inner = rest.removeprefix(target.path)
            # `/api` begins `/api.example` too, which behind the gateway's name would be somebody else's.
            return origin + (inner if not inner or inner[0] in "/?#" else rest)
    return location
