"""A batch of rows on its way to the client."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, compress
from operator import ne
from typing import Any, ClassVar, Self

from mypy_extensions import mypyc_attr

from hoopaddon.command import Command

type Search = Callable[[bytes, Sequence[int]], Collection[int] | None]
"""Takes bytes and the offsets at which their parts begin; gives which parts matter, None for all."""


@dataclass(frozen=True, slots=True)
class Column:
    """A result's column: the name the client sees, its type, and the table and column it was read from.

    `table` (as `schema.table`) and `source` are empty where the target does not say, for an expression for
    example. Where `settled` is false there is such a table, and the gateway does not know yet which.
    """

    name: str
    type: str = "text"
    table: str = ""
    source: str = ""
    settled: bool = True


class Row:
    """One row of a batch: a cell is text or None, read and assigned by position or by column name."""

    __slots__ = ("_index", "_rows")

    def __init__(self, rows: "Rows", index: int) -> None:
        self._rows = rows
        self._index = index

    def _position(self, key: int | str) -> int:
        return self._rows.position(key) if isinstance(key, str) else key

    def __getitem__(self, key: int | str) -> str | None:
        return self._rows.text(self._index, self._position(key))

    def __setitem__(self, key: int | str, text: str | None) -> None:
        self._rows.replace(self._index, self._position(key), text)

    def __iter__(self) -> Iterator[str | None]:
        return (self._rows.text(self._index, column) for column in range(len(self._rows.columns)))

    def __len__(self) -> int:
        return len(self._rows.columns)


@mypyc_attr(allow_interpreted_subclasses=True, serializable=True)
class Rows:
    """Consecutive rows of one result. Cells are read and replaced as text, whatever the wire format.

    A replacement that does not fit the column's type reaches the client as NULL. Adapters subclass this to
    decode only what is asked for; `Rows` itself holds its cells in memory.
    """

    _attributes: ClassVar[tuple[str, ...]] = (
        "_columns_text",
        "_replaced",
        "_size",
        "columns",
        "command",
        "read_only",
    )
    """What a copy has to have: a compiled class shows no __slots__. A subclass adds its own."""

    __slots__ = ("_columns_text", "_replaced", "_size", "columns", "command", "read_only")

    def __init__(
        self, command: Command, columns: Sequence[Column], cells: Sequence[Sequence[str | None]] = ()
    ) -> None:
        self.command = command
        self.columns: tuple[Column, ...] = tuple(columns)
        self.read_only = False
        self._size = len(cells)
        self._columns_text: dict[int, list[str | None]] = (
            {i: [row[i] for row in cells] for i in range(len(self.columns))} if cells else {}
        )
        self._replaced: dict[tuple[int, int], str | None] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """A copy to edit apart: what is never changed in place is shared."""
        kind = type(self)
        twin = kind.__new__(kind)
        for name in kind._attributes:
            setattr(twin, name, getattr(self, name))
        for name, value in getattr(self, "__dict__", {}).items():
            setattr(twin, name, value)
        twin._columns_text = {column: list(texts) for column, texts in self._columns_text.items()}
        twin._replaced = dict(self._replaced)
        return twin

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Row]:
        return (Row(self, index) for index in range(len(self)))

    def __getitem__(self, index: int) -> Row:
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return Row(self, index % len(self))

    def position(self, name: str) -> int:
        """The position of the first column of this name; KeyError without one."""
        for index, column in enumerate(self.columns):
            if column.name == name:
                return index
        raise KeyError(name)

    @property
    def haystack(self) -> bytes:
        """Bytes in which every cell's text occurs unbroken, for a search before any cell is decoded.

        What stands between the cells is arbitrary: a pattern for the haystack must not rely on it (no
        anchors, no word boundaries), and a hit only means that the cells are worth a look.
        """
        return b"\0".join(
            text.encode("utf-8", "surrogatepass")
            for column in range(len(self.columns))
            for text in self.texts(column)
            if text
        )

    def haystack_of(self, column: int) -> bytes:
        """The same for the cells of one column."""
        return b"\0".join([text.encode("utf-8", "surrogatepass") for text in self.texts(column) if text])

    def suspects(self, search: Search) -> Sequence[int]:
        """The rows that a search of the haystack, row by row, finds: for `Prefilter.parts`."""
        rows = range(self._size)
        texts = [self.texts(column) for column in range(len(self.columns))]
        found = search(*joined_parts("\0".join(filter(None, cells)) for cells in zip(*texts, strict=True)))
        return rows if found is None else sorted(found)

    def text(self, row: int, column: int) -> str | None:
        """One cell as it stands now."""
        return self.texts(column)[row]

    def texts(self, column: int) -> list[str | None]:
        """The column's cells as they stand now, one per row. The list is for reading."""
        return self._columns_text[column]

    def replace(self, row: int, column: int, text: str | None) -> None:
        """Put `text` (None: NULL) where the client would have seen the cell. Raises TypeError for an observer."""
        if self.read_only:
            raise TypeError("an observer sees what the client sees; it cannot change it")
        self._put(row, column, text)

    def rewrite(self, column: int, texts: Sequence[str | None]) -> None:
        """Replace the column's cells by these, one per row; those that are the same stay as they are."""
        if self.read_only:
            raise TypeError("an observer sees what the client sees; it cannot change it")
        if len(texts) != self._size:
            raise ValueError("a column has one text for each row")
        now = self.texts(column)
        changed = list(compress(range(self._size), map(ne, now, texts)))
        self._put_all(column, changed, texts if len(changed) == self._size else [texts[row] for row in changed])

    def _put_all(self, column: int, rows: Sequence[int], texts: Sequence[str | None]) -> None:
        for row, text in zip(rows, texts, strict=True):
            self._put(row, column, text)

    def _put(self, row: int, column: int, text: str | None) -> None:
        self.texts(column)[row] = text
        self._replaced[row, column] = text

    @property
    def edited(self) -> bool:
        """Whether any cell was replaced."""
        return bool(self._replaced)

    @property
    def cells(self) -> list[list[str | None]]:
        """All cells as they stand now, row by row."""
        columns = [self.texts(column) for column in range(len(self.columns))]
        return [list(row) for row in zip(*columns, strict=True)] if columns else [[] for _ in range(len(self))]


def joined_parts(texts: Iterable[str]) -> tuple[bytes, list[int]]:
    """The texts one after the other, in UTF-8, and where each begins: what a `Search` takes."""
    parts = [text.encode("utf-8", "surrogatepass") for text in texts]
    ends = accumulate((len(part) + 1 for part in parts), initial=0)
    return b"\0".join(parts), [end for end, _ in zip(ends, parts, strict=False)] or [0]
