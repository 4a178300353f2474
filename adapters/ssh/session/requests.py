"""What a client's connection may open: session channels and forwards. All else asyncssh refuses by itself."""

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, cast

import asyncssh

from hoopaddon.adapters.ssh.session.channel import ClientChannel
from hoopaddon.adapters.ssh.session.forwards import Forwards
from hoopaddon.adapters.ssh.session.wires import ClientWire

if TYPE_CHECKING:
    from hoopaddon.adapters.ssh.session.connection import Connection


class Requests(asyncssh.SSHServer):
    """The part of a client's side that begins once the client is in."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self._conn: asyncssh.SSHServerConnection | None = None
        self._forwards: Forwards | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._conn = conn
        self._forwards = Forwards(self._connection, conn)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._forwards is not None:
            self._forwards.end()

    def session_requested(self) -> Any:
        if self._conn is None or self._forwards is None:
            return False
        return ClientWire.on(self._conn), ClientChannel(self._connection, self._forwards)

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> Any:
        if self._forwards is None:
            return False
        return self._forwards.local(dest_host, dest_port, orig_host, orig_port)

    def server_requested(self, listen_host: str, listen_port: int) -> Any:
        if self._forwards is None:
            return False
        return cast(Awaitable[Any], self._forwards.remote(listen_host, listen_port))
