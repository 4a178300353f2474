"""A client that keeps the gateway from learning which columns are which."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adapters.postgres.wire import SYNC, Wire, parse, rows
from tests.servers.gateway import Gateway
from tests.servers.postgres import Database, PostgresServer

SELECT = "SELECT code AS x FROM secretive"
MASKED = [["[masked]"]]


@pytest.fixture
def masking(postgres: PostgresServer, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway that has not seen the database yet."""
    with Gateway(postgres, tmp_path, scripts=["mask_pii.py"], options={"mask_columns": "secretive.code"}) as gateway:
        yield gateway


@pytest.fixture
def secretive(database: Database) -> Database:
    make(database)
    return database


def make(database: Database) -> None:
    database.execute("DROP TABLE IF EXISTS secretive")
    database.execute("CREATE TABLE secretive AS SELECT 'blue' AS code")
    database.execute("GRANT SELECT ON secretive TO public")


def test_a_column_is_masked_under_any_name(masking: Gateway, secretive: Database) -> None:
    with Wire(masking.port, secretive.name) as wire:
        assert rows(wire.query(SELECT)) == MASKED


def test_a_lookup_that_fails_is_no_way_around_a_mask(masking: Gateway, secretive: Database) -> None:
    with Wire(masking.port, secretive.name, statement_timeout="1") as wire:
        wire.query("SET statement_timeout = 0")
    with Wire(masking.port, secretive.name) as wire:
        wire.query("SELECT 1")
        assert b"blue" not in repr(wire.query(SELECT)).encode()
        assert b"blue" not in repr(wire.query(SELECT)).encode()


def test_the_names_of_the_lookup_are_not_the_clients(masking: Gateway, secretive: Database) -> None:
    with Wire(masking.port, secretive.name) as wire:
        wire.ask(parse("hoopaddon: lookup", "SELECT 1"), SYNC)
        make(secretive)
        wire.query(SELECT)
        assert b"blue" not in repr(wire.query(SELECT)).encode()


def test_a_table_that_is_new_is_masked_at_once(masking: Gateway, secretive: Database) -> None:
    with Wire(masking.port, secretive.name) as wire:
        wire.query(SELECT)
        make(secretive)
        assert b"blue" not in repr(wire.query(SELECT)).encode()
