"""asyncpg: binary throughout, prepared statements, cursors, COPY, pools."""

import asyncio
import io
from typing import Any

import asyncpg
import pytest

from tests.adapters.postgres.clients.conftest import CompareAsync, Endpoint
from tests.adapters.postgres.clients.test_psycopg import VARIOUS

type Seen = list[Any]


async def connect(at: Endpoint) -> Any:
    return await asyncpg.connect(at.dsn, ssl=False)


def diagnosed(error: asyncpg.PostgresError) -> dict[str, Any]:
    skipped = ("server_source_filename", "server_source_line", "server_source_function")
    return {name: value for name, value in error.as_dict().items() if name not in skipped}


async def failing(connection: Any, text: str, *values: Any) -> Any:
    try:
        return await connection.fetch(text, *values)
    except asyncpg.PostgresError as e:
        return [diagnosed(e), connection.is_in_transaction()]


async def test_values_of_many_types(compare_async: CompareAsync) -> None:
    async def scenario(at: Endpoint) -> Seen:
        connection = await connect(at)
        rows = await connection.fetch(VARIOUS)
        customers = await connection.fetch("SELECT * FROM customers ORDER BY id")
        await connection.close()
        return [[tuple(row) for row in rows], [dict(row) for row in customers]]

    assert len((await compare_async(scenario))[0]) == 50


async def test_types_of_the_users_own(compare_async: CompareAsync) -> None:
    async def scenario(at: Endpoint) -> Seen:
        connection = await connect(at)
        await connection.execute("CREATE TYPE mood AS ENUM ('glad', 'sad'); CREATE TYPE pair AS (a int, b mood)")
        await connection.execute("CREATE DOMAIN positive AS int CHECK (VALUE > 0)")
        await connection.execute("CREATE TABLE own (m mood, p pair, ps pair[], d positive)")
        insert = "INSERT INTO own VALUES ($1, $2, $3, $4)"
        await connection.execute(insert, "glad", (1, "sad"), [(2, "glad"), (None, None)], 7)
        result = [await failing(connection, insert, "bored", None, None, 1)]
        result.append(await failing(connection, insert, "glad", None, None, -1))
        result += [tuple(row) for row in await connection.fetch("SELECT * FROM own")]
        await connection.close()
        return result

    await compare_async(scenario)


async def test_prepared_statements_and_cursors(compare_async: CompareAsync) -> None:
    async def scenario(at: Endpoint) -> Seen:
        connection = await connect(at)
        statement = await connection.prepare("SELECT id, item FROM orders WHERE id > $1 ORDER BY id")
        result: Seen = [
            [(attribute.name, attribute.type.name) for attribute in statement.get_attributes()],
            [parameter.name for parameter in statement.get_parameters()],
            statement.get_query(),
        ]
        for start in range(0, 48, 10):
            result.append([tuple(row) for row in await statement.fetch(start)])
        result.append(await statement.explain(3))
        async with connection.transaction():
            result.append([tuple(row) async for row in statement.cursor(5, prefetch=7)])
            cursor = await connection.cursor("SELECT id FROM orders ORDER BY id")
            await cursor.forward(3)
            result += [[tuple(row) for row in await cursor.fetch(4)], tuple(await cursor.fetchrow())]
        await connection.executemany("UPDATE orders SET item = $1 WHERE id = $2", [(f"é{n}", n) for n in range(40)])
        result.append([tuple(row) for row in await connection.fetchmany("SELECT $1::int + 1", [(1,), (2,)])])
        result.append(await connection.fetchval("SELECT string_agg(item, ',' ORDER BY id) FROM orders"))
        await connection.close()
        return result

    await compare_async(scenario)


