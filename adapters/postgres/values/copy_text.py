"""The lines of COPY's text and CSV formats: cells out of a line, and text into a cell."""

import re
from collections.abc import Iterator, Sequence
from typing import Protocol

from hoopaddon.adapters.postgres.protocol.encodings import UTF8, ascii_only
from hoopaddon.adapters.postgres.values.copy_format import CopyFormat
from hoopaddon.adapters.postgres.values.lines import cut_lines
from hoopaddon.errors import PeerError

_LETTERS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ESCAPED = re.compile(r"\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|(.))", re.DOTALL)
_TO_ESCAPE = {ord(meant): f"\\{letter}" for letter, meant in _LETTERS.items()} | {ord("\\"): "\\\\"}
_BACKSLASH = ord("\\")
_NONE = -1
"""No byte."""


class LineGrammar(Protocol):
    """How the lines of one COPY are made."""

    delimiter: bytes
    depends_on_old: bool
    """Whether a text's cell depends on the cell whose place it takes."""

    def row_end(self, data: bytes, at: int) -> int:
        """Where the row that goes on at `at` ends, its newline included; -1 if not in this data.

        Keeps in mind what the data leaves open.
        """
        ...

    def ends_at_newlines(self, lines: bytes) -> bool:
        """Whether these lines, of which the first is a row's beginning, certainly are a row each."""
        ...

    def split(self, line: bytes) -> list[bytes]:
        """The cells of a line without its newline, each as it stands."""
        ...

    def decode(self, cell: bytes) -> str | None:
        """The cell's text; None for NULL."""
        ...

    def decode_all(self, cells: Sequence[bytes]) -> list[str | None]:
        """The texts of many cells."""
        ...

    def encode(self, text: str | None, old: bytes) -> bytes:
        """The text (None: NULL) as a cell in the place of another. Raises UnicodeError where it cannot be."""
        ...

    def breaks(self, data: bytes) -> Iterator[int]:
        """The places at which a cell's text may occur in the data otherwise than unbroken."""
        ...

    def broken(self, data: bytes) -> bool:
        """Whether there is such a place."""
        ...

    def plain(self, lines: bytes) -> bool:
        """Whether a delimiter in these lines always stands between two cells."""
        ...

    def cut(self, data: bytes, starts: Sequence[int], width: int) -> Sequence[Sequence[bytes]] | None:
        """The columns of messages that are a line each, where it is certain that every delimiter stands so."""
        ...


class TextGrammar:
    """COPY's own format: a delimiter between cells, and a backslash before what would be taken for one."""

    depends_on_old = False

    def __init__(self, format: CopyFormat) -> None:
        self._encoding = format.encoding
        self.delimiter = format.delimiter.encode(format.encoding)
        self._null = format.null.encode(format.encoding)
        self._escaped_delimiter = b"\\" + self.delimiter
        mark = re.escape(self.delimiter)
        self._cell = re.compile(rb"((?:[^\\%b]++|\\(?s:.))*+)%b" % (mark, mark))
        self._special = re.compile(rf"[\\\b\f\n\r\t\v{re.escape(format.delimiter)}]")
        self._to_escape = _TO_ESCAPE | {
            ord(format.delimiter): _TO_ESCAPE.get(ord(format.delimiter)) or f"\\{format.delimiter}"
        }
        # Where NULL is not spelt so, N may be a delimiter, and a backslash before one breaks a text as any other.
        self._harmless = ord("N") if format.null == "\\N" else _NONE
        self._broken = re.compile(rb"\\(?!N)" if format.null == "\\N" else rb"\\")

    def row_end(self, data: bytes, at: int) -> int:
        return data.find(b"\n", at) + 1 or -1

    def ends_at_newlines(self, lines: bytes) -> bool:
        return True

    def split(self, line: bytes) -> list[bytes]:
        plain = ascii_only(line, self._encoding)
        if plain is line and self._escaped_delimiter not in line:
            return line.split(self.delimiter)
        return _cut(line, plain, self._cell, self.delimiter)

    def decode(self, cell: bytes) -> str | None:
        if cell == self._null:
            return None
        text = cell.decode(self._encoding, "replace")
        return _ESCAPED.sub(_unescaped, text) if "\\" in text else text

    def decode_all(self, cells: Sequence[bytes]) -> list[str | None]:
        joined = b"\n".join(cells)
        escapes = joined.count(b"\\")
        # A cell that is NULL's spelling is one, whatever it would mean otherwise.
        plain = not escapes or escapes == cells.count(self._null) * self._null.count(b"\\")
        texts = _decode_lines(joined, cells, self._encoding, self._null) if plain else None
        return list(map(self.decode, cells)) if texts is None else texts

    def encode(self, text: str | None, old: bytes) -> bytes:
        if text is None:
            return self._null
        if self._special.search(text):
            text = text.translate(self._to_escape)
        return text.encode(self._encoding)

    def breaks(self, data: bytes) -> Iterator[int]:
        # Nearly all data has no backslash at all, and that is seen much faster.
        return (found.start() for found in self._broken.finditer(data)) if b"\\" in data else iter(())

    def broken(self, data: bytes) -> bool:
        return b"\\" in data and self._broken.search(data) is not None

    def plain(self, lines: bytes) -> bool:
        return not self.broken(lines) and ascii_only(lines, self._encoding) is lines

    def cut(self, data: bytes, starts: Sequence[int], width: int) -> Sequence[Sequence[bytes]] | None:
        if ascii_only(data, self._encoding) is not data:
            return None
        return cut_lines(data, starts, width, self.delimiter[0], _BACKSLASH, self._harmless)


