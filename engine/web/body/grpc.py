"""gRPC, gRPC-Web and single messages of Protocol Buffers, a whole message at a time."""

from collections.abc import Callable, Iterator

from hoopaddon.errors import PeerError
from hoopaddon.web.body.coding import CODINGS
from hoopaddon.web.body.protobuf import Message
from hoopaddon.web.body.runs import Document, Run

_HEAD_BYTES = 5
_COMPRESSED, _TRAILERS = 1, 0x80
# What Kubernetes puts before a message.
_MAGIC = b"k8s\0"


class MessageSplitter:
    """A body that is one message."""

    def __init__(self, name: str, limit_bytes: int) -> None:
        self._name, self._limit_bytes = name, limit_bytes
        self._held = bytearray()

    def runs(self, data: bytes) -> Iterator[Run]:
        """See `Splitter`."""
        self._held += data
        if len(self._held) > self._limit_bytes:
            raise PeerError("server", "sends a message that is too long", limit=self._limit_bytes)
        return iter(())

    def rest(self) -> Iterator[Run]:
        """See `Splitter`."""
        data = bytes(self._held)
        yield from _message(data, data, self._name, bytes)


class GrpcSplitter:
    """Length-prefixed messages, compressed each for itself where they are; gRPC-Web has its trailers behind them."""

    def __init__(self, name: str, coding: str, limit_bytes: int) -> None:
        self._name, self._coding, self._limit_bytes = name, coding, limit_bytes
        self._held = bytearray()

    def runs(self, data: bytes) -> Iterator[Run]:
        """See `Splitter`."""
        self._held += data
        while len(self._held) >= _HEAD_BYTES:
            length = int.from_bytes(self._held[1:_HEAD_BYTES])
            if length > self._limit_bytes:
                raise PeerError("server", "sends a message that is too long", limit=self._limit_bytes)
            end = _HEAD_BYTES + length
            if len(self._held) < end:
                break
            frame = bytes(self._held[:end])
            del self._held[:end]
            yield from self._frame(frame)

    def rest(self) -> Iterator[Run]:
        """See `Splitter`."""
        if self._held:
            raise PeerError("server", "ends in the middle of a message")
        return iter(())

    def _frame(self, frame: bytes) -> Iterator[Run]:
        flag, body = frame[0], frame[_HEAD_BYTES:]
        is_compressed = bool(flag & _COMPRESSED)
        if flag & ~(_COMPRESSED | _TRAILERS):
            raise PeerError("server", "sends a message with an unknown flag")
        body = self._expanded(body) if is_compressed else body

        def framed(changed: bytes) -> bytes:
            packed = self._packed(changed) if is_compressed else changed
            return bytes([flag]) + len(packed).to_bytes(4) + packed

        if flag & _TRAILERS:
            text = body.decode("utf-8", "surrogateescape")
            yield Run(frame, Document("body"), text, lambda t: framed(t.encode("utf-8", "surrogateescape")))
        else:
            yield from _message(frame, body, self._name, framed)

    def _expanded(self, body: bytes) -> bytes:
        if self._coding not in CODINGS:
            raise PeerError("server", "sends a message that is compressed in a way that cannot be looked into")
        decoder = CODINGS[self._coding][0]()
        pieces: list[bytes] = []
        left = self._limit_bytes
        for piece in decoder.decode(body):
            pieces.append(piece)
            left -= len(piece)
            if left < 0:
                raise PeerError("server", "sends a message that is too long", limit=self._limit_bytes)
        pieces += decoder.finish()
        return b"".join(pieces)

    def _packed(self, body: bytes) -> bytes:
        encoder = CODINGS[self._coding][1]()
        return encoder.encode(body) + encoder.finish()


def _message(sent: bytes, data: bytes, name: str, framed: Callable[[bytes], bytes]) -> Iterator[Run]:
    """The run of one message; `sent` is how it came, `framed` makes that of a changed one."""
    magic = _MAGIC if data.startswith(_MAGIC) else b""
    try:
        message = Message(data[len(magic) :])
    except ValueError:
        # Bytes that are no message are none that anybody reads text from.
        yield Run(b"", Document("binary"), name, lambda _text: b"")
        yield Run(sent)
        return
    yield Run(sent, Document("json"), message.text(), lambda text: framed(magic + message.with_text(text)))
