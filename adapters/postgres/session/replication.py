"""A replication connection, where the mode allows it: judged as a whole, then forwarded without a look into it."""

from collections.abc import Awaitable

from hoopaddon.adapters.postgres.protocol import codec
from hoopaddon.command import Command
from hoopaddon.facts import Facts
from hoopaddon.policy.chain import Chain
from hoopaddon.session import Session

_FACTS = Facts(frozenset({"replicate"}))
_OFF = ("", "false", "off", "no", "0", "n", "f")
_PHYSICAL = ("true", "on", "yes", "1", "y", "t")


class PostgresReplication(Command, hook="postgres_replication", protocol="postgres"):
    """A connection that streams changes or a base backup; its verb is `replicate`."""

    __slots__ = ()

    @property
    def facts(self) -> Facts:
        return _FACTS


def asks_for_replication(parameters: dict[str, str]) -> bool:
    """Whether a startup message wants a walsender, which takes commands that are no SQL."""
    return parameters.get("replication", "").lower() not in _OFF


def is_physical(parameters: dict[str, str]) -> bool:
    """Whether the connection is for one thing only: connected to a database, a walsender takes SQL as well."""
    return parameters.get("replication", "").lower() in _PHYSICAL


def replication(session: Session) -> PostgresReplication:
    """The command that the whole connection is judged as."""
    return PostgresReplication(session, f"REPLICATION {session.parameters.get('replication', '')}")


class OpaqueConversation:
    """Forwards bytes both ways; implements the relay's `Conversation`."""

    client_wait: Awaitable[None] | None = None
    server_wait: Awaitable[None] | None = None
    client_backlog = 0
    holding = False
    idle = False

    def __init__(self, command: Command, chain: Chain) -> None:
        self._command = command
        self._chain = chain
        self.to_client: list[bytes] = []
        self.to_server: list[bytes] = []
        self.finished = False

    def client_data(self, data: bytes) -> None:
        self.to_server.append(data)

    def server_data(self, data: bytes) -> None:
        self._command.bytes += len(data)
        self.to_client.append(data)

    def resume_client(self) -> None:
        """Never suspended."""

    def resume_server(self) -> None:
        """Never suspended."""

    def cancel(self) -> bool:
        return False

    def end(self, reason: str, *, code: str = "") -> None:
        self.to_client.append(codec.error_response("FATAL", code or "57P01", reason))
        self.finished = True

    def closed(self) -> None:
        self._chain.end_command(self._command)
