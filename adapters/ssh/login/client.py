"""The client's side of a connection: who it is, and which sessions it opens."""

import asyncio
import logging
from typing import TYPE_CHECKING

import asyncssh

from hoopaddon.adapters.ssh.session.channel import ClientChannel
from hoopaddon.identity.tokens import InvalidToken, verify
from hoopaddon.session import User

if TYPE_CHECKING:
    from hoopaddon.adapters.ssh.session.connection import Connection

logger = logging.getLogger(__name__)


class ClientSide(asyncssh.SSHServer):
    """What asyncssh asks about one client."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection.client_connected(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.client_lost()

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    async def validate_password(self, username: str, password: str) -> bool:
        connection = self._connection
        if connection.mode.passes_login_through:
            return await connection.pass_through(username, password)
        try:
            connection.user = verify(password, connection.signing_key, target=connection.mode.target.name)
        except InvalidToken as e:
            logger.info("%s: login failed: %s", connection.client_address, e.reason)
            await asyncio.sleep(0)
            return False
        return True

    def auth_completed(self) -> None:
        self._connection.begin()

    def session_requested(self) -> asyncssh.SSHServerSession[bytes]:
        return ClientChannel(self._connection)


def passed_through(username: str) -> User:
    """Whom the target has let in."""
    return User(username)
