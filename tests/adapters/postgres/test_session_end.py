"""A policy ends a session of PostgreSQL's: the client reads why as FATAL 57P01, and nothing goes on unseen."""

import time
from typing import Any

import psycopg
import pytest

from tests.conftest import StartGateway
from tests.servers.postgres import Database, PostgresServer

POLICY = """
import asyncio

from hoopaddon import Command, Session

sessions: list[Session] = []


def command(command: Command) -> None:
    if "end now" in command.text:
        command.session.end("your grant has ended")
    if "end soon" in command.text:
        asyncio.get_running_loop().call_later(0.3, command.session.end, "your grant has ended")


async def postgres_query(held: Command) -> None:
    command(held)
    if "hold" in held.text:
        await held.approve("somebody has to", within_s=60)
"""


@pytest.fixture
def connection(postgres: PostgresServer, database: Database, gateway: StartGateway) -> Any:
    with gateway(postgres, scripts=[POLICY]).connect(database) as connection:
        yield connection


def ended(connection: Any, text: str) -> None:
    began = time.monotonic()
    with pytest.raises(psycopg.errors.AdminShutdown, match="your grant has ended"):
        connection.execute(text)
    assert time.monotonic() - began < 5
    assert connection.closed
    assert connection.broken


def test_at_once(connection: Any, database: Database) -> None:
    ended(connection, "/* end now */ DELETE FROM orders")
    assert database.execute("SELECT count(*) FROM orders") == [(48,)]


def test_what_runs_is_cancelled(connection: Any, database: Database) -> None:
    ended(connection, "/* end soon */ SELECT pg_sleep(30)")
    assert gone(database, "pg_sleep")


def test_a_statement_that_would_have_committed_does_not(connection: Any, database: Database) -> None:
    ended(connection, "/* end soon */ WITH gone AS (DELETE FROM orders RETURNING id) SELECT pg_sleep(1) FROM gone")
    assert gone(database, "pg_sleep")
    assert database.execute("SELECT count(*) FROM orders") == [(48,)]


def test_an_open_transaction_is_rolled_back(connection: Any, database: Database) -> None:
    connection.execute("BEGIN")
    connection.execute("DELETE FROM orders")
    ended(connection, "SELECT 'end now'")
    assert gone(database, "DELETE FROM orders")
    assert database.execute("SELECT count(*) FROM orders") == [(48,)]


def test_what_is_held_is_given_up(connection: Any, database: Database) -> None:
    ended(connection, "/* end soon, hold */ DELETE FROM orders")
    assert database.execute("SELECT count(*) FROM orders") == [(48,)]


def test_in_the_middle_of_a_copy_to_the_server(connection: Any, database: Database) -> None:
    database.execute("CREATE TABLE taken (id int)")
    database.execute("GRANT ALL ON taken TO PUBLIC")
    with pytest.raises(psycopg.OperationalError):
        copy_for_ever(connection)
    assert connection.closed
    assert gone(database, "COPY taken")
    assert database.execute("SELECT count(*) FROM taken") == [(0,)]


def test_in_the_middle_of_a_copy_to_the_client(connection: Any, database: Database) -> None:
    with pytest.raises(psycopg.OperationalError):
        read_for_ever(connection)
    assert connection.closed
    assert gone(database, "generate_series")


def test_while_it_is_idle(connection: Any) -> None:
    connection.execute("SELECT 'end soon'")
    time.sleep(0.6)
    with pytest.raises(psycopg.errors.AdminShutdown, match="your grant has ended"):
        connection.execute("SELECT 1")


def test_a_client_that_does_not_read_is_cut_too(connection: Any, database: Database) -> None:
    connection.pgconn.send_query(b"/* end soon */ SELECT repeat('x', 100000) FROM generate_series(1, 100000)")
    time.sleep(1)
    assert gone(database, "generate_series")
    connection.close()


def copy_for_ever(connection: Any) -> None:
    with connection.cursor() as cursor, cursor.copy("/* end soon */ COPY taken FROM STDIN") as copy:
        for number in range(100_000_000):
            copy.write(f"{number}\n")


def read_for_ever(connection: Any) -> None:
    text = "/* end soon */ COPY (SELECT repeat('x', 1000000) FROM generate_series(1, 1000000)) TO STDOUT"
    with connection.cursor() as cursor, cursor.copy(text) as copy:
        for row in copy:
            assert bytes(row).strip(b"x\n") == b""


def gone(database: Database, text: str) -> bool:
    """Whether the server comes to run nothing of this any more."""
    query = f"""
        SELECT count(*) FROM pg_stat_activity
        WHERE query LIKE '%{text}%' AND pid <> pg_backend_pid() AND datname = '{database.name}'
    """
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if database.execute(query) == [(0,)]:
            return True
        time.sleep(0.05)
    return False
