"""The target's side of a connection: how the gateway logs in there."""

import asyncssh

from hoopaddon.adapters.ssh.mode import SshMode
from hoopaddon.credential import resolve


async def connect(
    mode: SshMode, username: str, password: str | None, timeout_s: float
) -> asyncssh.SSHClientConnection:
    """A connection to the target. Raises `OSError` and `asyncssh.Error`."""
    settings = mode.target.settings
    if not mode.passes_login_through:
        username = settings["user"]
        password = resolve(settings["password"], key="password").reveal() if "password" in settings else None
    return await asyncssh.connect(
        mode.target.host,
        mode.target.port,
        username=username,
        password=password,
        client_keys=[settings["key"]] if "key" in settings else None,
        known_hosts=settings.get("known_hosts", ()),
        config=None,
        agent_path=None,
        connect_timeout=timeout_s,
    )
