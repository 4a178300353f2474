"""One client's connection and the gateway's own to the target, with the session that both are."""

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import asyncssh
from mitmproxy import ctx

from hoopaddon.adapters.ssh.login.target import connect
from hoopaddon.adapters.ssh.mode import SshMode
from hoopaddon.errors import Refused
from hoopaddon.policy.chain import PolicyFailed
from hoopaddon.session import Session, Target, User
from hoopaddon.store.keys import SigningKey

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway

logger = logging.getLogger(__name__)


class NotAdmitted(Exception):
    """The client is who it says, and still gets no session; the text is for the client."""


class Connection:
    """See the module. Channels await `admitted` before they do anything."""

    def __init__(self, mode: SshMode, gateway: "Gateway", signing_key: SigningKey) -> None:
        self.mode = mode
        self.gateway = gateway
        self.signing_key = signing_key
        self.user: User | None = None
        self.session: Session | None = None
        self._client: asyncssh.SSHServerConnection | None = None
        self._target: asyncssh.SSHClientConnection | None = None
        self._admission: asyncio.Task[asyncssh.SSHClientConnection] | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._over: Callable[[Connection], None] | None = None

    # -- the client

    @property
    def client_address(self) -> str:
        """`host:port`."""
        peer = self._client.get_extra_info("peername") if self._client else None
        return f"{peer[0]}:{peer[1]}" if peer else ""

    def client_connected(self, conn: asyncssh.SSHServerConnection) -> None:
        self._client = conn

    async def pass_through(self, username: str, password: str) -> bool:
        """Whether the target takes this login."""
        try:
            self._target = await connect(self.mode, username, password, ctx.options.connect_timeout)
        except (asyncssh.Error, OSError) as e:
            logger.info("%s: login failed: %s", self.client_address, e)
            return False
        self.user = User(username)
        return True

    def begin(self) -> None:
        """The client has proved who it is."""
        self._admission = asyncio.get_running_loop().create_task(self._admit())

    async def admitted(self) -> asyncssh.SSHClientConnection:
        """The connection to the target, once the policies want the session. Raises `NotAdmitted`."""
        if self._admission is None:
            raise NotAdmitted("not logged in")
        return await asyncio.shield(self._admission)

    async def _admit(self) -> asyncssh.SSHClientConnection:
        target = self.mode.target
        user = self.user or User("")
        session = Session(user, Target(target.name, "ssh", target.address, target.labels), self.client_address)
        if self._target is None:
            try:
                self._target = await connect(self.mode, user.subject, None, ctx.options.connect_timeout)
            except (asyncssh.Error, OSError) as e:
                logger.warning("%s: the target %s cannot be reached: %s", self.client_address, target.address, e)
                raise NotAdmitted(f"the target {target.name} cannot be reached") from None
        try:
            await self.gateway.chain.start_session(session)
        except Refused as e:
            raise NotAdmitted(e.reason) from None
        except PolicyFailed as e:
            raise NotAdmitted(str(e)) from None
        self.session = session
        return self._target

    # -- its end

    def run(self, channel: asyncio.Task[None]) -> None:
        """Keep a channel's task until it is done."""
        self._running.add(channel)
        channel.add_done_callback(self._running.discard)

    async def drained(self) -> None:
        """Returns when no command is in flight."""
        if self._running:
            await asyncio.wait(self._running)

    def when_over(self, tell: Callable[["Connection"], None]) -> None:
        self._over = tell

    def close(self) -> None:
        """End both connections."""
        for conn in (self._client, self._target):
            if conn is not None:
                conn.close()

    def client_lost(self) -> None:
        """The client is gone."""
        if self._target is not None:
            self._target.close()
        for task in list(self._running):
            task.cancel()
        if self.session is not None:
            self.run(asyncio.ensure_future(self.gateway.chain.end_session(self.session)))
        if self._over is not None:
            self._over(self)
