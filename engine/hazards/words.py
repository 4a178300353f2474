"""A program's words: which are options, which are operands."""

import re
from collections.abc import Iterable

from hoopaddon.commands import ShellProgram
from hoopaddon.hazards.paths import COMPUTED, resolved


class Words:
    """The options and operands of one program, read as getopt reads them."""

    def __init__(self, program: ShellProgram, values: str = "") -> None:
        self.program = program
        self.all = [COMPUTED if word is None else word for word in program.words]
        self.options: list[str] = []
        self.operands: list[str] = []
        waiting = False
        ended = False
        for word in self.all:
            if waiting:
                waiting = False
            elif ended or not word.startswith("-") or word == "-":
                self.operands.append(word)
            elif word == "--":
                ended = True
            else:
                self.options.append(word)
                waiting = not word.startswith("--") and len(word) > 1 and word[-1] in values

    def has(self, letters: str = "", *longs: str) -> bool:
        """Whether one of these options is given, alone or with others; a long one may be cut short."""
        for option in self.options:
            if option.startswith("--"):
                name = option.partition("=")[0]
                if len(name) > 2 and any(long.startswith(name) for long in longs):
                    return True
            elif any(letter in option[1:] for letter in letters) or COMPUTED in option:
                return True
        return False

    def words(self, *texts: str) -> bool:
        return any(text in self.all for text in texts)

    @property
    def paths(self) -> list[str]:
        return [resolved(path, self.program.folder) for path in self.operands]

    def value(self, key: str) -> str:
        """What follows `key` in one of the words: the path of `of=path`."""
        return next((word.removeprefix(key) for word in reversed(self.all) if word.startswith(key)), "")


def listed(paths: Iterable[str]) -> str:
    """Some paths, as a message shows them."""
    shown = [re.sub(r"[^\x20-\x7e…]", "?", path)[:40] for path in paths]
    return ", ".join(dict.fromkeys(shown[:3])) or "nothing named"
