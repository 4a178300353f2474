"""SSH, protocol 2."""

from collections.abc import Sequence
from typing import Any

from hoopaddon.adapters.ssh.client import SshClients
from hoopaddon.adapters.ssh.commands import SshExec, SshInput
from hoopaddon.adapters.ssh.mode import FORM, SshMode
from hoopaddon.adapters.ssh.server import SshInstance
from hoopaddon.adapters.ssh.session.forwards import ALLOW, SshForward
from hoopaddon.adapters.ssh.sftp.command import SftpOperation
from hoopaddon.command import Command
from hoopaddon.rows import Column, Rows
from hoopaddon.session import Session
from hoopaddon.terminal.command import KNOWN, UNSURE

__all__ = ["ADAPTER", "SftpOperation", "SshAdapter", "SshForward", "SshInput", "SshInstance", "SshMode"]


class SshAdapter:
    """What the engine knows of this adapter."""

    name = "ssh"
    mode = SshMode
    form = FORM
    clients = SshClients()

    def command(self, session: Session, text: str, parameters: Sequence[Any] = ()) -> SshExec:
        """A command line, as a client would send it."""
        return SshExec(session, text, parameters)

    def typed_line(self, session: Session, text: str, *, unsure: bool) -> SshInput:
        """A line at a terminal."""
        return SshInput(session, text, UNSURE if unsure else KNOWN)

    def file_operation(self, session: Session, verbs: Sequence[str], path: str, new_path: str) -> SftpOperation:
        """An operation over SFTP or scp."""
        return SftpOperation(session, verbs, path, new_path)

    def forward(self, session: Session, kind: str, host: str, port: int) -> SshForward:
        """A forward of one of the kinds that there are. Raises `ValueError` for another."""
        if kind not in ALLOW:
            raise ValueError(f"{kind!r} is no forward: {', '.join(sorted(ALLOW))}")
        return SshForward(session, kind, host, port)

    def rows(self, command: Command, columns: Sequence[Column], cells: Sequence[Sequence[str | None]]) -> Rows:
        """Rows as they are: nothing in SSH has a type that a mask could fail to fit."""
        return Rows(command, columns, cells)


ADAPTER = SshAdapter()
