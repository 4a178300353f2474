"""A listener for SSH clients."""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import asyncssh
from mitmproxy import ctx
from mitmproxy.proxy.mode_servers import ServerManager

from hoopaddon.adapters.ssh.login import algorithms, host_key
from hoopaddon.adapters.ssh.login.algorithms import Algorithms
from hoopaddon.adapters.ssh.login.certificate import Authorities
from hoopaddon.adapters.ssh.login.choice import Choice, Served
from hoopaddon.adapters.ssh.login.client import ClientConnection, ClientSide
from hoopaddon.adapters.ssh.login.proof import ClientCheck
from hoopaddon.adapters.ssh.login.revocation import Revoked
from hoopaddon.adapters.ssh.login.target import TargetLogin
from hoopaddon.adapters.ssh.mode import SshMode, SshTarget
from hoopaddon.adapters.ssh.session.connection import Connection
from hoopaddon.identity.users import Users
from hoopaddon.relay.listener import LISTEN_BACKLOG, SPARE_LOGINS, Listener, ListeningInstance, Reach

logger = logging.getLogger(__name__)

ENDING_S = 5
"""Seconds that sessions have for their end, once their connections are cut."""
VERSION = "OpenSSH_compatible_hoopaddon"
"""OpenSSH's client tells only its like that nobody reads a command's output any more (`ssh host yes | head`)."""


class SshInstance(ListeningInstance[SshMode]):
    """Serves one `ssh` mode."""

    def __init__(self, mode: SshMode, manager: ServerManager) -> None:
        super().__init__(mode, manager)
        self._connections: set[Connection] = set()
        self._choice = Choice(())
        self._key: asyncssh.SSHKey | None = None
        self._options: asyncssh.SSHServerConnectionOptions | None = None

    @property
    def needs_loopback(self) -> bool:
        return any(target.passes_login_through for target in self.mode.targets)

    @property
    def _algorithms(self) -> Algorithms:
        # What is agreed on comes before the name of the target.
        return Algorithms.for_clients(legacy=any("legacy_client" in one.target.allowed for one in self.mode.targets))

    @property
    def reaches(self) -> Sequence[Reach]:
        """The targets; what passes logins through goes by the operator's own ~/.ssh/config too."""
        return [Reach(one.target.target.name, *one.login.address) for one in self._choice.served]

    def prepare(self) -> None:
        """Read what the mode names, so that what is missing is said at the start."""
        choice = Choice(tuple(map(self._serve_target, self.mode.targets)))
        self._key = host_key.load_or_create(self.gateway.confdir)
        self._choice = choice
        self._options = self._connection_options()

    def _serve_target(self, target: SshTarget) -> Served:
        settings = target.target.settings
        confdir = self.gateway.confdir
        revoked = Revoked(Path(settings["revoked"]).expanduser()) if "revoked" in settings else None
        if revoked is not None:
            revoked.read()
        self.gateway.identity.prepare()
        check = ClientCheck(
            self.gateway.identity,
            target.target.name,
            users=Users.load(settings["users"]) if "users" in settings else None,
            authorities=Authorities.load(settings["client_ca"]) if "client_ca" in settings else None,
            revoked=revoked,
            signatures=self._algorithms.signatures,
        )
        login = TargetLogin(target, confdir, self.gateway.credentials)
        login.prepare()
        return Served(target, check, login)

    def take_from(self, twin: Self) -> None:
        self._choice, self._key = twin._choice, twin._key
        # Not the twin's: they say that new clients are its own.
        self._options = self._connection_options()

    def _connection_options(self) -> asyncssh.SSHServerConnectionOptions:
        return asyncssh.SSHServerConnectionOptions(
            **self._algorithms.arguments(),
            server_factory=self._side,
            server_version=VERSION,
            server_host_keys=[self._key],
            authorized_client_keys=None,
            host_based_auth=False,
            gss_host=None,
            gss_kex=False,
            gss_auth=False,
            x509_trusted_certs=None,
            encoding=None,
            line_editor=False,
            allow_scp=False,
            agent_forwarding=True,
            login_timeout=ctx.options.login_timeout,
            rekey_bytes=algorithms.REKEY_BYTES,
            rekey_seconds=algorithms.REKEY_S,
            **self.mode.targets[0].keepalive,
        )

    async def listen(self, host: str | None, port: int) -> Listener:
        loop = asyncio.get_running_loop()

        def accept() -> ClientConnection:
            if self._options is None:
                raise RuntimeError("the mode is not prepared")
            return ClientConnection(loop, self._options)

        return await loop.create_server(accept, host, port, backlog=LISTEN_BACKLOG)

    def _side(self) -> ClientSide:
        limit = ctx.options.max_connections
        count = len(self._connections)
        connection = Connection(self.gateway, self._choice, self.opened)
        self._connections.add(connection)
        connection.when_over(self._connections.discard)
        return ClientSide(connection, overloaded=count >= limit, hopeless=count >= limit + SPARE_LOGINS)

    @property
    def sessions(self) -> int:
        """Clients that are connected, logged in or not."""
        return len(self._connections)

    async def _stop(self) -> None:
        self.stop_listening()
        await self._cut()

    async def drain(self, timeout_s: float) -> None:
        """Take no new clients, let commands in flight end within `timeout_s` seconds, then end the sessions."""
        self.stop_listening()
        draining = [asyncio.ensure_future(connection.drain()) for connection in self._connections]
        if draining:
            await asyncio.wait(draining, timeout=timeout_s)
        for task in draining:
            task.cancel()
        await self._cut()

    async def _cut(self) -> None:
        connections = list(self._connections)
        for connection in connections:
            connection.close()
        if connections:
            await asyncio.wait([connection.closed for connection in connections], timeout=ENDING_S)
