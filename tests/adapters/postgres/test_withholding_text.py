"""Text beside the rows that a policy does not let through, what the record says of it, and real clients."""

import contextlib
import select
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import asyncpg
import psycopg
import pytest

from tests.adapters.postgres.conftest import ended
from tests.adapters.postgres.wire import (
    SYNC,
    Wire,
    eventually,
    kinds,
    query,
    rows,
    run,
    status,
)
from tests.adapters.postgres.withholding import HUSH, LONG, SHORT, WITHHOLDS, left, refusal
from tests.servers.gateway import Gateway
from tests.servers.postgres import Database, PostgresServer


@pytest.fixture
def table(database: Database) -> Database:
    database.execute("CREATE TABLE t (a text); GRANT ALL ON t TO PUBLIC")
    return database


@pytest.fixture
def wire(withholding: Gateway, table: Database) -> Iterator[Wire]:
    with Wire(withholding.port, table.name) as wire:
        yield wire
        # Whatever was asked: the value has not come, and the session goes on.
        assert rows(wire.query("SELECT 'still there'")) == [["still there"]]
        assert b"hush" not in wire.received
        assert b"4711" not in wire.received


# -- text beside the rows


@pytest.mark.parametrize("later", ["", "/* later */"])
@pytest.mark.parametrize("extended", [False, True])
def test_a_notice_fails_its_command(wire: Wire, table: Database, extended: bool, later: str) -> None:
    raising = f"DO $$ BEGIN RAISE NOTICE 'hu%', 'sh'; PERFORM pg_sleep(60); END $$ {later}"
    began = time.monotonic()
    answers = wire.ask(run(raising) + SYNC if extended else query(raising))
    assert time.monotonic() - began < 10
    refusal(answers)
    assert kinds(answers) == ("12nEZ" if extended else "EZ")


@pytest.mark.parametrize("later", ["", "/* later */"])
@pytest.mark.parametrize("extended", [False, True])
def test_an_error_of_the_servers_is_replaced(wire: Wire, extended: bool, later: str) -> None:
    wire.query("BEGIN")
    failing = f"SELECT ({HUSH})::int {later}"
    answers = wire.ask(run(failing) + SYNC if extended else query(failing))
    refusal(answers)
    assert status(answers) == "E"
    wire.query("ROLLBACK")


def test_a_notification_is_replaced_by_a_warning(withholding: Gateway, wire: Wire, table: Database) -> None:
    wire.query("LISTEN news")
    table.execute(f"SELECT pg_notify('news', {HUSH})")
    warning = wire.until("N")[-1]
    assert warning.fields["S"] == "WARNING"
    assert "this is not for you" in warning.fields["M"]


def test_a_setting_that_is_not_told_ends_the_session(withholding: Gateway, table: Database) -> None:
    """A client that does not know its settings misreads what follows."""
    with Wire(withholding.port, table.name) as wire:
        wire.send(query(f"SELECT set_config('application_name', {HUSH}, false) IS NULL"))
        assert wire.until_end()[-1].fields["S"] == "FATAL"
        assert b"hush" not in wire.received


# -- the record


def test_each_command_ends_once_and_tells(withholding: Gateway, wire: Wire, table: Database) -> None:
    mark = f" -- {table.name}"
    wire.ask(run(SHORT + mark), run("INSERT INTO t VALUES ('ran')" + mark), SYNC)
    wire.query(LONG + mark)
    wire.query(f"SELECT ({HUSH})::int{mark}")
    eventually(lambda: len(ended(withholding, mark)) == 4)
    short, behind, long, failed = ended(withholding, mark)
    assert short["error"] == "42501 this is not for you (its result is withheld)"
    assert (short["rows"], short["tag"]) == (0, "SELECT 4")
    assert "withheld with that of a command before it" in behind["error"]
    assert behind["tag"] == "INSERT 0 1"
    assert (long["error"], long["tag"]) == (short["error"], "")
    assert failed["error"] == "42501 this is not for you"


# -- drivers


