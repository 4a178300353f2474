"""A listening socket for one mode: limits, timeouts, and the orderly end of the sessions behind it."""

import asyncio
import errno
import logging
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast, runtime_checkable

from mitmproxy import ctx
from mitmproxy.connection import Address
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import Layer
from mitmproxy.proxy.mode_servers import ServerInstance
from mitmproxy.proxy.mode_specs import ProxyMode

from hoopaddon.errors import ConfigError
from hoopaddon.relay.channel import Channel, ConnectionEnded
from hoopaddon.relay.relay import Relay

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway

logger = logging.getLogger(__name__)

M = TypeVar("M", bound=ProxyMode)

LISTEN_BACKLOG = 1024
LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")
SPARE_LOGINS = 64
"""Connections above the limit that are kept long enough to be told so; further ones are closed at once."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a target is."""

    name: str
    host: str
    port: int


class Opened:
    """Whether clients of a listener are served yet. Those who come while it is held wait."""

    def __init__(self) -> None:
        self._event: asyncio.Event | None = None

    def hold(self) -> None:
        """Let clients wait from now on."""
        self._event = asyncio.Event()

    def release(self) -> None:
        """Serve those who wait, and all others."""
        if self._event is not None:
            self._event.set()
            self._event = None

    async def wait(self) -> None:
        """Returns once clients are served."""
        if self._event is not None:
            await self._event.wait()


@runtime_checkable
class Listening(Protocol):
    """A mode before targets of ours, whatever its sockets are made of."""

    opened: Opened

    @property
    def reaches(self) -> Sequence[Reach]: ...

    def make_ready(self) -> None: ...

    def ready_for(self, mode: Any) -> Callable[[], None]: ...

    def stop_listening(self) -> None: ...

    @property
    def sessions(self) -> int: ...


class Listener(Protocol):
    """A socket that listens, as asyncio and asyncssh have it."""

    @property
    def sockets(self) -> Sequence[Any]: ...

    def close(self) -> None: ...


class ListeningInstance(ServerInstance[M]):
    """A mode that has its own listening socket. Subclasses open it, and end what came in through it."""

    def __init__(self, mode: M, manager: Any) -> None:
        super().__init__(mode, manager)
        self.opened = Opened()
        self._server: Listener | None = None

    @property
    def gateway(self) -> "Gateway":
        return cast("Gateway", ctx.master)

    @property
    def is_running(self) -> bool:
        return self._server is not None

    @property
    def listen_addrs(self) -> tuple[Address, ...]:
        return tuple(s.getsockname() for s in self._server.sockets) if self._server else ()

    def make_top_layer(self, context: Context) -> Layer:
        raise ConfigError(f"{self.mode.type_name} does not run on mitmproxy's layers")

    @property
    @abstractmethod
    def needs_loopback(self) -> bool:
        """Whether clients have no identity that the gateway could check."""

    @property
    @abstractmethod
    def reaches(self) -> Sequence[Reach]:
        """The targets, and where they are."""

    def make_ready(self) -> None:
        """Everything that comes before the mode listens. Raises `ConfigError`, and then changes nothing."""
        host = self.mode.listen_host(ctx.options.listen_host)
        port = self.mode.listen_port(ctx.options.listen_port) or 0
        if self.needs_loopback and host not in LOOPBACK_HOSTS:
            raise ConfigError(
                f"{self.mode.description} would be open to everybody at {host or '*'}:{port}",
                hint="clients have no identity here: listen at 127.0.0.1, or give the gateway a login of its own",
            )
        self.prepare()

    def ready_for(self, mode: M) -> Callable[[], None]:
        """Prepare to be this mode at the same socket; what is returned makes it so. Raises `ConfigError`."""
        twin = type(self)(mode, self.manager)
        twin.make_ready()

        def take_over() -> None:
            self.mode = mode
            self.take_from(twin)

        return take_over

    @abstractmethod
    def take_from(self, twin: Any) -> None:
        """Serve new clients as this instance, which is prepared, would; whoever is here stays as it is."""

    def prepare(self) -> None:
        """Read what the mode names. Raises `ConfigError` for what does not exist, and then changes nothing."""

    @abstractmethod
    async def listen(self, host: str | None, port: int) -> Listener:
        """Take clients from now on. Raises `OSError`."""

    async def _start(self) -> None:
        host = self.mode.listen_host(ctx.options.listen_host)
        port = self.mode.listen_port(ctx.options.listen_port) or 0
        self.make_ready()
        try:
            self._server = await self.listen(host or None, port)
        except OSError as e:
            raise OSError(e.errno, _why_not(e, host, port), e.filename) from None

    def stop_listening(self) -> None:
        """Take no new clients."""
        if self._server is not None:
            for socket in self._server.sockets:
                logger.debug("no longer listening at %s", socket.getsockname())
            self._server.close()
            self._server = None


