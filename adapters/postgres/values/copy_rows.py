"""Lines of COPY's text and CSV formats as `Rows`."""

from collections.abc import Callable, Sequence
from typing import Any

from hoopaddon.adapters.postgres.protocol.encodings import UTF8
from hoopaddon.adapters.postgres.values.copy_text import LineGrammar
from hoopaddon.adapters.postgres.values.splice import Edit, splice
from hoopaddon.adapters.postgres.values.values import TEXT_FORMAT, values_of
from hoopaddon.command import Command
from hoopaddon.errors import PeerError
from hoopaddon.rows import Column, Rows

type Span = tuple[int, int, int]
"""The offset of a CopyData message, and the offsets of the row in it."""


class CopyLineRows(Rows):
    """Consecutive rows of one COPY in text or CSV format.

    `types` are the columns' OIDs; 0 stands for a type that is not known, which takes any text: what reads the data
    has no type for it either.
    """

    __slots__ = ("_cells", "_data", "_encoding", "_grammar", "_parts", "_spans", "_types")

    def __init__(
        self,
        command: Command,
        columns: Sequence[Column],
        data: bytes,
        spans: list[Span],
        grammar: LineGrammar,
        types: Sequence[int],
        encoding: str = UTF8,
    ) -> None:
        super().__init__(command, columns)
        self._size = len(spans)
        self._data = data
        self._spans = spans
        self._grammar = grammar
        self._types = types
        self._encoding = encoding
        self._parts: list[list[bytes]] = []
        self._cells: dict[tuple[int, int], bytes] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> "CopyLineRows":
        """A copy to edit apart: what is never changed in place is shared."""
        twin = CopyLineRows(
            self.command, self.columns, self._data, self._spans, self._grammar, self._types, self._encoding
        )
        twin._parts = self._parts
        twin._columns_text = {column: list(texts) for column, texts in self._columns_text.items()}
        twin._cells = dict(self._cells)
        return twin

    @property
    def haystack(self) -> bytes:
        data = b"\0".join((self._data, *self._cells.values())) if self._cells else self._data
        if self._encoding != UTF8 and not data.isascii():
            hidden = self.texts
        elif self._grammar.broken(data):
            hidden = self._broken_texts
        else:
            return data
        found = "\0".join([text for column in range(len(self.columns)) for text in hidden(column) if text])
        return b"\0".join((data, found.encode()))

    def _broken_texts(self, column: int) -> list[str | None]:
        broken = self._grammar.broken
        return [text for text, parts in zip(self.texts(column), self._split(), strict=True) if broken(parts[column])]

    def texts(self, column: int) -> list[str | None]:
        texts = self._columns_text.get(column)
        if texts is None:
            if not 0 <= column < len(self.columns):
                raise IndexError(column)
            decode: Callable[[bytes], str | None] = self._grammar.decode
            texts = self._columns_text[column] = [decode(parts[column]) for parts in self._split()]
        return texts

    def _split(self) -> list[list[bytes]]:
        if not self._parts:
            data, split, width = self._data, self._grammar.split, len(self.columns)
            try:
                self._parts = [
                    split(data[begin : end - 1 if data[end - 1] == _NEWLINE else end])
                    for _, begin, end in self._spans
                ]
            except ValueError:
                raise PeerError("server", "a row of COPY data with a quote that is never closed") from None
            if any(len(parts) != width for parts in self._parts):
                raise PeerError("server", "a row of COPY data with another number of columns")
        return self._parts

    @property
    def edited(self) -> bool:
        return bool(self._cells)

    def _put(self, row: int, column: int, text: str | None) -> None:
        texts = self.texts(column)
        if text == texts[row]:
            return
        row %= self._size
        old = self._parts[row][column]
        cell = self._fitting(column, text, old)
        texts[row] = None if cell is None else text
        self._cells[row, column] = self._grammar.encode(None, old) if cell is None else cell

    def _fitting(self, column: int, text: str | None, old: bytes) -> bytes | None:
        """The text as a cell in the place of the one that the server sent; None where it does not fit."""
        if text is None or "\0" in text:
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

    def wire(self) -> bytes:
        """The CopyData messages as the client gets them."""
        if not self._cells:
            return self._data
        edits: list[Edit] = []
        rows: dict[int, list[bytes]] = {}
        for (row, column), cell in self._cells.items():
            if row not in rows:
                rows[row] = list(self._parts[row])
            rows[row][column] = cell
        for row in sorted(rows):
            message, begin, end = self._spans[row]
            end -= self._data[end - 1] == _NEWLINE
            edits.append((message, begin, end, self._grammar.delimiter.join(rows[row])))
        return splice(self._data, edits)


_NEWLINE = 0x0A
