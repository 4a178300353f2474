"""Clients that go away at a bad moment."""

import os
import time

import pytest

from tests.adapters.postgres.wire import Wire, bind, eventually, parse, query
from tests.servers.gateway import Gateway
from tests.servers.postgres import Database

HELD = parse("s", "SELECT 1") + bind("", "s")


@pytest.mark.xfail(strict=True, raises=AssertionError, reason="R5")
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
