"""The relay that the gateway is measured against is one."""

import asyncio

import psycopg

from benchmarks.bare_relay import serve
from demo.server import free_port
from tests.servers.postgres import Database, PostgresServer


async def test_it_relays_a_whole_session(postgres: PostgresServer, database: Database) -> None:
    port = free_port()
    serving = asyncio.create_task(serve(port, postgres.port))
    dsn = database.dsn(sslmode="require").replace(f":{postgres.port}/", f":{port}/")
    async with await connect_when_up(dsn) as connection:
        # More than any socket's buffers hold, so that back-pressure is needed.
        cursor = await connection.execute("SELECT repeat('x', 100000) FROM generate_series(1, 200)")
        assert sum(len(row[0]) for row in await cursor.fetchall()) == 20_000_000
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def connect_when_up(dsn: str) -> "psycopg.AsyncConnection[tuple[str]]":
    for _ in range(100):
        try:
            return await psycopg.AsyncConnection.connect(dsn)
        except psycopg.OperationalError:
            await asyncio.sleep(0.02)
    raise AssertionError("the relay did not come up")
