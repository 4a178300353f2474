"""Who sends a request, to which target, and whether either may be: settled before any script sees the request."""

import ipaddress
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, WeakSet

from mitmproxy import http
from mitmproxy.connection import Client, Server
from mitmproxy.net.http.url import hostport
from mitmproxy.proxy.mode_specs import ProxyMode, RegularMode, ReverseMode, UpstreamMode
from mitmproxy.proxy.server_hooks import ServerConnectionHookData
from mitmproxy.tls import ClientHelloData, TlsData

from hoopaddon.errors import Refused
from hoopaddon.identity.throttle import TooManyFailures
from hoopaddon.policy.chain import PolicyFailed
from hoopaddon.relay.listener import LOOPBACK_HOSTS
from hoopaddon.session import Session, User
from hoopaddon.traffic.failures import ConnectionCut
from hoopaddon.web import hygiene
from hoopaddon.web.login import NotProved, WebLogin, take_proof
from hoopaddon.web.mode import WebTarget
from hoopaddon.web.request import NO_HEADERS, Headers
from hoopaddon.web.routes import Route, Routes
from hoopaddon.web.sessions import WebSessions

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway

logger = logging.getLogger(__name__)

DEFAULT_PROTOCOL = "http"
"""Of what comes in through mitmproxy's own modes."""
ANONYMOUS = User("anonymous")
MAX_AGENT_CHARS = 256

_NAMED = (RegularMode, UpstreamMode)
"""Proxies that clients name a host to, and can prove themselves to."""
_NONE: MappingProxyType[str, str] = MappingProxyType({})
_CHALLENGE = Headers((("www-authenticate", 'Bearer realm="hoopaddon", Basic realm="hoopaddon"'),))
_PROXY_CHALLENGE = Headers((("proxy-authenticate", 'Basic realm="hoopaddon"'),))


class NotAdmitted(Exception):
    """The request goes no further; the reason is for the client, and so are the header fields of its answer."""

    def __init__(self, status: int, reason: str, headers: Headers = NO_HEADERS) -> None:
        super().__init__(reason)
        self.status, self.reason, self.headers = status, reason, headers


@dataclass(frozen=True, slots=True)
class Admitted:
    """Where a request goes, for whom. `origin` is how the client reaches the target's root: `https://gateway:8081`."""

    route: Route
    session: Session
    origin: str


