"""pg8000: pure Python, and every statement in the extended protocol."""

import io
from typing import Any

import pg8000.dbapi
import pg8000.native

from tests.adapters.postgres.clients.conftest import Compare, Endpoint
from tests.adapters.postgres.clients.test_psycopg import ERRORS

type Seen = list[Any]

VARIOUS = """
SELECT 1, 2::int8, 1.5::float8, 12.50::numeric, 'ü', NULL, true, date '2026-01-05', '\\xff'::bytea,
       '{"a": 1}'::jsonb, '{1,NULL}'::int[], interval '1 day', '192.0.2.1'::inet
"""


def connect(at: Endpoint) -> Any:
    return pg8000.native.Connection(at.user, at.host, at.database, at.port, at.password)


def failing(connection: Any, text: str, **values: Any) -> Any:
    try:
        return connection.run(text, **values)
    except pg8000.exceptions.DatabaseError as e:
        return {key: value for key, value in e.args[0].items() if key not in "LFR"}


def test_statements(compare: Compare) -> None:
    def scenario(at: Endpoint) -> Seen:
        connection = connect(at)
        result: Seen = [connection.run(VARIOUS), [column["name"] for column in connection.columns]]
        result.append(connection.run("SELECT :a, CAST(:b AS int), :c", a="é", b=7, c=None))
        prepared = connection.prepare("SELECT item FROM orders WHERE id = :id")
        result += [prepared.run(id=number) for number in (1, 2, 3, 99)]
        prepared.close()
        result += [connection.run("UPDATE orders SET item = 'x' WHERE id < 5"), connection.row_count]
        connection.close()
        return result

    compare(scenario)


def test_errors_notices_and_transactions(compare: Compare) -> None:
    def scenario(at: Endpoint) -> Seen:
        connection = connect(at)
        result: Seen = [failing(connection, text) for text in ERRORS if "%" not in text]
        connection.run("START TRANSACTION")
        result += [failing(connection, "SELECT 1/0"), failing(connection, "SELECT 1")]
        connection.run("ROLLBACK")
        result.append(failing(connection, "SELECT 1/CAST(:zero AS int)", zero=0))
        connection.run("LISTEN news")
        connection.run("NOTIFY news, 'payload'")
        result.append([(channel, payload) for _, channel, payload in connection.notifications])
        connection.run("DO $$ BEGIN RAISE NOTICE 'told'; END $$")
        result.append([notice[b"M"] for notice in connection.notices])
        connection.close()
        return result

    compare(scenario)


def test_copy_and_the_dbapi(compare: Compare) -> None:
    def scenario(at: Endpoint) -> Seen:
        connection = connect(at)
        out = io.StringIO()
        connection.run("COPY orders TO STDOUT (FORMAT csv)", stream=out)
        connection.run("CREATE TEMPORARY TABLE again (LIKE orders)")
        connection.run("COPY again FROM STDIN (FORMAT csv)", stream=io.StringIO(out.getvalue()))
        result: Seen = [out.getvalue(), connection.run("SELECT count(*) FROM again")]
        connection.close()
        other = pg8000.dbapi.connect(
            user=at.user, host=at.host, database=at.database, port=at.port, password=at.password
        )
        cursor = other.cursor()
        cursor.execute("SELECT id, email FROM customers WHERE id > %s ORDER BY id", (3,))
        result += [cursor.description, cursor.fetchmany(4), cursor.fetchall(), cursor.rowcount]
        cursor.executemany("INSERT INTO orders VALUES (%s, 1, 'é', 1, '2026-01-05')", [(n,) for n in range(100, 110)])
        other.commit()
        other.close()
        return result

    compare(scenario)
