"""Rows in a buffer of the server's messages: split and decoded where a policy asks, made anew where it has edited."""

import struct
from collections.abc import Iterable, Sequence
from typing import Any, Self

from mypy_extensions import mypyc_attr

from hoopaddon.adapters.postgres.protocol.encodings import UTF8
from hoopaddon.adapters.postgres.values.cells import Fit, Fits, chosen, with_edits
from hoopaddon.command import Command
from hoopaddon.rows import Column, Rows, Search, joined_parts

_LENGTH = struct.Struct("!i")

MAX_REMEMBERED = 256

_FEW = 16
"""One row in so many is worth splitting by itself; of more, all are split."""

type Cells = Sequence[bytes]
"""Cells in the form that they have in the messages."""


@mypyc_attr(allow_interpreted_subclasses=True, serializable=True)
class BufferRows(Rows):
    """Rows of which each lies in a message. `encoding` is Python's name.

    A subclass says where rows are, how they are split, and what their cells mean. Whatever looks at the bytes
    raises `PeerError` for messages that are not what they say.
    """

    _attributes = (*Rows._attributes, "_cells", "_data", "_encoding", "_fits", "_messages", "_sent", "_single")

    __slots__ = ("_cells", "_data", "_encoding", "_fits", "_messages", "_sent", "_single")

    def __init__(
        self, command: Command, columns: Sequence[Column], data: bytes, count: int, encoding: str = UTF8
    ) -> None:
        super().__init__(command, columns)
        self._size = count
        self._data = data
        self._encoding = encoding
        self._messages: Sequence[int] | None = None
        self._sent: Sequence[Cells] | None = None
        """Every column's cells, once most of them were asked for."""
        self._single: dict[int, Cells] = {}
        """Rows that were split before that."""
        self._cells: dict[int, dict[int, bytes]] = {}
        """By column and row, what stands in the place of a cell that was sent."""
        self._fits: dict[int, dict[str | None, Fit]] = {}
        """By column, what texts have become as cells: a mask is often the same one again."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        twin = super().__deepcopy__(memo)
        twin._fits = {}
        twin._single = dict(self._single)
        twin._cells = {column: dict(cells) for column, cells in self._cells.items()}
        return twin

    # -- for subclasses

    def _find_messages(self) -> Sequence[int]:
        """The offset of each row's message."""
        raise NotImplementedError

    def _bounds(self, row: int) -> tuple[int, int]:
        """Where in its message the row begins and ends."""
        raise NotImplementedError

    def _split(self, row: int) -> Cells:
        raise NotImplementedError

    def _split_all(self) -> Sequence[Cells]:
        """All cells, column by column."""
        if not self._size:
            return [()] * len(self.columns)
        return list(zip(*map(self._split, range(self._size)), strict=True))

    def _join(self, cells: Cells) -> bytes:
        raise NotImplementedError

    def _decode(self, column: int, cells: Cells) -> list[str | None]:
        raise NotImplementedError

    def _encode(self, row: int, column: int, text: str | None) -> Fit:
        """The text as a cell that stands in the place of the row's."""
        raise NotImplementedError

    def _depends_on_sent(self, column: int) -> bool:
        """Whether a text's cell depends on the cell whose place it takes."""
        raise NotImplementedError

    def _hides(self, column: int) -> bool:
        """Whether a text of the column may occur in the data otherwise than unbroken and in UTF-8."""
        raise NotImplementedError

    def _unseen(self) -> Sequence[tuple[int, str]]:
        """The texts that occur so, each with its row."""
        raise NotImplementedError

    def _assemble(self, columns: list[list[bytes]]) -> bytes | None:
        """Messages made of all cells; None where there is more to the data than the rows."""
        return None

    # -- where things are

    def _starts(self) -> Sequence[int]:
        if self._messages is None:
            self._messages = self._find_messages()
        return self._messages

    def _columns(self) -> Sequence[Cells]:
        if self._sent is None:
            self._sent = self._split_all()
        return self._sent

    def _row(self, row: int) -> Cells:
        """The row's cells as they were sent."""
        if self._sent is not None:
            return [cells[row] for cells in self._sent]
        cells = self._single.get(row)
        if cells is None:
            cells = self._single[row] = self._split(row)
        return cells

    def _edited_rows(self) -> set[int]:
        return {row for cells in self._cells.values() for row in cells}

    # -- searching

    @property
    def haystack(self) -> bytes:
        unseen = self._unseen()
        if not unseen and not self._cells:
            return self._data
        texts = [self.text(row, column) for column, cells in self._cells.items() for row in cells]
        texts += [text for _, text in unseen]
        return b"\0".join((self._data, "\0".join(filter(None, texts)).encode("utf-8", "surrogatepass")))

    def haystack_of(self, column: int) -> bytes:
        if column in self._cells or self._hides(column):
            return super().haystack_of(column)
        return b"\0".join(self._columns()[column])

    def suspects(self, search: Search) -> Sequence[int]:
        found = search(self._data, [0, *self._starts()[1:]])
        if found is None:
            return range(self._size)
        rows = self._edited_rows().union(found)
        if unseen := self._unseen():
            found = search(*joined_parts(text for _, text in unseen))
            rows.update(row for row, _ in unseen) if found is None else rows.update(unseen[i][0] for i in found)
        return sorted(rows)

    # -- reading

    def _place(self, row: int, column: int) -> int:
        """The row's number from the start. Raises IndexError for a cell that there is not."""
        if not (0 <= column < len(self.columns) and -self._size <= row < self._size):
            raise IndexError(row, column)
        return row % self._size

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

    def texts(self, column: int) -> list[str | None]:
        texts = self._columns_text.get(column)
        if texts is None:
            if not 0 <= column < len(self.columns):
                raise IndexError(column)
            texts = self._columns_text[column] = self._decode(column, self._columns()[column])
            for row in self._cells.get(column, ()):
                texts[row] = self._replaced[row, column]
        return texts

    # -- editing

    @property
    def edited(self) -> bool:
        return bool(self._cells)

    def _put(self, row: int, column: int, text: str | None) -> None:
        if text != self.text(row, column):
            self._put_all(column, (self._place(row, column),), (text,))

    def _put_all(self, column: int, rows: Sequence[int], texts: Sequence[str | None]) -> None:
        if not rows:
            return
        cells, shown = self._fitted(column, rows, texts)
        self._cells.setdefault(column, {}).update(zip(rows, cells, strict=True))
        now = self._columns_text.get(column)
        if now is None:
            self._replaced.update(zip(((row, column) for row in rows), shown, strict=True))
        elif len(rows) == self._size:
            now[:] = shown
        else:
            for row, text in zip(rows, shown, strict=True):
                now[row] = text

    def _fitted(self, column: int, rows: Sequence[int], texts: Sequence[str | None]) -> Fits:
        """Each text as `_encode` gives it."""
        fits = self._fits.setdefault(column, {})
        if not self._depends_on_sent(column):
            new = set(texts).difference(fits)
            if len(fits) + len(new) <= MAX_REMEMBERED:
                fits.update((text, self._encode(rows[0], column, text)) for text in new)
                return chosen(texts, fits)
        found = [self._encode(row, column, text) for row, text in zip(rows, texts, strict=True)]
        return [cell for cell, _ in found], [shown for _, shown in found]

    def wire(self) -> bytes:
        """The messages as the client gets them."""
        if not self._cells:
            return self._data
        most = max(map(len, self._cells.values()))
        whole = self._rebuilt(self._sent) if self._sent is not None and most * 4 > self._size else None
        return self._spliced(sorted(self._edited_rows())) if whole is None else whole

    def _rebuilt(self, sent: Sequence[Cells]) -> bytes | None:
        """All messages made anew, column by column; None where that is not possible."""
        edited = self._cells
        return self._assemble(
            [with_edits(cells, edited[i]) if i in edited else list(cells) for i, cells in enumerate(sent)]
        )

    def _spliced(self, rows: Iterable[int]) -> bytes:
        """The messages with these rows made anew; every other byte stays as it came."""
        data, starts, edits = self._data, self._starts(), self._cells.items()
        out: list[bytes] = []
        kept = 0
        for row in rows:
            begin, end = self._bounds(row)
            length_at = starts[row] + 1
            cells = list(self._row(row))
            for column, edited in edits:
                if row in edited:
                    cells[column] = edited[row]
            body = self._join(cells)
            length = _LENGTH.unpack_from(data, length_at)[0] + len(body) - (end - begin)
            out += data[kept:length_at], _LENGTH.pack(length), data[length_at + 4 : begin], body
            kept = end
        out.append(data[kept:])
        return b"".join(out)
