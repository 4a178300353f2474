"""Results that a policy does not let through: an error in their place, and a session that goes on where it says."""

import time
from collections.abc import Iterator

import pytest

from tests.adapters.postgres.wire import (
    FLUSH,
    SYNC,
    Wire,
    bind,
    describe,
    errors,
    execute,
    kinds,
    message,
    parse,
    query,
    rows,
    run,
    status,
)
from tests.adapters.postgres.withholding import HUSH, LONG, REFUSED, SHORT, completed, left, refusal
from tests.servers.gateway import Gateway
from tests.servers.postgres import Database


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
