"""A batch of DataRow messages as `Rows`: decoded where a policy asks, rewritten where it has edited.

A DataRow (documentation, section 54.7) is `D`, an int32 length, an int16 count of cells, and for each cell an int32
length, -1 for NULL, and its bytes.
"""

import struct
from collections.abc import Iterable, Sequence
from itertools import repeat
from operator import add, sub
from typing import Any

from hoopaddon.adapters.postgres.protocol.encodings import UTF8
from hoopaddon.adapters.postgres.values.cells import (
    HEAD_BYTES,
    NULL_CELL,
    data_row_head,
    data_row_starts,
    short_cells,
    sized,
    split_cells,
)
from hoopaddon.adapters.postgres.values.description import Field
from hoopaddon.adapters.postgres.values.types.table import BUILT_IN
from hoopaddon.adapters.postgres.values.values import TEXT_FORMAT, Values, values_of
from hoopaddon.command import Command
from hoopaddon.errors import PeerError
from hoopaddon.rows import Column, Rows, Search, joined_parts

_LENGTH = struct.Struct("!i")

MAX_TEXT_BYTES = 256 * 1024 * 1024
"""How much text a batch's binary values may become: ten bytes of numeric can be a hundred thousand digits."""

MAX_REMEMBERED = 256

_FEW = 16
"""One row in so many is worth splitting by itself; of more, all are split."""

type Cells = Sequence[bytes]
"""Cells with their lengths before them, as the server sent them."""


