"""Tuples of COPY's binary format as `Rows` (COPY in the SQL reference, "Binary Format").

A header of at least 19 bytes, then tuples of an int16 count of cells and the cells as DataRow has them, then a count
of -1. Nothing says what types the cells have.
"""

import struct
from collections.abc import Sequence

from hoopaddon.adapters.postgres.protocol.encodings import UTF8
from hoopaddon.adapters.postgres.values.copy_rows import Span
from hoopaddon.adapters.postgres.values.description import Field
from hoopaddon.adapters.postgres.values.rows import CellRows
from hoopaddon.adapters.postgres.values.values import BINARY_FORMAT
from hoopaddon.command import Command
from hoopaddon.errors import PeerError
from hoopaddon.rows import Column

SIGNATURE = b"PGCOPY\n\xff\r\n\0"
_HEADER_BYTES = len(SIGNATURE) + 8
_COUNT = struct.Struct("!h")
_LENGTH = struct.Struct("!i")
_NULL = -1
_TRAILER = -1


class BinarySplitter:
    """Finds where tuples end, in data that comes in any pieces; what it has not given back yet it is given again."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._header_due = True
        self._done = False
        self._at = 0
        """How far into the unfinished tuple its cells have been followed, and how many are left."""
        self._left = -1

    def next(self, data: bytes | bytearray, at: int) -> tuple[int, int, int]:
        """(where the piece begins that is next, where its tuple begins, where it ends), which is -1 if not yet here.

        A piece without a tuple, such as the trailer, has its tuple begin at its end.
        """
        begin = at
        if self._header_due:
            begin = self._header(data, at)
            if begin < 0:
                return at, at, -1
        position = begin + self._at
        if self._left < 0:
            if len(data) - position < _COUNT.size:
                return at, begin, -1
            (count,) = _COUNT.unpack_from(data, position)
            if self._done or count not in (_TRAILER, self._width):
                raise PeerError("server", "a row of COPY data with another number of columns")
            position += _COUNT.size
            if count == _TRAILER:
                self._done, self._header_due = True, False
                return at, position, position
            self._left = count
        while self._left:
            end = _cell_end(data, position)
            if end < 0:
                self._at = position - begin
                return at, begin, -1
            position, self._left = end, self._left - 1
        self._at, self._left, self._header_due = 0, -1, False
        return at, begin, position

    def _header(self, data: bytes | bytearray, at: int) -> int:
        """Where the header ends; -1 if not yet here."""
        if len(data) - at < _HEADER_BYTES:
            return -1
        if data[at : at + len(SIGNATURE)] != SIGNATURE:
            raise PeerError("server", "binary COPY data without its signature")
        flags, extension = struct.unpack_from("!II", data, at + len(SIGNATURE))
        end: int = at + _HEADER_BYTES + extension
        # Every flag of the upper half changes what follows, in a way that is not known here.
        if flags >> 16:
            raise PeerError("server", "binary COPY data of a kind that is not known")
        return end if end <= len(data) else -1


def _cell_end(data: bytes | bytearray, at: int) -> int:
    """Where the cell ends; -1 if not yet here."""
    if len(data) - at < _LENGTH.size:
        return -1
    (length,) = _LENGTH.unpack_from(data, at)
    if length < _NULL:
        raise PeerError("server", "a cell of a negative length")
    end = at + _LENGTH.size + max(length, 0)
    return end if end <= len(data) else -1


class CopyBinaryRows(CellRows):
    """Consecutive tuples of one binary COPY. A cell of a type that is not known (OID 0) can only become NULL."""

    _attributes = (*CellRows._attributes, "_tuples")

    __slots__ = ("_tuples",)

    def __init__(
        self,
        command: Command,
        columns: Sequence[Column],
        data: bytes,
        spans: list[Span],
        types: Sequence[int],
        encoding: str = UTF8,
    ) -> None:
        oids = types if len(types) == len(columns) else (0,) * len(columns)
        fields = [
            Field(column.name, 0, 0, oid, -1, -1, BINARY_FORMAT) for column, oid in zip(columns, oids, strict=True)
        ]
        super().__init__(command, columns, fields, data, len(spans), encoding)
        self._tuples = spans

    def _find_messages(self) -> list[int]:
        return [message for message, _, _ in self._tuples]

    def _bounds(self, row: int) -> tuple[int, int]:
        _, begin, end = self._tuples[row]
        return begin + _COUNT.size, end