async def test_errors_and_transactions(compare_async: CompareAsync) -> None:
    async def scenario(at: Endpoint) -> Seen:
        connection = await connect(at)
        result: Seen = [
            await failing(connection, "SELECT 1/0"),
            await failing(connection, "SELECT 1/$1::int", 0),
            await failing(connection, "SELEC 1"),
            await failing(connection, "SELECT 'é', nowhere"),
            await failing(connection, "INSERT INTO orders VALUES ($1, 4711, 'x', 1, now())", 999),
        ]
        transaction = connection.transaction(isolation="serializable")
        await transaction.start()
        result.append(await failing(connection, "SELECT 1/0"))
        result.append(await failing(connection, "SELECT 1"))
        await transaction.rollback()
        try:
            async with connection.transaction():
                await connection.execute("UPDATE orders SET item = 'lost'")
                try:
                    async with connection.transaction():
                        await connection.execute("SELECT 1/0")
                except asyncpg.DivisionByZeroError:
                    result.append(await connection.fetchval("SELECT item FROM orders WHERE id = 1"))
                raise KeyError
        except KeyError:
            result.append(await connection.fetchval("SELECT item FROM orders WHERE id = 1"))
        with pytest.raises(asyncio.TimeoutError):
            await connection.execute("SELECT pg_sleep(10)", timeout=0.1)
        result.append(await connection.fetchval("SELECT 'alive'"))
        await connection.close()
        return result

    assert (await compare_async(scenario))[-1] == "alive"


async def test_copy_both_ways(compare_async: CompareAsync) -> None:
    async def scenario(at: Endpoint) -> Seen:
        connection = await connect(at)
        result: Seen = []
        for options in ({}, {"format": "csv", "header": True}, {"format": "binary"}):
            out = io.BytesIO()
            result.append(await connection.copy_from_table("orders", output=out, **options))
            await connection.execute("CREATE TABLE again (LIKE orders)")
            copied = io.BytesIO(out.getvalue())
            result += [out.getvalue(), await connection.copy_to_table("again", source=copied, **options)]
            result.append(
                await connection.fetchval("SELECT md5(string_agg(again::text, '|' ORDER BY id)) FROM again")
            )
            await connection.execute("DROP TABLE again")
        out = io.BytesIO()
        await connection.copy_from_query("SELECT email FROM customers WHERE id = $1", 5, output=out)
        records = [(n, 1, f"é{n}", None) for n in range(1000, 1010)]
        try:
            await connection.copy_records_to_table(
                "orders", records=records, columns=["id", "customer_id", "item", "amount"]
            )
        except asyncpg.PostgresError as e:
            result.append(diagnosed(e))
        await connection.close()
        return [*result, out.getvalue()]

    await compare_async(scenario)


async def test_notifications_and_notices(compare_async: CompareAsync) -> None:
    async def scenario(at: Endpoint) -> Seen:
        connection, other = await connect(at), await connect(at)
        heard: Seen = []
        notices: Seen = []
        done = asyncio.Event()

        def listener(_connection: Any, _pid: int, channel: str, payload: str) -> None:
            heard.append((channel, payload))
            if payload == "last":
                done.set()

        await connection.add_listener("news", listener)
        connection.add_log_listener(lambda _c, message: notices.append((message.severity, message.message)))
        await other.execute("NOTIFY news, 'first'; NOTIFY news, 'last'")
        await asyncio.wait_for(done.wait(), 10)
        await connection.remove_listener("news", listener)
        await connection.execute("DO $$ BEGIN RAISE NOTICE 'é %', 7; END $$")
        await asyncio.sleep(0)
        await other.close()
        await connection.close()
        return [heard, notices]

    await compare_async(scenario)


async def test_pools_reset_their_connections(compare_async: CompareAsync) -> None:
    async def scenario(at: Endpoint) -> Seen:
        async with asyncpg.create_pool(at.dsn, min_size=2, max_size=4, ssl=False) as pool:
            await pool.execute("CREATE TABLE pooled (n int)")

            async def work(number: int) -> Any:
                async with pool.acquire() as connection, connection.transaction():
                    await connection.execute("SET application_name = 'changed'")
                    await connection.execute("INSERT INTO pooled VALUES ($1)", number)
                    return await connection.fetchval("SELECT $1::int", number)

            result: Seen = [await asyncio.gather(*(work(n) for n in range(40)))]
            result.append(await pool.fetchval("SELECT count(*) FROM pooled"))
            result.append(await pool.fetchval("SHOW application_name"))
            return result

    await compare_async(scenario)
