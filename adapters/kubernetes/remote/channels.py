"""Channels over a WebSocket: `v5.channel.k8s.io`, `v4.channel.k8s.io` and `channel.k8s.io`.

A binary message is the number of a channel and what is said on it (apimachinery, pkg/util/httpstream/wsstream); since
v5 `255 N` closes channel N. Both sides are bytes here: frames are read and made again, so that nothing passes that is
not understood. Pings are answered on each side.
"""

import json
from collections.abc import Callable, Iterator

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, Pong, TextMessage
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from hoopaddon.adapters.kubernetes.remote.wire import ERROR, STREAMS, Middle
from hoopaddon.errors import PeerError, Side

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io", "channel.k8s.io")
"""Those that are understood. The `base64.` ones, for browsers of old, are not."""
CLOSE = 255
MESSAGE_BYTES = 8 << 20
_POLICY_VIOLATION = 1008


class Channels:
    """Both ends of one WebSocket after its handshake. `middle` is set before anything is fed."""

    middle: Middle

    def __init__(self, protocol: str, to_client: Callable[[bytes], None], to_target: Callable[[bytes], None]) -> None:
        self._has_close = protocol.startswith("v5.")
        self._client = Connection(ConnectionType.SERVER)
        self._target = Connection(ConnectionType.CLIENT)
        self._write_to_client, self._write_to_target = to_client, to_target
        self._parts: dict[Side, bytearray] = {"client": bytearray(), "server": bytearray()}
        self._closed_to_target: set[str] = set()
        self._closing: CloseConnection | None = None
        self._is_over = False
        self.client_said_goodbye = False
        """Its close has come, so that nothing is lost when the connection ends."""

    # -- what comes

    def client_data(self, data: bytes) -> None:
        """Bytes of the client's. Raises `PeerError`."""
        for channel, said in self._messages("client", self._client, self._write_to_client, data):
            if channel == CLOSE and self._has_close and len(said) == 1:
                self.middle.client_closed(self._name("client", said[0]))
            else:
                self.middle.client_said(self._name("client", channel), said)

    def target_data(self, data: bytes) -> None:
        """Bytes of the target's. Raises `PeerError`."""
        for channel, said in self._messages("server", self._target, self._write_to_target, data):
            if channel == CLOSE and self._has_close and len(said) == 1:
                self.middle.target_closed(self._name("server", said[0]))
            else:
                self.middle.target_said(self._name("server", channel), said)
        if self._closing is not None:
            self.target_gone()

    def target_gone(self) -> None:
        """The target says nothing more."""
        if not self._is_over:
            self._is_over = True
            self.middle.ended()

    def _messages(
        self, side: Side, peer: Connection, answer: Callable[[bytes], None], data: bytes
    ) -> Iterator[tuple[int, bytes]]:
        try:
            peer.receive_data(data)
            for event in peer.events():
                if (message := self._message(side, peer, answer, event)) is not None:
                    yield message[0], message[1:]
        except (RemoteProtocolError, LocalProtocolError):
            raise PeerError(side, "sends what is no WebSocket") from None

    def _message(self, side: Side, peer: Connection, answer: Callable[[bytes], None], event: Event) -> bytes | None:
        match event:
            case BytesMessage() | TextMessage():
                # Servers do not ask which of the two a frame is, and Python's client sends text as text.
                parts = self._parts[side]
                parts += event.data.encode() if isinstance(event.data, str) else event.data
                if len(parts) > MESSAGE_BYTES:
                    raise PeerError(side, "sends too large a message", limit=MESSAGE_BYTES)
                if event.message_finished and parts:
                    message = bytes(parts)
                    parts.clear()
                    return message
            case Ping():
                answer(peer.send(event.response()))
            case CloseConnection() if side == "client":
                self.client_said_goodbye = True
                self.middle.abort()
                self._pass_close(self._target, self._write_to_target, event)
            case CloseConnection():
                self._closing = event
            case Pong():
                pass
        return None

    def _name(self, side: Side, channel: int) -> str:
        if channel >= len(STREAMS):
            raise PeerError(side, "names a channel that there is not")
        return STREAMS[channel]

    # -- what leaves (`Ends`)

    def to_target(self, stream: str, data: bytes) -> None:
        """See `Ends`."""
        self._send(self._target, self._write_to_target, bytes([STREAMS.index(stream)]) + data)

    def close_to_target(self, stream: str) -> None:
        """See `Ends`. Before v5 there is no way to say so."""
        if self._has_close and stream not in self._closed_to_target:
            self._closed_to_target.add(stream)
            self._send(self._target, self._write_to_target, bytes([CLOSE, STREAMS.index(stream)]))

    def to_client(self, stream: str, data: bytes) -> None:
        """See `Ends`."""
        self._send(self._client, self._write_to_client, bytes([STREAMS.index(stream)]) + data)

    def close_to_client(self, stream: str) -> None:
        """See `Ends`."""
        if self._has_close:
            self._send(self._client, self._write_to_client, bytes([CLOSE, STREAMS.index(stream)]))

    def over(self) -> None:
        """See `Ends`: the target's close goes on, with its code alone."""
        closing = self._closing or CloseConnection(1000)
        self._pass_close(self._client, self._write_to_client, closing)

    def refuse(self, reason: str) -> None:
        """End both sides; the client is told why."""
        said = {"metadata": {}, "status": "Failure", "message": reason, "reason": "Forbidden", "code": 403}
        self.to_client(ERROR, json.dumps(said).encode())
        shown = reason.encode()[:120].decode(errors="ignore")
        self._pass_close(self._client, self._write_to_client, CloseConnection(_POLICY_VIOLATION, shown), shown)
        self._pass_close(self._target, self._write_to_target, CloseConnection(1000))

    def _send(self, peer: Connection, write: Callable[[bytes], None], message: bytes) -> None:
        if peer.state in (ConnectionState.OPEN, ConnectionState.REMOTE_CLOSING):
            write(peer.send(BytesMessage(message)))

    @staticmethod
    def _pass_close(
        peer: Connection, write: Callable[[bytes], None], event: CloseConnection, reason: str = ""
    ) -> None:
        if peer.state in (ConnectionState.OPEN, ConnectionState.REMOTE_CLOSING):
            write(peer.send(CloseConnection(event.code, reason)))
