"""A blocking client of HTTP/2: over TLS, or without by prior knowledge (RFC 9113 section 3.3)."""

import socket
import ssl
from typing import Any

import h2.config
import h2.connection
import h2.events

HEAD_BYTES = 9
DATA, HEADERS, RESET = 0, 1, 3
_END_STREAM = 1


def dial(port: int, *, tls: bool, timeout_s: float) -> socket.socket:
    """Connect; over TLS whatever the certificate says."""
    plain = socket.create_connection(("127.0.0.1", port), timeout_s)
    if not tls:
        return plain
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    try:
        return context.wrap_socket(plain, server_hostname="target")
    except BaseException:
        plain.close()
        raise


class H2Client:
    """One connection, on which several requests may be under way."""

    def __init__(self, port: int, *, tls: bool, timeout_s: float) -> None:
        self._wire = dial(port, tls=tls, timeout_s=timeout_s)
        self._scheme = "https" if tls else "http"
        self._side = side()
        self._bodies: dict[int, bytes] = {}
        self._heads: dict[int, dict[str, str]] = {}
        self.ended: list[int] = []
        """Streams in the order in which they ended."""

    def send(self, line: str, body: bytes = b"") -> int:
        """Ask, and return the stream's number."""
        stream = self._side.get_next_available_stream_id()
        ask(self._side, stream, line, body, self._scheme)
        self._wire.sendall(self._side.data_to_send())
        return stream

    def answer(self, stream: int) -> tuple[int, dict[str, str], str]:
        """Status, header fields and text. Raises `OSError` where there is none."""
        while stream not in self.ended:
            data = self._wire.recv(65_536)
            if not data:
                raise ConnectionResetError("the connection has ended")
            for event in self._side.receive_data(data):
                self._note(event)
            self._wire.sendall(self._side.data_to_send())
        head = self._heads[stream]
        return int(head[":status"]), head, self._bodies.get(stream, b"").decode()

    def _note(self, event: Any) -> None:
        match event:
            case h2.events.ResponseReceived():
                self._heads[event.stream_id] = {str(name): str(value) for name, value in event.headers}
            case h2.events.DataReceived():
                self._bodies[event.stream_id] = self._bodies.get(event.stream_id, b"") + event.data
                self._side.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.StreamEnded():
                self.ended.append(event.stream_id)
            case h2.events.StreamReset() | h2.events.ConnectionTerminated():
                raise ConnectionResetError("the stream was reset")

    def close(self) -> None:
        """Leave without a word."""
        self._wire.close()


def side() -> h2.connection.H2Connection:
    """A client's side that has begun."""
    begun = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
    begun.initiate_connection()
    return begun


def ask(begun: h2.connection.H2Connection, stream: int, line: str, body: bytes = b"", scheme: str = "http") -> None:
    """`METHOD PATH`, on this stream."""
    method, _, path = line.partition(" ")
    head = [(":method", method), (":scheme", scheme), (":authority", "target"), (":path", path)]
    begun.send_headers(stream, head, end_stream=not body)
    if body:
        begun.send_data(stream, body, end_stream=True)


def frames(data: bytes) -> list[tuple[int, int, int]]:
    """Kind, flags and stream of each whole frame (RFC 9113 section 4.1)."""
    found = []
    while len(data) >= HEAD_BYTES:
        size = HEAD_BYTES + int.from_bytes(data[:3])
        if len(data) < size:
            break
        found.append((data[3], data[4], int.from_bytes(data[5:HEAD_BYTES])))
        data = data[size:]
    return found


def ended_streams(received: bytes) -> set[int]:
    """The streams on which nothing more will come."""
    return {
        stream
        for kind, flags, stream in frames(received)
        if kind == RESET or (kind in (DATA, HEADERS) and flags & _END_STREAM)
    }