def _unescaped(found: re.Match[str]) -> str:
    octal, hexadecimal, letter = found.groups()
    if letter is not None:
        return _LETTERS.get(letter, letter)
    # The server itself never writes these, so what such a byte means in a longer character does not matter.
    return chr((int(octal, 8) if octal else int(hexadecimal, 16)) & 0xFF)


class CsvGrammar:
    """CSV: quotes around a cell that has a delimiter, a quote or a newline; NULL is never quoted."""

    depends_on_old = True

    def __init__(self, format: CopyFormat) -> None:
        self._encoding = format.encoding
        self._format = format
        self.delimiter = format.delimiter.encode(format.encoding)
        delimiter, quote, escape = map(re.escape, (format.delimiter, format.quote, format.escape))
        either = f"[{quote}{escape}]"
        plain = f"[^{quote}{escape}]++"
        # What may stand between quotes: an escape that precedes neither quote nor escape is itself.
        inner = f"{plain}|{escape}{either}" if quote == escape else f"{plain}|{escape}{either}|{escape}"
        quoted = f"{quote}(?:{inner})*+{quote}"
        self._cell = re.compile(f"((?:[^{delimiter}{quote}]++|{quoted})*+){delimiter}".encode())
        self._row = re.compile(f"(?:[^{quote}\n]++|{quoted})*+\n".encode())
        self._piece = re.compile(f"{quote}((?:{inner})*+){quote}|([^{quote}]+)")
        self._escaped = re.compile(f"{escape}({either})")
        self._broken = re.compile(f"{escape}{either}".encode())
        self._needs_quotes = re.compile(f"[{delimiter}{quote}\r\n]")
        self._quote = format.quote.encode()
        self._null = format.null.encode(format.encoding)
        self._quote_or_newline = re.compile(f"[{quote}\n]".encode())
        self._quote_or_escape = re.compile(either.encode())
        self._inside = False
        self._after_escape = False

    def row_end(self, data: bytes, at: int) -> int:
        if not self._inside:
            end = data.find(b"\n", at) + 1
            if data.find(self._quote, at, end or len(data)) < 0:
                return end or -1
        plain = ascii_only(data, self._encoding)
        if not self._inside and (row := self._row.match(plain, at)):
            return row.end()
        while at < len(plain):
            if self._inside:
                at = self._leave_quotes(plain, at)
                continue
            found = self._quote_or_newline.search(plain, at)
            if found is None:
                return -1
            at = found.end()
            if found[0] == b"\n":
                return at
            self._inside = True
        return -1

    def ends_at_newlines(self, lines: bytes) -> bool:
        return not self._inside and self._quote not in lines

    def _leave_quotes(self, data: bytes, at: int) -> int:
        """Where to go on: behind the next quote, which may prove to be the first of two."""
        if self._after_escape:
            self._after_escape = False
            if self._quote_or_escape.match(data, at):
                return at + 1
        found = self._quote_or_escape.search(data, at)
        if found is None:
            return len(data)
        at = found.end()
        if found[0] == self._quote:
            self._inside = False
        elif at == len(data):
            self._after_escape = True
        elif self._quote_or_escape.match(data, at):
            at += 1
        return at

    def split(self, line: bytes) -> list[bytes]:
        plain = ascii_only(line, self._encoding)
        if plain is line and self._quote not in line:
            return line.split(self.delimiter)
        return _cut(line, plain, self._cell, self.delimiter)

    def decode(self, cell: bytes) -> str | None:
        text = cell.decode(self._encoding, "replace")
        quote, escape = self._format.quote, self._format.escape
        if quote not in text:
            return None if text == self._format.null else text
        inner = text[1:-1]
        if text[0] == quote == text[-1] and quote not in inner and escape not in inner:
            return inner
        return self._piece.sub(self._unquoted, text)

    def decode_all(self, cells: Sequence[bytes]) -> list[str | None]:
        joined = b"\n".join(cells)
        plain = self._quote not in joined
        texts = _decode_lines(joined, cells, self._encoding, self._null) if plain else None
        return list(map(self.decode, cells)) if texts is None else texts

    def _unquoted(self, found: re.Match[str]) -> str:
        quoted, bare = found.groups()
        return str(bare) if quoted is None else self._escaped.sub(r"\1", quoted)

    def encode(self, text: str | None, old: bytes) -> bytes:
        if text is None:
            return self._null
        quote, escape = self._format.quote, self._format.escape
        quoted = old.startswith(self._quote) or self._needs_quotes.search(text) is not None
        # A line of these two characters alone would end the data.
        if quoted or text in (self._format.null, "\\."):
            if escape != quote:
                text = text.replace(escape, escape * 2)
            text = f"{quote}{text.replace(quote, escape + quote)}{quote}"
        return text.encode(self._encoding)

    def breaks(self, data: bytes) -> Iterator[int]:
        return (found.start() for found in self._broken.finditer(data))

    def broken(self, data: bytes) -> bool:
        return self._broken.search(data) is not None

    def plain(self, lines: bytes) -> bool:
        return self._quote not in lines and ascii_only(lines, self._encoding) is lines

    def cut(self, data: bytes, starts: Sequence[int], width: int) -> Sequence[Sequence[bytes]] | None:
        if ascii_only(data, self._encoding) is not data:
            return None
        return cut_lines(data, starts, width, self.delimiter[0], self._quote[0], _NONE)


