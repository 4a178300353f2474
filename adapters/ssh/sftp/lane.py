"""One direction on its way out: whole packets, none of them cut into by another."""

from collections.abc import Callable
from typing import Final

_MANY: Final = 64

type Piece = bytes | memoryview


class Lane:
    """See the module. What is put in between `gather` and `flush` leaves in one piece."""

    __slots__ = ("_after", "_body_left", "_gathering", "_pieces", "_write")

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._pieces: list[Piece] = []
        self._after: list[bytes] = []
        self._body_left = 0
        self._gathering = False

    @property
    def waits(self) -> bool:
        """Whether so much waits for the end of another packet that no more should come."""
        return len(self._after) >= _MANY

    def packet(self, data: bytes) -> None:
        """A whole packet. While the contents of another are on their way, it waits for their end."""
        if self._body_left:
            self._after.append(data)
        else:
            self._put(data)

    def head(self, data: bytes, body: int) -> None:
        """A packet of which the last `body` bytes are still to come."""
        self._put(data)
        self._body_left = body

    def body(self, run: memoryview) -> None:
        """More of them."""
        self._put(run)
        self._body_left -= len(run)
        if not self._body_left and self._after:
            after, self._after = self._after, []
            for data in after:
                self._put(data)

    def _put(self, piece: Piece) -> None:
        if self._gathering:
            self._pieces.append(piece)
        else:
            self._write(bytes(piece))

    def gather(self) -> None:
        self._gathering = True

    def flush(self) -> None:
        self._gathering = False
        if self._pieces:
            pieces, self._pieces = self._pieces, []
            self._write(b"".join(pieces))
