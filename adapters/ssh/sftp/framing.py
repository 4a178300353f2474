"""Cuts what arrives into packets. The contents of files are handed on as they arrive, without the packet's end."""

from dataclasses import dataclass
from typing import Final

from hoopaddon.adapters.ssh.sftp.requests import Write
from hoopaddon.adapters.ssh.sftp.responses import DATA
from hoopaddon.adapters.ssh.sftp.wire import HANDLE_LIMIT, PACKET_LIMIT
from hoopaddon.errors import PeerError, Side

_LENGTH: Final = 4
_TO_FIRST_FIELD: Final = 13
"""Length, type, id, and the length of what follows."""
_OFFSET_AND_LENGTH: Final = 12


@dataclass(frozen=True, slots=True)
class Frame:
    """A packet with all its bytes; or where `body` is not 0, all but so many, which come in runs of their own."""

    kind: int
    data: bytes
    body: int = 0


class Framing:
    """The packets of one direction. Feed it, then take until there is no more.

    >>> framing = Framing("client")
    >>> framing.feed(b"\\0\\0\\0\\5\\1\\0\\0\\0\\3")
    >>> framing.take()
    Frame(kind=1, data=b'\\x00\\x00\\x00\\x05\\x01\\x00\\x00\\x00\\x03', body=0)
    """

    __slots__ = ("_body_left", "_buffer", "_position", "_seen", "_side", "_streamed")

    def __init__(self, side: Side) -> None:
        self._side: Side = side
        self._streamed = Write.kind if side == "client" else DATA
        self._buffer = b""
        self._position = 0
        self._body_left = 0
        self._seen = 0

    @property
    def waiting_bytes(self) -> int:
        """How much has been fed and not been taken."""
        return len(self._buffer) - self._position

    @property
    def in_body(self) -> bool:
        """Whether what comes next still belongs to the frame before."""
        return self._body_left > 0

    def feed(self, data: bytes) -> None:
        if self._position < len(self._buffer):
            data = self._buffer[self._position :] + data
        self._seen += self._position
        self._buffer, self._position = data, 0

    def take(self) -> Frame | memoryview | None:
        """The next packet, or a run of the body of the last one; None while there is neither.

        Raises `PeerError` for what cannot be a packet.
        """
        available = len(self._buffer) - self._position
        if self._body_left:
            return self._body(min(available, self._body_left)) if available else None
        if available < _LENGTH:
            return None
        at = self._position
        length = int.from_bytes(self._buffer[at : at + _LENGTH])
        if not 1 <= length <= PACKET_LIMIT:
            raise self._fail("a packet of a length that there is not", PACKET_LIMIT)
        if available == _LENGTH:
            return None
        kind = self._buffer[at + 4]
        if kind == self._streamed:
            return self._head(kind, length + 4, available)
        if available < length + 4:
            return None
        self._position = at + length + 4
        return Frame(kind, self._buffer[at : self._position])

    def _body(self, count: int) -> memoryview:
        at = self._position
        self._position += count
        self._body_left -= count
        return memoryview(self._buffer)[at : self._position]

    def _head(self, kind: int, packet_bytes: int, available: int) -> Frame | None:
        """What stands before the contents of a file in a packet, once it is there."""
        at = self._position
        head = _TO_FIRST_FIELD
        if packet_bytes < head:
            raise self._fail("a packet ends before what it announces")
        if available < head:
            return None
        if self._side == "client":
            handle = int.from_bytes(self._buffer[at + 9 : at + 13])
            if not 0 < handle <= HANDLE_LIMIT:
                raise self._fail("a handle of a length that there is not", HANDLE_LIMIT)
            head += handle + _OFFSET_AND_LENGTH
        if available < min(head, packet_bytes):
            return None
        body = packet_bytes - head
        if int.from_bytes(self._buffer[at + head - 4 : at + head]) != body:
            raise self._fail("a packet that does not end with the contents that it announces")
        self._position = at + head
        self._body_left = body
        return Frame(kind, self._buffer[at : self._position], body)

    def _fail(self, message: str, limit: int | None = None) -> PeerError:
        return PeerError(self._side, f"SFTP: {message}", offset=self._seen + self._position, limit=limit)
