"""A listener for SSH clients."""

import asyncio

import asyncssh
from mitmproxy import ctx
from mitmproxy.proxy.mode_servers import ServerManager

from hoopaddon.adapters.ssh.login import host_key
from hoopaddon.adapters.ssh.login.client import ClientSide
from hoopaddon.adapters.ssh.mode import SshMode
from hoopaddon.adapters.ssh.session.connection import Connection
from hoopaddon.relay.listener import Listener, ListeningInstance
from hoopaddon.store.keys import SigningKey


class SshInstance(ListeningInstance[SshMode]):
    """Serves one `ssh` mode."""

    def __init__(self, mode: SshMode, manager: ServerManager) -> None:
        super().__init__(mode, manager)
        self._connections: set[Connection] = set()

    @property
    def needs_loopback(self) -> bool:
        return self.mode.passes_login_through

    async def listen(self, host: str | None, port: int) -> Listener:
        key = host_key.load_or_create(self.gateway.confdir)
        return await asyncssh.listen(
            host or "",
            port,
            server_factory=self._client,
            server_host_keys=[key],
            encoding=None,
            line_editor=False,
            allow_scp=False,
            agent_forwarding=True,
            login_timeout=ctx.options.login_timeout,
        )

    def _client(self) -> ClientSide:
        connection = Connection(self.mode, self.gateway, SigningKey.load_or_create(self.gateway.confdir))
        self._connections.add(connection)
        connection.when_over(self._connections.discard)
        return ClientSide(connection)

    async def _stop(self) -> None:
        self.stop_listening()
        for connection in list(self._connections):
            connection.close()

    async def drain(self, timeout_s: float) -> None:
        """Take no new clients, let commands in flight end within `timeout_s` seconds, then end the sessions."""
        self.stop_listening()
        waiting = [asyncio.ensure_future(connection.drained()) for connection in self._connections]
        if waiting:
            await asyncio.wait(waiting, timeout=timeout_s)
        for connection in list(self._connections):
            connection.close()
