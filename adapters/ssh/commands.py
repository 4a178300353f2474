"""The commands of SSH as policies see them."""

from collections.abc import Sequence
from typing import Any

from hoopaddon.command import Command
from hoopaddon.commands import ShellCommand, ShellProgram
from hoopaddon.errors import Refused
from hoopaddon.facts import Facts
from hoopaddon.session import Session
from hoopaddon.shell.facts import ShellFacts, facts_of
from hoopaddon.terminal.command import TypedLine


class SshExec(ShellCommand, hook="ssh_exec", protocol="ssh"):
    """A command line that the target's shell runs without anybody typing at it."""

    __slots__ = ("_facts", "_facts_text")

    def __init__(self, session: Session, text: str, parameters: Sequence[Any] = ()) -> None:
        super().__init__(session, text, parameters)
        self._facts: ShellFacts | None = None
        self._facts_text = text

    @property
    def facts(self) -> ShellFacts:
        """Facts about the line, computed when first read. Raises `Unparsable` where it cannot be read."""
        facts = self._facts
        if facts is None or self._facts_text is not self.text:
            facts = facts_of(self.text)
            self._facts, self._facts_text = facts, self.text
        return facts

    @property
    def programs(self) -> tuple[ShellProgram, ...]:
        """Every program at any depth, in the order of the line."""
        return self.facts.programs


class SshInput(TypedLine, hook="ssh_input", protocol="ssh"):
    """A line that somebody submits in an interactive shell, or in a program that runs there."""

    __slots__ = ()


class SshShell(Command, hook="ssh_shell", protocol="ssh"):
    """An interactive shell; what is typed into it are commands of their own."""

    only_opens = True
    __slots__ = ()


class SshSubsystem(Command, hook="ssh_subsystem", protocol="ssh"):
    """A program of the target's that speaks a protocol of its own, which is not read: NETCONF for example."""

    __slots__ = ()

    @property
    def facts(self) -> Facts:
        """Its name is its only object."""
        return Facts(frozenset({"subsystem"}), frozenset({self.text}))

    def rewrite(self, text: str) -> None:
        """Refused: what the client then says was meant for the one that it asked for."""
        if text != self.text:
            raise Refused("a subsystem cannot be rewritten")
