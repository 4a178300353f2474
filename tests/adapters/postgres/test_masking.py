"""No value that a policy masks reaches the client, by whatever message, format or way it could."""

from collections.abc import Iterator

import psycopg
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
from tests.servers.gateway import Gateway
from tests.servers.postgres import Database

SECRET = b"@example"
"""Every address of the sample has it, or ends in `.example`."""
SETUP = """
CREATE TYPE person AS (name text, email text);
CREATE DOMAIN address AS text;
CREATE TABLE secrets (
    id int PRIMARY KEY, email text UNIQUE, list text[], pair person, pairs person[], doc jsonb, raw json,
    own address, short varchar(30), fixed char(25), data bytea, plain int, tree xml
);
INSERT INTO secrets VALUES (
    1, 'ann@example.com', '{x,bob@example.com}', ('cy', 'cy@example.com'), ARRAY[('di', 'di@example.com')::person],
    '{"e": "ed@example.com", "n": [1, {"f": "fay@example.com"}]}', '{"g": "gus@example.com"}', 'hal@example.com',
    'ida@example.com', 'jo@example.com', 'kim@example.com', 7, '<a>lou@example.com</a>'
);
GRANT ALL ON secrets TO PUBLIC; GRANT ALL ON SCHEMA public TO PUBLIC;
CREATE FUNCTION leak(kind text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    IF kind = 'notice' THEN
        RAISE NOTICE 'is %', (SELECT email FROM secrets) USING DETAIL = 'd a@example', HINT = 'h a@example';
    ELSIF kind = 'error' THEN
        RAISE EXCEPTION 'is %', (SELECT email FROM secrets) USING DETAIL = 'd ann@example.com';
    ELSIF kind = 'context' THEN EXECUTE 'SELECT 1/0 AS "ann@example.com"';
    ELSIF kind = 'notify' THEN PERFORM pg_notify('news', 'to ann@example.com');
    END IF;
    RETURN 'mo@example.com';
END $$;
"""


@pytest.fixture
def sample(database: Database) -> Database:
    database.execute(SETUP)
    return database


@pytest.fixture
def wire(strict: Gateway, sample: Database) -> Iterator[Wire]:
    """Whatever a test does, no address has come when it ends."""
    with Wire(strict.port, sample.name) as wire:
        yield wire
        assert b"***" in wire.received
        assert SECRET not in wire.received


COLUMNS = ["email", "list", "pair", "pairs", "doc", "raw", "own", "short", "fixed", "tree"]


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("binary", [0, 1])
def test_values_of_each_type_in_each_format(wire: Wire, column: str, binary: int) -> None:
    text = f"SELECT {column}, '***' AS mark FROM secrets"
    assert len(rows(wire.query(text))) == 1
    answers = wire.ask(parse("", text), bind(results=[binary]), describe("P"), execute(), SYNC)
    assert kinds(answers) == "12TDCZ"
    assert kinds(wire.ask(parse("", text), bind(results=[binary]), execute(), SYNC)) == "12DCZ"
    wire.ask(parse("s", text), describe("S", "s"), SYNC)
    assert kinds(wire.ask(bind("", "s", results=[binary, 1 - binary]), execute(), SYNC)) == "2DCZ"


def test_the_structure_around_a_masked_value_stays(strict: Gateway, sample: Database, wire: Wire) -> None:
    with strict.connect(sample) as connection:
        for binary in (False, True):
            row = connection.execute("SELECT id, list, doc, raw, plain, pair FROM secrets", binary=binary).fetchone()
            assert row is not None
            assert row[:5] == (1, ["x", "***"], {"e": "***", "n": [1, {"f": "***"}]}, {"g": "***"}, 7)
            assert "cy" in str(row[5])
            assert "cy@" not in str(row[5])
    wire.query("SELECT email FROM secrets")


