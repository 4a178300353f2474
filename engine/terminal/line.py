"""A line that is being typed, as the usual line editors take the keys: readline in Emacs mode, and a plain terminal.

What completes, recalls or rearranges the line depends on what the target knows: the line is uncertain then, and
only the screen tells.
"""

import codecs
import re
from enum import Enum

MOST_CHARACTERS = 1 << 16

_KEY = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O[ -~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|[^\[O\]PX^_])", re.DOTALL)
_BEGUN = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|O|[\]PX^_][^\x07\x1b]{0,4096}\x1b?)?\Z")
# Answers that a terminal gives by itself: reports, the mouse, the focus.
_ANSWER = re.compile(r"\x1b(?:\[[?>]?[0-9;]*[RcnyIOt]|\[<[0-9;]*[mM]|[\]P])")
_WORD = re.compile(r"\w+", re.UNICODE)


class Edit(Enum):
    """What a key was."""

    TYPED = 1
    ABANDONED = 2
    """It has given up the line, whatever stood there."""


class Line:
    """The keys since the last line was submitted."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._rest = ""
        self._quoted = False
        self.in_paste = False
        self.clear()

    def clear(self) -> None:
        """A new line begins."""
        self.text = ""
        self.at = 0
        self.certain = True
        """Whether `text` is what the keys make of the line, wherever they are typed."""
        self.surely = ""
        """What `text` was when it was certain last."""
        self.searches = False
        """Whether a key was typed that searches the history."""
        self.touched = False
        """Whether anything was typed."""
        self._quoted = False

    def doubt(self) -> None:
        """Something was typed whose effect is not known here."""
        if self.certain:
            self.certain, self.surely = False, self.text

    @property
    def quotes_next(self) -> bool:
        """Whether the next key is taken as it is."""
        return self._quoted

    def feed(self, data: bytes) -> None:
        """Keys other than those that submit the line."""
        text = self._rest + self._decoder.decode(data)
        position = 0
        while position < len(text):
            c = text[position]
            if c == "\x1b":
                found = _KEY.match(text, position)
                if found is None:
                    if _BEGUN.match(text, position):
                        break
                    position += 1
                    self.doubt()
                    continue
                self._escape(found[0])
                position = found.end()
                continue
            position += 1
            self._key(c)
        self._rest = text[position:]
        if len(self.text) > MOST_CHARACTERS:
            self.text = self.text[:MOST_CHARACTERS]
            self.doubt()

    def end_key(self) -> None:
        """The line is submitted: what looked like the beginning of a key was none."""
        if self._rest:
            self._unknown(self._rest)
            self._rest = ""

    def _unknown(self, key: str) -> None:
        self.touched = True
        self._insert("".join(c for c in key[2:] if c.isprintable()))
        self.doubt()

    def _insert(self, text: str) -> None:
        self.text = self.text[: self.at] + text + self.text[self.at :]
        self.at += len(text)

    def _key(self, c: str) -> None:
        self.touched = True
        if self._quoted:
            self._quoted = False
            self._insert(c)
            self.doubt()
        elif c >= " " and c != "\x7f":
            self._insert(c)
        elif self.in_paste:
            self._insert(c)
            self.doubt()
        else:
            self._control(c)

    def _control(self, c: str) -> None:
        match c:
            case "\x7f" | "\b":
                self._delete(max(0, self.at - 1), self.at)
            case "\x15":
                self._delete(0, self.at)
            case "\x0b":
                self._delete(self.at, len(self.text))
            case "\x17":
                head = self.text[: self.at].rstrip(" \t")
                self._delete(len(head.rstrip("".join({*head} - {" ", "\t"}))) if head else 0, self.at)
            case "\x01":
                self.at = 0
            case "\x05":
                self.at = len(self.text)
            case "\x02":
                self.at = max(0, self.at - 1)
            case "\x06":
                self.at = min(len(self.text), self.at + 1)
            case "\x03" | "\x1c":
                self.clear()
            case "\x16":
                self._quoted = True
            case "\x13":
                # Where the terminal does not take it to stop the output.
                self.searches = True
            case "\x00" | "\x0c" | "\x11":
                pass
            case _:
                self.searches = self.searches or c == "\x12"
                self.doubt()

    def _delete(self, start: int, end: int) -> None:
        # Keys that move are none on a plain terminal, so where the cursor is matters to what is deleted.
        if self.at != len(self.text):
            self.doubt()
        self.text = self.text[:start] + self.text[end:]
        self.at = start

    def _escape(self, key: str) -> None:
        if key == "\x1b[200~":
            self.in_paste = True
        elif key == "\x1b[201~":
            self.in_paste = False
        elif _ANSWER.match(key):
            # A terminal may have said it by itself, but a shell takes a part of it, or all, for what was typed.
            self._unknown(key)
        else:
            self.touched = True
            self._move(key)

    def _move(self, key: str) -> None:
        match key:
            case "\x1b[D" | "\x1bOD":
                self.at = max(0, self.at - 1)
            case "\x1b[C" | "\x1bOC":
                # At the end some shells take what they suggest.
                if self.at == len(self.text):
                    self.doubt()
                self.at = min(len(self.text), self.at + 1)
            case "\x1b[H" | "\x1bOH" | "\x1b[1~" | "\x1b[7~":
                self.at = 0
            case "\x1b[F" | "\x1bOF" | "\x1b[4~" | "\x1b[8~":
                self.at = len(self.text)
            case "\x1b[3~":
                self._delete(self.at, self.at + 1)
            case "\x1bb":
                starts = [word.start() for word in _WORD.finditer(self.text, 0, self.at)]
                self.at = starts[-1] if starts else 0
            case "\x1bf":
                word = _WORD.search(self.text, self.at)
                self.at = word.end() if word else len(self.text)
            case _:
                self.doubt()
