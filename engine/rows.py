"""A batch of rows on its way to the client."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hoopaddon.command import Command


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
        return self._rows.texts(self._position(key))[self._index]

    def __setitem__(self, key: int | str, text: str | None) -> None:
        self._rows.replace(self._index, self._position(key), text)

    def __iter__(self) -> Iterator[str | None]:
        return (self._rows.texts(column)[self._index] for column in range(len(self._rows.columns)))

    def __len__(self) -> int:
        return len(self._rows.columns)


class Rows:
    """Consecutive rows of one result. Cells are read and replaced as text, whatever the wire format.

    A replacement that does not fit the column's type reaches the client as NULL. Adapters subclass this to
    decode only what is asked for; `Rows` itself holds its cells in memory.
    """

    __slots__ = ("_columns_text", "_replaced", "_size", "columns", "command", "read_only")

    def __init__(
        self, command: Command, columns: Sequence[Column], cells: Sequence[Sequence[str | None]] = ()
    ) -> None:
        self.command = command
        self.columns = tuple(columns)
        self.read_only = False
        self._size = len(cells)
        self._columns_text: dict[int, list[str | None]] = (
            {i: [row[i] for row in cells] for i in range(len(self.columns))} if cells else {}
        )
        self._replaced: dict[tuple[int, int], str | None] = {}

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
        return b"\0".join(text.encode() for column in range(len(self.columns)) for text in self.texts(column) if text)

    def texts(self, column: int) -> list[str | None]:
        """The column's cells as they stand now, one per row. The list is for reading."""
        return self._columns_text[column]

    def replace(self, row: int, column: int, text: str | None) -> None:
        """Put `text` (None: NULL) where the client would have seen the cell. Raises TypeError for an observer."""
        if self.read_only:
            raise TypeError("an observer sees what the client sees; it cannot change it")
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
