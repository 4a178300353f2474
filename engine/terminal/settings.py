"""Which lines would change how the lines after them are read: the terminal's settings, and the line editor's keys.

Only what a line says is seen. Any program can change the settings of its terminal (`tcsetattr`), and what it is given
to run is not followed.
"""

import re
from collections.abc import Iterable

from hoopaddon.commands import ShellProgram

_SHOWN_ONLY = frozenset({"-a", "--all", "-g", "--save", "size", "speed", "sane", "--help", "--version"})
_LISTED_ONLY = re.compile(r"-[lpPsSvVX]+")
_BINDERS = frozenset({"bind", "bindkey", "zle"})
_SETTERS = frozenset({"tset", "reset", "setterm"})
_BOXES = frozenset({"busybox", "toybox", "coreutils"})
_EDITOR_FILES = ("INPUTRC", "EDITRC")
_EDITOR_FILE = re.compile(r"(?:^|/)\.?(?:inputrc|editrc)$")


def changes_input(programs: Iterable[ShellProgram]) -> bool:
    """Whether one of these programs is one that changes what the keys of later lines mean."""
    return any(map(_changes, programs))


def _changes(program: ShellProgram) -> bool:
    if any(name in program.sets for name in _EDITOR_FILES) or any(map(_EDITOR_FILE.search, program.writes)):
        return True
    name, words = program.name, program.words
    if name in _BOXES and words:
        name, words = (words[0] or "").removeprefix("--coreutils-prog="), words[1:]
    if name == "stty":
        return any(word not in _SHOWN_ONLY for word in words)
    if name in _BINDERS:
        return any(word is None or not _LISTED_ONLY.fullmatch(word) for word in words)
    return name in _SETTERS and any(word is None or word.startswith("-") for word in words)
