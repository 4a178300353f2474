"""Clients that make the gateway keep more than it was told to."""

import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from hoopaddon.adapters.postgres.sql.facts import read
from hoopaddon.errors import Unparsable
from tests.adapters.postgres.wire import SYNC, Wire, bind, parse, query
from tests.servers.gateway import Gateway
from tests.servers.postgres import Database, PostgresServer

MEGABYTE = 1 << 20
PADDING = "x" * MEGABYTE


@pytest.fixture
def fresh(postgres: PostgresServer, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway that has not grown yet."""
    scripts = ["block_destructive.py"]
    with Gateway(postgres, tmp_path, scripts=scripts, options={"shutdown_timeout": 1}) as gateway:
        yield gateway


def resident(gateway: Gateway) -> int:
    """MiB of memory that the gateway has now."""
    status = Path(f"/proc/{gateway.pid}/status").read_text()
    return next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmRSS"))


def test_what_waits_behind_a_bind_is_bounded(fresh: Gateway, database: Database) -> None:
    with Wire(fresh.port, database.name) as wire:
        before = resident(fresh)
        wire.send(parse("s", "SELECT 1"), bind("", "s"))
        for _ in range(100):
            wire.send(parse("", f"SELECT 1 --{PADDING}"))
        assert resident(fresh) - before < 64


def test_texts_that_failed_to_parse_are_not_kept(fresh: Gateway, database: Database) -> None:
    with Wire(fresh.port, database.name) as wire:
        before = resident(fresh)
        for number in range(100):
            wire.ask(parse(f"n{number}", f"garbage {PADDING}"), SYNC)
        assert resident(fresh) - before < 64


def test_many_ctes_cost_what_they_are_long() -> None:
    text = f"WITH {', '.join(f'a{n} AS (SELECT 1)' for n in range(2000))} SELECT 1"
    tracemalloc.start()
    try:
        read(text)
    except Unparsable:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 16 * MEGABYTE


def test_a_long_text_does_not_hold_up_everybody(fresh: Gateway, database: Database) -> None:
    with Wire(fresh.port, database.name) as wire, Wire(fresh.port, database.name) as other:
        wire.send(query("SELECT 1;" * (15 * MEGABYTE // 9)))
        longest = 0.0
        until = time.monotonic() + 4
        while time.monotonic() < until:
            asked = time.monotonic()
            other.query("SELECT 1")
            longest = max(longest, time.monotonic() - asked)
    assert longest < 1


def send_often(wire: Wire, said: bytes, times: int) -> None:
    for _ in range(times):
        # Each time with the whole timeout.
        wire.send(said)


def test_refusals_that_nobody_reads_slow_their_client_down(fresh: Gateway, database: Database) -> None:
    with Wire(fresh.port, database.name) as wire:
        wire.socket.settimeout(2)
        with pytest.raises(TimeoutError):
            # More than the system's own buffers take.
            send_often(wire, query("DROP ROLE x") * 1000, 6000)
