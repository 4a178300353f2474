"""The words that stood on a screen, out of what was sent to it: for searching, not for looking at.

One line is followed as a terminal would: what is typed in the middle of it, and what is deleted again. Whatever moves
to another place of the screen, or back to a line's beginning, ends the line here, so that what is drawn over is found
as well.
"""

import re

BLOCK_CHARS = 8192
"""What has no line feed is taken for a line at this length: a full-screen program sends none for hours."""

_TOKEN = re.compile(
    r"""
      (?P<run> [^\x00-\x1f\x7f-\x9f]+ )
    | (?P<csi> (?: \x1b\[ | \x9b ) [0-?]{0,64} [ -/]{0,4} [@-~] )
    | (?P<string> (?: \x1b[\]PX^_k] | [\x90\x98\x9d-\x9f] ) [^\x07\x1b\x9c\n]{0,4096} (?: \x07 | \x1b\\ | \x9c )? )
    | (?P<escape> \x1b [ -/]{0,4} [0-~]? )
    | (?P<control> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_STYLE_OR_MODE = frozenset("mhlqtnc")
"""Ends of sequences that move nothing."""


def complete(text: str) -> tuple[str, str]:
    """The text parted where its last line ends, or where it has become long enough; the second part is to go on."""
    end = text.rfind("\n") + 1
    if len(text) - end > BLOCK_CHARS:
        end = len(text)
        # A sequence that has only begun has to be read together with its rest.
        begun = text.rfind("\x1b", end - 80)
        end = begun if begun > 0 else end
    return text[:end], text[end:]


def words_of(text: str) -> str:
    """What could be read, a line for each line."""
    if "\x1b" not in text and "\b" not in text and "\r" not in text.replace("\r\n", "\n"):
        return text
    screen = _Lines()
    for token in _TOKEN.finditer(text):
        match token.lastgroup:
            case "run":
                screen.write(token[0])
            case "csi":
                screen.control(token[0])
            case "control":
                screen.move(token[0])
    screen.end()
    return "\n".join(screen.done)


class _Lines:
    def __init__(self) -> None:
        self.done: list[str] = []
        self.line = ""
        self.at = 0

    def write(self, run: str) -> None:
        self.line = f"{self.line[: self.at].ljust(self.at)}{run}{self.line[self.at + len(run) :]}"
        self.at += len(run)

    def end(self) -> None:
        if not self.line.isspace() and self.line:
            self.done.append(self.line.rstrip())
        self.line, self.at = "", 0

    def move(self, control: str) -> None:
        if control == "\b":
            self.at = max(self.at - 1, 0)
        elif control == "\t":
            self.write(" ")
        elif control in "\r\n\v\f":
            self.end()

    def control(self, sequence: str) -> None:
        final = sequence[-1]
        digits = "".join(char for char in sequence if char.isdigit())[:4]
        count = max(int(digits or 1), 1)
        if final == "C":
            self.at = min(self.at + count, BLOCK_CHARS)
        elif final == "D":
            self.at = max(self.at - count, 0)
        elif final == "K" and not digits.strip("0"):
            self.line = self.line[: self.at]
        elif final == "P":
            self.line = self.line[: self.at] + self.line[self.at + count :]
        elif final == "@":
            self.line = f"{self.line[: self.at]}{' ' * min(count, BLOCK_CHARS)}{self.line[self.at :]}"
        elif final not in _STYLE_OR_MODE:
            self.end()
