"""Cuts a stream of bytes into messages."""

from hoopaddon.adapters.postgres.codec import INT32
from hoopaddon.errors import PeerError, Side

_length_at = INT32.unpack_from


class Framing:
    """Takes bytes in any pieces and gives whole messages back, type byte and length included.

    Work is linear in the bytes: a message that comes in many pieces is joined once.
    """

    __slots__ = ("_data", "_limit", "_need", "_parts", "_position", "_side", "_waiting")

    def __init__(self, side: Side, limit_bytes: int) -> None:
        self._side = side
        self._limit = limit_bytes
        self._data = b""
        self._position = 0
        self._parts: list[bytes] = []
        self._waiting = 0
        self._need = 0

    @property
    def pending(self) -> int:
        """Bytes that were fed and not given back yet."""
        return len(self._data) - self._position + self._waiting

    def feed(self, data: bytes) -> None:
        """Take more bytes."""
        if self._position == len(self._data) and not self._parts:
            self._data, self._position = data, 0
            return
        self._parts.append(data)
        self._waiting += len(data)

    def _join(self) -> None:
        self._data = b"".join((self._data[self._position :], *self._parts))
        self._position = 0
        self._parts.clear()
        self._waiting = 0

    def next(self) -> bytes | None:
        """The next whole message; None until more bytes come. Raises `PeerError` for an impossible length."""
        position = self._position
        have = len(self._data) - position
        if have < 5 or have < self._need:
            if not self._parts or have + self._waiting < max(5, self._need):
                return None
            self._join()
            position, have = 0, len(self._data)
        length: int = _length_at(self._data, position + 1)[0]
        if not 4 <= length <= self._limit:
            raise PeerError(self._side, "a message of an impossible length", limit=self._limit)
        end = length + 1
        if have < end:
            self._need = end
            return self.next() if have + self._waiting >= end else None
        self._need = 0
        message = self._data[position : position + end]
        self._position = position + end
        return message

    def put_back(self, message: bytes) -> None:
        """Give the last message again next time."""
        self._position -= len(message)

    def take_rest(self) -> bytes:
        """All that is left, whole messages or not."""
        self._join()
        rest, self._data = self._data, b""
        return rest
