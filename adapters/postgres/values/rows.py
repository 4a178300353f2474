"""A batch of DataRow messages as `Rows`: decoded when a policy asks, rewritten where it has edited.

A DataRow (documentation, section 54.7) is `D`, an int32 length, an int16 count of cells, and for each cell an int32
length, -1 for NULL, and its bytes.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import Any

from hoopaddon.adapters.postgres.protocol.encodings import UTF8
from hoopaddon.adapters.postgres.values.description import Field
from hoopaddon.adapters.postgres.values.splice import NULL_CELL, Edit, sized, splice
from hoopaddon.adapters.postgres.values.types.table import BUILT_IN
from hoopaddon.adapters.postgres.values.values import TEXT_FORMAT, Values, values_of
from hoopaddon.command import Command
from hoopaddon.errors import PeerError
from hoopaddon.rows import Column, Rows

_HEAD = struct.Struct("!BiH")
_LENGTH = struct.Struct("!i")
_DATA_ROW = ord("D")
_NULL = -1

MAX_TEXT_BYTES = 256 * 1024 * 1024
"""How much text a batch's binary values may become: ten bytes of numeric can be a hundred thousand digits."""

MAX_REMEMBERED = 256


class CellRows(Rows):
    """Rows whose cells lie in a buffer of messages, each cell with its length before it.

    `index` finds, row by row, where each cell begins and ends; a NULL ends before it begins. `encoding` is Python's
    name. Without `values`, a type that is not built in is known by its column's type name alone.
    """

    __slots__ = ("_cells", "_data", "_encoding", "_ends", "_fields", "_fits", "_known", "_messages", "_starts")

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
        self._messages: list[int] = []
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._cells: dict[int, bytes] = {}
        """Replaced cells, with their length, by their number in the buffer."""
        self._fits: dict[int, dict[str | None, bytes]] = {}
        """By column, what texts have become as cells: a mask is often the same one again."""

    def __deepcopy__(self, memo: dict[int, Any]) -> "CellRows":
        """A copy to edit apart: what is never changed in place is shared."""
        twin = object.__new__(type(self))
        for slots in (getattr(kind, "__slots__", ()) for kind in type(self).__mro__):
            for name in slots:
                object.__setattr__(twin, name, getattr(self, name))
        twin._columns_text = {column: list(texts) for column, texts in self._columns_text.items()}
        twin._fits = {}
        twin._cells = dict(self._cells)
        return twin

    def index(self) -> None:
        """Find every cell. Raises `PeerError` for messages that are not what they say."""
        raise NotImplementedError

    @property
    def _values(self) -> Values:
        if self._known is None:
            pairs = zip(self._fields, self.columns, strict=True)
            names = tuple((field.type_oid, column.type) for field, column in pairs if field.type_oid not in BUILT_IN)
            self._known = values_of(self._encoding, names)
        return self._known

    # -- reading

    @property
    def haystack(self) -> bytes:
        fields = self._fields
        if self._encoding != UTF8 and not self._data.isascii():
            hidden: Sequence[int] = range(len(fields))
        else:
            hidden = [i for i, f in enumerate(fields) if f.format and not self._values.visible(f.type_oid, f.format)]
        data = b"".join((self._data, *self._cells.values())) if self._cells else self._data
        if not hidden:
            return data
        texts = "\0".join([text for column in hidden for text in self.texts(column) if text])
        return b"\0".join((data, texts.encode()))

    def texts(self, column: int) -> list[str | None]:
        texts = self._columns_text.get(column)
        if texts is None:
            if not 0 <= column < len(self._fields):
                raise IndexError(column)
            texts = self._columns_text[column] = self._decode(column)
        return texts

    def _spans(self, column: int) -> Iterator[tuple[int, int]]:
        if not self._messages and self._size:
            self.index()
        width = len(self._fields)
        return zip(self._starts[column::width], self._ends[column::width], strict=True)

    def _decode(self, column: int) -> list[str | None]:
        data, field = self._data, self._fields[column]
        if field.format == TEXT_FORMAT:
            encoding = self._encoding
            return [
                None if end < start else str(data[start:end], encoding, "backslashreplace")
                for start, end in self._spans(column)
            ]
        texts: list[str | None] = []
        size = 0
        for start, end in self._spans(column):
            text = None if end < start else self._binary_text(field.type_oid, data[start:end])
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
        texts = self._columns_text.get(column) or self.texts(column)
        if text == texts[row]:
            return
        if row < 0:
            row += self._size
        fits = self._fits.get(column)
        if fits is None:
            fits = self._fits[column] = {None: sized(None)}
        cell = fits.get(text)
        if cell is None:
            cell = sized(self._fitting(row, column, text or ""))
            if len(fits) < MAX_REMEMBERED and not self._values.depends_on_original(self._fields[column].type_oid):
                fits[text] = cell
        texts[row] = None if cell == NULL_CELL else text
        self._cells[row * len(self._fields) + column] = cell

    def _fitting(self, row: int, column: int, text: str) -> bytes | None:
        """The text as a cell in the place of the one that the server sent; None where it does not fit."""
        field = self._fields[column]
        start, end = self._span(row, column)
        original = None if end < start else self._data[start:end]
        return self._values.from_text(field.type_oid, text, field.format, original, field.type_modifier)

    def _span(self, row: int, column: int) -> tuple[int, int]:
        if not self._messages:
            self.index()
        number = row * len(self._fields) + column
        return self._starts[number], self._ends[number]

    def wire(self) -> bytes:
        """The messages as the client gets them."""
        if not self._cells:
            return self._data
        return splice(self._data, self._edits())

    def _edits(self) -> list[Edit]:
        width, messages, starts, ends = len(self._fields), self._messages, self._starts, self._ends
        edits = []
        for number, cell in sorted(self._cells.items()):
            start, end = starts[number], ends[number]
            edits.append((messages[number // width], start - 4, end if end > start else start, cell))
        return edits


class PostgresRows(CellRows):
    """Consecutive DataRow messages of one result."""

    __slots__ = ()

    def index(self) -> None:
        try:
            self._messages, self._starts, self._ends = index_rows(self._data, len(self._fields), self._size)
        except struct.error:
            raise PeerError("server", "a row ends before its cells") from None


def index_rows(data: bytes, width: int, count: int) -> tuple[list[int], list[int], list[int]]:
    """Where each message begins, and each cell begins and ends, in `count` DataRows of `width` cells."""
    messages: list[int] = []
    starts: list[int] = []
    ends: list[int] = []
    head, length_at = _HEAD.unpack_from, _LENGTH.unpack_from
    add_start, add_end = starts.append, ends.append
    position, size = 0, len(data)
    cells = range(width)
    while position < size:
        kind, length, found = head(data, position)
        if kind != _DATA_ROW or found != width:
            raise PeerError("server", "a row that is not what its description announced")
        messages.append(position)
        end = position + 1 + length
        at = position + 7
        for _ in cells:
            (length,) = length_at(data, at)
            at += 4
            add_start(at)
            if length >= 0:
                at += length
                add_end(at)
            elif length == _NULL:
                add_end(_NULL)
            else:
                raise PeerError("server", "a cell of a negative length")
        if at != end or end > size:
            raise PeerError("server", "a row whose cells do not fill it")
        position = end
    if len(messages) != count:
        raise PeerError("server", "a batch of another number of rows")
    return messages, starts, ends


def rows_of(command: Command, columns: Sequence[Column], cells: Sequence[Sequence[str | None]]) -> PostgresRows:
    """A batch made of texts, for where there is no server. A type that is not built in counts as text."""
    oids = {found.name: found.oid for found in BUILT_IN.values()}
    text_oid = oids["text"]
    fields = [Field(column.name, 0, 0, oids.get(column.type, text_oid), -1, -1, TEXT_FORMAT) for column in columns]
    messages = []
    for row in cells:
        body = b"".join(sized(None if text is None else text.encode()) for text in row)
        messages.append(_HEAD.pack(_DATA_ROW, len(body) + 6, len(row)) + body)
    return PostgresRows(command, columns, fields, b"".join(messages), len(cells))
