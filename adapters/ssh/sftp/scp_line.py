"""What a command line asks of scp at the target: `scp -t` takes files there, `scp -f` sends them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hoopaddon.commands import ShellProgram
from hoopaddon.errors import Unparsable

_FLAGS: Final = frozenset("rpdvtfq")
_PATTERN: Final = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class ScpLine:
    """`receives` is `-t`; `folder` (`-d`) that the path is one.

    Where the shell looks for names (`patterns`), the last part of a path may be a pattern, and no other.
    """

    receives: bool
    paths: tuple[str, ...]
    recursive: bool = False
    keeps_times: bool = False
    folder: bool = False
    patterns: bool = False


def is_pattern(name: str) -> bool:
    """Whether the shell would look for names that fit this one."""
    return _PATTERN.search(name) is not None


def scp_line_of(programs: Iterable[ShellProgram]) -> ScpLine | None:
    """What a command line asks of scp; None where it runs none that speaks with a client.

    Raises `Unparsable` where it does so in a way that cannot be followed.
    """
    found = [line for program in programs if (line := _line_of(program)) is not None]
    if len(found) > 1:
        raise Unparsable("more than one scp in one command line")
    return found[0] if found else None


def _line_of(program: ShellProgram) -> ScpLine | None:
    if program.name != "scp":
        return None
    flags, paths = _parted(program.words)
    if not flags & {"t", "f"}:
        return None
    if {"t", "f"} <= flags or flags - _FLAGS:
        raise Unparsable("an scp with options that cannot be followed")
    receives, known = "t" in flags, tuple(path for path in paths if path is not None)
    hidden = known if receives else tuple(path.rstrip("/").rpartition("/")[0] for path in known)
    computed = program.dynamic and any(is_pattern(part) for part in hidden)
    if computed or len(known) < len(paths) or not paths or (receives and len(paths) > 1):
        raise Unparsable("an scp whose path is not known before it runs")
    return ScpLine(receives, known, "r" in flags, "p" in flags, "d" in flags, program.dynamic)


def _parted(words: tuple[str | None, ...]) -> tuple[set[str], tuple[str | None, ...]]:
    """The letters of the options, and the paths; None for what the shell computes."""
    flags: set[str] = set()
    for position, word in enumerate(words):
        if word == "--":
            return flags, words[position + 1 :]
        if word is None or not word.startswith("-") or word == "-":
            return flags, words[position:]
        flags |= set(word[1:])
    return flags, ()
