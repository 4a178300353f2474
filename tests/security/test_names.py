"""A client that makes the gateway and the server mean different statements by one name."""

from collections.abc import Iterator

import pytest

from tests.adapters.postgres.wire import SYNC, Wire, bind, close, execute, parse, query, rows
from tests.servers.gateway import Gateway
from tests.servers.postgres import Database

DELETE = "DELETE FROM attacked"
HARMLESS = "SELECT 1"
LONG = "n" * 63


@pytest.fixture
def attacker(guarded: Gateway, database: Database) -> Iterator[Wire]:
    """A session whose user may do everything, if the policies let it."""
    database.execute(
        "CREATE TABLE attacked (id int); INSERT INTO attacked VALUES (1); GRANT ALL ON attacked TO public"
    )
    with Wire(guarded.port, database.name) as wire:
        yield wire


def left(database: Database) -> list[tuple[int]]:
    return database.execute("SELECT id FROM attacked")


def test_a_skipped_parse_does_not_bring_back_what_was_named_since(attacker: Wire, database: Database) -> None:
    attacker.ask(parse("", HARMLESS), SYNC)
    attacker.send(parse("bad", "SELEC"), parse("", HARMLESS), SYNC, parse("", DELETE), SYNC)
    attacker.until_ready()
    attacker.until_ready()
    attacker.ask(bind(), execute(), SYNC)
    assert left(database) == [(1,)]


def test_names_that_the_server_cuts_are_one_name(attacker: Wire, database: Database) -> None:
    attacker.ask(parse(LONG + "1", HARMLESS), SYNC)
    attacker.ask(close("S", LONG + "2"), parse(LONG + "2", DELETE), SYNC)
    attacker.ask(bind("", LONG + "1"), execute(), SYNC)
    assert left(database) == [(1,)]


def test_names_that_the_server_cuts_are_known_to_execute(attacker: Wire, database: Database) -> None:
    attacker.query(f"PREPARE {LONG} AS SELECT 1")
    attacker.ask(close("S", LONG + "2"), parse(LONG + "2", DELETE), SYNC)
    attacker.query(f"EXECUTE {LONG}")
    assert left(database) == [(1,)]


def test_a_name_is_one_in_the_clients_encoding(attacker: Wire, database: Database) -> None:
    attacker.query("SET client_encoding TO 'LATIN1'")
    name = b"\xc3\xa9".decode("latin-1").encode("latin-1")
    delete = b"P" + (4 + len(name) + 1 + len(DELETE) + 1 + 2).to_bytes(4) + name + b"\0" + DELETE.encode() + b"\0\0\0"
    attacker.ask(delete, SYNC)
    attacker.query('PREPARE "\xe9" AS SELECT 1'.encode("latin-1"))
    body = b"\0" + name + b"\0" + bytes(6)
    attacker.ask(b"B" + (4 + len(body)).to_bytes(4) + body, execute(), SYNC)
    assert left(database) == [(1,)]


def test_a_close_does_not_forget_what_was_named_behind_it(attacker: Wire, database: Database) -> None:
    attacker.ask(parse("x", HARMLESS), SYNC)
    attacker.ask(close("S", "x"), parse("x", DELETE), SYNC)
    attacker.query("PREPARE x AS SELECT 1")
    attacker.query("EXECUTE x")
    attacker.ask(bind("", "x"), execute(), SYNC)
    assert left(database) == [(1,)]


def test_deallocate_does_not_forget_what_was_prepared_behind_it(attacker: Wire, database: Database) -> None:
    attacker.query("DEALLOCATE ALL; PREPARE x AS SELECT 1")
    attacker.send(query("DEALLOCATE ALL"), parse("x", DELETE), SYNC)
    attacker.until_ready()
    attacker.until_ready()
    attacker.query("PREPARE x AS SELECT 1")
    attacker.query("EXECUTE x")
    attacker.ask(bind("", "x"), execute(), SYNC)
    assert left(database) == [(1,)]


def test_a_body_cannot_give_a_name_another_meaning(attacker: Wire) -> None:
    attacker.ask(parse("x", "SELECT 'judged'"), SYNC)
    attacker.query("DO $$ BEGIN DEALLOCATE x; PREPARE x AS SELECT 'runs'; END $$")
    assert rows(attacker.ask(bind("", "x"), execute(), SYNC)) != [["runs"]]


def test_a_close_behind_a_bind_is_older_than_what_comes_behind_it(attacker: Wire, database: Database) -> None:
    attacker.ask(parse("", HARMLESS), bind(), close("S", "x"), parse("x", DELETE), SYNC)
    attacker.query("PREPARE x AS SELECT 1")
    attacker.ask(bind("", "x"), execute(), SYNC)
    assert left(database) == [(1,)]


def test_what_is_prepared_behind_a_deallocate_in_one_string_is_known(attacker: Wire) -> None:
    attacker.query("DEALLOCATE ALL; PREPARE x AS SELECT 'runs'")
    attacker.query("PREPARE x AS SELECT 'judged'")
    assert rows(attacker.ask(bind("", "x"), execute(), SYNC)) != [["runs"]]
