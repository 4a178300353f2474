"""mitmproxy's handling of one connection, with one change: it can be cut, and then no byte passes.

mitmproxy goes on after an error in one of its layers: the event that caused it is lost, later ones are handled
as if nothing had happened. Here such an error cuts the connection.
"""

import asyncio
import logging
import re
import sys
import time
import traceback
from collections import defaultdict
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, cast

from mitmproxy import ctx, http
from mitmproxy.addons import clientplayback
from mitmproxy.connection import Connection
from mitmproxy.proxy import commands, events, mode_servers, server
from mitmproxy.proxy.layers.http._hooks import (
    HttpConnectedHook,
    HttpConnectHook,
    HttpRequestHeadersHook,
    HttpRequestHook,
    HttpResponseHeadersHook,
    HttpResponseHook,
)
from mitmproxy.proxy.layers.tls import TlsStartClientHook, TlsStartServerHook
from mitmproxy.proxy.layers.websocket import WebsocketMessageHook
from mitmproxy.proxy.server_hooks import ServerConnectedHook, ServerConnectHook
from mitmproxy.utils import asyncio_utils

from hoopaddon.policy.chain import place
from hoopaddon.relay.hangup import HangUpWatch
from hoopaddon.traffic.failures import ConnectionCut, pass_cancellation_on
from hoopaddon.traffic.flow_control import is_behind
from hoopaddon.traffic.streams import BodyReady, SessionEnded

if TYPE_CHECKING:
    from hoopaddon.web.guard import WebGuard

logger = logging.getLogger(__name__)

_NO_TARGET = "error establishing server connection"

READ_BYTES = 256 * 1024
"""At most; a stream keeps no more than 128 KiB and what came last."""
MOST_TO_ONE_TARGET = 100
"""Connections to one target for one connection of a client's; further ones wait."""

_QUOTED = re.compile(r"""\bb(['"]).*\1""", re.DOTALL)
"""Bytes from the wire, as Python shows them."""

type ExcInfo = Literal[True] | tuple[type[BaseException] | None, BaseException | None, TracebackType | None] | None


