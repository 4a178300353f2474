"""One program that a line runs, and what is known where it does."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import NamedTuple, Protocol

from hoopaddon.shell.syntax import Command

HOLE = "\0"
"""Stands in a text for a part that is computed when the line runs. No line has a NUL."""
COMPUTED = "…"
"""What policies see of a hole in a word that is known otherwise."""
LONGEST_VALUE = 64 * 1024

_NONE: Mapping[str, str | None] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Program:
    """One program of a command line; see `ShellProgram`."""

    name: str
    words: tuple[str | None, ...] = ()
    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    fed_by: tuple[str, ...] = ()
    dynamic: bool = False
    code: str = ""
    sets: Mapping[str, str | None] = _NONE
    folder: str = ""
    path: str = ""

    @property
    def opaque(self) -> bool:
        return bool(self.code)


class Field(NamedTuple):
    """A word after expansion; `pattern` where it may become names of files."""

    text: str
    pattern: bool = False

    @property
    def known(self) -> bool:
        return HOLE not in self.text


def shown(text: str) -> str | None:
    """A text as policies see it: None where all of it is computed."""
    return None if text.strip(HOLE) == "" and text else text.replace(HOLE, COMPUTED)


@dataclass(slots=True)
class Scope:
    """What a shell knows at a point of the line, as far as the line says it."""

    variables: dict[str, str | list[str]] = field(default_factory=dict)
    functions: dict[str, Command] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    arguments: list[str] | None = None
    folder: str = ""
    """Where it has gone by `cd`; empty where it is still where it began."""
    files: dict[str, str | None] = field(default_factory=dict)
    """What the line has written into files; None where that is computed."""
    integers: set[str] = field(default_factory=set)
    """Variables whose values are evaluated when they are set (`declare -i`)."""

    def copy(self) -> "Scope":
        """A subshell's: it changes nothing outside. Files are everybody's."""
        variables = {k: v if isinstance(v, str) else list(v) for k, v in self.variables.items()}
        arguments = None if self.arguments is None else list(self.arguments)
        return Scope(
            variables,
            dict(self.functions),
            dict(self.aliases),
            arguments,
            self.folder,
            self.files,
            set(self.integers),
        )

    def apart(self) -> "Scope":
        """The same for a line that may never run: not even the files that it writes are known outside."""
        scope = self.copy()
        scope.files = dict(self.files)
        return scope

    @property
    def entries(self) -> int:
        """How much it knows."""
        named = len(self.variables) + len(self.functions) + len(self.aliases) + len(self.files) + len(self.integers)
        return named + bool(self.folder)

    def join(self, other: "Scope") -> None:
        """What holds whether this or the other is what happened."""
        for name in {*self.variables, *other.variables}:
            if self.variables.get(name) != other.variables.get(name):
                self.variables[name] = HOLE
        self.functions = {**other.functions, **self.functions}
        self.aliases = {**other.aliases, **self.aliases}
        self.integers |= other.integers
        if self.arguments != other.arguments:
            self.arguments = None
        if self.folder != other.folder:
            self.folder = HOLE

    def get(self, name: str) -> str | list[str]:
        if name in self.variables:
            return self.variables[name]
        if name == "PWD":
            return self.folder or "."
        return _WELL_KNOWN.get(name, HOLE)

    def set(self, name: str, value: str | list[str]) -> None:
        if isinstance(value, str) and len(value) > LONGEST_VALUE:
            value = HOLE
        self.variables[name] = value

    def wrote(self, path: str, text: str | None) -> None:
        """The line has written a file; None for what is computed."""
        self.files[path.removeprefix("./")] = text

    def has(self, path: str) -> bool:
        """Whether the line has written this file."""
        return path.removeprefix("./") in self.files

    def written(self, path: str) -> str | None:
        return self.files.get(path.removeprefix("./"))

    def go(self, folder: str) -> None:
        """`cd folder`."""
        rooted = folder.startswith(("/", "~"))
        if HOLE in folder or folder == "-" or (self.folder == HOLE and not rooted):
            self.folder = HOLE
        elif rooted or not self.folder:
            self.folder = folder
        else:
            self.folder = f"{self.folder}/{folder}"


_WELL_KNOWN = {"HOME": "~", "IFS": " \t\n", "SHELL": "sh", "BASH": "bash", "0": "sh"}


@dataclass(frozen=True, slots=True)
class Input:
    """What a program reads: `client` is what is sent after the line, else `pipe`, `file` or `text`.

    `text` is what that will be, where it is constant.
    """

    kind: str = "client"
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Around:
    """What surrounds a command."""

    scope: Scope
    input: Input = Input()
    fed_by: tuple[str, ...] = ()
    forks: bool = False
    """It runs in a process beside others: in a pipe, in the background."""
    calls: tuple[str, ...] = ()
    """The functions that are being called."""
    depth: int = 0

    def inside(self) -> "Around":
        """In a subshell."""
        return replace(self, scope=self.scope.copy())


@dataclass(frozen=True, slots=True)
class Call:
    """A program about to be run: its words, and what is redirected and set for it."""

    fields: list[Field]
    around: Around
    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    sets: Mapping[str, str | None] = _NONE

    @property
    def name(self) -> str:
        """Empty where that is computed."""
        first = self.fields[0]
        if not first.known or (first.pattern and first.text not in ("[", "[[")):
            return ""
        return first.text.rstrip("/").rpartition("/")[2]

    @property
    def arguments(self) -> list[Field]:
        return self.fields[1:]

    def program(self, code: str = "", name: str | None = None) -> Program:
        words = tuple(shown(f.text) for f in self.arguments)
        name = self.name if name is None else name
        dynamic = not name or any(f.pattern or not f.known for f in self.fields)
        folder = shown(self.around.scope.folder)
        return Program(
            name,
            words,
            self.reads,
            self.writes,
            self.around.fed_by,
            dynamic,
            code,
            self.sets,
            COMPUTED if folder is None else folder,
            shown(self.fields[0].text) or "",
        )

    def within(
        self, fields: list[Field], around: Around | None = None, sets: Mapping[str, str | None] = _NONE
    ) -> "Call":
        """The program that this one runs in its place."""
        return Call(fields, around or self.around, self.reads, self.writes, {**self.sets, **sets})


class Reader(Protocol):
    """What reads the line, as those see it that find a line within the line."""

    def note(self, program: Program) -> None:
        """This runs."""

    def text(self, text: str, around: Around) -> str | None:
        """Run a text that is known; returns what that writes where it is constant, else None."""

    def call(self, call: Call) -> str | None:
        """Run one program."""

    def assign(self, name: str, value: str, around: Around) -> None:
        """Set a variable, or an element of an array."""

    def evaluate(self, text: str, around: Around) -> None:
        """Run what a text runs that is taken for an expression."""
