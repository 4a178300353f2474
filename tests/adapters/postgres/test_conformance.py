"""PostgreSQL in the suite that every adapter passes."""

import contextlib
import socket
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest

from tests.adapters.postgres.wire import (
    SYNC,
    TERMINATE,
    bind,
    describe,
    execute,
    message,
    parse,
    query,
    run,
    startup,
)
from tests.conformance.cutter import Cutter
from tests.conformance.suite import POLICY, SECRET, Client, Conformance, RefusedByGateway, Word
from tests.servers.gateway import Gateway
from tests.servers.postgres import TRUSTED, Database, PostgresServer, new_database

LOGIN = {"user": TRUSTED, "database": "postgres"}
SCRIPTS = [POLICY, "record.py"]
SETUP = f"CREATE TABLE secrets (a text); INSERT INTO secrets VALUES ('{SECRET}'); GRANT ALL ON secrets TO PUBLIC"
OPTIONS = {"shutdown_timeout": 2}


class Psycopg(Client):
    """psycopg, in the simple or the extended protocol."""

    def __init__(self, port: int, database: str, *, extended: bool) -> None:
        self._extended = extended
        dsn = f"host=127.0.0.1 port={port} user={TRUSTED} dbname={database} sslmode=disable"
        try:
            self._connection = psycopg.connect(dsn, autocommit=True, connect_timeout=10)
        except psycopg.OperationalError as e:
            raise OSError(e) from None

    def ask(self, command: str) -> str:
        try:
            cursor = self._connection.execute(
                command.encode(), () if self._extended else None, prepare=self._extended
            )
        except psycopg.OperationalError as e:
            raise OSError(e) from None
        except psycopg.Error as e:
            raise RefusedByGateway(e) from None
        return " ".join(str(row[0]) for row in cursor.fetchall())

    def close(self) -> None:
        self._connection.close()


@pytest.fixture(scope="module")
def sample(postgres: PostgresServer) -> Iterator[Database]:
    with new_database(postgres) as database:
        database.execute(SETUP)
        yield database


@pytest.fixture(scope="module")
def gateway(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("conformance")
    with Gateway(postgres, folder, scripts=SCRIPTS, options=OPTIONS) as gateway:
        yield gateway


@pytest.fixture
def fragile(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, Cutter]]:
    with Cutter(postgres.port) as wire:
        behind = cast(PostgresServer, SimpleNamespace(host=wire.host, port=wire.port))
        folder = tmp_path_factory.mktemp("fragile")
        with Gateway(behind, folder, scripts=SCRIPTS, options=OPTIONS) as gateway:
            yield gateway, wire


class TestPostgres(Conformance):
    """psycopg in the simple protocol; raw bytes in both."""

    extended = False
    database: Database

    @pytest.fixture(autouse=True)
    def _sample(self, sample: Database) -> None:
        self.database = sample

    def command(self, word: Word, mark: str = "") -> str:
        sql = {
            Word.HARMLESS: "SELECT 'fine'",
            Word.SECRET: "SELECT a FROM secrets",
            Word.LARGE: "SELECT repeat('x', 1000) FROM generate_series(1, 1000000)",
        }.get(word, f"INSERT INTO secrets VALUES ('{word}')")
        return f"{sql} -- {mark}"

    def connect(self, port: int) -> Client:
        return Psycopg(port, self.database.name, extended=self.extended)

    def arrived(self, text: str) -> bool:
        return any(text in statement for statement in self.database.logged())

    def exchanges(self) -> dict[str, bytes]:
        login = startup({**LOGIN, "database": self.database.name})
        secret, refused = self.command(Word.SECRET), self.command(Word.REFUSED)
        failing = query("SELECT a::int FROM secrets")
        pipeline = run("SELECT 1") + run(refused) + run(secret) + SYNC + run(secret) + SYNC
        portal = query("BEGIN") + parse("s", secret) + describe("S", "s") + bind("p", "s") + execute("p", 1) + SYNC
        copy_in = query("COPY secrets FROM STDIN") + message("d", b"x\n") * 3 + message("c") + query(secret)
        return {
            "simple": login + query(secret) + query(refused) + failing + query(secret) + TERMINATE,
            "extended": login + run(secret) + SYNC + run(refused) + SYNC + run(secret) + SYNC,
            "pipeline": login + pipeline,
            "portal": login + portal + execute("p", 0) + SYNC + query("ROLLBACK"),
            "copy": login + query("COPY secrets TO STDOUT") + copy_in + query("DELETE FROM secrets WHERE a = 'x'"),
        }

    def raw(self, port: int, sent: bytes) -> bytes:
        received = b""
        with socket.create_connection(("127.0.0.1", port), 10) as wire, contextlib.suppress(OSError):
            wire.sendall(sent)
            wire.shutdown(socket.SHUT_WR)
            while data := wire.recv(65_536):
                received += data
        return received

    def nonsense(self) -> list[bytes]:
        login = startup({**LOGIN, "database": self.database.name})
        wrong = [
            b"\0" * 100,
            b"Q\0\0\0\3",
            message("?"),
            message("B", b"x"),
            message("Q", b"no end"),
            b"Q\x7f\xff\xff\xff",
        ]
        return [b"\xff" * 64, b"GET / HTTP/1.1\r\n\r\n", *(login + bytes_ for bytes_ in wrong)]

    def lazily(self, port: int) -> Callable[[], None]:
        wire = socket.create_connection(("127.0.0.1", port), 10)
        login = startup({**LOGIN, "database": self.database.name})
        large = self.command(Word.LARGE)
        wire.sendall(login + (run(large) + SYNC if self.extended else query(large)))
        return wire.close


class TestPostgresExtended(TestPostgres):
    """psycopg in the extended protocol."""

    extended = True


def test_the_suite_has_an_answer_for_every_word() -> None:
    asked: Any = TestPostgres()
    assert all(word in asked.command(word) for word in (Word.REFUSED, Word.HELD, Word.BROKEN))
