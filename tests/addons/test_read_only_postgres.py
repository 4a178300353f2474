"""read_only in front of a real PostgreSQL, which is told as well: what the client may say does not undo that."""

import socket
import threading
from collections.abc import Callable
from typing import Any

import asyncpg
import psycopg
import pytest
from psycopg import errors

from tests.conftest import StartGateway
from tests.servers.postgres import APP, Database

ASKS_ONLY = """
from hoopaddon import Session

def session_start(session: Session) -> None:
    session.read_only = True
"""
SSL_REQUEST_BYTES = 8
FUNCTIONS = """
CREATE FUNCTION sneaks() RETURNS text LANGUAGE sql AS
  $$ SELECT set_config('default_transaction_read_only', 'off', false) $$;
CREATE FUNCTION writes() RETURNS void LANGUAGE sql AS $$ DELETE FROM orders $$;
CREATE FUNCTION sneaks_and_writes() RETURNS void LANGUAGE plpgsql AS
  $$ BEGIN SET transaction_read_only = off; DELETE FROM orders; END $$;
"""

type Connection = psycopg.Connection[tuple[Any, ...]]


def orders(database: Database) -> int:
    ((count,),) = database.execute("SELECT count(*) FROM orders")
    return int(count)


@pytest.fixture(params=["postgres", "postgres15"])
def written_about(request: pytest.FixtureRequest) -> Database:
    """A database whose functions try to write, on each version of the server."""
    found: Database = request.getfixturevalue("database" if request.param == "postgres" else "database15")
    found.execute(FUNCTIONS)
    return found


def set_off(connection: Connection) -> None:
    connection.execute("SET default_transaction_read_only = off")


def reset(connection: Connection) -> None:
    connection.execute("RESET ALL")


def discard(connection: Connection) -> None:
    connection.execute("DISCARD ALL")


def call(connection: Connection) -> None:
    connection.execute("SELECT sneaks()")


def set_in_a_transaction(connection: Connection) -> None:
    connection.execute("BEGIN")
    connection.execute("SET default_transaction_read_only = off")
    connection.execute("COMMIT")


def begin_in_the_same_text(connection: Connection) -> None:
    connection.execute("SET default_transaction_read_only = off; BEGIN")


def chain(connection: Connection) -> None:
    connection.execute("BEGIN")
    connection.execute("SELECT sneaks()")
    connection.execute("COMMIT AND CHAIN")


def roll_back_what_turned_it_on(connection: Connection) -> None:
    connection.execute("SELECT sneaks(); BEGIN; SAVEPOINT a")
    connection.execute("SELECT 1")
    connection.execute("ROLLBACK TO SAVEPOINT a")


@pytest.mark.parametrize(
    "undo",
    [set_off, reset, discard, call, set_in_a_transaction, begin_in_the_same_text, chain, roll_back_what_turned_it_on],
)
def test_whatever_turns_it_off_it_is_on_again(
    gateway: StartGateway, written_about: Database, undo: Callable[[Connection], None]
) -> None:
    before = orders(written_about)
    with gateway(written_about.server, scripts=[ASKS_ONLY]).connect(written_about) as connection:
        undo(connection)
        with pytest.raises(errors.ReadOnlySqlTransaction):
            connection.execute("SELECT writes()")
        connection.execute("ROLLBACK")
        with pytest.raises(errors.ReadOnlySqlTransaction):
            connection.execute("DELETE FROM orders")
        assert connection.execute("SHOW default_transaction_read_only").fetchone() == ("on",)
    assert orders(written_about) == before


def undo_and_write_at_once(connection: Connection) -> None:
    with connection.pipeline() as pipeline:
        connection.execute("SELECT sneaks()")
        pipeline.sync()
        connection.execute("SELECT writes()")
        pipeline.sync()


def test_nor_in_one_breath(gateway: StartGateway, written_about: Database) -> None:
    before = orders(written_about)
    with gateway(written_about.server, scripts=[ASKS_ONLY]).connect(written_about) as connection:
        with pytest.raises(errors.ReadOnlySqlTransaction):
            undo_and_write_at_once(connection)
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert orders(written_about) == before