def _decode_lines(joined: bytes, cells: Sequence[bytes], encoding: str, null: bytes) -> list[str | None] | None:
    """The cells that these lines are, as they stand; None where they have to be decoded one by one."""
    if encoding != UTF8:
        return None
    try:
        texts = joined.decode(encoding).split("\n")
    except UnicodeDecodeError:
        return None
    if len(texts) != len(cells):
        return None
    if null not in cells:
        return [*texts]
    return [None if cell == null else text for cell, text in zip(cells, texts, strict=True)]


def _cut(line: bytes, plain: bytes, cell: re.Pattern[bytes], delimiter: bytes) -> list[bytes]:
    """The cells of a line, by a pattern for one with its delimiter.

    Raises ValueError where a quote is never closed, or an escape stands before nothing.
    """
    cells = cell.findall(plain + delimiter)
    if sum(map(len, cells)) + len(cells) != len(line) + 1:
        raise ValueError
    if plain is line:
        return cells
    at, found = 0, []
    for masked in cells:
        found.append(line[at : at + len(masked)])
        at += len(masked) + 1
    return found


def line_grammar(format: CopyFormat) -> LineGrammar:
    """The grammar of a COPY that is not binary. Raises `PeerError` for options that no server accepts."""
    if any(len(mark) != 1 or not mark.isascii() for mark in (format.delimiter, format.quote, format.escape)):
        raise PeerError("server", "COPY data whose delimiter, quote or escape is not one ASCII character")
    return CsvGrammar(format) if format.kind == "csv" else TextGrammar(format)
