"""What the gateway answers to exact bytes: refusals where the protocol is in each of its states."""

from collections.abc import Iterator

import pytest

from tests.adapters.postgres.conftest import ended
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
from tests.servers.gateway import Gateway
from tests.servers.postgres import Database

REFUSED = "42501"


@pytest.fixture
def table(database: Database) -> Database:
    """A database with a table that anybody may change, with one row in it."""
    database.execute("CREATE TABLE t (a int); GRANT ALL ON t TO PUBLIC; INSERT INTO t VALUES (1)")
    return database


@pytest.fixture
def wire(strict: Gateway, table: Database) -> Iterator[Wire]:
    with Wire(strict.port, table.name) as wire:
        yield wire


def left(table: Database) -> int:
    """How many rows the table has."""
    (count,) = table.execute("SELECT count(*) FROM t")[0]
    return int(count)


# -- simple protocol


def test_a_refused_query_is_an_error_and_the_session_goes_on(wire: Wire, table: Database) -> None:
    answers = wire.query("DELETE FROM t")
    assert kinds(answers) == "EZ"
    assert answers[0].fields["M"] == "nothing is deleted here"
    assert answers[0].fields["D"] == "Refused by policy policy.py."
    assert (answers[0].code, answers[0].fields["S"], status(answers)) == (REFUSED, "ERROR", "I")
    assert rows(wire.query("SELECT 1")) == [["1"]]
    assert table.logged().count("DELETE FROM t") == 0
    assert left(table) == 1


def test_a_refusal_aborts_the_transaction_as_an_error_does(wire: Wire, table: Database) -> None:
    assert status(wire.query("BEGIN")) == "T"
    wire.query("INSERT INTO t VALUES (2)")
    answers = wire.query("DELETE FROM t")
    assert (errors(answers), status(answers)) == ([REFUSED], "E")
    answers = wire.query("SELECT 1")
    assert (errors(answers), status(answers)) == (["25P02"], "E")
    answers = wire.query("COMMIT")
    assert (answers[0].tag, status(answers)) == ("ROLLBACK", "I")
    assert left(table) == 1


def test_a_savepoint_survives_a_refusal(wire: Wire, table: Database) -> None:
    wire.query("BEGIN; INSERT INTO t VALUES (2); SAVEPOINT s")
    assert status(wire.query("DELETE FROM t")) == "E"
    assert status(wire.query("ROLLBACK TO s")) == "T"
    assert wire.query("COMMIT")[0].tag == "COMMIT"
    assert left(table) == 2


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO t VALUES (2); DELETE FROM t",
        "DELETE FROM t; INSERT INTO t VALUES (2)",
        "BEGIN; INSERT INTO t VALUES (2); COMMIT; DELETE FROM t",
        "SELECT 1; WITH x AS (DELETE FROM t RETURNING a) SELECT * FROM x",
    ],
)
def test_nothing_of_a_string_runs_when_one_statement_is_refused(wire: Wire, table: Database, text: str) -> None:
    answers = wire.query(text)
    assert (kinds(answers), errors(answers)) == ("EZ", [REFUSED])
    assert left(table) == 1


def test_refusals_in_a_row_of_queries_sent_at_once(wire: Wire, table: Database) -> None:
    wire.send(query("SELECT 1"), query("DELETE FROM t"), query("INSERT INTO t VALUES (2)"), query("DROP TABLE t"))
    assert kinds(wire.until_ready()) == "TDCZ"
    assert errors(wire.until_ready()) == [REFUSED]
    assert wire.until_ready()[0].tag == "INSERT 0 1"
    assert errors(wire.until_ready()) == [REFUSED]
    assert left(table) == 2


def test_a_text_that_does_not_parse_gets_postgresqls_own_error(strict: Gateway, table: Database, wire: Wire) -> None:
    with Wire(table.server.port, table.name) as direct:
        for text in ("SELEC 1", "SELECT 1 FRM t", "SELECT 'open", "SELECT 1 +", 'SELECT "x'):
            ours, theirs = wire.query(text), direct.query(text)
            for field in "SCMP":
                assert ours[0].fields[field] == theirs[0].fields[field]
            assert kinds(ours) == kinds(theirs)


def test_an_empty_query(wire: Wire) -> None:
    assert kinds(wire.query("")) == "IZ"
    assert kinds(wire.ask(run(""), SYNC)) == "12nIZ"


# -- extended protocol


def test_a_refusal_stands_where_the_servers_error_would(wire: Wire, table: Database) -> None:
    answers = wire.ask(run("DELETE FROM t"), SYNC)
    assert kinds(answers) in ("1EZ", "EZ")
    assert (errors(answers), status(answers)) == ([REFUSED], "I")
    assert left(table) == 1
    assert kinds(wire.ask(run("SELECT 1"), SYNC)) == "12TDCZ"


