"""A listener in front of targets on HTTP, with TLS for the clients who want it."""

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar, cast

from mitmproxy import ctx
from mitmproxy.net.tls import starts_like_tls_record
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import HTTPMode
from mitmproxy.proxy.layers.tls import ClientTLSLayer
from mitmproxy.proxy.mode_servers import AsyncioServerInstance
from mitmproxy.proxy.mode_specs import ProxyMode
from mitmproxy.proxy.tunnel import LayerStack

from hoopaddon.errors import ConfigError
from hoopaddon.identity.users import Users
from hoopaddon.relay.certificates import certificate_files
from hoopaddon.relay.listener import LOOPBACK_HOSTS, SPARE_LOGINS, Opened, Reach
from hoopaddon.traffic.streams import JudgedHttp
from hoopaddon.web.credential_settings import credential_of
from hoopaddon.web.credentials import Credential
from hoopaddon.web.login import WebLogin
from hoopaddon.web.mode import WebTarget
from hoopaddon.web.routes import Route, Routes
from hoopaddon.web.tls import ClientTls, TargetTls

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway

logger = logging.getLogger(__name__)

_TLS_BYTES = 3
_PREFACE = b"PRI * HTTP/2.0"


def _is_undecided(first: bytes) -> bool:
    """Whether it takes more bytes to know what a client speaks."""
    if first.startswith(b"\x16"):
        return len(first) < _TLS_BYTES
    return len(first) < len(_PREFACE) and _PREFACE.startswith(first)


class HasTargets(Protocol):
    """What a mode needs for this."""

    @property
    def targets(self) -> tuple[WebTarget, ...]: ...


M = TypeVar("M", bound=ProxyMode)


