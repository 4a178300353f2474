"""Lines of COPY's text and CSV formats as `Rows`."""

import struct
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import overload

from hoopaddon.adapters.postgres.protocol.encodings import UTF8
from hoopaddon.adapters.postgres.values.buffer import BufferRows, Cells
from hoopaddon.adapters.postgres.values.cells import Fit
from hoopaddon.adapters.postgres.values.copy_text import LineGrammar
from hoopaddon.adapters.postgres.values.values import TEXT_FORMAT, values_of
from hoopaddon.command import Command
from hoopaddon.compiled import is_compiled
from hoopaddon.errors import PeerError
from hoopaddon.rows import Column

type Span = tuple[int, int, int]
"""The offset of a CopyData message, and the offsets of the row in it."""

_COMPILED = is_compiled()
_HEAD = struct.Struct("!Bi")
_HEAD_BYTES = 5
_COPY_DATA = ord("d")
_NEWLINE = 0x0A


class WholeLines(Sequence[Span]):
    """Rows of which each is a message that ends with its only newline, and that are all of the data."""

    def __init__(self, starts: Sequence[int], size: int) -> None:
        self.starts = starts
        self.bounds = [*starts, size]

    def __len__(self) -> int:
        return len(self.starts)

    @overload
    def __getitem__(self, row: int) -> Span: ...

    @overload
    def __getitem__(self, row: slice) -> Sequence[Span]: ...

    def __getitem__(self, row: int | slice) -> Span | Sequence[Span]:
        if isinstance(row, slice):
            return [self[i] for i in range(*row.indices(len(self)))]
        return self.starts[row], self.starts[row] + _HEAD_BYTES, self.bounds[row + 1]

    def lines(self, data: bytes) -> list[bytes]:
        """The rows without their newlines."""
        return [data[start + _HEAD_BYTES : end - 1] for start, end in pairwise(self.bounds)]


class CopyLineRows(BufferRows):
    """Consecutive rows of one COPY in text or CSV format.

    `types` are the columns' OIDs; 0 stands for a type that is not known, which takes any text: what reads the data
    has no type for it either.
    """

    _attributes = (*BufferRows._attributes, "_broken", "_grammar", "_spans", "_types")

    __slots__ = ("_broken", "_grammar", "_spans", "_types")

    def __init__(
        self,
        command: Command,
        columns: Sequence[Column],
        data: bytes,
        spans: Sequence[Span],
        grammar: LineGrammar,
        types: Sequence[int],
        encoding: str = UTF8,
    ) -> None:
        super().__init__(command, columns, data, len(spans), encoding)
        self._spans = spans
        self._grammar = grammar
        self._types = types
        self._broken: Sequence[int] | None = None

    # -- where things are

    def _find_messages(self) -> Sequence[int]:
        if isinstance(self._spans, WholeLines):
            return self._spans.starts
        return [message for message, _, _ in self._spans]

    def _bounds(self, row: int) -> tuple[int, int]:
        _, begin, end = self._spans[row]
        return begin, end - (self._data[end - 1] == _NEWLINE)

    def _split(self, row: int) -> Cells:
        begin, end = self._bounds(row)
        try:
            cells = self._grammar.split(self._data[begin:end])
        except ValueError:
            raise PeerError("server", "a row of COPY data with a quote that is never closed") from None
        if len(cells) != len(self.columns):
            raise PeerError("server", "a row of COPY data with another number of columns")
        return cells

    def _split_all(self) -> Sequence[Cells]:
        width, delimiter = len(self.columns), self._grammar.delimiter
        if isinstance(self._spans, WholeLines) and width and self._size:
            if _COMPILED and (columns := self._grammar.cut(self._data, self._spans.starts, width)):
                return columns
            # No line has a newline of its own, so a newline as a cell stands between two rows, and nowhere else.
            whole = (delimiter + b"\n" + delimiter).join(self._spans.lines(self._data))
            if self._grammar.plain(whole):
                cells, step = whole.split(delimiter), width + 1
                if len(cells) == step * self._size - 1 and cells[width::step].count(b"\n") == self._size - 1:
                    return [cells[column::step] for column in range(width)]
        return super()._split_all()

    def _join(self, cells: Cells) -> bytes:
        return self._grammar.delimiter.join(cells)

    def _assemble(self, columns: list[list[bytes]]) -> bytes | None:
        if not isinstance(self._spans, WholeLines):
            return None
        lines = list(map(self._grammar.delimiter.join, zip(*columns, strict=True)))
        lengths = list(map(len, lines))
        heads = {length: _HEAD.pack(_COPY_DATA, length + _HEAD_BYTES) for length in set(lengths)}
        parts = [b"\n"] * (self._size * 3)
        parts[::3] = map(heads.__getitem__, lengths)
        parts[1::3] = lines
        return b"".join(parts)

    # -- searching

    def _hides_all(self) -> bool:
        return self._encoding != UTF8 and not self._data.isascii()

    def _hides(self, column: int) -> bool:
        return self._hides_all() or bool(self._broken_rows())

    def _broken_rows(self) -> Sequence[int]:
        """The rows in which something is escaped."""
        if self._broken is None:
            starts, rows = self._starts(), set()
            for place in self._grammar.breaks(self._data):
                row = bisect_right(starts, place) - 1
                # The length of a message may have any bytes.
                if row >= 0 and place >= starts[row] + _HEAD_BYTES:
                    rows.add(row)
            self._broken = sorted(rows)
        return self._broken

    def _unseen(self) -> Sequence[tuple[int, str]]:
        if self._hides_all():
            columns = range(len(self.columns))
            return [(row, text) for column in columns for row, text in enumerate(self.texts(column)) if text]
        rows = self._broken_rows()
        if len(rows) * 4 > self._size:
            self._columns()
        unseen: list[tuple[int, str]] = []
        for row in rows:
            for column, cell in enumerate(self._row(row)):
                if self._grammar.broken(cell) and (text := self._decode(column, (cell,))[0]):
                    unseen.append((row, text))
        return unseen

    # -- reading and writing

    def _decode(self, column: int, cells: Cells) -> list[str | None]:
        return self._grammar.decode_all(cells)

    def _depends_on_sent(self, column: int) -> bool:
        oid = self._types[column] if column < len(self._types) else 0
        return self._grammar.depends_on_old or (oid != 0 and values_of(self._encoding).depends_on_original(oid))

    def _encode(self, row: int, column: int, text: str | None) -> Fit:
        old = self._row(row)[column]
        cell = None if text is None else self._fitting(column, text, old)
        return (self._grammar.encode(None, old), None) if cell is None else (cell, text)

    def _fitting(self, column: int, text: str, old: bytes) -> bytes | None:
        """The text as a cell in the place of the one that the server sent; None where it does not fit."""
        if "\0" in text:
            return None
        oid = self._types[column] if column < len(self._types) else 0
        if oid:
            values, before = values_of(self._encoding), self._grammar.decode(old)
            original = None if before is None else before.encode(self._encoding, "replace")
            if values.from_text(oid, text, TEXT_FORMAT, original) is None:
                return None
        try:
            cell = self._grammar.encode(text, old)
        except UnicodeError:
            return None
        # Where NULL is spelt like a value, the value is NULL.
        return None if self._grammar.decode(cell) is None else cell
