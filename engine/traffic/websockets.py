"""mitmproxy's handling of WebSockets, without what it passes on unseen: what control frames say.

No hook is called for a ping, a pong, or the reason of a close, and each holds up to 125 bytes of whatever its sender
likes. So each side's pings are answered here, the other side gets empty ones, and closes keep their code alone.
"""

import zlib
from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mitmproxy import ctx, http
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import websocket
from wsproto import events as frames
from wsproto import extensions
from wsproto.connection import ConnectionState
from wsproto.frame_protocol import CloseReason

from hoopaddon.traffic.streams import SessionEnded

if TYPE_CHECKING:
    from hoopaddon.web.guard import WebGuard

MAX_MESSAGE_BYTES = 16 << 20
"""Messages are judged as a whole, and so they are kept until they are."""
MAX_REASON_BYTES = 123
"""RFC 6455 section 5.5: a control frame holds at most 125 bytes, two of them for the code."""


class BoundedDeflate(extensions.PerMessageDeflate):
    """RFC 7692's compression: of a few bytes that are many it undoes as many as a message may have."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._made_bytes = 0

    def frame_inbound_payload_data(self, proto: Any, data: bytes) -> bytes | CloseReason:
        if not (self._inbound_compressed and self._inbound_is_compressible) or self._decompressor is None:
            return super().frame_inbound_payload_data(proto, data)
        most = MAX_MESSAGE_BYTES + 1 - self._made_bytes
        if most <= 0:
            return CloseReason.MESSAGE_TOO_BIG
        try:
            made = self._decompressor.decompress(bytes(data), most)
        except zlib.error:
            return CloseReason.INVALID_FRAME_PAYLOAD_DATA
        self._made_bytes += len(made)
        # Nothing else would take the rest.
        return CloseReason.MESSAGE_TOO_BIG if self._decompressor.unconsumed_tail else made

    def frame_inbound_complete(self, proto: Any, fin: bool) -> bytes | CloseReason | None:
        if fin and self._inbound_is_compressible:
            self._made_bytes = 0
        return super().frame_inbound_complete(proto, fin)


class Frames(list[Any]):
    """The frames of a message that is not whole yet. They grow where they are: copies would cost with its square."""

    def append(self, frame: Any) -> None:
        super().append(bytearray(frame))


class QuietConnection(websocket.WebsocketConnection):
    """One side of a WebSocket."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.owed: list[frames.Pong] = []
        """Answers to this side's pings."""
        self.is_over = False
        """A message of this side's is too large, and nothing that it says is listened to any more."""
        self._bytes = 0

    @property
    def frame_buf(self) -> list[bytes]:
        """What mitmproxy puts a message together in."""
        return self._frames

    @frame_buf.setter
    def frame_buf(self, frames: list[bytes]) -> None:
        self._frames = Frames(bytearray(frame) for frame in frames)

    def events(self) -> Generator[frames.Event, None, None]:
        for event in super().events():
            match event:
                case frames.Ping():
                    self.owed.append(event.response())
                    yield frames.Ping()
                case frames.Pong():
                    # To one of the empty pings, or to none.
                    continue
                case frames.CloseConnection():
                    yield replace(event, reason=None)
                case frames.Message() if self._fits(event):
                    yield event
                case frames.Message():
                    self.is_over = True
                    return
                case _:
                    yield event

    def _fits(self, part: frames.Message[Any]) -> bool:
        self._bytes += len(part.data)
        fits = self._bytes <= MAX_MESSAGE_BYTES
        if part.message_finished:
            self._bytes = 0
        return fits


class JudgedWebsocket(websocket.WebsocketLayer):
    """Both sides of a WebSocket."""

    client_ws: QuietConnection
    server_ws: QuietConnection

    def __init__(self, context: Context, flow: http.HTTPFlow) -> None:
        super().__init__(context, flow)
        self._web: WebGuard = ctx.master.web  # type: ignore[attr-defined]

    def relay_messages(self, event: events.Event) -> layer.CommandGenerator[None]:
        if isinstance(event, SessionEnded):
            yield from self._break_off(CloseReason.POLICY_VIOLATION, event.reason)
            return
        for step in super().relay_messages(event):
            yield step
            if isinstance(step, websocket.WebsocketMessageHook) and (reason := self._web.broken_off(self.flow)):
                yield from self._break_off(CloseReason.POLICY_VIOLATION, reason)
                return
            yield from self._answer_pings()
        yield from self._answer_pings()
        if self.client_ws.is_over or self.server_ws.is_over:
            yield from self._break_off(CloseReason.MESSAGE_TOO_BIG, "a message is too large")

    def _break_off(self, code: CloseReason, reason: str) -> layer.CommandGenerator[None]:
        """End both sides; the client is told why (RFC 6455 section 7.4.1)."""
        for side, said in ((self.client_ws, reason), (self.server_ws, "")):
            if side.state in (ConnectionState.OPEN, ConnectionState.REMOTE_CLOSING):
                shown = said.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
                closing = frames.CloseConnection(code, shown)
                yield commands.SendData(side.conn, side.send(closing))
            yield commands.CloseConnection(side.conn)
        yield websocket.WebsocketEndHook(self.flow)
        self.flow.live = False
        self._handle_event = self.done

    def done(self, event: events.Event) -> layer.CommandGenerator[None]:
        if not isinstance(event, SessionEnded):
            yield from super().done(event)

    def _answer_pings(self) -> layer.CommandGenerator[None]:
        for side in (self.client_ws, self.server_ws):
            owed, side.owed = side.owed, []
            if side.state is ConnectionState.OPEN:
                for pong in owed:
                    yield commands.SendData(side.conn, side.send(pong))


def install() -> None:
    """Make mitmproxy's HTTP layer use judged WebSockets."""
    extensions.PerMessageDeflate = BoundedDeflate  # type: ignore[misc]
    websocket.WebsocketConnection = QuietConnection  # type: ignore[misc]
    websocket.WebsocketLayer = JudgedWebsocket  # type: ignore[misc]