class _Greedy:
    """Takes all that a stream has: mitmproxy asks for 64 KiB at most, and each time passes through every layer."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    async def read(self, _: int) -> bytes:
        return await self._reader.read(READ_BYTES)


class Guarded(server.ConnectionHandler):
    """Whatever handles a connection, able to cut it."""

    is_cut = False

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.web: WebGuard = ctx.master.web  # type: ignore[attr-defined]
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._held = 0
        self._moved = asyncio.Event()
        # One stream of HTTP/2 is one connection to a target that does not speak it, and an event stream lasts.
        self.max_conns = defaultdict(lambda: asyncio.Semaphore(MOST_TO_ONE_TARGET))

    async def handle_hook(self, hook: commands.StartHook) -> None:
        web = self.web
        try:
            if not await self._admits(hook):
                return
            await super().handle_hook(hook)  # type: ignore[safe-super]  # the other base class has it
            match hook:
                case WebsocketMessageHook():
                    with self.timeout_watchdog.disarm():
                        await web.message(hook.flow)
                case HttpConnectedHook():
                    web.admission.tunnel_opened(hook.flow)
                case ServerConnectedHook():
                    web.admission.check_reached(hook.data)
                case HttpRequestHook():
                    # People may take longer to decide than a connection may be idle.
                    with self.timeout_watchdog.disarm():
                        await web.judge(hook.flow)
                case HttpResponseHeadersHook():
                    web.answered(hook.flow, self)
                case HttpResponseHook():
                    await web.answer_whole(hook.flow)
        except ConnectionCut:
            self.cut()
        except asyncio.CancelledError:
            # Nobody waits for this hook any more, or its policy has cancelled what it runs in.
            self.cut()
            raise
        except BaseException:
            # What has to be refused is no longer what it was when the policy got it.
            self.log("a hook has crashed", exc_info=True)

    async def _admits(self, hook: commands.StartHook) -> bool:
        """What comes before any script sees it."""
        match hook:
            case HttpRequestHeadersHook() if not hook.flow.error:
                return await self.web.admit(hook.flow, self)
            case HttpResponseHeadersHook():
                self.web.arrived(hook.flow)
            case HttpResponseHook():
                self.web.arrived_whole(hook.flow)
            case HttpConnectHook():
                return await self.web.admit_tunnel(hook.flow)
            case TlsStartClientHook() | TlsStartServerHook():
                self.web.admission.start_tls(hook.data, with_client=isinstance(hook, TlsStartClientHook))
            case ServerConnectHook():
                return await self.web.admission.check_target(hook.data)
        return True

    async def server_event(self, event: events.Event) -> None:
        # Every byte that is sent is sent in here.
        if self.is_cut:
            return
        try:
            await super().server_event(event)
        except BaseException as e:
            pass_cancellation_on(e)
            # mitmproxy catches what is an Exception; a function that a body is streamed through may raise others.
            self.log("a layer has crashed", exc_info=True)
        self._moved.set()

    async def handle_connection(self, connection: Connection) -> None:
        io = self.transports[connection]
        if isinstance(io.reader, asyncio.StreamReader):
            io.reader = cast(asyncio.StreamReader, _Greedy(io.reader))
        await super().handle_connection(connection)

    async def drain_writers(self) -> None:
        await super().drain_writers()  # type: ignore[no-untyped-call]
        await self._flowing.wait()
        task = asyncio.current_task()
        for connection, io in list(self.transports.items()):
            if io.handler is task and is_behind(self.client, connection):
                await self._catch_up(connection, io)

    async def _catch_up(self, connection: Connection, io: server.ConnectionIO) -> None:
        """Wait until what this connection has sent has been dealt with, or it hangs up."""
        socket = io.writer.get_extra_info("socket") if isinstance(io.writer, asyncio.StreamWriter) else None
        watch = HangUpWatch(socket.fileno(), partial(_hang_up, io)) if socket is not None else None
        try:
            while is_behind(self.client, connection) and not self.is_cut:
                self._moved.clear()
                await self._moved.wait()
        finally:
            if watch is not None:
                watch.close()

    def hold(self, paused: bool) -> None:
        """Read nothing for now, or go on; as often as it was asked to pause it has to be asked to go on."""
        self._held += 1 if paused else -1
        if self._held:
            self._flowing.clear()
        else:
            self._flowing.set()

    def body_ready(self, flow: http.HTTPFlow) -> None:
        """There is more of an answer's body to send, though nothing has come from the target."""
        self._happens(BodyReady(flow))

    def session_ended(self, flow: http.HTTPFlow, answer: http.Response, reason: str) -> None:
        """A policy has ended the session that this exchange is of."""
        self._happens(SessionEnded(flow, answer, reason))

    def _happens(self, event: events.Event) -> None:
        """Something happens that is no byte of anybody's."""
        name = type(event).__name__
        asyncio_utils.create_task(self.server_event(event), name=name, keep_ref=True, client=self.client.peername)

    async def on_timeout(self) -> None:
        # mitmproxy's watchdog does not look whether somebody has begun to wait for people while it slept.
        watchdog = self.timeout_watchdog
        while (left_s := watchdog.timeout - (time.time() - watchdog.last_activity)) > 0 or watchdog.blocker:
            await watchdog.can_timeout.wait()
            await asyncio.sleep(max(left_s, 0))
        await super().on_timeout()

    def cut(self) -> None:
        """Close everything; nothing more is read into the layers or written by them."""
        self._abort()
        client = self.transports.get(self.client)
        if client is not None and client.handler is not None:
            client.handler.cancel("cut")

    def _abort(self) -> None:
        self.is_cut = True
        self._moved.set()
        for io in list(self.transports.values()):
            transport = getattr(io.writer, "transport", None)
            if transport is not None:
                transport.abort()
            elif io.writer is not None:
                # What datagrams come through may have been shut down as a whole.
                with suppress(OSError):
                    io.writer.close()

    def log(self, message: str, level: int = logging.INFO, exc_info: ExcInfo = None) -> None:
        """As in mitmproxy, which reports a crash of a layer in no other way than through this."""
        if exc_info is None:
            # Who connects and leaves is of interest to those who look closely; that a target is down, to all.
            quiet = logging.DEBUG if level == logging.INFO else level
            level = logging.WARNING if message.startswith(_NO_TARGET) else quiet
            super().log(_QUOTED.sub("(withheld)", message), level)
            return
        error = sys.exception() if exc_info is True else exc_info[1]
        self.cut()
        what = f"{type(error).__name__} at {place(error)}" if error else message
        super().log(f"connection cut: {what}", logging.ERROR)
        if error:
            # Not the message: it may quote what was on the wire.
            logger.debug("cut at\n%s", "".join(traceback.format_tb(error.__traceback__)))


def _hang_up(io: server.ConnectionIO) -> None:
    if io.handler is not None:
        io.handler.cancel("hung up")


class GuardedConnection(Guarded, mode_servers.ProxyConnectionHandler):
    """One client's connection, and those to targets that were opened for it."""

    async def handle_client(self) -> None:
        try:
            await super().handle_client()
        finally:
            # mitmproxy leaves a target's connection open when both sides end it at the same time.
            self._abort()
            self.web.connection_ended(self.client)


class GuardedReplay(Guarded, clientplayback.ReplayHandler):
    """A request that is sent again without its client, for a script that brings mitmproxy's addon for that."""

    def cut(self) -> None:
        super().cut()
        self.done.set()


def install() -> None:
    """Make mitmproxy use guarded connections."""
    mode_servers.ProxyConnectionHandler = GuardedConnection  # type: ignore[misc]
    clientplayback.ReplayHandler = GuardedReplay  # type: ignore[misc]
