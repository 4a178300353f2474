"""One listener before several PostgreSQL servers: clients name the one they mean, and strangers learn of none."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from hoopaddon import Refused, Session
from hoopaddon.gateway import Gateway, serving
from hoopaddon.identity.tokens import sign
from hoopaddon.store.keys import SigningKey
from tests.servers.postgres import APP, Database, PostgresServer, new_database

WHERE = "SELECT current_database() || ' ' || current_user"


@pytest.fixture
def other(postgres: PostgresServer) -> Iterator[Database]:
    with new_database(postgres) as database:
        yield database


class Seen:
    """The sessions that there were."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def session_start(self, session: Session) -> None:
        self.names.append(f"{session.target.name} {session.user.subject} {session.parameters['database']}")
        if session.user.subject == "mallory":
            raise Refused("not you")


@pytest.fixture
def password(postgres: PostgresServer, tmp_path: Path) -> str:
    (tmp_path / "secret").write_text(postgres.passwords[APP])
    return f"user={APP}&password={quote(f'file:{tmp_path}/secret')}"


@asynccontextmanager
async def before(
    server: PostgresServer, folder: Path, seen: Seen, *targets: str
) -> AsyncIterator[tuple[Gateway, int]]:
    mode = "|".join(f"{server.host}:{server.port}?{target}" for target in targets)
    async with serving(modes=[f"postgres:{mode}@0"], addons=[seen], confdir=str(folder / "conf")) as gateway:
        yield gateway, gateway.servers.listen_addrs()[0][1]


def token(folder: Path, user: str = "ann", target: str | None = None) -> str:
    return sign(SigningKey.load_or_create(folder / "conf"), subject=user, ttl_s=300, target=target)


async def ask(port: int, **how: Any) -> str:
    async with await psycopg.AsyncConnection.connect(host="127.0.0.1", port=port, **how) as connection:
        row = await (await connection.execute(WHERE)).fetchone()
        assert row is not None
        return str(row[0])


async def test_by_database_user_and_host_name(
    postgres: PostgresServer, database: Database, other: Database, password: str, tmp_path: Path
) -> None:
    seen = Seen()
    one = f"name=orders&database={database.name}&{password}"
    two = f"name=bills&database={other.name}&host=bills.gateway.test&{password}"
    async with before(postgres, tmp_path, seen, one, two) as (_, port):
        mine = token(tmp_path)
        assert await ask(port, user="ann", password=mine, dbname="orders") == f"{database.name} {APP}"
        assert await ask(port, user="ann", password=mine, dbname="bills") == f"{other.name} {APP}"
        assert await ask(port, user="ann@bills", password=mine) == f"{other.name} {APP}"
        assert await ask(port, user="ann@bills", password=mine, dbname=database.name) == f"{database.name} {APP}"
        assert await ask(port, user="ann@example.org@orders", password=mine) == f"{database.name} {APP}"
        tls: dict[str, Any] = {"sslmode": "require", "hostaddr": "127.0.0.1", "host": "bills.gateway.test"}
        async with await psycopg.AsyncConnection.connect(
            port=port, user="ann", password=mine, dbname="postgres", **tls
        ) as connection:
            assert await (await connection.execute(WHERE)).fetchone() == (f"postgres {APP}",)
    assert [name.split()[0] for name in seen.names] == ["orders", "bills", "bills", "bills", "orders", "bills"]
    assert {name.split()[1] for name in seen.names} == {"ann"}


@pytest.mark.parametrize(
    "how",
    [
        {"user": "ann", "dbname": "nothing"},
        {"user": "ann@nothing", "dbname": "nothing"},
        {"user": "orders", "dbname": "nothing"},
        {"user": "ann@", "dbname": "nothing"},
        {"user": "@orders", "dbname": "nothing"},
        {"user": "ann@Orders", "dbname": "nothing"},
        {"user": "ann", "dbname": "orders|bills"},
        {"user": "ann", "dbname": "postgres"},
    ],
)
async def test_an_unknown_target_is_one_error_that_names_no_other(
    how: dict[str, str], postgres: PostgresServer, password: str, tmp_path: Path
) -> None:
    seen = Seen()
    async with before(postgres, tmp_path, seen, f"name=orders&{password}", f"name=bills&{password}") as (_, port):
        with pytest.raises(psycopg.OperationalError) as caught:
            await ask(port, password=token(tmp_path), **how)
        said = str(caught.value)
        assert "no target of this gateway has this name" in said
        assert "bills" not in said.replace("orders|bills", "")
        assert seen.names == []


async def test_a_token_for_one_target_is_none_for_the_other(
    postgres: PostgresServer, database: Database, password: str, tmp_path: Path
) -> None:
    seen = Seen()
    one, two = f"name=orders&database={database.name}&{password}", f"name=bills&{password}"
    async with before(postgres, tmp_path, seen, one, two) as (_, port):
        mine = token(tmp_path, target="orders")
        assert await ask(port, user="ann@orders", password=mine) == f"{database.name} {APP}"
        for how in ({"user": "ann@bills"}, {"user": "ann", "dbname": "bills"}):
            with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                await ask(port, password=mine, **how)
        with pytest.raises(psycopg.OperationalError, match="not you"):
            await ask(port, user="mallory@orders", password=token(tmp_path, "mallory"))


async def test_a_cancel_reaches_the_target_of_its_session(
    postgres: PostgresServer, password: str, tmp_path: Path
) -> None:
    one, two = f"name=orders&{password}", f"name=bills&database=postgres&{password}"
    # The first target is one that nobody answers at.
    mode = f"postgres:127.0.0.1:9?{one}|{postgres.host}:{postgres.port}?{two}@0"
    async with serving(modes=[mode], confdir=str(tmp_path / "conf")) as gateway:
        port = gateway.servers.listen_addrs()[0][1]
        connection = await psycopg.AsyncConnection.connect(
            host="127.0.0.1", port=port, user="ann@bills", password=token(tmp_path)
        )
        async with connection:
            sleeping = asyncio.create_task(connection.execute("SELECT pg_sleep(60)"))
            await asyncio.sleep(0.3)
            await connection.cancel_safe()
            with pytest.raises(psycopg.errors.QueryCanceled):
                await sleeping