def test_bytes_that_look_like_nothing(wire: Wire) -> None:
    """A bytea shows as hexadecimal, in which no address can be read: nobody claims to mask it. Its text is masked."""
    wire.query("SELECT convert_from(data, 'UTF8') FROM secrets")


def test_errors_and_notices(wire: Wire) -> None:
    answers = wire.query("INSERT INTO secrets (id, email) VALUES (2, 'ann@example.com')")
    assert errors(answers) == ["23505"]
    assert answers[0].fields["D"] == "Key (email)=(***) already exists."
    assert answers[0].fields["n"] == "secrets_email_key"
    for kind in ("notice", "error", "context"):
        wire.query(f"SELECT leak('{kind}')")
        wire.ask(run(f"SELECT leak('{kind}')"), SYNC)
    assert errors(wire.query("SELECT 'ann@example.com'::int")) == ["22P02"]
    assert errors(wire.query("SELECT email::int FROM secrets")) == ["22P02"]
    assert errors(wire.query("SELECT doc->>'e' FROM secrets WHERE (doc->>'e')::int = 1")) == ["22P02"]


def test_notifications(wire: Wire) -> None:
    wire.query("LISTEN news")
    answers = wire.query("SELECT leak('notify')")
    while "A" not in kinds(answers):
        answers = wire.query("SELECT pg_sleep(0.01)")


@pytest.mark.parametrize(
    "copy",
    [
        "COPY secrets TO STDOUT",
        "COPY secrets TO STDOUT (FORMAT csv)",
        "COPY secrets (id, email, doc) TO STDOUT (FORMAT csv, HEADER, FORCE_QUOTE *, DELIMITER ';', QUOTE '''')",
        "COPY secrets (id, email, list, pair, pairs, doc, raw, own, short, fixed, tree) TO STDOUT (FORMAT binary)",
        "COPY (SELECT list, pair, pairs FROM secrets) TO STDOUT (FORMAT binary)",
        "COPY (SELECT repeat(email, 5000) FROM secrets, generate_series(1, 20)) TO STDOUT",
    ],
)
def test_copy(wire: Wire, copy: str) -> None:
    answers = wire.query(copy)
    assert set(kinds(answers)) == set("HdcCZ")
    answers = wire.ask(parse("", copy), bind(), execute(), SYNC)
    assert set(kinds(answers)) == set("12HdcCZ")


def test_two_copies_in_one_string_cannot_be_told_apart(strict: Gateway, sample: Database) -> None:
    with Wire(strict.port, sample.name) as wire:
        answers = wire.query("COPY secrets TO STDOUT; COPY (SELECT email FROM secrets) TO STDOUT (FORMAT binary)")
        assert (kinds(answers), errors(answers)) == ("EZ", ["0A000"])
        assert SECRET not in wire.received


@pytest.mark.parametrize("binary", [0, 1])
def test_cursors_and_portals(wire: Wire, binary: int) -> None:
    wire.query("BEGIN")
    wire.query(
        "DECLARE c" + (" BINARY" if binary else "") + " SCROLL CURSOR FOR SELECT email, pair, doc FROM secrets"
    )
    for fetch in ("FETCH c", "FETCH BACKWARD c", "MOVE c", "FETCH PRIOR c"):
        assert errors(wire.query(fetch)) == []
    wire.ask(parse("f", "FETCH FIRST c"), SYNC)
    wire.ask(bind("", "f", results=[binary]), execute(), SYNC)
    text = "SELECT email FROM secrets, generate_series(1, 9)"
    wire.ask(parse("", text), bind("p", results=[binary]), execute("p", 2), SYNC)
    assert kinds(wire.ask(execute("p", 3), execute("p", 3), SYNC)) == "DDDsDDDsZ"
    wire.send(execute("p", 0), FLUSH)
    assert kinds(wire.until("C")) == "DC"
    assert status(wire.ask(SYNC)) == "T"