class CellRows(Rows):
    """Rows whose cells lie in a buffer of messages, each cell with its length before it.

    `encoding` is Python's name. Without `values`, a type that is not built in is known by its column's type name
    alone.
    """

    __slots__ = (
        "_cells",
        "_data",
        "_encoding",
        "_fields",
        "_fits",
        "_hidden_columns",
        "_known",
        "_messages",
        "_sent",
        "_single",
    )

    def __init__(
        self,
        command: Command,
        columns: Sequence[Column],
        fields: Sequence[Field],
        data: bytes,
        count: int,
        encoding: str = UTF8,
        values: Values | None = None,
    ) -> None:
        super().__init__(command, columns)
        self._size = count
        self._fields = fields
        self._data = data
        self._encoding = encoding
        self._known = values
        self._messages: list[int] | None = None
        self._hidden_columns: Sequence[int] | None = None
        self._sent: Sequence[Cells] | None = None
        """Every column's cells, once most of them were asked for."""
        self._single: dict[int, Cells] = {}
        """Rows that were split before that."""
        self._cells: dict[int, dict[int, bytes]] = {}
        """By column and row, what stands in the place of a cell that was sent."""
        self._fits: dict[int, dict[str | None, bytes]] = {}
        """By column, what texts have become as cells: a mask is often the same one again."""

    def __deepcopy__(self, memo: dict[int, Any]) -> "CellRows":
        """A copy to edit apart: what is never changed in place is shared."""
        twin = object.__new__(type(self))
        for slots in (getattr(kind, "__slots__", ()) for kind in type(self).__mro__):
            for name in slots:
                object.__setattr__(twin, name, getattr(self, name))
        twin._columns_text = {column: list(texts) for column, texts in self._columns_text.items()}
        twin._replaced = dict(self._replaced)
        twin._fits = {}
        twin._single = dict(self._single)
        twin._cells = {column: dict(cells) for column, cells in self._cells.items()}
        return twin

    # -- where things are; all raise `PeerError` for messages that are not what they say

    def _find_messages(self) -> list[int]:
        """The offset of each row's message."""
        raise NotImplementedError

    def _bounds(self, row: int) -> tuple[int, int]:
        """Where the row's cells begin and end."""
        raise NotImplementedError

    def _starts(self) -> list[int]:
        if self._messages is None:
            self._messages = self._find_messages()
        return self._messages

    def _columns(self) -> Sequence[Cells]:
        if self._sent is None:
            self._sent = self._split_all()
        return self._sent

    def _split_all(self) -> Sequence[Cells]:
        if not self._size:
            self._starts()
            return [()] * len(self._fields)
        return list(zip(*(self._split(row) for row in range(self._size)), strict=True))

    def _split(self, row: int) -> Cells:
        begin, end = self._bounds(row)
        return split_cells(self._data, begin, end, len(self._fields))

    def _row(self, row: int) -> Cells:
        """The row's cells as they were sent."""
        if self._sent is not None:
            return [cells[row] for cells in self._sent]
        cells = self._single.get(row)
        if cells is None:
            cells = self._single[row] = self._split(row)
        return cells

    @property
    def _values(self) -> Values:
        if self._known is None:
            pairs = zip(self._fields, self.columns, strict=True)
            names = tuple((field.type_oid, column.type) for field, column in pairs if field.type_oid not in BUILT_IN)
            self._known = values_of(self._encoding, names)
        return self._known

    # -- searching

    def _hidden(self) -> Sequence[int]:
        """The columns whose text does not occur in the data as it stands."""
        if self._hidden_columns is None:
            fields = self._fields
            if self._encoding != UTF8 and not self._data.isascii():
                self._hidden_columns = range(len(fields))
            else:
                self._hidden_columns = [
                    i for i, f in enumerate(fields) if f.format and not self._values.visible(f.type_oid, f.format)
                ]
        return self._hidden_columns

    @property
    def haystack(self) -> bytes:
        hidden = self._hidden()
        data = self._data
        if self._cells:
            data = b"".join((data, *(cell for cells in self._cells.values() for cell in cells.values())))
        if not hidden:
            return data
        texts = "\0".join([text for column in hidden for text in self.texts(column) if text])
        return b"\0".join((data, texts.encode()))

    def haystack_of(self, column: int) -> bytes:
        if column in self._hidden() or column in self._cells:
            return super().haystack_of(column)
        return b"".join(self._columns()[column])

    def suspects(self, search: Search) -> Sequence[int]:
        everywhere = range(self._size)
        starts = self._starts()
        found = search(self._data, [0, *starts[1:]])
        if found is None:
            return everywhere
        rows = {row for cells in self._cells.values() for row in cells}.union(found)
        if hidden := self._hidden():
            texts = zip(*(self.texts(column) for column in hidden), strict=True)
            found = search(*joined_parts("\0".join(filter(None, cells)) for cells in texts))
            if found is None:
                return everywhere
            rows.update(found)
        return sorted(rows)

    # -- reading

    def text(self, row: int, column: int) -> str | None:
        texts = self._columns_text.get(column)
        if texts is None:
            row = self._place(row, column)
            if (row, column) in self._replaced:
                return self._replaced[row, column]
            if self._sent is None and len(self._single) <= _FEW + self._size // _FEW:
                return self._decode(column, (self._row(row)[column],))[0]
            texts = self.texts(column)
        return texts[row]

    def _place(self, row: int, column: int) -> int:
        """The row's number from the start. Raises IndexError for a cell that there is not."""
        if not (0 <= column < len(self._fields) and -self._size <= row < self._size):
            raise IndexError(row, column)
        return row % self._size

    def texts(self, column: int) -> list[str | None]:
        texts = self._columns_text.get(column)
        if texts is None:
            if not 0 <= column < len(self._fields):
                raise IndexError(column)
            texts = self._columns_text[column] = self._decode(column, self._columns()[column])
            for row in self._cells.get(column, ()):
                texts[row] = self._replaced[row, column]
        return texts

    def _decode(self, column: int, cells: Cells) -> list[str | None]:
        field = self._fields[column]
        if field.format == TEXT_FORMAT:
            encoding = self._encoding
            return [None if cell == NULL_CELL else str(cell[4:], encoding, "backslashreplace") for cell in cells]
        texts: list[str | None] = []
        size = 0
        for cell in cells:
            text = None if cell == NULL_CELL else self._binary_text(field.type_oid, cell[4:])
            size += len(text or "")
            if size > MAX_TEXT_BYTES:
                raise PeerError("server", "a batch of values that are too long as text", limit=MAX_TEXT_BYTES)
            texts.append(text)
        return texts

    def _binary_text(self, oid: int, cell: bytes) -> str:
        # A value of a type that is not known must not pass for NULL: a policy that masks the column has to see one.
        text = self._values.to_text(oid, cell, 1)
        return self._values.glimpse(cell) if text is None else text

    # -- editing

    @property
    def edited(self) -> bool:
        return bool(self._cells)

    def _put(self, row: int, column: int, text: str | None) -> None:
        if text != self.text(row, column):
            self._put_all(column, (self._place(row, column),), repeat(text))

    def _put_all(self, column: int, rows: Sequence[int], texts: Iterable[str | None]) -> None:
        if not rows:
            return
        fits = self._fits.setdefault(column, {None: NULL_CELL})
        put = self._cells.setdefault(column, {})
        shown = self._columns_text.get(column)
        for row, text in zip(rows, texts, strict=False):
            cell = fits.get(text)
            if cell is None:
                cell = self._fitting(row, column, text or "")
                if len(fits) < MAX_REMEMBERED and not self._values.depends_on_original(self._fields[column].type_oid):
                    fits[text] = cell
            put[row] = cell
            if cell == NULL_CELL:
                text = None
            if shown is None:
                self._replaced[row, column] = text
            else:
                shown[row] = text

    def _fitting(self, row: int, column: int, text: str) -> bytes:
        """The text as a cell in the place of the one that the server sent: NULL where it does not fit."""
        field = self._fields[column]
        sent = self._row(row)[column]
        original = None if sent == NULL_CELL else sent[4:]
        return sized(self._values.from_text(field.type_oid, text, field.format, original, field.type_modifier))

    def wire(self) -> bytes:
        """The messages as the client gets them."""
        if not self._cells:
            return self._data
        return self._spliced({row for cells in self._cells.values() for row in cells})

    def _spliced(self, rows: Iterable[int]) -> bytes:
        """The messages with these rows made anew; every other byte stays as it came."""
        data, starts, edits = self._data, self._starts(), self._cells.items()
        out: list[bytes] = []
        kept = 0
        for row in sorted(rows):
            begin, end = self._bounds(row)
            message = starts[row] + 1
            cells = list(self._row(row))
            for column, edited in edits:
                if row in edited:
                    cells[column] = edited[row]
            body = b"".join(cells)
            out += data[kept:message], _LENGTH.pack(begin - message + len(body)), data[message + 4 : begin], body
            kept = end
        out.append(data[kept:])
        return b"".join(out)