def test_the_policy_and_the_server_together(gateway: StartGateway, written_about: Database) -> None:
    before = orders(written_about)
    proxy = gateway(written_about.server, scripts=["read_only.py"])
    with proxy.connect(written_about) as connection:
        for text in ("DELETE FROM orders", "BEGIN READ WRITE", "SET default_transaction_read_only = off"):
            with pytest.raises(errors.InsufficientPrivilege, match="only reads are allowed here"):
                connection.execute(text)
        for text in ("SELECT writes()", "SELECT sneaks_and_writes()"):
            with pytest.raises((errors.ReadOnlySqlTransaction, errors.ActiveSqlTransaction)):
                connection.execute(text)
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (before,)
        assert connection.info.parameter_status("default_transaction_read_only") == "on"
    assert orders(written_about) == before
    assert "DELETE FROM orders" not in written_about.logged()


@pytest.mark.parametrize(
    "parameters",
    [
        {"options": "-c default_transaction_read_only=off"},
        {"options": "-c default_transaction_read_only=0 -c search_path=public"},
        {"options": "--default-transaction-read-only=off"},
    ],
)
def test_a_startup_message_does_not_turn_it_off(
    gateway: StartGateway, database: Database, parameters: dict[str, str]
) -> None:
    proxy = gateway(database.server, scripts=["read_only.py"])
    with pytest.raises(psycopg.OperationalError, match="only reads are allowed here"):
        proxy.connect(database, **parameters)


def test_a_startup_message_turns_off_nothing_where_nobody_refuses_it(
    gateway: StartGateway, database: Database
) -> None:
    proxy = gateway(database.server, scripts=[ASKS_ONLY])
    with proxy.connect(database, options="-c default_transaction_read_only=off") as connection:
        for text in ("DELETE FROM orders", "RESET ALL", "DELETE FROM orders"):
            if text.startswith("RESET"):
                connection.execute(text)
                continue
            with pytest.raises(errors.ReadOnlySqlTransaction):
                connection.execute(text)


def test_who_is_not_bound_writes(gateway: StartGateway, database: Database) -> None:
    proxy = gateway(database.server, scripts=["read_only.py"], options={"read_only_groups": "agents"})
    with proxy.connect(database) as connection:
        connection.execute("DELETE FROM orders")
    assert orders(database) == 0


async def test_what_a_pool_does_between_its_users_passes(gateway: StartGateway, database: Database) -> None:
    proxy = gateway(database.server, scripts=["read_only.py"])
    connection = await asyncpg.connect(proxy.dsn(APP, database.name))
    try:
        async with connection.transaction(readonly=True):
            assert await connection.fetchval("SELECT count(*) FROM orders")
        await connection.reset()
        assert await connection.fetchval("SHOW default_transaction_read_only") == "on"
    finally:
        await connection.close()


class SaysNothing(threading.Thread):
    """A server that lets everybody in, and says nothing of its settings: as PostgreSQL before version 14 does."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self._listening.getsockname()

    def run(self) -> None:
        for _ in range(2):
            client, _address = self._listening.accept()
            with client:
                self._let_in(client)
        self._listening.close()

    @staticmethod
    def _let_in(client: socket.socket) -> None:
        if len(client.recv(65536)) == SSL_REQUEST_BYTES:
            client.sendall(b"N")
            client.recv(65536)
        client.sendall(b"R\0\0\0\x08\0\0\0\0" + b"Z\0\0\0\x05I")
        client.recv(65536)


def test_a_target_that_does_not_say_is_not_used(gateway: StartGateway) -> None:
    server = SaysNothing()
    server.start()
    for options, refused in (({}, True), ({"read_only_transactions": "false"}, False)):
        proxy = gateway(server, scripts=["read_only.py"], options=options)  # type: ignore[arg-type]
        dsn = f"postgresql://ann@{proxy.host}:{proxy.port}/shop"
        if refused:
            with pytest.raises(psycopg.OperationalError, match="does not say whether it has them"):
                psycopg.connect(dsn)
        else:
            psycopg.connect(dsn).close()
    server.join(10)
