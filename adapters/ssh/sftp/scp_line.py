"""What a command line asks of scp at the target: `scp -t` takes files there, `scp -f` sends them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hoopaddon.commands import ShellProgram
from hoopaddon.errors import Unparsable

_FLAGS: Final = frozenset("rpdvtfq")


@dataclass(frozen=True, slots=True)
class ScpLine:
    """`receives` is `-t`; `folder` (`-d`) that the path is one. A path that the shell computes is None."""

    receives: bool
    paths: tuple[str | None, ...]
    recursive: bool = False
    keeps_times: bool = False
    folder: bool = False


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
    receives = "t" in flags
    if (receives and (len(paths) != 1 or paths[0] is None)) or not paths:
        raise Unparsable("an scp whose path is not known before it runs")
    return ScpLine(receives, paths, "r" in flags, "p" in flags, "d" in flags)


def _parted(words: tuple[str | None, ...]) -> tuple[set[str], tuple[str | None, ...]]:
    """The letters of the options, and the paths."""
    flags: set[str] = set()
    for position, word in enumerate(words):
        if word == "--":
            return flags, words[position + 1 :]
        if word is None or not word.startswith("-") or word == "-":
            return flags, words[position:]
        flags |= set(word[1:])
    return flags, ()
