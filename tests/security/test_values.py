"""Values that a policy reads otherwise than the server."""

from collections.abc import Iterator

import pytest

from tests.adapters.postgres.wire import SYNC, Wire, bind, errors, execute, parse, rows
from tests.servers.gateway import Gateway
from tests.servers.postgres import Database, PostgresServer

POLICY = """
from hoopaddon import Refused

def command(command):
    if {"forbidden", "verb\\u00f6ten"} & set(command.parameters):
        raise Refused("that value is not allowed")
"""


@pytest.fixture(scope="module")
def picky(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway whose policy goes by values."""
    with Gateway(postgres, tmp_path_factory.mktemp("picky"), scripts=[POLICY]) as gateway:
        yield gateway


@pytest.fixture
def wire(picky: Gateway, database: Database) -> Iterator[Wire]:
    with Wire(picky.port, database.name) as wire:
        yield wire


def test_plain_values_are_seen(wire: Wire) -> None:
    for value in (b"forbidden", "verb\u00f6ten".encode()):
        assert errors(wire.ask(parse("", "SELECT $1::text"), bind("", "", value), execute(), SYNC)) == ["42501"]


def test_a_binary_value_of_a_domain_is_seen(wire: Wire, database: Database) -> None:
    database.execute("CREATE DOMAIN disguised AS text")
    oid = database.execute("SELECT 'disguised'::regtype::oid::bigint")[0][0]
    asked = parse("", "SELECT $1::text", oid), bind("", "", b"forbidden", binary=True), execute(), SYNC
    assert errors(wire.ask(*asked)) == ["42501"]


def test_a_value_is_read_in_the_encoding_that_the_server_reads_it_in(wire: Wire) -> None:
    wire.ask(parse("s", "SELECT ascii(substr($1::text, 5, 1))"), SYNC)
    latin = parse("", "SET client_encoding TO latin1") + bind() + execute()
    answers = wire.ask(latin, bind("", "s", "verb\u00f6ten".encode("latin-1")), execute(), SYNC)
    assert rows(answers) == []
    assert errors(answers) == ["42501"]


def test_types_that_the_server_never_told_are_asked_for_again(wire: Wire) -> None:
    wire.ask(parse("s", "SELECT $1::text"), SYNC)
    asked = bind("", "s", b"forbidden", binary=True), execute(), SYNC
    wire.ask(parse("bad", "SELEC"), *asked)
    assert errors(wire.ask(*asked)) == ["42501"]
