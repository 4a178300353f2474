"""Facts about a command line, computed once per text."""

import re
from dataclasses import dataclass

from hoopaddon.commands import ShellProgram
from hoopaddon.errors import Unparsable
from hoopaddon.facts import Facts
from hoopaddon.generations import Generations
from hoopaddon.shell.program import COMPUTED, Program, Scope
from hoopaddon.shell.reader import read
from hoopaddon.shell.syntax import Incomplete

__all__ = ["Incomplete", "Program", "Scope", "ShellFacts", "facts_behind", "facts_of"]

CACHED_LINES = 4_000
CACHED_BYTES = 8 * 1024 * 1024

_HOST = re.compile(r"(?:[a-z+]+://)?(?:[^@/\s]+@)?([A-Za-z0-9_.-]+|\[[0-9a-fA-F:]+\])(?::.*|/.*)?", re.DOTALL)
_REMOTE = frozenset({"ssh", "scp", "sftp", "rsync", "mosh", "autossh", "slogin", "nc", "ncat", "telnet", "ping"})
_FILES = frozenset(
    {
        *("rm", "cat", "cp", "mv", "ln", "ls", "touch", "mkdir", "rmdir", "chmod", "chown", "chgrp", "tee", "head"),
        *("tail", "less", "more", "shred", "truncate", "unlink", "stat", "file", "du", "find", "install", "diff"),
    }
)
_HISTORY = re.compile(r"(?<![\\!$&{(])!(?![\s=(\"]|$)|^\^[^^]+\^")


@dataclass(frozen=True, slots=True)
class ShellFacts(Facts):
    """What a command line says: the programs that it runs, and the paths and hosts that it names."""

    programs: tuple[ShellProgram, ...] = ()


_typed: Generations[ShellFacts] = Generations(CACHED_LINES, CACHED_BYTES)
_sent: Generations[ShellFacts] = Generations(CACHED_LINES, CACHED_BYTES)


def facts_of(text: str, *, typed: bool = False) -> ShellFacts:
    """The facts about a line; `typed` is one that somebody types at a prompt, where `!` recalls other lines.

    Raises `Unparsable` for one that cannot be read; where a shell would wait for more, that is an `Incomplete`.
    """
    cache = _typed if typed else _sent
    facts = cache.get(text)
    if facts is None:
        try:
            programs = read(text, typed=typed)
        except RecursionError:
            raise Unparsable("a command line that nests too deep") from None
        if typed and _HISTORY.search(re.sub(r"'[^']*'", "", text)):
            programs += (Program("", (), dynamic=True, code="argument"),)
        facts = _facts(programs)
        cache.put(text, facts, 200 + 4 * len(text) + 400 * len(programs))
    return facts


def facts_behind(text: str, scope: Scope) -> ShellFacts:
    """The facts about a line behind others, which have left this; then it is what this line leaves as well.

    Raises `Unparsable`.
    """
    try:
        return _facts(read(text, scope=scope))
    except RecursionError:
        raise Unparsable("a command line that nests too deep") from None


def _facts(programs: tuple[Program, ...]) -> ShellFacts:
    # A line that only assigns or redirects is shown as `:`, which is what it amounts to; nothing of that name runs.
    verbs = {program.name for program in programs if program.name and (program.name != ":" or program.path)}
    objects: set[str] = set()
    for program in programs:
        objects |= program.reads | program.writes
        objects.update(word for word in map(_object, program.words) if word)
        operands = [word for word in program.words if word and not word.startswith("-")]
        if program.name in _FILES:
            objects.update(operands)
        if program.name in _REMOTE:
            objects.update(found.group(1) for word in operands[:2] if (found := _HOST.fullmatch(word)))
    return ShellFacts(frozenset(verbs), frozenset(objects), programs)


def _object(word: str | None) -> str:
    """The path or address that a word is, or holds after an option's `=`."""
    if not word or "\n" in word or " " in word.strip():
        return ""
    value = word.partition("=")[2] if word.startswith("-") or re.match(r"[a-z]+=", word) else word
    return value if "/" in value or value.startswith(("~", COMPUTED)) else ""
