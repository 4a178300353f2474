"""Results that a policy does not let through: an error in their place, and a session that goes on where it says."""

import subprocess
import time
from collections.abc import Iterator

import asyncpg
import psycopg
import pytest

from tests.adapters.postgres.conftest import ended
from tests.adapters.postgres.wire import (
    FLUSH,
    SYNC,
    Message,
    Wire,
    bind,
    describe,
    errors,
    eventually,
    execute,
    kinds,
    message,
    parse,
    query,
    rows,
    run,
    status,
)
from tests.servers.gateway import Gateway
from tests.servers.postgres import Database, PostgresServer

WITHHOLDS = '''
"""Refuses a cell or a text that has `hush` in it, breaks at `crash`; later, if the command says so."""

import asyncio
import json
from collections.abc import Awaitable
from pathlib import Path

from hoopaddon import Command, Output, Refused, Rows, ctx


def look(text: str) -> None:
    if "hush" in text:
        raise Refused("this is not for you")
    if "crash" in text:
        raise KeyError("secret 4711")


async def later(text: str) -> None:
    await asyncio.sleep(0.01)
    look(text)


def rows(rows: Rows) -> Awaitable[None] | None:
    said = " ".join(text for column in range(len(rows.columns)) for text in rows.texts(column) if text)
    if "/* later */" in rows.command.text:
        return later(said)
    return look(said)


def output(output: Output) -> Awaitable[None] | None:
    if output.command is not None and "/* later */" in output.command.text:
        return later(output.text)
    return look(output.text)


def command_end(command: Command) -> None:
    note = {"text": command.text, "error": command.error, "rows": command.rows, "tag": command.tag}
    with (Path(ctx.options.confdir) / "ended.jsonl").open("a") as notes:
        notes.write(json.dumps(note) + "\\n")
'''

REFUSED = "42501"
HUSH = "'hu' || 'sh'"
LONG = f"SELECT CASE WHEN n = 3000 THEN {HUSH} ELSE 'fine' END FROM (SELECT generate_series(1, 1000000000)) s(n)"
"""Begins at once, and would run for minutes."""
SHORT = f"SELECT CASE WHEN n = 3 THEN {HUSH} ELSE 'fine' END FROM generate_series(1, 4) n"