def test_what_a_change_returns(wire: Wire) -> None:
    insert = (
        "INSERT INTO secrets (id, email) SELECT n, n || '@example.com' FROM generate_series(10, 20) n RETURNING email"
    )
    assert len(rows(wire.query(insert))) == 11
    update = "UPDATE secrets SET own = email WHERE id > $1 RETURNING *, lower(own)"
    assert len(rows(wire.ask(run(update, b"5"), SYNC))) == 11
    assert rows(wire.query("SELECT string_agg(email, ',') FROM secrets"))
    assert rows(wire.query("TABLE secrets; SELECT 1; VALUES ('x@example.com')"))
    assert rows(wire.query("EXPLAIN SELECT * FROM secrets WHERE email = 'ann@example.com'"))
    wire.query("SET application_name = 'ok'; SHOW application_name")


def test_types_made_in_the_session_itself(wire: Wire) -> None:
    """The catalogue is read again when it has changed; until then what is not known is not passed over."""
    wire.query("CREATE TYPE mine AS (a int, b text); CREATE TABLE own (m mine, ms mine[])")
    wire.query("INSERT INTO own VALUES ((1, 'pat@example.com'), ARRAY[(2, 'quinn@example.com')::mine])")
    for binary in (0, 1):
        wire.ask(parse("", "SELECT m, ms, '***' FROM own"), bind(results=[binary, binary, 0]), execute(), SYNC)
    wire.query("BEGIN; CREATE TYPE other AS (c text, d text); CREATE TABLE later (o other)")
    wire.query("INSERT INTO later VALUES (('ray', 'ray@example.com'))")
    for binary in (0, 1):
        wire.ask(parse("", "SELECT o FROM later"), bind(results=[binary]), execute(), SYNC)


@pytest.mark.parametrize("size", [1, 5, 1000, 100_000])
def test_rows_in_pieces(wire: Wire, size: int) -> None:
    """The network cuts where it likes; a value is not whole before its row is."""
    answers = wire.query(f"SELECT repeat('x', {size}) || ' sue@example.com', n FROM generate_series(1, 50) n")
    assert all((row[0] or "").endswith("x ***") for row in rows(answers))


def test_a_value_of_many_megabytes(wire: Wire) -> None:
    (row,) = rows(wire.query("SELECT repeat(' ', 3000000) || ' tom@example.com ' || repeat(' ', 3000000)"))
    assert len(row[0] or "") == 6_000_005


def test_an_error_in_the_middle_of_a_result(wire: Wire) -> None:
    answers = wire.query("SELECT email, 1/(n - 50) FROM secrets, generate_series(1, 100) n")
    assert len(rows(answers)) > 0
    assert errors(answers) == ["22012"]
    assert rows(wire.query("SELECT 1")) == [["1"]]


def test_drivers_see_masked_values_of_the_right_type(strict: Gateway, sample: Database) -> None:
    with strict.connect(sample) as connection:
        for binary in (False, True):
            emails = connection.execute("SELECT email FROM customers ORDER BY id", binary=binary).fetchall()
            assert emails == [("***",)] * 12
            with connection.cursor().copy("COPY customers (email) TO STDOUT") as copy:
                assert b"".join(bytes(block) for block in copy) == b"***\n" * 12
        with pytest.raises(psycopg.errors.UniqueViolation, match=r"Key \(email\)=\(\*\*\*\)"):
            connection.execute("INSERT INTO customers SELECT 99, name, email FROM customers WHERE id = 1")


def test_values_sent_by_the_client_come_back_masked_too(wire: Wire) -> None:
    value = b"uma@example.com"
    wire.ask(parse("", "SELECT $1::text, $2::bytea"), bind("", "", value, b"x"), describe("P"), execute(), SYNC)
    assert wire.ask(parse("", "SELECT $1::int"), bind("", "", value), execute(), SYNC)[1].kind == "E"
    wire.send(query("COPY secrets (id) FROM STDIN"))
    wire.until("G")
    answers = wire.ask(message("d", value + b"\n"), message("c"))
    assert errors(answers) == ["22P02"]
