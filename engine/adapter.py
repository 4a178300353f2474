"""What an adapter supplies, and the table of those that are installed."""

from collections.abc import Sequence
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Protocol

from hoopaddon.command import Command
from hoopaddon.rows import Column, Rows
from hoopaddon.session import Session


class Adapter(Protocol):
    """One protocol. Importing its module registers its modes, its kinds of command and its options."""

    name: str

    def command(self, session: Session, text: str, parameters: Sequence[Any] = ()) -> Command:
        """The command that a client would send as this text; used where there is no socket."""
        ...

    def rows(self, command: Command, columns: Sequence[Column], cells: Sequence[Sequence[str | None]]) -> Rows:
        """The rows that a target would send with these cells; a mask that does not fit is NULL in them too."""
        ...


@cache
def adapters() -> dict[str, Adapter]:
    """The installed adapters by name: the entry points of the group `hoopaddon.adapters`."""
    return {entry.name: entry.load() for entry in entry_points(group="hoopaddon.adapters")}