@pytest.fixture(scope="module")
def withholding(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("withholding")
    with Gateway(postgres, folder, scripts=[WITHHOLDS, "record.py"], options={"shutdown_timeout": 2}) as gateway:
        yield gateway


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


def refusal(answers: list[Message]) -> Message:
    """The one error among them."""
    (error,) = (answer for answer in answers if answer.kind == "E")
    assert error.code == REFUSED
    return error


def completed(error: Message) -> bool:
    return "had completed" in error.fields.get("D", "")


def left(table: Database) -> list[str]:
    return [row[0] for row in table.execute("SELECT a FROM t ORDER BY a")]


# -- what the client sees


@pytest.mark.parametrize("later", ["", "/* later */"])
@pytest.mark.parametrize("text", [SHORT, LONG])
@pytest.mark.parametrize("extended", [False, True])
def test_an_error_stands_in_the_place_of_the_rest(wire: Wire, text: str, extended: bool, later: str) -> None:
    text += later
    began = time.monotonic()
    answers = wire.ask(run(text) + SYNC if extended else query(text))
    assert time.monotonic() - began < 10
    error = refusal(answers)
    assert error.fields["M"] == "this is not for you"
    assert completed(error) is (SHORT in text)
    assert kinds(answers).replace("D", "") == ("12TEZ" if extended else "TEZ")
    assert len(rows(answers)) < 3000
    assert status(answers) == "I"


def test_a_policy_that_breaks_is_named_and_says_nothing(wire: Wire) -> None:
    error = refusal(wire.query("SELECT 'cra' || 'sh'"))
    assert error.fields["M"].startswith("policy ")
    assert error.fields["M"].endswith(" failed")


@pytest.mark.parametrize("text", [SHORT, LONG])
@pytest.mark.parametrize("extended", [False, True])
def test_its_transaction_has_failed(wire: Wire, table: Database, text: str, extended: bool) -> None:
    wire.query("BEGIN")
    wire.query("INSERT INTO t VALUES ('lost')")
    answers = wire.ask(run(text) + SYNC if extended else query(text))
    refusal(answers)
    assert status(answers) == "E"
    assert errors(wire.query("INSERT INTO t VALUES ('lost too')")) == ["25P02"]
    assert status(wire.query("COMMIT")) == "I"
    assert left(table) == []


def test_a_savepoint_gets_the_transaction_back(wire: Wire, table: Database) -> None:
    wire.query("BEGIN; INSERT INTO t VALUES ('kept'); SAVEPOINT s")
    assert status(wire.query(SHORT)) == "E"
    wire.query("ROLLBACK TO s")
    assert status(wire.query("COMMIT")) == "I"
    assert left(table) == ["kept"]


def test_nothing_behind_it_in_its_string_is_seen_or_runs(wire: Wire, table: Database) -> None:
    answers = wire.query(f"INSERT INTO t VALUES ('a'); {LONG}; INSERT INTO t VALUES ('b'); SELECT 'behind'")
    assert not completed(refusal(answers))
    assert kinds(answers).replace("D", "") == "CTEZ"
    assert left(table) == []


def test_a_string_that_has_run_is_told_so(wire: Wire, table: Database) -> None:
    answers = wire.query(f"INSERT INTO t VALUES ('a'); {SHORT}; INSERT INTO t VALUES ('b'); SELECT 'behind'")
    error = refusal(answers)
    assert completed(error)
    assert "2 behind it" in error.fields["D"]
    assert kinds(answers) == "CTEZ"
    assert left(table) == ["a", "b"]


def test_a_string_that_begins_and_ends_transactions(wire: Wire, table: Database) -> None:
    assert status(wire.query(f"BEGIN; INSERT INTO t VALUES ('a'); {SHORT}")) == "E"
    wire.query("ROLLBACK")
    assert status(wire.query(f"BEGIN; INSERT INTO t VALUES ('b'); {SHORT}; COMMIT")) == "I"
    assert left(table) == ["b"]


def test_data_behind_it_is_not_taken(wire: Wire, table: Database) -> None:
    answers = wire.query(f"{SHORT}; COPY t FROM STDIN")
    refusal(answers)
    assert kinds(answers) == "TEZ"
    assert left(table) == []


# -- pipelines


def test_an_open_pipeline_fails_for_good(wire: Wire, table: Database) -> None:
    wire.send(run("INSERT INTO t VALUES ('lost')"), run(SHORT), FLUSH)
    refusal(wire.until("E"))
    answers = wire.ask(run("INSERT INTO t VALUES ('skipped')"), SYNC)
    assert kinds(answers) == "Z"
    assert left(table) == []


def test_a_pipeline_behind_it_is_skipped_and_the_next_one_is_not(wire: Wire, table: Database) -> None:
    insert = "INSERT INTO t VALUES ('{}')"
    wire.send(run(LONG), run(insert.format("skipped")), SYNC, run(insert.format("next")), SYNC)
    answers = wire.until_ready()
    assert not completed(refusal(answers))
    assert kinds(answers).replace("D", "") == "12TEZ"
    assert kinds(wire.until_ready()) == "12nCZ"
    assert left(table) == ["next"]


def test_a_pipeline_that_was_sent_whole_is_told_what_ran(wire: Wire, table: Database) -> None:
    answers = wire.ask(run(SHORT), run("INSERT INTO t VALUES ('ran')"), SYNC)
    error = refusal(answers)
    assert "1 behind it" in error.fields["D"]
    assert kinds(answers) == "12TEZ"
    assert left(table) == ["ran"]


def test_a_failure_behind_it_takes_it_back(wire: Wire, table: Database) -> None:
    answers = wire.ask(run("INSERT INTO t VALUES ('lost')"), run(SHORT), run("SELECT 1/0"), SYNC)
    assert errors(answers) == [REFUSED]
    assert left(table) == []


def test_a_portal_that_is_read_in_parts(wire: Wire) -> None:
    wire.query("BEGIN")
    wire.ask(parse("", SHORT), bind("p"), describe("P", "p"), SYNC)
    answers = wire.ask(execute("p", 2), SYNC)
    assert (kinds(answers), status(answers)) == ("DDsZ", "T")
    answers = wire.ask(execute("p", 1), SYNC)
    assert (kinds(answers), status(answers)) == ("EZ", "E")
    wire.query("ROLLBACK")


def test_binary_results(wire: Wire) -> None:
    binary = parse("", SHORT) + bind("", "", results=[1]) + execute() + SYNC
    assert kinds(wire.ask(binary)) == "12EZ"


def test_what_runs_ahead_in_a_transaction_ends_the_session(withholding: Gateway, table: Database) -> None:
    """The transaction lives, and the client believes that it has failed: nothing but the end is true."""
    with Wire(withholding.port, table.name) as wire:
        wire.query("BEGIN")
        wire.send(query(SHORT), query("SELECT 'ahead'"))
        last = wire.until_end()[-1]
        assert (last.kind, last.fields["S"]) == ("E", "FATAL")
        assert b"hush" not in wire.received


# -- the cancel


def test_the_cancel_hits_nothing_else(wire: Wire, table: Database) -> None:
    for number in range(30):
        # Ends about when the cancel arrives.
        text = f"SELECT {HUSH}, repeat('x', 100) FROM (SELECT generate_series(1, {1000 + 700 * number})) s"
        refusal(wire.query(text))
        assert errors(wire.query("SELECT pg_sleep(0.005)")) == []


def test_a_command_that_waits_behind_the_cancel_runs(wire: Wire, table: Database) -> None:
    for _ in range(10):
        wire.send(query(LONG), query("SELECT count(*) FROM t"))
        refusal(wire.until_ready())
        assert rows(wire.until_ready()) == [["0"]]


# -- COPY


@pytest.mark.parametrize("format", ["text", "csv", "binary"])
@pytest.mark.parametrize("text", [SHORT, LONG])
def test_copied_rows(wire: Wire, table: Database, text: str, format: str) -> None:
    for begin, after in (("", "I"), ("BEGIN", "E")):
        wire.query(begin)
        answers = wire.query(f"COPY ({text}) TO STDOUT (FORMAT {format})")
        refusal(answers)
        assert kinds(answers).replace("d", "") == "HEZ"
        assert status(answers) == after
    wire.query("ROLLBACK")


def test_a_copy_that_no_policy_can_read(wire: Wire) -> None:
    answers = wire.query("COPY (SELECT 1) TO STDOUT; COPY (SELECT 2) TO STDOUT")
    assert (kinds(answers), errors(answers)) == ("EZ", ["0A000"])


def test_a_notice_in_the_middle_of_copied_data(wire: Wire, table: Database) -> None:
    table.execute(
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN IF NEW.a = 'b' THEN RAISE NOTICE 'hu%', 'sh'; END IF; RETURN NEW; END $$; "
        "CREATE TRIGGER f BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()"
    )
    data = b"".join(message("d", line) for line in (b"a\n", b"b\n")) + message("d", b"x\n") * 30_000
    for said in (query("COPY t FROM STDIN"), run("COPY t FROM STDIN")):
        wire.send(said, FLUSH)
        wire.until("G")
        wire.send(data, message("c"))
        if said[:1] != b"Q":
            wire.send(SYNC)
        answers = wire.until_ready()
        assert kinds(answers) == "EZ"
        assert errors(answers) == [REFUSED]
        assert left(table) == []


def test_a_cursor(wire: Wire) -> None:
    wire.query(f"BEGIN; DECLARE c CURSOR FOR {SHORT}")
    assert rows(wire.query("FETCH 2 FROM c")) == [["fine"]] * 2
    answers = wire.query("FETCH 1 FROM c")
    assert (kinds(answers), status(answers)) == ("TEZ", "E")
    wire.query("ROLLBACK")


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