class RelayInstance(ListeningInstance[M]):
    """A mode whose bytes the relay moves, not mitmproxy's layers. Subclasses say how a client gets in: `admit`."""

    def __init__(self, mode: M, manager: Any) -> None:
        super().__init__(mode, manager)
        self._connections: set[asyncio.Task[None]] = set()
        self._relays: set[Relay] = set()
        self._draining = False

    async def listen(self, host: str | None, port: int) -> Listener:
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: Channel("client", self._accept), host, port, backlog=LISTEN_BACKLOG)

    async def _stop(self) -> None:
        self.stop_listening()
        for task in list(self._connections):
            task.cancel()
        if self._connections:
            await asyncio.wait(self._connections)

    @property
    def sessions(self) -> int:
        return len(self._connections)

    async def drain(self, timeout_s: float) -> None:
        """Take no new clients, let commands in flight end within `timeout_s` seconds, then end the sessions."""
        self._draining = True
        self.stop_listening()
        for relay in list(self._relays):
            relay.drain()
        if self._connections:
            await asyncio.wait(self._connections, timeout=timeout_s)
        for relay in list(self._relays):
            relay.cut()
        for task in list(self._connections):
            task.cancel()
        if self._connections:
            await asyncio.wait(self._connections)

    # -- one client

    def _accept(self, channel: Channel) -> None:
        limit = ctx.options.max_connections
        if self._draining or len(self._connections) >= limit + SPARE_LOGINS:
            channel.abort()
            return
        task = asyncio.get_running_loop().create_task(
            self._serve(channel, overloaded=len(self._connections) >= limit)
        )
        if not task.done():
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

    async def _serve(self, channel: Channel, *, overloaded: bool) -> None:
        address = channel.address()
        try:
            await self.opened.wait()
            await self.admit(channel, overloaded=overloaded)
        except ConnectionEnded as e:
            logger.debug("%s: %s", address, e)
        except asyncio.CancelledError:
            logger.debug("%s: session cut at shutdown", address)
        except Exception as e:  # one client's failure is not another's
            trace = e.__traceback__
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "an unknown place"
            logger.error("%s: session ended by %s at %s", address, type(e).__name__, where)
        finally:
            channel.close()

    @abstractmethod
    async def admit(self, client: Channel, *, overloaded: bool) -> None:
        """Log the client in and run its session; `overloaded` clients are told so in their own protocol."""

    async def run(self, relay: Relay) -> None:
        """Run the relay of an admitted client, known to `drain` while it lasts."""
        self._relays.add(relay)
        try:
            await relay.run()
        finally:
            self._relays.discard(relay)


def _why_not(error: OSError, host: str, port: int) -> str:
    where = f"{host or '*'}:{port}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is in use by another program; choose another port after the @ of --mode"
    if error.errno == errno.EACCES:
        return f"{where} needs more rights; ports below 1024 are for root, choose another after the @ of --mode"
    return f"cannot listen at {where}: {cast(str, error.strerror) or error}"