class WebInstance(AsyncioServerInstance[M]):
    """Serves one mode whose targets are on HTTP. Subclasses name their mode, and nothing more."""

    _open = 0
    _routes: Routes | None = None

    def __init__(self, mode: M, manager: Any) -> None:
        super().__init__(mode, manager)
        self.opened = Opened()

    @property
    def gateway(self) -> "Gateway":
        return cast("Gateway", ctx.master)

    @property
    def targets(self) -> tuple[WebTarget, ...]:
        return cast(HasTargets, self.mode).targets

    @property
    def reaches(self) -> Sequence[Reach]:
        """The targets, and where they are."""
        return [Reach(target.name, target.host, target.port) for target in self.targets]

    def make_ready(self) -> None:
        """Everything that comes before the mode listens. Raises `ConfigError`, and then changes nothing."""
        host = self.mode.listen_host(ctx.options.listen_host)
        tls = ClientTls(*certificate_files(ctx.options))
        routes = Routes(tuple(self._route(target) for target in self.targets), tls)
        open_to_all = next((route for route in routes if route.login is None), None)
        if open_to_all is not None and host not in LOOPBACK_HOSTS:
            port = self.mode.listen_port(ctx.options.listen_port)
            raise ConfigError(
                f"{open_to_all.target.address} would be open to everybody at {host or '*'}:{port}",
                hint="clients have no identity here: listen at 127.0.0.1, or ask for tokens with login=token",
            )
        self._routes = routes

    async def _start(self) -> None:
        self.make_ready()
        if self._routes is None:
            raise ConfigError(f"{self.mode.description} is not prepared")
        await super()._start()
        self.put_in_force(self.mode)

    def put_in_force(self, before: M) -> None:
        """Requests go where this mode says, also those on connections from when it was the mode `before`."""
        if self._routes is not None:
            self.gateway.web.admission.replace(before, self.mode, self._routes)

    def ready_for(self, mode: M) -> Callable[[], None]:
        """Prepare to be this mode at the same socket; what is returned makes it so. Raises `ConfigError`."""
        twin = type(self)(mode, self.manager)
        twin.make_ready()

        def take_over() -> None:
            before, self.mode = self.mode, mode
            self.take_from(twin)
            self.put_in_force(before)

        return take_over

    def take_from(self, twin: Self) -> None:
        """Serve as this instance, which is prepared, would."""
        self._routes = twin._routes

    def stop_listening(self) -> None:
        """Take no new clients; requests of those who are here find no target any more."""
        for server in self._servers:
            server.close()
        self._servers = []
        self.gateway.web.admission.end(self.mode)

    @property
    def sessions(self) -> int:
        """Connections that are open."""
        return self._open

    async def _stop(self) -> None:
        await super()._stop()
        self.gateway.web.admission.end(self.mode)

    def _route(self, target: WebTarget) -> Route:
        settings = target.settings
        credential = self._credential(target)
        login = None
        # Where the gateway has a proof of its own, whoever comes through here would else be whom that speaks for.
        if credential is not None or settings.keys() & {"certificate", "login", "users"}:
            users = Users.load(settings["users"]) if "users" in settings else None
            self.gateway.identity.prepare()
            login = WebLogin(self.gateway.identity, self.gateway.throttle, users=users)
        for named, reference in credential.references if credential is not None else ():
            self.gateway.credentials.try_at_start(reference, key=named)
        return Route(
            target,
            self.mode.type_name,
            host=settings.get("host", "").lower(),
            prefix=settings.get("path", "").rstrip("/"),
            login=login,
            credential=credential,
            tls=TargetTls(target) if target.is_secure else None,
        )

    def _credential(self, target: WebTarget) -> Credential | None:
        """What the gateway proves itself with, beside a certificate."""
        return credential_of(target.settings)

    async def handle_stream(
        self,
        reader: Any,
        writer: Any = None,
    ) -> None:
        if self._open >= ctx.options.max_connections + SPARE_LOGINS:
            (writer or reader).close()
            return
        self._open += 1
        try:
            await self.opened.wait()
            await super().handle_stream(reader, writer)
        finally:
            self._open -= 1

    def make_top_layer(self, context: Context) -> layer.Layer:
        first = self.targets[0]
        # Each request goes to its own route's target; this is the one that mitmproxy thinks of until then.
        context.server.address = (first.host, first.port)
        context.server.tls = first.is_secure
        context.server.sni = first.host
        if self._open > ctx.options.max_connections:
            self.gateway.web.admission.overloaded.add(context.client)
        return WebFront(context)


class WebFront(layer.Layer):
    """What a client sends first says whether it wants TLS; it has `login_timeout` to say so, and to agree on it."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._first = b""
        self._inner: layer.Layer | None = None
        self._until: commands.RequestWakeup | None = None

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        if isinstance(event, events.Start) and (within_s := self.context.options.login_timeout):
            self._until = commands.RequestWakeup(within_s)
            yield self._until
        elif isinstance(event, events.Wakeup) and event.command is self._until:
            client = self.context.client
            if self._inner is None or (client.tls and not client.tls_established):
                yield commands.CloseConnection(client)
        elif self._inner is not None:
            yield from self._inner.handle_event(event)
        elif isinstance(event, events.DataReceived) and event.connection is self.context.client:
            self._first += event.data
            if not _is_undecided(self._first):
                yield from self._begin()
        elif isinstance(event, events.ConnectionClosed):
            yield commands.CloseConnection(event.connection)

    def _begin(self) -> layer.CommandGenerator[None]:
        stack = LayerStack()
        if starts_like_tls_record(self._first):
            stack /= ClientTLSLayer(self.context)
        elif self._first.startswith(_PREFACE):
            # As it would have been agreed on in TLS (RFC 9113 section 3.3: prior knowledge).
            self.context.client.alpn = b"h2"
        stack /= JudgedHttp(self.context, HTTPMode.transparent)
        self._inner = stack[0]
        first, self._first = self._first, b""
        yield from self._inner.handle_event(events.Start())
        yield from self._inner.handle_event(events.DataReceived(self.context.client, first))
