"""Cuts a stream of bytes into messages."""

from hoopaddon.adapters.postgres.protocol.codec import INT32
from hoopaddon.errors import PeerError, Side

_HEAD_BYTES = 5
_length_at = INT32.unpack_from


class Framing:
    """Takes bytes in any pieces and gives whole messages back, type byte and length included.

    Work is linear in the bytes: a message that comes in many pieces is joined once.
    """

    __slots__ = ("_data", "_limit", "_need", "_parts", "_position", "_side", "_size", "_waiting")

    def __init__(self, side: Side, limit_bytes: int) -> None:
        self._side = side
        self._limit = limit_bytes
        self._data = b""
        self._size = 0
        self._position = 0
        self._parts: list[bytes] = []
        self._waiting = 0
        self._need = _HEAD_BYTES

    @property
    def pending(self) -> int:
        """Bytes that were fed and not given back yet."""
        return self._size - self._position + self._waiting

    def feed(self, data: bytes) -> None:
        """Take more bytes."""
        if self._position == self._size and not self._parts:
            self._data, self._position, self._size = data, 0, len(data)
            return
        self._parts.append(data)
        self._waiting += len(data)

    def _join(self) -> None:
        self._data = b"".join((self._data[self._position :], *self._parts))
        self._position, self._size = 0, len(self._data)
        self._parts.clear()
        self._waiting = 0

    def next(self) -> bytes | None:
        """The next whole message; None until more bytes come. Raises `PeerError` for an impossible length."""
        while True:
            position = self._position
            have = self._size - position
            if have < self._need:
                if have + self._waiting < self._need:
                    return None
                self._join()
                continue
            length: int = _length_at(self._data, position + 1)[0]
            if not 4 <= length <= self._limit:
                raise PeerError(self._side, "a message of an impossible length", limit=self._limit)
            if have > length:
                self._need = _HEAD_BYTES
                self._position = end = position + length + 1
                return self._data[position:end]
            self._need = length + 1

    def put_back(self, message: bytes) -> None:
        """Give the last message again next time."""
        self._position -= len(message)
