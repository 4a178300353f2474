"""Masks in text that streams: a program's output by lines, and what stands between a terminal's control sequences."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hoopaddon.detect.finder import UNSEARCHED, Finder, Match
from hoopaddon.detect.masks import Mask, replace
from hoopaddon.escapes import CONTROL_SEQUENCE

_MOST_OF_A_KEY = 1 << 15
_KEY_ENDS = re.compile(r"END (?:[A-Z0-9]{1,10} ){0,4}PRIVATE KEY(?: BLOCK)?(?: ?-{4,5})?|Private-MAC: ?[0-9a-f]*")
# After these the next character stands elsewhere.
_MOVE = r"\x1b\[[0-?]*[ABCDEFGHJLMSTXP@`adefrsu]|\x1b[78DEMc]|[\b\t\x0b\x0c]|\r(?!\n)"
# And these leave no trace between two characters; line editors print a blank where a line is wrapped.
_WRAPPED = r"(?<=[^\s]) \r(?=[^\r\n])"
_WRAP = re.compile(_WRAPPED)
_NO_TRACE = rf"{_WRAPPED}|(?!{_MOVE}){CONTROL_SEQUENCE}|[\x00-\x07\x0e-\x1a\x7f]"
_MOVES = re.compile(_MOVE)
_GONE = re.compile(rf"{CONTROL_SEQUENCE}|[\x00-\x07\x0e-\x1a\x7f]")
_BETWEEN = re.compile(rf"(?P<gone>{_NO_TRACE})|(?P<move>{_MOVE})|(?P<end>\r?\n)")
_ANY_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_STRING = re.compile(r"\x1b[\]PX^_]")
_VISIBLE = re.compile(rf"({CONTROL_SEQUENCE}|[\x00-\x1f\x7f])|[^\x00-\x1f\x7f]+")


@dataclass(slots=True)
class StreamState:
    """What has to be remembered of one stream between two pieces of it."""

    in_key: int = 0
    """How much has been hidden of a private key that has not ended; 0 outside of one."""
    columns: int = 0
    """The terminal's width, 0 where it has none."""


class StreamMask:
    """Hides what the finder finds. `json` masks a line that is JSON, or gives None for one that is not."""

    def __init__(self, finder: Finder, mask: Mask, json: Callable[[str], str | None]) -> None:
        self._finder = finder
        self._mask = mask
        self._json = json

    def lines(self, text: str, state: StreamState) -> str:
        """Whole lines of a program's output, as far as they were joined."""
        head, text = self._rest_of_key(text, state)
        if "\\" in text and '"' in text:
            return head + "".join(self._line(line, state) for line in text.splitlines(keepends=True))
        return head + self._plain(text, state)

    def terminal(self, text: str, state: StreamState) -> str:
        """What a terminal is sent. Control sequences stay as they are; one whose string holds a value is left out."""
        head, text = self._rest_of_key(text, state)
        if not _ANY_CONTROL.search(text) and not state.columns:
            return head + self._plain(text, state)
        if self._finder.find(_shown(text, state.columns)):
            shown = _Shown(text, state.columns)
            found = self._finder.find(shown.text) or [Match(UNSEARCHED, 0, len(shown.text))]
            self._note_key(shown.text, found, state)
            text = shown.replaced(found, self._mask)
        if _STRING.search(text):
            text = _VISIBLE.sub(self._without_values, text)
        return head + text

    def _line(self, line: str, state: StreamState) -> str:
        if "\\" in line and '"' in line:
            ending = line[len(line.rstrip("\r\n")) :]
            masked = self._json(line[: len(line) - len(ending)])
            if masked is not None:
                return masked + ending
        return self._plain(line, state)

    def _plain(self, text: str, state: StreamState) -> str:
        found = self._finder.find(text)
        if not found:
            return text
        self._note_key(text, found, state)
        return replace(text, found, self._mask)

    def _without_values(self, token: re.Match[str]) -> str:
        sequence = token[1]
        if sequence and len(sequence) > 2 and sequence[1] in "]PX^_" and self._finder.find(sequence[2:]):
            return ""
        return token[0]

    @staticmethod
    def _note_key(text: str, found: list[Match], state: StreamState) -> None:
        """A private key that goes on behind the text is hidden there too."""
        last = found[-1] if found else None
        if last and last.entity == "private_key" and not _KEY_ENDS.search(text, last.start, last.end):
            state.in_key = 1 if last.end >= len(text.rstrip()) else 0

    @staticmethod
    def _rest_of_key(text: str, state: StreamState) -> tuple[str, str]:
        if not state.in_key:
            return "", text
        end = _KEY_ENDS.search(text)
        hidden = text[: end.end()] if end else text
        state.in_key = 0 if end or state.in_key + len(text) > _MOST_OF_A_KEY else state.in_key + len(text)
        return _VISIBLE.sub(lambda token: token[1] or "", hidden), text[len(hidden) :]


def _shown(text: str, columns: int) -> str:
    """The characters of a text that are shown, in the order in which they are sent."""
    text = text.replace("\r\n", "\n")
    if _ANY_CONTROL.search(text):
        text = _GONE.sub("", _MOVES.sub("\n", _WRAP.sub("", text) if " \r" in text else text))
    if columns:
        lines = text.split("\n")
        if any(line and not len(line) % columns for line in lines):
            # A line that fills the width goes on in the next: full-screen programs wrap so.
            return "".join(line if line and not len(line) % columns else line + "\n" for line in lines)
    return text


class _Shown:
    """The same, with the place of each in the text."""

    def __init__(self, text: str, columns: int) -> None:
        self._source = text
        self._starts: list[int] = []
        self._sources: list[int] = []
        pieces: list[str] = []
        length = width = position = 0
        for between in _BETWEEN.finditer(text):
            piece = text[position : between.start()]
            width += len(piece)
            if between["gone"] or (between["end"] and columns and width and width % columns == 0):
                instead = ""
            else:
                instead = "\n"
                width = 0
            self._starts.append(length)
            self._sources.append(position)
            pieces += piece, instead
            length += len(piece) + len(instead)
            position = between.end()
        self._starts.append(length)
        self._sources.append(position)
        pieces.append(text[position:])
        self.text = "".join(pieces)
        self._moves = any(_is_layout(move) for move in _BETWEEN.finditer(text))

    def _source_of(self, place: int) -> int:
        piece = bisect_right(self._starts, place) - 1
        return self._sources[piece] + place - self._starts[piece]

    def replaced(self, found: Iterable[Match], mask: Mask) -> str:
        """The source with masks in the place of what was found. Where a program lays the screen out, they fit."""
        pieces: list[str] = []
        position = 0
        for entity, start, end in found:
            first, last = self._source_of(start), self._source_of(end - 1) + 1
            value = self.text[start:end]
            shown = mask(entity, value)
            if self._moves and entity != UNSEARCHED and "\n" not in value:
                shown = shown[: len(value)].ljust(len(value))
            kept = _VISIBLE.sub(lambda token: token[1] or "", _WRAP.sub("", self._source[first:last]))
            pieces += self._source[position:first], shown, kept
            position = last
        pieces.append(self._source[position:])
        return "".join(pieces)


def _is_layout(between: re.Match[str]) -> bool:
    move = between["move"]
    return bool(move) and move[0] == "\x1b" and move[-1] in "ABCDEFGHdf"