def test_a_pipelines_implicit_transaction_is_rolled_back(wire: Wire, table: Database) -> None:
    answers = wire.ask(run("INSERT INTO t VALUES (2)"), run("DELETE FROM t"), run("INSERT INTO t VALUES (3)"), SYNC)
    assert kinds(answers).startswith("12nC")
    assert errors(answers) == [REFUSED]
    assert kinds(answers).endswith("EZ")
    assert left(table) == 1
    # What comes behind the Sync is a pipeline of its own.
    assert errors(wire.ask(run("INSERT INTO t VALUES (4)"), SYNC)) == []
    assert left(table) == 2


def test_the_next_pipeline_runs_though_it_was_sent_at_once(wire: Wire, table: Database) -> None:
    wire.send(run("DELETE FROM t"), SYNC, run("INSERT INTO t VALUES (2)"), SYNC, run("DROP TABLE t"), SYNC)
    assert errors(wire.until_ready()) == [REFUSED]
    assert errors(wire.until_ready()) == []
    assert errors(wire.until_ready()) == [REFUSED]
    assert left(table) == 2


def test_a_refusal_in_a_transaction_of_the_extended_protocol(wire: Wire, table: Database) -> None:
    assert status(wire.ask(run("BEGIN"), SYNC)) == "T"
    wire.ask(run("INSERT INTO t VALUES (2)"), SYNC)
    assert status(wire.ask(run("DELETE FROM t"), SYNC)) == "E"
    assert errors(wire.ask(run("SELECT 1"), SYNC)) == ["25P02"]
    assert status(wire.ask(run("ROLLBACK"), SYNC)) == "I"
    assert left(table) == 1


def test_a_statement_may_be_prepared_and_described_and_is_refused_when_it_runs(wire: Wire, table: Database) -> None:
    answers = wire.ask(parse("d", "DELETE FROM t RETURNING a"), describe("S", "d"), SYNC)
    assert kinds(answers) == "1tTZ"
    for _ in range(2):
        assert errors(wire.ask(bind("", "d"), describe("P"), execute(), SYNC)) == [REFUSED]
    assert errors(wire.ask(bind("", "d"), SYNC)) == [REFUSED]
    assert errors(wire.ask(bind("", "d"), describe("P"), SYNC)) == [REFUSED]
    assert left(table) == 1


def test_a_refusal_that_is_waited_for_with_flush(wire: Wire, table: Database) -> None:
    wire.send(run("INSERT INTO t VALUES (2)"), FLUSH)
    assert kinds(wire.until("C")) == "12nC"
    wire.send(run("DELETE FROM t"), FLUSH)
    assert wire.until("E")[-1].code == REFUSED
    wire.send(run("INSERT INTO t VALUES (3)"), FLUSH)
    assert wire.silent()
    assert kinds(wire.ask(SYNC)) == "Z"
    assert left(table) == 1


def test_values_are_judged_not_texts(wire: Wire) -> None:
    wire.ask(parse("s", "SELECT $1::text"), SYNC)
    assert rows(wire.ask(bind("", "s", b"fine"), execute(), SYNC)) == [["fine"]]
    assert errors(wire.ask(bind("", "s", b"forbidden"), execute(), SYNC)) == [REFUSED]
    # Sent in binary without saying of what type, they are the same value.
    assert errors(wire.ask(bind("", "s", b"forbidden", binary=True), execute(), SYNC)) == [REFUSED]


def test_a_portal_with_a_row_limit_is_judged_at_each_execute(wire: Wire, strict: Gateway) -> None:
    text = "SELECT * FROM generate_series(1, 5) AS limited"
    wire.send(query("BEGIN"), parse("", text), bind("p"), execute("p", 2), execute("p", 2), SYNC)
    assert kinds(wire.until_ready()) == "CZ"
    assert kinds(wire.until_ready()) == "12DDsDDsZ"
    assert kinds(wire.ask(execute("p", 0), SYNC)) == "DCZ"
    # At its end a portal stays there, and has no more rows.
    assert kinds(wire.ask(execute("p", 0), SYNC)) == "CZ"
    wire.query("COMMIT")
    assert [note["rows"] for note in ended(strict, text)] == [2, 2, 1, 0]
    assert errors(wire.ask(execute("p", 0), SYNC)) == ["34000"]


def test_a_broken_policy_refuses_and_says_nothing_of_why(wire: Wire) -> None:
    (error, _) = wire.query("SELECT 1 /* break */")
    assert (error.code, error.fields["M"]) == (REFUSED, "policy policy.py failed")
    assert b"4711" not in wire.received
    assert rows(wire.query("SELECT 1")) == [["1"]]


# -- rewriting


