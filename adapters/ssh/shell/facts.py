"""Facts about a command line."""

import shlex
from dataclasses import dataclass

from hoopaddon.commands import ShellProgram
from hoopaddon.errors import Unparsable
from hoopaddon.facts import Facts


@dataclass(frozen=True, slots=True)
class ShellFacts(Facts):
    """What a command line says: the programs that it runs, and the paths and hosts that it names."""

    programs: tuple[ShellProgram, ...] = ()


@dataclass(frozen=True, slots=True)
class Program:
    """One program of a command line; see `ShellProgram`."""

    name: str
    words: tuple[str | None, ...] = ()
    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    fed_by: tuple[str, ...] = ()
    dynamic: bool = False
    opaque: bool = False


def facts_of(text: str) -> ShellFacts:
    """The facts about a line. Raises `Unparsable` for one that cannot be read."""
    try:
        words = shlex.split(text)
    except ValueError as e:
        raise Unparsable(f"not a command line: {e}") from None
    if not words:
        return ShellFacts()
    program = Program(words[0].rpartition("/")[2], tuple(words[1:]))
    return ShellFacts(frozenset({program.name}), frozenset(words[1:]), (program,))
