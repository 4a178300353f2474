"""Commands that wait for people: approved, denied, too late, given up, and in a pipeline."""

import json
import os
import struct
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.adapters.postgres.conftest import ended
from tests.adapters.postgres.test_opening import cancel, first
from tests.adapters.postgres.wire import (
    FLUSH,
    SYNC,
    Message,
    Wire,
    bind,
    errors,
    eventually,
    execute,
    kinds,
    parse,
    query,
    rows,
    run,
    status,
)
from tests.servers import forked
from tests.servers.gateway import Gateway
from tests.servers.postgres import Database, PostgresServer

DELETE = "DELETE FROM t WHERE a = 1"


@pytest.fixture
def table(database: Database) -> Database:
    database.execute("CREATE TABLE t (a int); GRANT ALL ON t TO PUBLIC; INSERT INTO t VALUES (1), (2)")
    return database


@pytest.fixture(scope="module")
def asking(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that holds deletes for two seconds at most, and records."""
    scripts = ["require_approval.py", "record.py"]
    options = {"approval_within": "2s", "shutdown_timeout": 2}
    with Gateway(postgres, tmp_path_factory.mktemp("asking"), scripts=scripts, options=options) as gateway:
        yield gateway


@pytest.fixture
def wire(asking: Gateway, table: Database) -> Iterator[Wire]:
    with Wire(asking.port, table.name) as wire:
        yield wire


def approvals(gateway: Gateway, *arguments: str) -> list[dict[str, Any]]:
    """What `hoopaddon approvals … --json` prints."""
    words = ["approvals", *arguments, "--json", "--confdir", str(gateway.confdir)]
    done = forked.run(words, cwd=gateway.folder, env=os.environ)
    return [json.loads(line) for line in done.stdout.splitlines()]


def waiting(gateway: Gateway) -> str:
    """The id of the one request that waits."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if found := approvals(gateway, "list"):
            return str(found[0]["id"])
    raise AssertionError("nothing waits")


def left(table: Database) -> int:
    (count,) = table.execute("SELECT count(*) FROM t")[0]
    return int(count)


# -- asked through the store


def test_what_is_approved_runs(asking: Gateway, wire: Wire, table: Database) -> None:
    wire.send(query(DELETE))
    request = waiting(asking)
    assert left(table) == 2
    approvals(asking, "approve", request, "--reason", "fine")
    assert kinds(wire.until_ready()) == "CZ"
    assert left(table) == 1


def test_what_is_denied_does_not(asking: Gateway, wire: Wire, table: Database) -> None:
    wire.send(query(DELETE))
    approvals(asking, "deny", waiting(asking), "--reason", "not today")
    (error, ready) = wire.until_ready()
    assert (error.code, ready.tag) == ("42501", "I")
    assert "not today" in error.fields["M"]
    assert left(table) == 2


def test_what_nobody_answers_is_denied(wire: Wire, table: Database) -> None:
    began = time.monotonic()
    (error, _) = wire.query(DELETE)
    assert (error.code, 1.5 < time.monotonic() - began < 10) == ("42501", True)
    assert left(table) == 2
    assert table.logged().count(DELETE) == 0


def test_a_client_that_leaves_takes_its_request_back(asking: Gateway, wire: Wire, table: Database) -> None:
    wire.send(query(DELETE))
    request = waiting(asking)
    wire.socket.close()
    eventually(lambda: not approvals(asking, "list"), within_s=2)
    approvals(asking, "approve", request)
    time.sleep(0.1)
    assert left(table) == 2
    assert table.logged().count(DELETE) == 0


def test_in_a_pipeline_what_follows_waits(asking: Gateway, wire: Wire, table: Database) -> None:
    wire.send(run("INSERT INTO t VALUES (3)"), run(DELETE), run("INSERT INTO t VALUES (4)"), SYNC)
    approvals(asking, "approve", waiting(asking))
    assert kinds(wire.until_ready()) == "12nC12nC12nCZ"
    assert left(table) == 3


# -- held by a policy that awaits


@pytest.fixture
def held(strict: Gateway, table: Database) -> Iterator[Wire]:
    with Wire(strict.port, table.name) as wire:
        yield wire


@pytest.mark.parametrize("message", [query("SELECT 1 /* hold 0.2 */"), run("SELECT 1 /* hold 0.2 */") + SYNC])
def test_a_held_command_runs_when_its_policy_says_so(held: Wire, message: bytes) -> None:
    began = time.monotonic()
    assert rows(held.ask(message)) == [["1"]]
    assert time.monotonic() - began > 0.2


@pytest.mark.parametrize("text", ["SELECT 1 /* held no */", "INSERT INTO t VALUES (9) /* held no */"])
def test_a_held_command_that_is_denied(held: Wire, table: Database, text: str) -> None:
    assert errors(held.query(text)) == ["42501"]
    answers = held.ask(run("INSERT INTO t VALUES (8)"), run(text), run("INSERT INTO t VALUES (7)"), SYNC)
    assert (errors(answers), status(answers)) == (["42501"], "I")
    held.query("BEGIN")
    assert status(held.query(text)) == "E"
    held.query("ROLLBACK")
    assert left(table) == 2


def cancel_of(wire: Wire) -> bytes:
    return cancel(struct.unpack("!i", wire.key[:4])[0], wire.key[4:])


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize("transaction", [False, True])
def test_a_cancel_request_gives_up_the_hold(
    strict: Gateway, held: Wire, table: Database, extended: bool, transaction: bool
) -> None:
    if transaction:
        held.query("BEGIN")
    text = "INSERT INTO t VALUES (9) /* hold 4 */"
    began = time.monotonic()
    held.send(run(text) + SYNC if extended else query(text))
    assert held.silent(0.1)
    assert first(strict, cancel_of(held)) == []
    answers: list[Message] = held.until_ready()
    assert time.monotonic() - began < 3
    assert (errors(answers), status(answers)) == (["57014"], "E" if transaction else "I")
    error = next(answer for answer in answers if answer.kind == "E")
    assert error.fields["M"] == "canceling statement due to user request"
    if transaction:
        held.query("ROLLBACK")
    # Later cancel requests find nothing to cancel, here or at the server.
    assert first(strict, cancel_of(held)) == []
    assert rows(held.query("SELECT 1")) == [["1"]]
    assert left(table) == 2


def test_a_client_that_leaves_while_its_command_is_held(strict: Gateway, held: Wire, table: Database) -> None:
    text = f"INSERT INTO t VALUES (9) /* hold 0.5 */ -- {table.name}"
    held.send(query(text))
    assert held.silent(0.1)
    held.socket.close()
    eventually(lambda: ended(strict, table.name))
    time.sleep(0.6)
    assert left(table) == 2
    (note,) = ended(strict, table.name)
    assert note["error"] == "the client left before it was decided"


def test_a_client_that_leaves_with_much_behind_its_held_command(strict: Gateway, held: Wire, table: Database) -> None:
    text = f"INSERT INTO t VALUES (9) /* hold 30 */ -- {table.name}"
    held.send(query(text), query(f"INSERT INTO t VALUES (10) -- {'x' * 1_000_000}"))
    assert held.silent(0.1)
    held.socket.close()
    eventually(lambda: ended(strict, table.name))
    (note,) = ended(strict, table.name)
    assert note["error"] == "the client left before it was decided"
    assert left(table) == 2


def test_a_target_that_leaves_while_a_command_is_held(strict: Gateway, held: Wire, table: Database) -> None:
    held.send(query("SELECT 1 /* hold 4 */"))
    assert held.silent(0.1)
    table.server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{table.name}'")
    answers = held.until_end()
    assert [answer.kind for answer in answers] == ["E"]
    assert answers[0].code == "57P01"


def test_results_flow_while_the_next_command_is_held(held: Wire) -> None:
    held.send(query("SELECT n FROM generate_series(1, 3000) n"), query("SELECT 'late' /* hold 0.3 */"))
    assert len(rows(held.until_ready())) == 3000
    assert rows(held.until_ready()) == [["late"]]


def test_a_bind_that_goes_out_alone_is_held_once(held: Wire) -> None:
    held.ask(parse("s", "SELECT 1 /* hold 0.1 */"), SYNC)
    held.send(bind("", "s"), FLUSH)
    assert kinds(held.until("2")) == "2"
    assert kinds(held.ask(execute(), SYNC)) == "DCZ"


def test_a_client_that_writes_ahead_of_a_held_command_has_to_wait(
    strict: Gateway, held: Wire, table: Database
) -> None:
    """The gateway keeps a bounded part of what comes behind: the rest stays in the network."""
    held.send(query("SELECT 1 /* hold 1 */"))
    held.socket.settimeout(0.3)
    insert = query("INSERT INTO t VALUES (1) -- " + "x" * 10_000)
    sent = 0
    try:
        while sent < 64_000_000:
            sent += held.socket.send(insert[sent % len(insert) :])
    except TimeoutError:
        pass
    assert sent < 32_000_000
    held.socket.settimeout(15)
    assert rows(held.until_ready()) == [["1"]]
    held.send(insert[sent % len(insert) :] if sent % len(insert) else b"")
    for _ in range(-(-sent // len(insert))):
        assert kinds(held.until_ready()) == "CZ"


AWAITS_NOTHING = """
from hoopaddon import Command


async def command(command: Command) -> None:
    if "never" in command.text:
        await command.approve("nobody will")
"""


def test_a_policy_that_awaits_nothing_after_all(postgres: PostgresServer, database: Database, gateway: Any) -> None:
    with gateway(postgres, scripts=[AWAITS_NOTHING]).connect(database) as connection:
        for number in range(5):
            assert connection.execute(f"SELECT {number}").fetchone() == (number,)
            assert connection.execute("SELECT %s::int", [number]).fetchone() == (number,)