def test_psycopg_goes_on(withholding: Gateway, table: Database) -> None:
    with withholding.connect(table) as connection:

        def alone(text: str) -> None:
            connection.execute(text)

        def in_transaction(text: str) -> None:
            with connection.transaction():
                connection.execute("INSERT INTO t VALUES ('lost')")
                connection.execute(text, prepare=True, binary=True)

        def in_pipeline(text: str) -> None:
            with connection.pipeline(), connection.transaction():
                connection.execute("INSERT INTO t VALUES ('lost')")
                connection.execute(text)
                connection.execute("INSERT INTO t VALUES ('lost')")

        def at_cursor(text: str) -> None:
            with connection.transaction(), connection.cursor("server_side") as cursor:
                cursor.execute(text)
                cursor.fetchmany(5000)

        def copied(text: str) -> None:
            with connection.cursor().copy(f"COPY ({text}) TO STDOUT") as copy:
                list(copy)

        for text in (SHORT, LONG):
            for way in (alone, in_transaction, in_pipeline, at_cursor, copied):
                with pytest.raises(psycopg.errors.InsufficientPrivilege, match="not for you"):
                    way(text)
                assert connection.info.transaction_status is psycopg.pq.TransactionStatus.IDLE
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert left(table) == []


async def test_asyncpg_goes_on(withholding: Gateway, table: Database) -> None:
    connection = await asyncpg.connect(withholding.dsn(db=table.name))

    async def in_transaction(text: str) -> None:
        async with connection.transaction():
            await connection.execute("INSERT INTO t VALUES ('lost')")
            async for _ in connection.cursor(text, prefetch=2):
                pass

    try:
        for text in (SHORT, LONG):
            for way in (connection.fetch, connection.execute, in_transaction):
                with pytest.raises(asyncpg.InsufficientPrivilegeError, match="not for you"):
                    await way(text)
        assert await connection.fetchval("SELECT 1") == 1
    finally:
        await connection.close()
    assert left(table) == []


def test_psql_goes_on(withholding: Gateway, table: Database) -> None:
    program = withholding.upstream.bin_dir / "psql"
    lines = [SHORT, "BEGIN", SHORT, "ROLLBACK", f"COPY ({SHORT}) TO STDOUT", "SELECT 'still ' || 'there'"]
    script = ";\n".join(lines) + ";\n"
    url = withholding.dsn(db=table.name)
    done = subprocess.run([program, "-X", "-q", "-A", "-t", url], input=script, capture_output=True, text=True)
    assert "still there" in done.stdout
    assert done.stderr.count("ERROR:  this is not for you") == 3
    assert "hush" not in done.stdout + done.stderr


# -- a target that takes no cancel


def test_what_cannot_be_cancelled_ends_the_session(postgres: PostgresServer, table: Database, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as front:
        # One connection is passed on; nobody listens for the cancel.
        def once() -> None:
            client, _ = front.accept()
            front.close()
            with client, socket.create_connection(("127.0.0.1", postgres.port)) as target:
                splice(client, target)

        thread = threading.Thread(target=once)
        thread.start()
        behind = cast(PostgresServer, SimpleNamespace(host="127.0.0.1", port=front.getsockname()[1]))
        options = {"shutdown_timeout": 2}
        with Gateway(behind, tmp_path, scripts=[WITHHOLDS], options=options) as gateway:
            with Wire(gateway.port, table.name) as wire:
                wire.send(query(LONG))
                last = wire.until_end()[-1]
                assert (last.kind, last.fields["S"]) == ("E", "FATAL")
                assert "could not be cancelled" in last.fields["M"]
                assert b"hush" not in wire.received
            thread.join(15)


def splice(one: socket.socket, other: socket.socket) -> None:
    """Pass bytes both ways until either side ends."""
    ways = {one: other, other: one}
    with contextlib.suppress(OSError):
        while True:
            for ready in select.select(list(ways), [], [], 15)[0]:
                if not (data := ready.recv(65_536)):
                    return
                ways[ready].sendall(data)
