"""What commands of one family of protocols have in common, as policies see it.

Adapters derive their commands from these, so a policy needs the name of no adapter to be typed, and one that has the
general hook can ask `isinstance(command, SqlCommand)`. They are no abstract base classes: compiled, those would share
what they remember of who is an instance.
"""

from collections.abc import Mapping
from typing import Any

from mypy_extensions import mypyc_attr

from hoopaddon.command import Command
from hoopaddon.parts import ShellProgram as ShellProgram
from hoopaddon.parts import SqlStatement as SqlStatement


@mypyc_attr(allow_interpreted_subclasses=True, serializable=True)
class SqlCommand(Command):
    """A command in SQL: a statement, or several in one string, with the values bound to it.

    Everything here raises `Unparsable` where the text cannot be read, and so refuses it.
    """

    __slots__ = ()

    @property
    def statements(self) -> tuple[SqlStatement, ...]:
        """Every statement at any depth: a CTE, a sub-select, what the body of a DO holds …"""
        raise NotImplementedError

    @property
    def tables(self) -> frozenset[str]:
        """Tables, views and sequences of all of them, as written."""
        raise NotImplementedError

    @property
    def functions(self) -> frozenset[str]:
        """Functions of all of them, by bare name and, where it is written, by qualified name."""
        raise NotImplementedError

    @property
    def parsed(self) -> tuple[Any, ...]:
        """The syntax tree, in the form of the parser that the protocol's page names."""
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True, serializable=True)
class ShellCommand(Command):
    """A command line for a shell: `verbs` are the programs that it runs at any depth, `objects` paths and hosts.

    Everything here raises `Unparsable` where the line cannot be read, and so refuses it.
    """

    __slots__ = ()

    @property
    def programs(self) -> tuple[ShellProgram, ...]:
        """Every program at any depth, in the order of the line."""
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True, serializable=True)
class FileOperation(Command):
    """One operation on files: `verbs` is what it does (`read`, `write`, `remove` …), `objects` the paths."""

    __slots__ = ()

    @property
    def path(self) -> str:
        """The path as the client gave it, made absolute where the gateway knows from where."""
        raise NotImplementedError

    @property
    def new_path(self) -> str:
        """Of a rename, a link or a copy, the second path; else empty."""
        raise NotImplementedError

    def keep_content(self, limit_bytes: int) -> None:
        """Keep the first bytes of what is read and of what is written for `command_end`, so many of each."""
        raise NotImplementedError

    @property
    def content(self) -> Mapping[str, bytes]:
        """What `keep_content` has kept: the beginning of the file, by `file_read` and `file_written`.

        A file that is not read or written in its own order is kept up to where the order ends.
        """
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True, serializable=True)
class Forward(Command):
    """A wish to open a way through the connection: `verbs` is `local`, `remote`, `dynamic` or `agent`."""

    __slots__ = ()

    @property
    def host(self) -> str:
        """Where it leads, or for `remote` where the target listens; empty for an agent."""
        raise NotImplementedError

    @property
    def port(self) -> int:
        """The port there; 0 for an agent, and for `remote` where the target may choose."""
        raise NotImplementedError
