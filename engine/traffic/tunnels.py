"""A connection that has switched protocols, through what its adapter makes of that."""

import logging
from collections.abc import Callable

from mitmproxy import http
from mitmproxy.connection import Connection
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context

from hoopaddon.errors import HoopaddonError, Refused
from hoopaddon.traffic.streams import SessionEnded
from hoopaddon.web.tunnel import Tunnel, TunnelSides

logger = logging.getLogger(__name__)

type MakeTunnel = Callable[[TunnelSides], Tunnel]


class TunnelLayer(layer.Layer):
    """Bytes in, bytes out; `wake` has this layer called where there is something to send without any event."""

    def __init__(
        self,
        context: Context,
        flow: http.HTTPFlow,
        make: MakeTunnel,
        *,
        wake: Callable[[], None],
        hold: Callable[[bool], None],
    ) -> None:
        super().__init__(context)
        self._flow = flow
        self._ready: list[tuple[Connection, bytes]] = []
        self._wake = wake
        self._busy = self._is_over = self._closed = self._held = False
        self._hold_both = hold
        sides = TunnelSides(
            to_client=lambda data: self._write(context.client, data),
            to_target=lambda data: self._write(context.server, data),
            fail=self._fail,
            hold=self._hold,
            over=self._over,
        )
        self._tunnel = make(sides)

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        if self._closed:
            return
        self._busy = True
        try:
            self._take(event)
        except HoopaddonError as e:
            self._fail(e)
        finally:
            self._busy = False
        ready, self._ready = self._ready, []
        for connection, data in ready:
            yield commands.SendData(connection, data)
        if self._is_over:
            self._closed = True
            self._hold(False)
            yield commands.CloseConnection(self.context.client)
            yield commands.CloseConnection(self.context.server)
            self._flow.live = False

    def _take(self, event: events.Event) -> None:
        match event:
            case events.DataReceived(connection=self.context.client, data=data):
                self._tunnel.client_data(data)
            case events.DataReceived(data=data):
                self._tunnel.target_data(data)
            case SessionEnded(reason=reason):
                self._tunnel.end(Refused(reason))
                self._is_over = True
            case events.ConnectionClosed(connection=self.context.client):
                self._tunnel.client_gone()
                self._is_over = True
            case events.ConnectionClosed():
                self._tunnel.target_gone()

    def _write(self, connection: Connection, data: bytes) -> None:
        self._ready.append((connection, data))
        self._look()

    def _fail(self, error: HoopaddonError) -> None:
        logger.warning("%s: %s", self._flow.request.path.partition("?")[0], error)
        self._is_over = True
        self._look()

    def _over(self) -> None:
        self._is_over = True
        self._look()

    def _look(self) -> None:
        if not self._busy:
            self._wake()

    def _hold(self, held: bool) -> None:
        if held != self._held:
            self._held = held
            self._hold_both(held)
