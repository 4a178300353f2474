"""PostgreSQL, frontend/backend protocol 3.0 and 3.2."""

from collections.abc import Sequence
from typing import Any

from hoopaddon.adapters.postgres.client import PostgresClients
from hoopaddon.adapters.postgres.mode import FORM, PostgresMode
from hoopaddon.adapters.postgres.server import PostgresInstance
from hoopaddon.adapters.postgres.sql.command import PostgresQuery
from hoopaddon.adapters.postgres.values.rows import rows_of
from hoopaddon.command import Command
from hoopaddon.rows import Column, Rows
from hoopaddon.session import Session

__all__ = ["ADAPTER", "PostgresAdapter", "PostgresInstance", "PostgresMode", "PostgresQuery"]


class PostgresAdapter:
    """What the engine knows of this adapter."""

    name = "postgres"
    mode = PostgresMode
    form = FORM
    clients = PostgresClients()

    def command(self, session: Session, text: str, parameters: Sequence[Any] = ()) -> PostgresQuery:
        """A statement, or several in one string, as a client would send them."""
        return PostgresQuery(session, text, parameters)

    def rows(self, command: Command, columns: Sequence[Column], cells: Sequence[Sequence[str | None]]) -> Rows:
        """Rows in text format; a column of a type that is not built in takes any text."""
        return rows_of(command, columns, cells)


ADAPTER = PostgresAdapter()
