"""An SSH client in the test's own loop, and what the policy of `conftest.py` has noted."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncssh

from tests.servers.ssh import SshGateway


@asynccontextmanager
async def connected(gateway: SshGateway, **options: Any) -> AsyncIterator[asyncssh.SSHClientConnection]:
    """A client that is in."""
    options = {"client_keys": None, "agent_path": None, **options}
    async with asyncssh.connect(
        gateway.host,
        gateway.port,
        username=gateway.client,
        password=gateway.token(),
        known_hosts=None,
        config=None,
        **options,
    ) as client:
        yield client


def notes(gateway: SshGateway, containing: str = "", what: str = "ended") -> list[dict[str, Any]]:
    """What the policy has noted of commands whose text contains this."""
    path = Path(gateway.confdir) / "notes.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    found = [json.loads(line) for line in lines]
    return [note for note in found if note["what"] == what and containing in note["text"]]


async def one_note(gateway: SshGateway, containing: str, what: str = "ended") -> dict[str, Any]:
    """The one note, once it is there; that there is but one is checked a little later."""
    await eventually(lambda: notes(gateway, containing, what))
    await asyncio.sleep(0.05)
    (note,) = notes(gateway, containing, what)
    return note


async def eventually(check: Callable[[], object], within_s: float = 10) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + within_s
    while not check():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.02)