@pytest.mark.parametrize("described", [b"", describe("P")])
def test_a_policy_rewrites_a_statement(wire: Wire, described: bytes) -> None:
    assert rows(wire.query("SELECT 1 AS one /* rewrite: SELECT 2 AS one */")) == [["2"]]
    text = "SELECT $1::int AS one /* rewrite: SELECT $1::int + 1 AS one */"
    answers = wire.ask(parse("", text), bind("", "", b"5"), described, execute(), SYNC)
    assert kinds(answers) == "12" + ("T" if described else "") + "DCZ"
    assert rows(answers) == [["6"]]


def test_a_rewritten_text_is_judged_too(wire: Wire, table: Database) -> None:
    assert errors(wire.query("SELECT 1 /* rewrite: DELETE FROM t */")) == [REFUSED]
    assert errors(wire.ask(run("SELECT 1 /* rewrite: DELETE FROM t */"), SYNC)) == [REFUSED]
    assert left(table) == 1


def test_a_rewrite_to_other_columns(wire: Wire) -> None:
    text = "SELECT 1 AS one /* rewrite: SELECT 'a' AS one, 'b' AS two */"
    assert rows(wire.query(text)) == [["a", "b"]]
    answers = wire.ask(parse("", text), bind(), describe("P"), execute(), SYNC)
    assert rows(answers) == [["a", "b"]]
    # The description of the statement has gone to the client already; rows that do not fit it never follow.
    wire.ask(parse("s", text), describe("S", "s"), SYNC)
    assert kinds(wire.ask(bind("", "s"), execute(), SYNC)) == "2EZ"


# -- messages of their own


def test_a_function_call_is_refused(wire: Wire, table: Database) -> None:
    call = message("F", b"\0\0\0\x01" + b"\0\0" * 3)
    answers = wire.ask(call)
    assert (kinds(answers), errors(answers), status(answers)) == ("EZ", ["0A000"], "I")
    wire.query("BEGIN")
    assert status(wire.ask(call)) == "E"


def test_a_query_inside_a_pipeline_without_sync(wire: Wire, table: Database) -> None:
    wire.send(run("INSERT INTO t VALUES (2)"), query("SELECT 1"))
    answers = wire.until_ready()
    # Since PostgreSQL 17 a pipeline without its Sync is a transaction block to a Query.
    assert (kinds(answers), status(answers)) == ("12nCTDCZ", "T")
    wire.send(run("INSERT INTO t VALUES (3)"), query("DELETE FROM t"))
    answers = wire.until_ready()
    assert (errors(answers), status(answers)) == ([REFUSED], "I")
    assert kinds(wire.query("SELECT 1")) == "TDCZ"
    assert left(table) == 1


def test_what_follows_an_error_without_sync_is_skipped(wire: Wire, table: Database) -> None:
    wire.send(parse("", "SELECT nowhere"), FLUSH)
    assert errors(wire.until("E")) == ["42703"]
    wire.send(run("INSERT INTO t VALUES (2)"), query("INSERT INTO t VALUES (3)"), FLUSH)
    assert wire.silent()
    assert kinds(wire.ask(SYNC)) == "Z"
    assert left(table) == 1


def test_a_message_in_pieces(wire: Wire, table: Database) -> None:
    for byte in query("DELETE FROM t") + query("SELECT 1"):
        wire.send(bytes([byte]))
    assert errors(wire.until_ready()) == [REFUSED]
    assert kinds(wire.until_ready()) == "TDCZ"


def test_a_query_of_many_megabytes(wire: Wire) -> None:
    assert rows(wire.query("SELECT length('" + "x" * 3_000_000 + "')")) == [["3000000"]]
    answers = wire.ask(parse("", "SELECT length($1::text)"), bind("", "", b"y" * 5_000_000), execute(), SYNC)
    assert rows(answers) == [["5000000"]]


@pytest.mark.parametrize(
    "bad",
    [
        message("?"),
        message("Q", b"SELECT 1"),
        message("Q", b"SELECT 1\0SELECT 2\0"),
        b"Q\0\0\0\x03",
        b"Q\x7f\xff\xff\xff",
        b"Q\xff\xff\xff\xff",
        message("P", b"\0SELECT 1\0"),
        message("B", b"\0\0\0\0\0\x01\0\0\0\x09x"),
        message("D", b"X\0"),
        message("E", b"\0"),
        message("p", b"password\0"),
    ],
    ids=repr,
)
def test_bytes_outside_the_protocol_end_the_session(wire: Wire, bad: bytes) -> None:
    wire.send(bad)
    answers = wire.until_end()
    assert [(answer.kind, answer.code, answer.fields["S"]) for answer in answers] == [("E", "08P01", "FATAL")]


def test_goodbye(wire: Wire, strict: Gateway) -> None:
    wire.send(query("SELECT 1"), message("X"))
    assert kinds(wire.until_end()) in ("", "TDCZ")
