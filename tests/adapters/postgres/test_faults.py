"""What happens when a policy, the store, the target, the client or the gateway itself breaks."""

import contextlib
import itertools
import os
import resource
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from demo.postgres import EmbeddedPostgres
from tests.adapters.postgres.conftest import POLICY, ended
from tests.adapters.postgres.wire import SYNC, Wire, errors, eventually, kinds, query, rows, run
from tests.conftest import StartGateway
from tests.servers.gateway import Gateway
from tests.servers.postgres import Database, PostgresServer

REFUSED = "42501"

BREAKS = """
import asyncio, re, time
from hoopaddon import Command, Output, Rows, Session

class Breaks:
    def session_start(self, session: Session) -> None:
        if session.parameters.get("application_name") == "unwelcome":
            raise KeyError("secret 4711")

    def command(self, command: Command):
        text = command.text
        if "raise" in text:
            raise KeyError("secret 4711")
        if "spin" in text:
            while True:
                pass
        if "block" in text:
            time.sleep(30)
        if "regex" in text:
            re.search(r"(x+x+)+y", "x" * 40)
        if "linger" in text:
            return self.linger()
        if "exit" in text:
            raise SystemExit(3)
        if "cancel" in text:
            raise asyncio.CancelledError

    async def linger(self) -> None:
        await asyncio.sleep(30)

    def rows(self, rows: Rows) -> None:
        for row in rows:
            if row[0] == "raise rows":
                raise KeyError("secret 4711")
            if row[0] == "spin rows":
                while True:
                    pass

    def output(self, output: Output) -> None:
        if "raise output" in output.text:
            raise KeyError("secret 4711")

    def command_end(self, command: Command) -> None:
        if "at the end" in command.text:
            raise KeyError("secret 4711")

addons = [Breaks()]
"""


