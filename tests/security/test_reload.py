"""Policies that change while a command waits."""

from pathlib import Path

from tests.adapters.postgres.wire import Wire, errors, query
from tests.conftest import StartGateway
from tests.servers.postgres import Database

WAITS = """
import asyncio

async def command(command):
    await asyncio.sleep(2)
"""
REFUSES = """
from hoopaddon import Refused

def command(command):
    raise Refused("frozen")
"""


def test_what_was_held_is_judged_by_the_policies_of_now(
    gateway: StartGateway, database: Database, tmp_path: Path
) -> None:
    script = tmp_path / "changing.py"
    script.write_text(WAITS)
    running = gateway(database.server, scripts=[script])
    with Wire(running.port, database.name) as wire:
        wire.send(query("SELECT 1"))
        script.write_text(REFUSES)
        running.wait_for_log("reloaded")
        assert errors(wire.until_ready()) == ["42501"]
