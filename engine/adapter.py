"""What an adapter supplies, and the table of those that are installed."""

from collections.abc import Sequence
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Protocol, runtime_checkable

from mitmproxy.proxy.mode_specs import ProxyMode

from hoopaddon.command import Command
from hoopaddon.commands import FileOperation, Forward, ShellCommand
from hoopaddon.rows import Column, Rows
from hoopaddon.session import Session
from hoopaddon.target import TargetForm


class Adapter(Protocol):
    """One protocol. Importing its module registers its modes, its kinds of command and its options."""

    name: str

    def command(self, session: Session, text: str, parameters: Sequence[Any] = ()) -> Command:
        """The command that a client would send as this text; used where there is no socket."""
        ...

    def rows(self, command: Command, columns: Sequence[Column], cells: Sequence[Sequence[str | None]]) -> Rows:
        """The rows that a target would send with these cells; a mask that does not fit is NULL in them too."""
        ...


@runtime_checkable
class MachineAdapter(Adapter, Protocol):
    """A protocol by which people work on a machine: command lines, typed lines, files and forwards."""

    def typed_line(self, session: Session, text: str, *, unsure: bool) -> ShellCommand:
        """A line that somebody submits at a terminal; `unsure` where something else may run as well."""
        ...

    def file_operation(self, session: Session, verbs: Sequence[str], path: str, new_path: str) -> FileOperation:
        """What a client does to files; `new_path` is empty but for a rename, a link or a copy."""
        ...

    def forward(self, session: Session, kind: str, host: str, port: int) -> Forward:
        """A way through the connection: `local`, `remote` or `agent`."""
        ...


@runtime_checkable
class TargetAdapter(Adapter, Protocol):
    """A protocol whose targets a configuration file names; `form` says which keys they have."""

    mode: type[ProxyMode]
    form: TargetForm


@cache
def adapters() -> dict[str, Adapter]:
    """The installed adapters by name: the entry points of the group `hoopaddon.adapters`."""
    return {entry.name: entry.load() for entry in entry_points(group="hoopaddon.adapters")}
