"""Sized cells, as DataRow and binary COPY have them: an int32 length, -1 for NULL, and the cell's bytes."""

import re
import struct
from collections.abc import Sequence
from functools import lru_cache
from operator import sub
from typing import Final

from mypy_extensions import i64

from hoopaddon.adapters.postgres.protocol.codec import text_of
from hoopaddon.compiled import is_compiled
from hoopaddon.errors import PeerError

_COMPILED: Final = is_compiled()
_SIGN: Final = 0x80000000
_NULL_LENGTH: Final = 0xFFFFFFFF
NULL_CELL: Final = b"\xff\xff\xff\xff"

_HEAD = struct.Struct("!BiH")
_LENGTH = struct.Struct("!i")
_DATA_ROW: Final = 0x44
_NULL = -1

type Fit = tuple[bytes, str | None]
"""A text as a cell, and what a client reads there: NULL where the text does not fit."""
type Fits = tuple[list[bytes], list[str | None]]

HEAD_BYTES: Final = 7
"""Of a DataRow: its type, its length, and how many cells follow."""

MAX_SHORT_WIDTH = 16
"""Rows of more cells have no pattern: it would take longer to compile than it saves."""


def sized(cell: bytes | None) -> bytes:
    """A cell with its length before it."""
    return NULL_CELL if cell is None else _LENGTH.pack(len(cell)) + cell


def data_row_head(length: int, width: int) -> bytes:
    """What stands before the cells of a DataRow, whose `length` counts all but its type."""
    return _HEAD.pack(_DATA_ROW, length, width)


def with_edits(cells: Sequence[bytes], edited: dict[int, bytes]) -> list[bytes]:
    """The cells of a column, with these in the place of those in the same rows."""
    column = list(cells)
    for row, cell in edited.items():
        column[row] = cell
    return column


def chosen(texts: Sequence[str | None], fits: dict[str | None, Fit]) -> Fits:
    """What each text has become."""
    cells: list[bytes] = []
    shown: list[str | None] = []
    for text in texts:
        cell, reads = fits[text]
        cells.append(cell)
        shown.append(reads)
    return cells, shown


def data_rows(columns: list[list[bytes]]) -> bytes:
    """The DataRows of these columns, each cell with its length."""
    parts: list[bytes] = []
    heads: dict[int, bytes] = {}
    width = len(columns)
    for row in range(len(columns[0])):
        length = HEAD_BYTES - 1
        for cells in columns:
            length += len(cells[row])
        head = heads.get(length)
        if head is None:
            head = heads[length] = data_row_head(length, width)
        parts.append(head)
        for cells in columns:
            parts.append(cells[row])  # noqa: PERF401 - compiled, a loop is faster
    return b"".join(parts)


def cell_texts(cells: Sequence[bytes], encoding: str) -> list[str | None]:
    """Cells in text format, each with its length, as text."""
    texts: list[str | None] = []
    for cell in cells:
        if cell == NULL_CELL:
            texts.append(None)
        else:
            texts.append(text_of(cell[4:], encoding, "backslashreplace"))
    return texts


def data_row_starts(data: bytes, width: int, count: int) -> list[int]:
    """Where each of `count` DataRows of `width` cells begins. Raises `PeerError` where they do not fill the data."""
    followed = _followed(data, width) if _COMPILED else None
    if followed is not None and len(followed) == count:
        return followed
    starts: list[int] = []
    add, head = starts.append, _HEAD.unpack_from
    position, size = 0, len(data)
    try:
        while position < size:
            kind, length, found = head(data, position)
            if kind != _DATA_ROW or found != width or length < HEAD_BYTES - 1:
                raise PeerError("server", "a row that is not what its description announced")
            add(position)
            position += length + 1
    except struct.error:
        raise PeerError("server", "a row ends before its cells") from None
    if position != size:
        raise PeerError("server", "a row whose cells do not fill it")
    if len(starts) != count:
        raise PeerError("server", "a batch of another number of rows")
    return starts


def _followed(data: bytes, width: int) -> list[int] | None:
    """The same in a way that is fast only where it is compiled; None for data that is not as it should be."""
    starts: list[int] = []
    size: i64 = len(data)
    at: i64 = 0
    while size - at >= HEAD_BYTES:
        length: i64 = data[at + 1] << 24 | data[at + 2] << 16 | data[at + 3] << 8 | data[at + 4]
        if data[at] != _DATA_ROW or length < HEAD_BYTES - 1 or length >= _SIGN:
            return None
        if data[at + 5] << 8 | data[at + 6] != width:
            return None
        starts.append(at)
        at += length + 1
    return starts if at == size else None


def split_cells(data: bytes, at: int, end: int, width: int) -> tuple[bytes, ...]:
    """The cells between two offsets, each with its length. Raises `PeerError` unless there are exactly `width`."""
    cells = []
    length_at = _LENGTH.unpack_from
    try:
        for _ in range(width):
            (length,) = length_at(data, at)
            if length < _NULL:
                raise PeerError("server", "a cell of a negative length")
            after = at + 4 + length if length > 0 else at + 4
            cells.append(data[at:after])
            at = after
    except struct.error:
        raise PeerError("server", "a row ends before its cells") from None
    if at != end:
        raise PeerError("server", "a row whose cells do not fill it")
    return tuple(cells)


def split_columns(data: bytes, starts: Sequence[int], width: int) -> list[Sequence[bytes]] | None:
    """The columns of whole DataRows, each cell with its length, in the way that is the fastest here.

    None where `split_cells` has to say what is wrong, or is the only way.
    """
    return cells_in_turn(data, starts, width) if _COMPILED else short_cells(data, starts, width)


def cells_in_turn(data: bytes, starts: Sequence[int], width: int) -> list[Sequence[bytes]] | None:
    """The columns, cell by cell; None where they do not fill their rows."""
    columns: list[list[bytes]] = [[] for _ in range(width)]
    size: i64 = len(data)
    at: i64 = 0
    for start in starts:
        if at != start:
            return None
        at += HEAD_BYTES
        for cells in columns:
            after: i64 = at + 4
            if after > size:
                return None
            length: i64 = data[at] << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]
            if length < _SIGN:
                after += length
            elif length != _NULL_LENGTH:
                return None
            if after > size:
                return None
            cells.append(data[at:after])
            at = after
    return [*columns] if at == size else None


def short_cells(data: bytes, starts: Sequence[int], width: int) -> list[Sequence[bytes]] | None:
    """The columns, by a regular expression; None where a cell has more than 255 bytes.

    A third of the time of a loop over the cells that is not compiled.
    """
    if not 0 < width <= MAX_SHORT_WIDTH:
        return None
    found = _rows_pattern(width).findall(data)
    lengths = map(sub, (*starts[1:], len(data)), starts)
    columns: list[Sequence[bytes]] = list(zip(*found, strict=True))
    # A search can step over what it does not match, and find rows inside of cells: then the lengths differ.
    if not columns or list(map(len, columns[0])) != list(lengths):
        return None
    return columns[1:]


@lru_cache(maxsize=MAX_SHORT_WIDTH)
def _rows_pattern(width: int) -> re.Pattern[bytes]:
    """A DataRow of cells whose lengths fit in a byte, which a regular expression can therefore spell out."""
    sizes = "|".join(rf"\x{size:02x}.{{{size}}}" for size in range(256))
    cell = rf"(\x00\x00\x00(?:{sizes})|\xff\xff\xff\xff)"
    return re.compile(rf"(D.{{4}}\x00\x{width:02x}{cell * width})".encode(), re.DOTALL)