class PostgresRows(CellRows):
    """Consecutive DataRow messages of one result."""

    __slots__ = ()

    def _find_messages(self) -> list[int]:
        return data_row_starts(self._data, len(self._fields), self._size)

    def _bounds(self, row: int) -> tuple[int, int]:
        starts = self._starts()
        return starts[row] + HEAD_BYTES, starts[row + 1] if row + 1 < self._size else len(self._data)

    def _split_all(self) -> Sequence[Cells]:
        return short_cells(self._data, self._starts(), len(self._fields)) or super()._split_all()

    def wire(self) -> bytes:
        rows = max(map(len, self._cells.values()), default=0)
        return self._rebuilt(self._sent) if self._sent is not None and rows * 4 > self._size else super().wire()

    def _rebuilt(self, columns: Sequence[Cells]) -> bytes:
        """All messages made anew, column by column."""
        width, starts = len(columns), self._starts()
        lengths: list[int] = list(map(sub, (*starts[1:], len(self._data)), starts))
        parts = [b""] * (self._size * (width + 1))
        for column, sent in enumerate(columns):
            cells = sent
            if edited := self._cells.get(column):
                cells = list(sent)
                for row, cell in edited.items():
                    cells[row] = cell
                lengths = list(map(add, lengths, map(sub, map(len, cells), map(len, sent))))
            parts[column + 1 :: width + 1] = cells
        parts[:: width + 1] = [data_row_head(length - 1, width) for length in lengths]
        return b"".join(parts)


def rows_of(command: Command, columns: Sequence[Column], cells: Sequence[Sequence[str | None]]) -> PostgresRows:
    """A batch made of texts, for where there is no server. A type that is not built in counts as text."""
    oids = {found.name: found.oid for found in BUILT_IN.values()}
    text_oid = oids["text"]
    fields = [Field(column.name, 0, 0, oids.get(column.type, text_oid), -1, -1, TEXT_FORMAT) for column in columns]
    messages = []
    for row in cells:
        body = b"".join(sized(None if text is None else text.encode()) for text in row)
        messages.append(data_row_head(len(body) + HEAD_BYTES - 1, len(row)) + body)
    return PostgresRows(command, columns, fields, b"".join(messages), len(cells))