class Admission:
    """See the module. `routes` are those of the modes that have targets of their own."""

    def __init__(self, gateway: "Gateway", sessions: WebSessions) -> None:
        self._gateway = gateway
        self._sessions = sessions
        self._opening: WeakKeyDictionary[http.HTTPFlow, User] = WeakKeyDictionary()
        self._tunnels: WeakKeyDictionary[Client, User] = WeakKeyDictionary()
        self._forward_login: WebLogin | None = None
        self.routes: dict[ProxyMode, Routes] = {}
        self._ended: dict[ProxyMode, Routes] = {}
        self._became: dict[ProxyMode, ProxyMode] = {}
        self.overloaded: WeakSet[Client] = WeakSet()
        """Clients that came when there was no room, and are told so."""

    def replace(self, before: ProxyMode, mode: ProxyMode, routes: Routes) -> None:
        """These are the mode's routes, and those of connections that came when it was the mode `before`."""
        self.routes.pop(before, None)
        self.routes[mode] = routes
        self._ended.pop(mode, None)
        self._became = {was: mode if now == before else now for was, now in self._became.items()}
        if before != mode:
            self._became[before] = mode
        self._became.pop(mode, None)

    def end(self, mode: ProxyMode) -> None:
        """The mode is gone: what still comes on its open connections finds no target."""
        if (routes := self.routes.pop(mode, None)) is not None:
            self._ended[mode] = Routes((), routes.tls)

    def routes_of(self, mode: ProxyMode) -> Routes | None:
        """The targets of a connection that came in by this mode; None for mitmproxy's own modes."""
        now = self._became.get(mode, mode)
        return self.routes.get(now) or self._ended.get(now)

    def protocol(self, mode: ProxyMode) -> str:
        """What is spoken behind this mode."""
        return mode.type_name if self.routes_of(mode) is not None else DEFAULT_PROTOCOL

    async def admit(self, flow: http.HTTPFlow) -> Admitted:
        """Change the request to go to its target. Raises `NotAdmitted`."""
        if flow.client_conn in self.overloaded:
            raise _no_room(flow.request)
        with _answered(flow):
            if flow.request.http_version.startswith("HTTP/1") and flow.request.authority:
                self._take_absolute(flow)
            if flow.request.is_http2 and flow.client_conn.alpn != b"h2":
                raise hygiene.BadRequest("the request says another version than the connection has", 505)
            hygiene.check(flow.request)
            routes = self.routes_of(flow.client_conn.proxy_mode)
            if routes is None:
                self._check_names(flow)
                route, origin = _forward_route(flow.request), ""
                user = await self._forward_user(flow)
                await self._check_egress(flow)
            else:
                route, origin = _find(routes, flow)
                user = await self._user(flow, route)
            parameters = {"user_agent": flow.request.headers.get("user-agent", "")[:MAX_AGENT_CHARS]}
            session = await self._sessions.enter(user, route.session_target, client_of(flow), parameters)
            return Admitted(route, session, origin)

    def _take_absolute(self, flow: http.HTTPFlow) -> None:
        """A request in absolute form goes where that says, whatever its Host is (RFC 9112 section 3.2.2)."""
        request = flow.request
        if not isinstance(flow.client_conn.proxy_mode, ReverseMode):
            request.headers["host"] = request.authority
        elif request.method != "CONNECT":
            # There is one target, which is not to be told of another.
            if self._gateway.options.keep_host_header:
                request.headers["host"] = request.authority
            request.authority = ""

    async def _user(self, flow: http.HTTPFlow, route: Route) -> User:
        if route.login is None:
            hygiene.clean_request(flow.request)
            return ANONYMOUS
        proof = take_proof(flow.request)
        hygiene.clean_request(flow.request)
        if not flow.client_conn.tls and _host(flow) not in LOOPBACK_HOSTS:
            raise hygiene.BadRequest("a token has to come by https: others on the way could read it", 403)
        return await route.login.user(proof, _host(flow), route.target.name)

    # -- forward proxies

    def _check_names(self, flow: http.HTTPFlow) -> None:
        """Where a client says where it goes, it may not say another name behind that (domain fronting)."""
        request, client = flow.request, flow.client_conn
        if not isinstance(client.proxy_mode, _NAMED):
            return
        if client not in self._tunnels:
            # The form that proxies are asked in says where it goes, whatever the Host is (RFC 9112 section 3.2.2).
            request.host_header = hostport(request.scheme, request.host, request.port)
            return
        named = {_without_port(name) for name in (request.host_header, request.authority, client.sni) if name}
        # Behind an address there may be any name; policies see that it was the address that was asked for.
        if not _is_address(request.host) and not named <= {request.host.lower()}:
            raise hygiene.BadRequest("the request names another host than the tunnel that it came through", 421)

    async def admit_tunnel(self, flow: http.HTTPFlow) -> None:
        """A client of a forward proxy wants a tunnel. Raises `NotAdmitted`."""
        with _answered(flow):
            user = await self._forward_user(flow)
            await self._check_egress(flow)
            self._opening[flow] = user

    def tunnel_opened(self, flow: http.HTTPFlow) -> None:
        """There is a tunnel: what comes through it is this client's."""
        user = self._opening.pop(flow, None)
        if user is not None:
            self._tunnels[flow.client_conn] = user

    async def check_target(self, data: ServerConnectionHookData) -> bool:
        """Whether a connection may be opened there; the reason not to is in its error."""
        try:
            if data.server.address:
                await self._gateway.egress.check_name(data.client.proxy_mode, data.server.address)
        except Refused as e:
            data.server.error = e.reason
            return False
        return True

    def start_tls(self, data: TlsData, *, with_client: bool) -> None:
        """TLS as the mode's own targets have it; mitmproxy's modes have mitmproxy's."""
        routes = self.routes_of(data.context.client.proxy_mode)
        if routes is None:
            return
        if with_client:
            routes.tls.start(data)
        elif isinstance(data.conn, Server) and data.conn.address:
            route = routes.to(data.conn.address)
            if route is not None and route.tls is not None:
                route.tls.start(data)

    def pass_unread(self, data: ClientHelloData) -> None:
        """A script wants a connection's TLS to pass as it is. Raises `ConnectionCut` where it may not."""
        mode = data.context.client.proxy_mode
        if mode in self.routes:
            logger.error("a script passes TLS on unread, which %s does for nobody: cut", mode.description)
            raise ConnectionCut
        if not self._gateway.options.rawtcp:
            logger.error("a script passes TLS on unread, which needs --set rawtcp: cut")
            raise ConnectionCut

    def check_reached(self, data: ServerConnectionHookData) -> None:
        """Raises `Refused` where a connection has come out somewhere else than it may."""
        self._gateway.egress.check_reached(data.client.proxy_mode, data.server.address, data.server.peername)

    async def _check_egress(self, flow: http.HTTPFlow) -> None:
        await self._gateway.egress.check_wanted(flow.client_conn.proxy_mode, (flow.request.host, flow.request.port))

    async def _forward_user(self, flow: http.HTTPFlow) -> User:
        mode, wanted = flow.client_conn.proxy_mode, self._gateway.options.forward_login
        if not wanted or not isinstance(mode, _NAMED):
            return ANONYMOUS
        if self._forward_login is None:
            self._gateway.identity.prepare()
            self._forward_login = WebLogin(self._gateway.identity, self._gateway.throttle)
        proof = take_proof(flow.request, "proxy-authorization")
        known = self._tunnels.get(flow.client_conn)
        if known is not None and proof is None:
            return known
        return await self._forward_login.user(proof, _host(flow), None)


