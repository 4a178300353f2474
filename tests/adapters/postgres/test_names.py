"""Names, settings and encodings that a client could use to have one thing judged and another one run."""

import struct
from collections.abc import Iterator

import pytest

from tests.adapters.postgres.test_protocol import REFUSED, left
from tests.adapters.postgres.wire import (
    FLUSH,
    SYNC,
    Wire,
    bind,
    close,
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

DELETE = "DELETE FROM t"
HIDDEN = r"SELECT '\', ' || current_user --'"
"""One string constant, or with standard_conforming_strings off a constant and a function call."""
CALL = message("F", b"\0\0\0\x01" + b"\0\0" * 3)


@pytest.fixture
def table(database: Database) -> Database:
    database.execute("CREATE TABLE t (a int); GRANT ALL ON t TO PUBLIC; INSERT INTO t VALUES (1)")
    return database


@pytest.fixture
def wire(strict: Gateway, table: Database) -> Iterator[Wire]:
    with Wire(strict.port, table.name) as wire:
        yield wire


def all_ready(wire: Wire, count: int) -> list[str]:
    """The errors of so many answered pipelines."""
    return [code for _ in range(count) for code in errors(wire.until_ready())]


# -- names of statements and portals


def test_a_name_keeps_what_the_server_has_under_it(wire: Wire, table: Database) -> None:
    wire.ask(parse("a", DELETE), SYNC)
    assert errors(wire.ask(parse("a", "SELECT 1"), SYNC)) == ["42P05"]
    assert errors(wire.ask(bind("", "a"), execute(), SYNC)) == [REFUSED]
    assert left(table) == 1


@pytest.mark.parametrize(
    "pipelines",
    [
        [parse("a", "SELECT 1") + SYNC, bind("", "a") + execute() + SYNC],
        [parse("a", "SELECT 1") + bind("", "a") + execute() + SYNC, bind("", "a") + execute() + SYNC],
        [
            parse("", "SELECT nope") + close("S", "a") + SYNC,
            parse("a", "SELECT 1") + SYNC,
            bind("", "a") + execute() + SYNC,
        ],
        [
            parse("", "SELECT nope") + close("S", "a") + parse("a", "SELECT 1") + SYNC,
            bind("", "a") + execute() + SYNC,
        ],
        [parse("a", "SELECT 1") + FLUSH + bind("", "a") + execute() + SYNC, bind("", "a") + execute() + SYNC],
        [parse("a", "SELECT 1") + query("DROP TABLE t"), bind("", "a") + execute() + SYNC],
        [parse("a", "SELECT 1") + CALL, bind("", "a") + execute() + SYNC],
    ],
)
def test_a_name_is_relied_on_only_where_it_is_certain(wire: Wire, table: Database, pipelines: list[bytes]) -> None:
    """Everything is sent at once, so that nothing is known of what the server made of it."""
    wire.ask(parse("a", DELETE), SYNC)
    wire.send(*pipelines)
    # What follows an error is skipped up to the Sync, a simple query as well.
    assert all_ready(wire, b"".join(pipelines).count(SYNC))
    assert left(table) == 1
    assert rows(wire.query("SELECT 1")) == [["1"]]


def test_an_unnamed_statement_after_one_that_failed(wire: Wire, table: Database) -> None:
    wire.send(parse("", DELETE), SYNC, parse("", "SELECT nope"), SYNC, bind(), execute(), SYNC)
    assert [errors(wire.until_ready()) for _ in range(3)][:2] == [[], ["42703"]]
    assert left(table) == 1
    wire.send(parse("", "SELECT 1"), SYNC, parse("", DELETE), bind(), execute(), SYNC, bind(), execute(), SYNC)
    assert all_ready(wire, 3)[0] == REFUSED
    assert left(table) == 1


def test_a_portal_keeps_what_the_server_has_under_it(wire: Wire, table: Database) -> None:
    wire.query("BEGIN")
    wire.ask(parse("d", "DELETE FROM t"), parse("s", "SELECT 1"), SYNC)
    assert kinds(wire.ask(bind("p", "s"), SYNC)) == "2Z"
    # The second Bind fails, whatever it is; the first stays what it is.
    wire.send(bind("p", "d"), execute("p"), SYNC)
    assert errors(wire.until_ready()) == [REFUSED]
    wire.query("ROLLBACK")
    assert left(table) == 1


def test_a_statement_that_was_closed_is_gone(wire: Wire, table: Database) -> None:
    wire.ask(parse("a", "SELECT 1"), SYNC)
    assert kinds(wire.ask(close("S", "a"), SYNC)) == "3Z"
    assert errors(wire.ask(bind("", "a"), execute(), SYNC)) == ["26000"]
    wire.ask(parse("a", DELETE), SYNC)
    assert errors(wire.ask(bind("", "a"), execute(), SYNC)) == [REFUSED]


@pytest.mark.parametrize(
    "replace",
    ["DEALLOCATE a; PREPARE a AS DELETE FROM t", "DEALLOCATE ALL; PREPARE a AS DELETE FROM t", "DISCARD ALL"],
)
def test_sql_and_messages_share_the_names_of_statements(wire: Wire, table: Database, replace: str) -> None:
    wire.ask(parse("a", "SELECT 1"), SYNC)
    for text in replace.split("; "):
        wire.query(text)
    assert errors(wire.ask(bind("", "a"), execute(), SYNC))
    assert left(table) == 1


@pytest.mark.parametrize("name", ["a", '"A b"', 'u&"\\0061"'])
def test_sql_execute_runs_what_was_prepared(wire: Wire, table: Database, name: str) -> None:
    wire.ask(parse("a", DELETE), parse("A b", DELETE), SYNC)
    assert errors(wire.query(f"EXECUTE {name}")) == [REFUSED]
    assert errors(wire.ask(run(f"EXECUTE {name}"), SYNC)) == [REFUSED]
    assert errors(wire.query(f"EXPLAIN ANALYZE EXECUTE {name}")) == [REFUSED]
    assert left(table) == 1


def test_a_cursor_hides_the_portal_of_its_name(wire: Wire, table: Database) -> None:
    wire.query("BEGIN")
    wire.ask(parse("s", "SELECT 'harmless'"), bind("c", "s"), SYNC)
    wire.query("CLOSE c")
    wire.query("DECLARE c CURSOR FOR SELECT 'someone@example.com'")
    wire.send(execute("c"), SYNC)
    wire.until_ready()
    assert b"someone@" not in wire.received


# -- settings that change how a text is read


def test_backslashes_are_not_judged_where_they_escape(wire: Wire) -> None:
    assert errors(wire.query(HIDDEN)) == []
    wire.query("SET standard_conforming_strings = off")
    assert errors(wire.query(HIDDEN)) == ["0A000"]
    assert errors(wire.ask(run(HIDDEN), SYNC)) == ["0A000"]
    wire.query("SET standard_conforming_strings = on")
    assert errors(wire.query(HIDDEN)) == []


@pytest.mark.parametrize(
    "change",
    [
        query("SET standard_conforming_strings = off"),
        run("SET standard_conforming_strings = off") + SYNC,
        query("SELECT set_config('standard_conforming_strings', 'off', false)"),
    ],
)
def test_backslashes_right_behind_the_setting(wire: Wire, change: bytes) -> None:
    wire.send(change, query(HIDDEN))
    assert all_ready(wire, 2) == ["0A000"]
    wire.send(query("RESET ALL"), query(HIDDEN))
    assert all_ready(wire, 2) == []
    wire.send(change, run(HIDDEN), SYNC)
    assert all_ready(wire, 2) == ["0A000"]


@pytest.mark.parametrize("answered", [True, False])
def test_backslashes_behind_the_setting_in_one_pipeline(wire: Wire, answered: bool) -> None:
    """PostgreSQL says that a setting has changed only when it is ready for the next pipeline."""
    wire.send(parse("", "SET standard_conforming_strings = off"), bind(), execute(), FLUSH)
    if answered:
        wire.until("C")
    wire.send(run(HIDDEN), SYNC)
    answers = wire.until_ready()
    assert errors(answers) == ["0A000"]
    assert not rows(answers)


@pytest.mark.parametrize("answered", [True, False])
def test_an_encoding_changed_in_one_pipeline(wire: Wire, answered: bool) -> None:
    """In Shift JIS the bytes 8F 27 are one character, in UTF-8 none, and in Latin-1 the second is a quote."""
    text = b"SELECT '\x8f\x27, ' || current_user --'"
    wire.send(query("SET client_encoding = 'LATIN1'"))
    wire.until_ready()
    wire.send(parse("", "SET client_encoding = 'SJIS'"), bind(), execute(), FLUSH)
    if answered:
        wire.until("C")
    wire.send(run(text), SYNC)
    assert b"trusteduser" not in b"".join(answer.payload for answer in wire.until_ready())


def test_an_encoding_of_the_clients_own(wire: Wire, table: Database) -> None:
    wire.query("SET client_encoding = 'LATIN1'")
    answers = wire.query("SELECT 'é', length('é')".encode("latin-1"))
    assert [answer.payload for answer in answers if answer.kind == "D"] == [b"\0\2\0\0\0\1\xe9\0\0\0\0011"]
    assert errors(wire.query("DELETE FROM t -- é".encode("latin-1"))) == [REFUSED]
    assert left(table) == 1


def test_bytes_that_are_none_of_the_encoding(wire: Wire) -> None:
    assert errors(wire.query(b"SELECT '\xff'")) == ["22021"]
    assert errors(wire.ask(parse("", b"SELECT '\xff'"), bind(), execute(), SYNC)) == ["22021"]
    assert rows(wire.query("SELECT 1")) == [["1"]]


def test_a_statement_that_was_not_described_because_of_an_error(wire: Wire) -> None:
    wire.ask(parse("a", "SELECT 'x@example.com'"), SYNC)
    assert errors(wire.ask(parse("", "SELECT nope"), describe("S", "a"), SYNC)) == ["42703"]
    assert rows(wire.ask(bind("", "a"), execute(), SYNC)) == [["***"]]


# -- copy


def test_messages_that_do_not_belong_into_a_copy(wire: Wire, table: Database) -> None:
    """The server takes such a message for an error in the data, and does not answer it."""
    wire.send(query("COPY t FROM STDIN"))
    wire.until("G")
    wire.send(
        query("COPY (SELECT 1) TO STDOUT"), query("COPY (SELECT 'a@example.com' AS a) TO STDOUT (FORMAT binary)")
    )
    wire.send(query(DELETE), query("SELECT 'b@example.com'"), message("X"))
    wire.until_end()
    assert b"@example" not in wire.received
    assert left(table) == 1


@pytest.mark.parametrize("wrong", [False, True])
def test_after_copying_in_texts_of_any_language_run(wire: Wire, wrong: bool) -> None:
    wire.send(query("COPY t FROM STDIN"))
    wire.until("G")
    answers = wire.ask(message("d", b"no number\n" if wrong else b"7\n"), message("c"))
    assert errors(answers) == (["22P02"] if wrong else [])
    assert rows(wire.query("SELECT 'é'")) == [["é"]]
    assert errors(wire.query("COPY nowhere FROM STDIN")) == ["42P01"]
    wire.send(message("d", b"8\n"), message("c"))
    assert rows(wire.query("SELECT 'ü'")) == [["ü"]]


def test_a_copy_that_the_client_gives_up(wire: Wire, table: Database) -> None:
    wire.send(query("COPY t FROM STDIN"))
    wire.until("G")
    answers = wire.ask(message("d", b"7\n"), message("f", b"no more\0"))
    assert (errors(answers), status(answers)) == (["57014"], "I")
    wire.send(parse("", "COPY t FROM STDIN"), bind(), execute(), FLUSH)
    wire.until("G")
    answers = wire.ask(message("f", b"no more\0"), SYNC)
    assert errors(answers) == ["57014"]
    assert left(table) == 1


def test_copying_in_with_everything_sent_at_once(wire: Wire, table: Database) -> None:
    data = message("d", b"7\n") + message("d", b"8\n") + message("c")
    wire.send(query("COPY t FROM STDIN"), data, query("SELECT 'é'"))
    assert kinds(wire.until_ready()) == "GCZ"
    assert rows(wire.until_ready()) == [["é"]]
    wire.send(parse("", "COPY t FROM STDIN"), bind(), execute(), data, SYNC, query("SELECT 1"))
    assert kinds(wire.until_ready()) == "12GCZ"
    assert rows(wire.until_ready()) == [["1"]]
    assert left(table) == 5


def test_a_copy_in_the_middle_of_queries_that_were_sent_at_once(wire: Wire, table: Database) -> None:
    """The server takes the second Query for bad data and runs the third: whatever comes of it, nothing is misread."""
    wire.send(query("COPY t FROM STDIN"), query("SELECT 'b'"), query("SELECT 'c@example.com'"), message("X"))
    wire.until_end()
    assert b"c@example.com" not in wire.received


def test_binary_copy_passes(wire: Wire, table: Database) -> None:
    wire.send(query("COPY t FROM STDIN (FORMAT binary)"))
    wire.until("G")
    head = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8
    answers = wire.ask(message("d", head + struct.pack("!hii", 1, 4, 77) + b"\xff\xff"), message("c"))
    assert errors(answers) == []
    assert left(table) == 2
