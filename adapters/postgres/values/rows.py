"""A batch of DataRow messages as `Rows`: decoded where a policy asks, rewritten where it has edited.

A DataRow (documentation, section 54.7) is `D`, an int32 length, an int16 count of cells, and for each cell an int32
length, -1 for NULL, and its bytes.
"""

from collections.abc import Sequence

from mypy_extensions import mypyc_attr

from hoopaddon.adapters.postgres.protocol.encodings import UTF8
from hoopaddon.adapters.postgres.values.buffer import BufferRows, Cells
from hoopaddon.adapters.postgres.values.cells import (
    HEAD_BYTES,
    NULL_CELL,
    Fit,
    cell_texts,
    data_row_head,
    data_row_starts,
    data_rows,
    sized,
    split_cells,
    split_columns,
)
from hoopaddon.adapters.postgres.values.description import Field
from hoopaddon.adapters.postgres.values.types.table import BUILT_IN
from hoopaddon.adapters.postgres.values.values import TEXT_FORMAT, Values, values_of
from hoopaddon.command import Command
from hoopaddon.errors import PeerError
from hoopaddon.rows import Column

MAX_TEXT_BYTES = 256 * 1024 * 1024
"""How much text a batch's binary values may become: ten bytes of numeric can be a hundred thousand digits."""


@mypyc_attr(allow_interpreted_subclasses=True, serializable=True)
class CellRows(BufferRows):
    """Rows whose cells have their lengths before them, as DataRow and binary COPY have it.

    Without `values`, a type that is not built in is known by its column's type name alone.
    """

    _attributes = (*BufferRows._attributes, "_fields", "_hidden_columns", "_known")

    __slots__ = ("_fields", "_hidden_columns", "_known")

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
        super().__init__(command, columns, data, count, encoding)
        self._fields = fields
        self._known = values
        self._hidden_columns: Sequence[int] | None = None

    @property
    def _values(self) -> Values:
        if self._known is None:
            pairs = zip(self._fields, self.columns, strict=True)
            names = tuple((field.type_oid, column.type) for field, column in pairs if field.type_oid not in BUILT_IN)
            self._known = values_of(self._encoding, names)
        return self._known

    def _split(self, row: int) -> Cells:
        begin, end = self._bounds(row)
        return split_cells(self._data, begin, end, len(self._fields))

    def _join(self, cells: Cells) -> bytes:
        return b"".join(cells)

    # -- searching

    def _hidden(self) -> Sequence[int]:
        if self._hidden_columns is None:
            fields = self._fields
            if self._encoding != UTF8 and not self._data.isascii():
                self._hidden_columns = range(len(fields))
            else:
                self._hidden_columns = [
                    i for i, f in enumerate(fields) if f.format and not self._values.visible(f.type_oid, f.format)
                ]
        return self._hidden_columns

    def _hides(self, column: int) -> bool:
        return column in self._hidden()

    def _unseen(self) -> Sequence[tuple[int, str]]:
        hidden = self._hidden()
        return [(row, text) for column in hidden for row, text in enumerate(self.texts(column)) if text]

    # -- reading and writing

    def _decode(self, column: int, cells: Cells) -> list[str | None]:
        field = self._fields[column]
        if field.format == TEXT_FORMAT:
            return cell_texts(cells, self._encoding)
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

    def _encode(self, row: int, column: int, text: str | None) -> Fit:
        if text is None:
            return NULL_CELL, None
        field, sent = self._fields[column], self._row(row)[column]
        original = None if sent == NULL_CELL else sent[4:]
        cell = self._values.from_text(field.type_oid, text, field.format, original, field.type_modifier)
        return sized(cell), None if cell is None else text

    def _depends_on_sent(self, column: int) -> bool:
        return self._values.depends_on_original(self._fields[column].type_oid)


class PostgresRows(CellRows):
    """Consecutive DataRow messages of one result."""

    __slots__ = ()

    def _find_messages(self) -> list[int]:
        return data_row_starts(self._data, len(self._fields), self._size)

    def _bounds(self, row: int) -> tuple[int, int]:
        starts = self._starts()
        return starts[row] + HEAD_BYTES, starts[row + 1] if row + 1 < self._size else len(self._data)

    def _split_all(self) -> Sequence[Cells]:
        return split_columns(self._data, self._starts(), len(self._fields)) or super()._split_all()

    def _assemble(self, columns: list[list[bytes]]) -> bytes:
        return data_rows(columns)


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
