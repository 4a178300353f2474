"""What a recorded screen may do to the terminal of the person who looks at it: draw, and nothing else.

Everything that is not known to draw is left out: what makes a terminal answer (as if its user had typed), titles, the
clipboard, palettes and fonts, other keyboards and mice, files, hyperlinks, the bell, the printer, and the lines
that have scrolled away. Sequences are ECMA-48's and xterm's.
"""

import re
from enum import Enum, auto
from typing import Final

_SEQUENCE_CHARS: Final = 128
_LARGEST: Final = 9999
"""No screen has as many columns or lines; a larger count would only keep a terminal busy."""

_DRAWS: Final = frozenset("ABCDEFGHIJKLMPSTXZ@`abdefgmrsu")
"""Ends of control sequences without a prefix that move, write, delete or colour."""
_COUNTS: Final = {"s": 0, "u": 0, "T": 1, "S": 1}
"""With more numbers than these they are something else."""
_MODES: Final = frozenset({"4", "20"})
_PRIVATE_MODES: Final = frozenset({"6", "7", "12", "25", "47", "1047", "1048", "1049", "2026"})
_ALTERNATE: Final = frozenset({"47", "1047", "1049"})
_ESCAPES: Final = frozenset({"7", "8", "D", "E", "H", "M", "#8", "(B", "(0", "(A", ")B", ")0", ")A"})
_CONTROLS: Final = frozenset("\b\t\n\v\f\r\x0e\x0f")
_NUMBERS: Final = re.compile(r"[0-9;:]*")
_OTHER: Final = re.compile("!p|[0-6]? q")
"""A soft reset, and the cursor's shape."""
_RUN: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_CLEARED: Final = "\x1b[!p\x1b[?1049l\x1b[0m\x1b[2J\x1b[H"
"""Instead of a full reset, which takes the lines that have scrolled away with it."""
_RIGHT_AGAIN: Final = (
    "\x0f\x1b(B\x1b)B\x1b[0m\x1b[?25h\x1b[?7h\x1b[?6l\x1b[?2026l\x1b[4l\x1b[20l\x1b7\x1b[r\x1b8\x1b[0 q"
)


class _State(Enum):
    TEXT = auto()
    ESCAPE = auto()
    SEQUENCE = auto()
    STRING = auto()
    STRING_ESCAPE = auto()


class ScreenFilter:
    """Reads a screen's text in any pieces.

    `alternate` is whether it shows the second screen, that of full-screen programs.
    """

    def __init__(self) -> None:
        self.alternate = False
        self._state = _State.TEXT
        self._held = ""

    def feed(self, text: str) -> str:
        """What of the text may be sent to a terminal."""
        out: list[str] = []
        position = 0
        while position < len(text):
            if self._state is _State.TEXT and (run := _RUN.match(text, position)):
                out.append(run[0])
                position = run.end()
                continue
            out.append(self._next(text[position]))
            position += 1
        return "".join(out)

    def reset(self) -> str:
        """What puts a terminal right again, wherever the recording ends."""
        leave = "\x1b[?1049l" if self.alternate else ""
        self.alternate, self._state, self._held = False, _State.TEXT, ""
        return leave + _RIGHT_AGAIN

    def _next(self, char: str) -> str:
        if char == "\x1b":
            # It breaks off whatever was begun; of a string it may be the end.
            self._state = _State.STRING_ESCAPE if self._state is _State.STRING else _State.ESCAPE
            self._held = ""
            return ""
        if char in "\x18\x1a":
            self._state, self._held = _State.TEXT, ""
            return ""
        match self._state:
            case _State.TEXT:
                return self._text(char)
            case _State.STRING:
                if char in "\x07\x9c":
                    self._state = _State.TEXT
                return ""
            case _State.STRING_ESCAPE if char == "\\":
                self._state = _State.TEXT
                return ""
            case _State.SEQUENCE:
                return self._sequence(char)
        return self._escape(char)

    def _text(self, char: str) -> str:
        if "\ud800" <= char <= "\udfff":
            return "\ufffd"
        if "\x80" <= char <= "\x9f":
            # One character for ESC and the letter that is 64 before it.
            return self._escape(chr(ord(char) - 0x40))
        return char if char in _CONTROLS else ""

    def _escape(self, char: str) -> str:
        if char < " ":
            # A terminal obeys it, and goes on with the sequence.
            return char if char in _CONTROLS else ""
        if not self._held and char == "[":
            self._state = _State.SEQUENCE
            return ""
        if not self._held and char in "]PX^_k":
            self._state = _State.STRING
            return ""
        self._held += char
        if char <= "/" and len(self._held) < _SEQUENCE_CHARS:
            self._state = _State.ESCAPE
            return ""
        held, self._held, self._state = self._held, "", _State.TEXT
        if held == "c":
            self.alternate = False
            return _CLEARED
        return f"\x1b{held}" if held in _ESCAPES else ""

    def _sequence(self, char: str) -> str:
        if char < " ":
            return char if char in _CONTROLS else ""
        if char >= "\x7f" or len(self._held) >= _SEQUENCE_CHARS:
            self._state, self._held = _State.TEXT, ""
            return ""
        if char < "@":
            self._held += char
            return ""
        held, self._held, self._state = self._held, "", _State.TEXT
        return self._drawing(held, char)

    def _drawing(self, held: str, final: str) -> str:
        """The sequence, or what of it draws."""
        prefix = held[:1] if held[:1] in ("<", "=", ">", "?") else ""
        numbers = held[len(prefix) :]
        if not _NUMBERS.fullmatch(numbers):
            return f"\x1b[{held}{final}" if _OTHER.fullmatch(held + final) else ""
        if final in "hl":
            return self._modes(prefix, numbers, final)
        if final in "JK" and prefix == "?" and numbers in ("", "0", "1", "2"):
            return f"\x1b[?{numbers}{final}"
        if prefix or final not in _DRAWS or numbers.count(";") + bool(numbers) > _COUNTS.get(final, 16):
            return ""
        if final == "m":
            return f"\x1b[{numbers}m"
        # 3J erases the lines that have scrolled away.
        return f"\x1b[{_bounded(numbers)}{final}" if final != "J" or numbers in ("", "0", "1", "2") else ""

    def _modes(self, prefix: str, body: str, final: str) -> str:
        allowed = _PRIVATE_MODES if prefix == "?" else frozenset() if prefix else _MODES
        modes = [mode for mode in body.split(";") if mode in allowed]
        if prefix == "?" and not _ALTERNATE.isdisjoint(modes):
            self.alternate = final == "h"
        return f"\x1b[{prefix}{';'.join(modes)}{final}" if modes else ""


def _bounded(body: str) -> str:
    return ";".join(str(min(int(number[:9]), _LARGEST)) if number.isdigit() else "" for number in body.split(";"))