def _no_room(request: http.Request) -> NotAdmitted:
    fields = (("retry-after", "1"),) if request.is_http2 else (("retry-after", "1"), ("connection", "close"))
    return NotAdmitted(503, "too many connections to the gateway", Headers(fields))


def _without_port(name: str) -> str:
    host, _, port = name.rpartition(":")
    return (host if host and port.isdecimal() else name).strip("[]").lower()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _forward_route(request: http.Request) -> Route:
    target = WebTarget(request.scheme, request.host, request.port, "", _NONE, _NONE, frozenset())
    return Route(target, DEFAULT_PROTOCOL)


def _find(routes: Routes, flow: http.HTTPFlow) -> tuple[Route, str]:
    """Where the request goes, and how the client calls that place. The request is changed to go there."""
    request = flow.request
    named = request.host_header or request.authority
    name, _, port = named.rpartition(":")
    host = name if port.isdecimal() else named
    route = routes.find(host.strip("[]"), request.path)
    if route is None:
        raise hygiene.BadRequest("no target here has this host and path", 404)
    target = route.target
    request.scheme, request.data.host, request.data.port = target.scheme, target.host, target.port
    request.path = route.inner(request.path)
    request.authority = (
        target.authority if request.authority and not request.http_version.startswith("HTTP/1") else ""
    )
    if "host" in request.headers:
        request.headers["host"] = target.authority
    scheme = "https" if flow.client_conn.tls else "http"
    return route, f"{scheme}://{named}{route.prefix}"


@contextmanager
def _answered(flow: http.HTTPFlow) -> Iterator[None]:
    """Every reason not to go on becomes an answer."""
    try:
        yield
    except hygiene.BadRequest as e:
        raise NotAdmitted(e.status, e.reason) from None
    except TooManyFailures as e:
        raise NotAdmitted(429, str(e)) from None
    except NotProved as e:
        logger.warning("%s: not let in: %s", client_of(flow), e)
        raise _challenge(flow) from None
    except Refused as e:
        raise NotAdmitted(403, e.reason) from None
    except PolicyFailed as e:
        raise NotAdmitted(502, str(e)) from None


def _challenge(flow: http.HTTPFlow) -> NotAdmitted:
    if isinstance(flow.client_conn.proxy_mode, _NAMED):
        return NotAdmitted(407, "send a token of this gateway as the proxy's password", _PROXY_CHALLENGE)
    return NotAdmitted(401, "send a token of this gateway: Authorization: Bearer TOKEN", _CHALLENGE)


def client_of(flow: http.HTTPFlow) -> str:
    """`host:port`."""
    peer = flow.client_conn.peername
    return f"{peer[0]}:{peer[1]}" if peer else ""


def _host(flow: http.HTTPFlow) -> str:
    peer = flow.client_conn.peername
    return str(peer[0]) if peer else ""
