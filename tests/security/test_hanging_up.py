"""Clients that go away at a bad moment."""

import os
import socket
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.adapters.postgres.wire import Wire, bind, eventually, message, parse, query, startup
from tests.servers.gateway import Gateway
from tests.servers.postgres import Database

HELD = parse("s", "SELECT 1") + bind("", "s")


@pytest.mark.parametrize("said", [query("SELECT pg_sleep(0.3)"), parse("s", "SELECT 1"), HELD])
def test_nothing_is_left_of_a_client_that_hangs_up(guarded: Gateway, database: Database, said: bytes) -> None:
    descriptors = f"/proc/{guarded.pid}/fd"
    with Wire(guarded.port, database.name):
        # The first session opens what the process keeps.
        pass
    time.sleep(0.2)
    before = len(os.listdir(descriptors))
    for _ in range(5):
        with Wire(guarded.port, database.name) as wire:
            wire.send(said)
    eventually(lambda: len(os.listdir(descriptors)) <= before, within_s=3)


def test_a_target_that_never_gets_ready_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as target:
        target.settimeout(10)
        upstream = SimpleNamespace(host="127.0.0.1", port=target.getsockname()[1])
        with (
            Gateway(upstream, tmp_path, options={"login_timeout": 1}) as gateway,  # type: ignore[arg-type]
            Wire(gateway.port, login=False) as wire,
        ):
            wire.send(startup({"user": "x", "database": "x"}))
            server, _ = target.accept()
            with server:
                server.sendall(message("R", bytes(4)))
                wire.socket.settimeout(4)
                # What it says before it hangs up does not matter.
                wire.until_end()
