"""What a terminal shows, as far as it takes to read the line that is being typed.

The movements that line editors make are followed, colours are not. ECMA-48; xterm for private modes.
"""

import codecs
import re
import unicodedata

from hoopaddon.escapes import CONTROL_SEQUENCE, unfinished

type Place = tuple[int, int]
"""A line's number, counted from the first that was ever shown, and a column from 0."""

_TOKEN = re.compile(rf"{CONTROL_SEQUENCE}|[\x00-\x1f\x7f]|[^\x00-\x1f\x7f]+")
_CSI = re.compile(r"\x1b\[([<-?]?)([0-9;:]*)[ -/]*([@-~])\Z")
_FULL_SCREEN = re.compile(rb"\x1b\[\?(?:[0-9]+;)*(?:1049|1047|47)(?:;[0-9]+)*([hl])")
_FULL_SCREEN_MODES = frozenset({1049, 1047, 47})
_PASTE_MODE = 2004
# Of a great deal of text only the end can still be seen.
_MUCH_BYTES, _SEEN_BYTES = 1 << 14, 1 << 13
_MOST = 1000


class Screen:
    """A screen of `columns` by `rows`."""

    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        self.full_screen = False
        """Whether a program has taken the alternate screen."""
        self.brackets_paste = False
        self.events = 0
        """Counts what has come."""
        self.printed = ""
        """The last characters printed, wherever they stand."""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = b""
        self._top = self._row = self._column = 0
        self._saved = (0, 0)
        self._lines: list[list[str]] = []
        self._goes_on: list[bool] = []
        self.resize(columns, rows)

    def resize(self, columns: int, rows: int) -> None:
        """The window has another size now."""
        self._columns = min(max(columns, 2), _MOST)
        self._rows = min(max(rows, 2), _MOST)
        while len(self._lines) > self._rows:
            self._drop_first()
        while len(self._lines) < self._rows:
            self._lines.append([])
            self._goes_on.append(False)
        self._column = min(self._column, self._columns)

    @property
    def place(self) -> Place:
        """Where the cursor is."""
        return self._top + self._row, self._column

    def has_lost(self, place: Place) -> bool:
        """Whether a place has left the screen at its top."""
        return place[0] < self._top

    def before(self, place: Place) -> str:
        """What stands before a place on its line, which may be several rows of the screen."""
        row, column = place[0] - self._top, place[1]
        if not 0 <= row < self._rows:
            return ""
        first = self._first(row)
        rows = [self._filled(number) for number in range(first, row)]
        return "".join(rows) + "".join(self._padded(row, column))

    def between(self, start: Place, end: Place | None = None) -> str:
        """What stands between two places; without `end`, up to the end of the line."""
        row, column = start[0] - self._top, start[1]
        last = self._last(row) if end is None else end[0] - self._top
        if not 0 <= row <= last < self._rows:
            return ""
        texts = [self._filled(number) for number in range(row, last)]
        texts.append("".join(self._lines[last] if end is None else self._padded(last, end[1])))
        skipped = "".join(self._padded(row, column))
        return "".join(texts)[len(skipped) :]

    def line(self) -> str:
        """The whole line that the cursor is in."""
        return self.before((self._top + self._last(self._row), self._columns))

    def _first(self, row: int) -> int:
        while row > 0 and self._goes_on[row]:
            row -= 1
        return row

    def _last(self, row: int) -> int:
        while 0 <= row < self._rows - 1 and self._goes_on[row + 1]:
            row += 1
        return row

    def _padded(self, row: int, column: int) -> list[str]:
        cells = self._lines[row][:column]
        return cells + [" "] * (min(column, self._columns) - len(cells))

    def _filled(self, row: int) -> str:
        return "".join(self._padded(row, self._columns))

    # -- what comes

    def feed(self, data: bytes) -> None:
        """The target has sent this."""
        self.events += 1
        data = self._rest + data
        if len(data) > _MUCH_BYTES:
            for found in _FULL_SCREEN.finditer(data, 0, len(data) - _SEEN_BYTES):
                self.full_screen = found[1] == b"h"
            border = data.find(b"\n", len(data) - _SEEN_BYTES)
            data = data[border if border >= 0 else len(data) - _SEEN_BYTES :]
            self._top += self._rows
        whole = unfinished(data)
        self._rest = data[whole:]
        for token in _TOKEN.findall(self._decoder.decode(data[:whole])):
            if token[0] >= " " and token[0] != "\x7f":
                self._print(token)
            elif token[0] == "\x1b" and len(token) > 1:
                self._sequence(token)
            else:
                self._control(token)

    def _print(self, text: str) -> None:
        self.printed = (self.printed + text)[-256:]
        if text.isascii() and self._column + len(text) <= self._columns:
            cells = self._lines[self._row]
            if len(cells) < self._column:
                cells += [" "] * (self._column - len(cells))
            cells[self._column : self._column + len(text)] = text
            self._column += len(text)
            return
        for c in text:
            cells_wide = width(c)
            if not cells_wide:
                continue
            if self._column + cells_wide > self._columns:
                cells = self._lines[self._row]
                # A wide character that does not fit leaves a cell that is no blank.
                cells += [""] * (self._columns - len(cells))
                self._line_feed()
                self._column = 0
                self._goes_on[self._row] = True
            cells = self._lines[self._row]
            if len(cells) < self._column:
                cells += [" "] * (self._column - len(cells))
            cells[self._column : self._column + cells_wide] = [c, ""][:cells_wide]
            self._column += cells_wide

    def _control(self, c: str) -> None:
        match c:
            case "\r":
                self._column = 0
            case "\n" | "\x0b" | "\x0c":
                self._line_feed()
                self._goes_on[self._row] = False
            case "\b":
                # Behind the last column the cursor still stands on it.
                self._column = max(0, min(self._column, self._columns - 1) - 1)
            case "\t":
                self._column = min(self._columns - 1, self._column // 8 * 8 + 8)

    def _line_feed(self) -> None:
        if self._row < self._rows - 1:
            self._row += 1
            return
        self._drop_first()
        self._lines.append([])
        self._goes_on.append(False)
        self._row = self._rows - 1

    def _drop_first(self) -> None:
        del self._lines[0], self._goes_on[0]
        self._top += 1
        self._row = max(0, self._row - 1)

    # -- control sequences

    def _sequence(self, token: str) -> None:
        found = _CSI.match(token)
        if found is None:
            self._short(token[1:])
            return
        private, given, final = found.groups()
        numbers = [int(n[:4]) if n else 0 for n in given.replace(":", ";").split(";")]
        if private:
            if private == "?" and final in "hl":
                self._set_modes(numbers, on=final == "h")
        elif final in "JKPX@":
            self._edit(final, numbers[0])
        else:
            self._move(final, numbers)

    def _short(self, kind: str) -> None:
        match kind:
            case "7":
                self._saved = (self._row, self._column)
            case "8":
                self._row, self._column = min(self._saved[0], self._rows - 1), self._saved[1]
            case "M":
                self._row = max(0, self._row - 1)
            case "D" | "E":
                self._line_feed()
                self._column = 0 if kind == "E" else self._column
            case "c":
                self._clear(0, self._rows)
                self._row = self._column = 0
                self.full_screen = False

    def _set_modes(self, modes: list[int], *, on: bool) -> None:
        if _FULL_SCREEN_MODES & {*modes} and on is not self.full_screen:
            self.full_screen = on
            # A screen of its own, or the old one again: what is on it is not worth keeping here.
            self._top += self._rows
            self._clear(0, self._rows)
        if _PASTE_MODE in modes:
            self.brackets_paste = on

    def _move(self, final: str, numbers: list[int]) -> None:
        by = max(1, numbers[0])
        column = min(self._column, self._columns - 1)
        match final:
            case "A" | "F":
                self._row -= by
            case "B" | "E" | "e":
                self._row += by
            case "C" | "a":
                column += by
            case "D":
                column -= by
            case "G" | "`":
                column = by - 1
            case "d":
                self._row = by - 1
            case "H" | "f":
                self._row = by - 1
                column = max(1, numbers[1] if len(numbers) > 1 else 1) - 1
            case _:
                return
        if final in "EF":
            column = 0
        self._row = min(max(0, self._row), self._rows - 1)
        self._column = min(max(0, column), self._columns - 1)

    def _edit(self, final: str, number: int) -> None:
        cells, at, count = self._lines[self._row], min(self._column, self._columns - 1), max(1, number)
        match final:
            case "K":
                self._erase_in_line(number)
            case "J" if number == 0:
                self._erase_in_line(0)
                self._clear(self._row + 1, self._rows)
            case "J":
                self._clear(0, self._rows if number >= 2 else self._row)
            case "P":
                del cells[at : at + count]
            case "X":
                cells[at : at + count] = [" "] * min(count, max(0, len(cells) - at))
            case "@":
                cells[at:at] = [" "] * min(count, self._columns)
                del cells[self._columns :]

    def _erase_in_line(self, number: int) -> None:
        cells = self._lines[self._row]
        if number == 0:
            del cells[self._column :]
        elif number == 1:
            cells[: self._column + 1] = [" "] * min(len(cells), self._column + 1)
        else:
            cells.clear()

    def _clear(self, first: int, last: int) -> None:
        for row in range(first, last):
            self._lines[row].clear()
            self._goes_on[row] = False


def width(c: str) -> int:
    """How many cells a character takes."""
    if c < "\u0300":
        return 1
    if unicodedata.combining(c) or unicodedata.category(c) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(c) in ("W", "F") else 1
