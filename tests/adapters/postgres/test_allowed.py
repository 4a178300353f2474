"""What is refused by name until the mode allows it, and then judged: FunctionCall, replication, startup settings."""

import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.adapters.postgres.clients.conftest import Endpoint
from tests.adapters.postgres.wire import Wire, errors, kinds, message, rows
from tests.servers.gateway import Gateway
from tests.servers.postgres import APP, Database, PostgresServer, new_database

LO_IMPORT, LENGTH = 764, 1257


@pytest.fixture(scope="module")
def allowing(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    settings = {"allow": "function_call"}
    scripts = ["block_destructive.py"]
    folder = tmp_path_factory.mktemp("allowing")
    with Gateway(postgres, folder, settings=settings, scripts=scripts) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def importing_not(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Function calls are allowed, but for one."""
    refusing = (
        "from hoopaddon import Command, Refused\n\ndef postgres_query(command: Command) -> None:\n"
        "    if 'lo_import' in command.functions:\n        raise Refused('nothing is imported')\n"
    )
    folder = tmp_path_factory.mktemp("importing")
    with Gateway(postgres, folder, settings={"allow": "function_call"}, scripts=[refusing]) as gateway:
        yield gateway


def call(oid: int, *values: bytes) -> bytes:
    arguments = b"".join(struct.pack("!i", len(value)) + value for value in values)
    return message("F", struct.pack("!IHH", oid, 0, len(values)) + arguments + struct.pack("!H", 0))


def test_an_allowed_function_call_runs(allowing: Gateway) -> None:
    with Wire(allowing.port) as wire:
        answers = wire.ask(call(LENGTH, b"four"))
        assert kinds(answers) == "VZ"
        assert answers[0].payload == b"\0\0\0\x014"
        assert rows(wire.query("SELECT 1")) == [["1"]]


def test_an_allowed_function_call_is_judged(allowing: Gateway, importing_not: Gateway) -> None:
    for gateway in (allowing, importing_not):
        with Wire(gateway.port) as wire:
            assert errors(wire.ask(call(LO_IMPORT, b"/etc/passwd"))) == ["42501"]
            wire.query("BEGIN")
            assert wire.ask(call(LO_IMPORT, b"/etc/passwd"))[-1].tag == "E"


def test_pg_dump_of_large_objects(importing_not: Gateway, database: Database, tmp_path: Path) -> None:
    database.execute("SELECT lo_from_bytea(4711, '\\xdeadbeef')")
    server = database.server
    dumps = []
    for port in (server.port, importing_not.port):
        at = Endpoint(server.host, port, database.name, server.passwords[APP], server)
        file = tmp_path / f"{port}.dump"
        program: list[str | Path] = [server.bin_dir / "pg_dump", "-Fc", "-f", file]
        subprocess.run(program, env=at.environment, check=True, cwd=tmp_path)
        with new_database(server, "template0") as empty:
            to = Endpoint(server.host, server.port, empty.name, server.passwords[APP], server)
            restore: list[str | Path] = [server.bin_dir / "pg_restore", "-d", empty.name, "--no-owner", file]
            subprocess.run(restore, env=to.environment, check=True, cwd=tmp_path)
            dumps.append(empty.execute("SELECT encode(lo_get(4711), 'hex')"))
    assert dumps == [[("deadbeef",)]] * 2


def test_replication_that_is_allowed(postgres: PostgresServer, tmp_path: Path) -> None:
    postgres.execute("CREATE ROLE copier LOGIN REPLICATION PASSWORD 'copier'")
    refusing = (
        "from hoopaddon import Command, Refused\n\ndef command(command: Command) -> None:\n"
        "    if 'replicate' in command.verbs and command.session.parameters['application_name'] != 'copier':\n"
        "        raise Refused('only copiers copy')\n"
    )
    with Gateway(postgres, tmp_path, settings={"allow": "replication"}, scripts=[refusing]) as gateway:
        dsn = f"host={gateway.host} port={gateway.port} user=copier password=copier"
        with psycopg.connect(f"{dsn} replication=true application_name=copier", autocommit=True) as connection:
            (identity,) = connection.execute("IDENTIFY_SYSTEM").fetchall()
            assert len(identity) == 4
        with pytest.raises(psycopg.OperationalError, match="only copiers copy"):
            psycopg.connect(f"{dsn} replication=true application_name=other")
        # A walsender for a database takes SQL too, which nobody would judge.
        with pytest.raises(psycopg.OperationalError, match="only physical replication"):
            psycopg.connect(f"{dsn} replication=database dbname=postgres application_name=copier")


@pytest.mark.parametrize(
    "parameters",
    [
        {"options": "-c session_replication_role=replica"},
        {"options": "--session-replication-role=replica"},
        {"options": "-c\\ x=1 -csession_replication_role=replica"},
        {"session_replication_role": "replica"},
        {"Session_Replication_Role": "replica"},
    ],
    ids=str,
)
def test_settings_of_the_startup_message_are_judged(allowing: Gateway, parameters: dict[str, str]) -> None:
    with pytest.raises(ConnectionError):
        Wire(allowing.port, parameters=parameters)


def test_harmless_settings_pass(allowing: Gateway) -> None:
    with Wire(allowing.port, options="-c geqo=off", DateStyle="German") as wire:
        assert rows(wire.query("SHOW geqo")) == [["off"]]