@pytest.fixture(scope="module")
def breaking(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    options = {"policy_timeout": "0.3", "shutdown_timeout": 2}
    with Gateway(postgres, tmp_path_factory.mktemp("breaking"), scripts=[BREAKS], options=options) as gateway:
        yield gateway


# -- policies


@pytest.mark.parametrize("how", ["raise", "spin", "block", "regex", "linger", "exit", "cancel"])
def test_a_policy_that_breaks_lets_nothing_through(breaking: Gateway, database: Database, how: str) -> None:
    with Wire(breaking.port, database.name) as wire:
        for message in (query(f"SELECT '{how}'"), run(f"SELECT '{how}'") + SYNC):
            assert errors(wire.ask(message)) == [REFUSED]
            assert rows(wire.query("SELECT 1")) == [["1"]]
        assert b"4711" not in wire.received
    assert "4711" not in breaking.log()
    assert not [text for text in database.logged() if how in text]


@pytest.mark.parametrize("how", ["raise rows", "spin rows"])
def test_rows_that_a_policy_breaks_at_never_arrive(breaking: Gateway, database: Database, how: str) -> None:
    # Said so that the command's own text breaks nothing.
    text = f"SELECT '{how[0]}' || '{how[1:]}'"
    with Wire(breaking.port, database.name) as wire:
        for message in (query(text), run(text) + SYNC):
            assert errors(wire.ask(message)) == [REFUSED]
            assert rows(wire.query("SELECT 1")) == [["1"]]
        assert how.encode() not in wire.received
        assert b"4711" not in wire.received


def test_text_that_a_policy_breaks_at_never_arrives(breaking: Gateway, database: Database) -> None:
    with Wire(breaking.port, database.name) as wire:
        answers = wire.query("DO $$ BEGIN RAISE NOTICE '%', 'rai' || 'se output'; END $$")
        assert (kinds(answers), errors(answers)) == ("EZ", [REFUSED])
        assert b"raise output" not in wire.received


def test_a_session_that_a_policy_breaks_at_does_not_start(breaking: Gateway) -> None:
    with pytest.raises(ConnectionError) as caught:
        Wire(breaking.port, application_name="unwelcome")
    assert "4711" not in str(caught.value)


def test_a_policy_that_breaks_at_the_end_changes_nothing(breaking: Gateway) -> None:
    with Wire(breaking.port) as wire:
        for _ in range(3):
            assert rows(wire.query("SELECT 1 -- at the end")) == [["1"]]


def test_other_sessions_go_on_while_one_awaits_its_policy(breaking: Gateway) -> None:
    with Wire(breaking.port) as one, Wire(breaking.port) as other:
        one.send(query("SELECT 'linger'"))
        began = time.monotonic()
        for _ in range(20):
            assert rows(other.query("SELECT 1")) == [["1"]]
        assert time.monotonic() - began < 10
        assert errors(one.until_ready()) == [REFUSED]


# -- reload

BLOCKING = """
from hoopaddon import Command, Refused

def command(command: Command) -> None:
    if "delete" in command.verbs:
        raise Refused("version {version}")
"""
BROKEN = (
    "def command(command:\n",
    "import nothing_of_that_name\n",
    "raise RuntimeError\n",
    "",
    "commandd = 1\ncommand = 7\n",
)


def test_no_statement_slips_through_while_a_script_is_broken_and_mended(
    postgres: PostgresServer, database: Database, gateway: StartGateway
) -> None:
    database.execute("CREATE TABLE t (a int); GRANT ALL ON t TO PUBLIC; INSERT INTO t VALUES (1)")
    reloading = gateway(postgres, scripts=[BLOCKING.format(version=0)])
    script = Path(reloading.scripts[0])
    stop = threading.Event()
    refusals: list[str] = []
    wrong: list[object] = []

    def attack() -> None:
        with Wire(reloading.port, database.name) as wire:
            for message in itertools.cycle((query("DELETE FROM t"), run("DELETE FROM t") + SYNC)):
                if stop.is_set():
                    return
                answers = wire.ask(message)
                if errors(answers) != [REFUSED]:
                    wrong.append(answers)
                refusals.extend(answer.fields["M"] for answer in answers if answer.kind == "E")

    attackers = [threading.Thread(target=attack) for _ in range(3)]
    for attacker in attackers:
        attacker.start()
    try:
        for version, broken in enumerate(BROKEN, 1):
            script.write_text(broken)
            time.sleep(0.5)
            aside = script.with_suffix(".new")
            aside.write_text(BLOCKING.format(version=version))
            aside.replace(script)
            eventually(lambda version=version: f"version {version}" in refusals[-50:])  # type: ignore[misc]
    finally:
        stop.set()
        for attacker in attackers:
            attacker.join()
    assert not wrong
    assert len(refusals) > 100
    assert database.execute("SELECT count(*) FROM t") == [(1,)]
    assert "DELETE FROM t" not in database.logged()


def test_a_script_that_does_not_load_at_the_start_is_no_start(
    postgres: PostgresServer, gateway: StartGateway
) -> None:
    for broken in BROKEN[:3]:
        with pytest.raises(RuntimeError, match=r"policy\.py"):
            gateway(postgres, scripts=[broken + "\n"])


# -- the store


def test_what_cannot_be_recorded_does_not_run(
    postgres: PostgresServer, database: Database, gateway: StartGateway
) -> None:
    """A limit on the size of files stands for a disk that is full."""
    recording = gateway(postgres, scripts=["record.py"])
    with Wire(recording.port, database.name) as wire:
        # The log has the same limit, and stays below it.
        wire.query(f"SELECT 1 -- {'x' * 100_000}")
        sizes = [path.stat().st_size for path in recording.confdir.rglob("*") if path.is_file()]
        limit = max(sizes) + 2000
        resource.prlimit(recording.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        seen: list[str] = []
        for number in range(200):
            seen += errors(wire.query(f"SELECT 'number {number} {'x' * 200}'")) or ["ran"]
        assert seen[0] == "ran"
        assert seen[-1] == REFUSED
        assert seen == sorted(seen, reverse=True)
        ran = seen.count("ran")
        assert len([text for text in database.logged() if text.startswith("SELECT 'number")]) == ran
        resource.prlimit(recording.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert errors(wire.query("SELECT 2")) == []


def test_a_log_that_cannot_be_written_ends_nothing(
    postgres: PostgresServer, database: Database, gateway: StartGateway
) -> None:
    # Buffered, as it is for users: what could not be written must not fail Python's exit either.
    logging = gateway(postgres, scripts=["record.py"], environment={"PYTHONUNBUFFERED": ""})

    def limit_files(size: int) -> None:
        resource.prlimit(logging.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    with Wire(logging.port, database.name) as before:
        logging.wait_for_log(r"session \w{32}\n")
        size = len(logging.log())
        limit_files(size + 20)
        for _ in range(150):
            # Each of them logs a line; the store has no room either.
            with pytest.raises(ConnectionError):
                Wire(logging.port, database.name)
        assert errors(before.query("SELECT 1")) == [REFUSED]
        assert len(logging.log()) <= size + 20
        limit_files(resource.RLIM_INFINITY)
        with Wire(logging.port, database.name) as after:
            assert errors(after.query("SELECT 1")) == []
        logging.wait_for_log(r"could not be written for a while: up to \d+ lines are missing")
    limit_files(1)
    with pytest.raises(ConnectionError):
        Wire(logging.port, database.name)
    # Which asserts that it ends with 0.
    logging.stop()


# -- the target


def test_a_backend_that_dies_in_the_middle_of_a_result(strict: Gateway, database: Database) -> None:
    for end in ("pg_terminate_backend", "kill"):
        with Wire(strict.port, database.name) as wire:
            ((pid,),) = rows(wire.query("SELECT pg_backend_pid()"))
            text = f"SELECT repeat('x', 1000) FROM generate_series(1, 10000000) -- {end} {database.name}"
            wire.send(query(text))
            assert len(wire.until("D")) == 2
            if end == "kill":
                os.kill(int(pid or 0), signal.SIGTERM)
            else:
                database.server.execute(f"SELECT pg_terminate_backend({pid})")
            last = wire.until_end()[-1]
            assert (last.kind, last.fields["S"]) == ("E", "FATAL")
            eventually(lambda text=text: ended(strict, text))  # type: ignore[misc]
            (note,) = ended(strict, text)
            assert note["error"]
            assert 0 < note["rows"] < 10_000_000


def test_a_target_that_crashes_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with EmbeddedPostgres() as server:
        server.create_role("app")
        with Gateway(server, tmp_path, scripts=[POLICY]) as gateway:
            connection = gateway.connect()
            server.crash()
            with pytest.raises(psycopg.OperationalError, match=r"closed|terminat|lost"):
                connection.execute("SELECT 1")
            with pytest.raises(psycopg.OperationalError, match="cannot be reached"):
                gateway.connect()
            monkeypatch.setattr("demo.postgres.free_port", lambda: server.port)
            server.start()
            with gateway.connect() as again:
                assert again.execute("SELECT 1").fetchone() == (1,)


# -- the client


def test_a_client_that_dies_in_the_middle_of_a_result(strict: Gateway, database: Database) -> None:
    text = f"SELECT repeat('x', 1000) FROM generate_series(1, 10000000) -- {database.name}"
    wire = Wire(strict.port, database.name)
    wire.send(query(text))
    wire.until("D")
    wire.socket.close()
    eventually(lambda: ended(strict, text))
    active = f"SELECT 1 FROM pg_stat_activity WHERE datname = '{database.name}' AND pid <> pg_backend_pid()"
    eventually(lambda: not database.server.execute(active))


# -- shutdown


def test_a_shutdown_waits_for_what_is_in_flight(postgres: PostgresServer, gateway: StartGateway) -> None:
    draining = gateway(postgres)
    with Wire(draining.port) as busy, Wire(draining.port) as idle:
        busy.send(query("SELECT pg_sleep(1), 'done'"))
        time.sleep(0.2)
        os.kill(draining.pid, signal.SIGTERM)
        (goodbye,) = idle.until_end()
        assert (goodbye.code, goodbye.fields["S"]) == ("57P01", "FATAL")
        with contextlib.suppress(ConnectionError), Wire(draining.port):
            raise AssertionError("a client got in after the shutdown began")
        assert [row[1] for row in rows(busy.until_ready())] == ["done"]
        assert [answer.code for answer in busy.until_end()] == ["57P01"]
    assert draining.wait() == 0


def test_a_shutdown_does_not_wait_for_ever(postgres: PostgresServer, gateway: StartGateway) -> None:
    draining = gateway(postgres, options={"shutdown_timeout": 1})
    with Wire(draining.port) as busy:
        busy.send(query("SELECT pg_sleep(60)"))
        time.sleep(0.2)
        began = time.monotonic()
        os.kill(draining.pid, signal.SIGTERM)
        assert [answer.code for answer in busy.until_end()] == ["57P01"]
        assert time.monotonic() - began < 6
    assert draining.wait() == 0


def test_a_shutdown_while_a_command_is_held(postgres: PostgresServer, gateway: StartGateway) -> None:
    draining = gateway(postgres, scripts=[POLICY], options={"shutdown_timeout": 1})
    with Wire(draining.port) as wire:
        wire.send(query("SELECT 1 /* hold 4 */"))
        time.sleep(0.2)
        os.kill(draining.pid, signal.SIGTERM)
        assert kinds(wire.until_end()) == "E"
    assert draining.wait() == 0
