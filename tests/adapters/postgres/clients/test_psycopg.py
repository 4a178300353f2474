"""psycopg 3: synchronous, asynchronous, in text and binary, in pipelines, with cursors and COPY."""

from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from tests.adapters.postgres.clients.conftest import Compare, CompareAsync, Endpoint

type Seen = list[Any]

VARIOUS = """
SELECT 1 AS int4, 2::int8 AS int8, 1.5::float8 AS float8, 12345.678::numeric AS num, 'text ü' AS text,
       NULL AS nothing,
       true AS yes, date '2026-01-05' AS day, timestamptz '2026-01-05 09:00+00' AS at, interval '1 day 2 s' AS span,
       '\\xdeadbeef'::bytea AS bytes, '{"a": [1, null]}'::jsonb AS doc, '{1,2,NULL}'::int[] AS ints,
       '{"x y",z}'::text[] AS texts, '192.0.2.1/24'::inet AS net, gen.id AS id, int4range(1, 5) AS span4,
       (1, 'two') AS pair, '00000000-0000-0000-0000-000000000001'::uuid AS uuid, repeat('x', 3000) AS long
FROM generate_series(1, 50) AS gen(id)
"""


def seen(cursor: "psycopg.Cursor[Any] | psycopg.AsyncCursor[Any]") -> Seen:
    """What a cursor shows of a result, beside its rows."""
    columns = [(c.name, c.type_code, c.internal_size, c.precision, c.scale) for c in cursor.description or ()]
    return [columns, cursor.rowcount, cursor.statusmessage]


def diagnosed(error: psycopg.Error) -> Seen:
    """What an error says, but for the place in PostgreSQL's source."""
    names = [name for name in dir(error.diag) if not name.startswith(("_", "source_"))]
    return [type(error).__name__, *((name, getattr(error.diag, name)) for name in names)]


def refusal(connection: "psycopg.Connection[Any]", text: str, values: Any = None) -> Seen:
    try:
        connection.execute(text.encode(), values)
    except psycopg.Error as e:
        return [diagnosed(e), connection.info.transaction_status]
    return ["no error", connection.info.transaction_status]


@pytest.mark.parametrize("binary", [False, True])
def test_values_of_many_types(compare: Compare, binary: bool) -> None:
    def scenario(at: Endpoint) -> Seen:
        with psycopg.connect(at.dsn) as connection, connection.cursor(binary=binary) as cursor:
            cursor.execute(VARIOUS)
            first = [cursor.fetchall(), seen(cursor)]
            cursor.execute("SELECT * FROM customers ORDER BY id")
            return [*first, cursor.fetchall(), seen(cursor)]

    assert len(compare(scenario)[0]) == 50


def test_parameters_in_both_formats(compare: Compare) -> None:
    values = [7, 2**40, 1.25, "ünï\\cödé", b"\0\xff", None, True, [1, None, 3], Jsonb({"k": ["v"]})]

    def scenario(at: Endpoint) -> Seen:
        with psycopg.connect(at.dsn) as connection:
            result: Seen = []
            for form in ("%s", "%t", "%b"):
                text = "SELECT " + ", ".join([form] * len(values))
                try:
                    cursor = connection.execute(text.encode(), values)
                    result.append([cursor.fetchall(), seen(cursor)])
                except psycopg.Error as e:
                    result.append(type(e).__name__)
                    connection.rollback()
            return result

    compare(scenario)


ERRORS = [
    "SELECT 1/0",
    "SELECT nowhere FROM customers",
    "SELEC 1",
    "SELECT 'é' || nowhere()",
    "INSERT INTO customers (id, name, email) VALUES (1, 'x', 'y')",
    "INSERT INTO orders VALUES (999, 4711, 'x', 1, now())",
    "DO $$ BEGIN RAISE EXCEPTION 'own' USING DETAIL = 'd', HINT = 'h', ERRCODE = 'P0042', COLUMN = 'c'; END $$",
    "SELECT 1; SELECT 2/0; SELECT 3",
]


def test_errors_in_and_outside_transactions(compare: Compare) -> None:
    def scenario(at: Endpoint) -> Seen:
        with psycopg.connect(at.dsn, autocommit=True) as connection:
            alone = [refusal(connection, text) for text in ERRORS]
            connection.autocommit = False
            within: Seen = []
            for text in ERRORS:
                connection.execute("SELECT 1")
                within += [refusal(connection, text), refusal(connection, "SELECT 1")]
                connection.rollback()
            bound = [
                refusal(connection, "SELECT %s::int / %s", (1, 0)),
                refusal(connection, "SELECT %s::int", ("x",)),
            ]
            return [alone, within, bound]

    compare(scenario)


def test_notices_and_notifications(compare: Compare) -> None:
    def scenario(at: Endpoint) -> Seen:
        notices: Seen = []
        with (
            psycopg.connect(at.dsn, autocommit=True) as connection,
            psycopg.connect(at.dsn, autocommit=True) as other,
        ):
            connection.add_notice_handler(
                lambda diag: notices.append((diag.severity, diag.sqlstate, diag.message_primary, diag.message_detail))
            )
            connection.execute("DO $$ BEGIN RAISE NOTICE 'a %', 1; RAISE WARNING 'b' USING DETAIL = 'c'; END $$")
            connection.execute("DROP TABLE IF EXISTS nothing_here")
            connection.execute("LISTEN news")
            for number in range(3):
                other.execute("SELECT pg_notify('news', %s)", (f"payload {number}",))
            heard = [(n.channel, n.payload) for n in connection.notifies(timeout=10, stop_after=3)]
            return [notices, heard]

    assert len(compare(scenario)[1]) == 3


def test_prepared_statements_and_transactions(compare: Compare) -> None:
    def scenario(at: Endpoint) -> Seen:
        with psycopg.connect(at.dsn, prepare_threshold=1) as connection:
            result: Seen = []
            for number in range(8):
                result.append(connection.execute("SELECT count(*) FROM orders WHERE id > %s", (number,)).fetchall())
            with connection.transaction():
                connection.execute("CREATE TABLE made (a int, b text)")
                cursor = connection.cursor()
                cursor.executemany("INSERT INTO made VALUES (%s, %s)", [(n, str(n)) for n in range(100)])
                result.append(seen(cursor))
            cursor.executemany(
                "INSERT INTO made VALUES (%s, 'r') RETURNING a", [(n,) for n in range(5)], returning=True
            )
            while True:
                result.append(cursor.fetchall())
                if not cursor.nextset():
                    break
            try:
                with connection.transaction():
                    connection.execute("INSERT INTO made VALUES (1000, 'lost')")
                    with connection.transaction():
                        connection.execute("SELECT 1/0")
            except psycopg.Error as e:
                result.append(diagnosed(e))
            # A plan whose columns have changed: the driver learns it from the server's error.
            select = [connection.execute("SELECT * FROM made WHERE a = %s", (1,)).fetchall() for _ in range(3)]
            connection.commit()
            connection.execute("ALTER TABLE made ADD c int DEFAULT 3")
            result += [select, refusal(connection, "SELECT * FROM made WHERE a = %s", (1,))]
            return result

    compare(scenario)


def test_several_results_of_one_string(compare: Compare) -> None:
    def scenario(at: Endpoint) -> Seen:
        with psycopg.connect(at.dsn, autocommit=True) as connection:
            cursor = connection.execute(
                "SELECT 1 AS a; SELECT 'b' AS b, 2; UPDATE orders SET item = item WHERE id < 4; ;"
            )
            result: Seen = [[seen(cursor), cursor.fetchall()]]
            while cursor.nextset():
                result.append([seen(cursor), cursor.fetchall() if cursor.description else None])
            return result

    assert len(compare(scenario)) == 3


@pytest.mark.parametrize("scrollable", [None, True])
@pytest.mark.parametrize("binary", [False, True])
def test_server_side_cursors(compare: Compare, scrollable: bool | None, binary: bool) -> None:
    def scenario(at: Endpoint) -> Seen:
        with psycopg.connect(at.dsn) as connection:
            with connection.cursor("c", binary=binary, scrollable=scrollable) as cursor:
                cursor.itersize = 7
                cursor.execute("SELECT id, item, amount FROM orders ORDER BY id")
                result: Seen = [cursor.fetchone(), cursor.fetchmany(5), list(cursor)]
                if scrollable:
                    cursor.scroll(2, mode="absolute")
                    result.append(cursor.fetchmany(2))
            return result

    compare(scenario)


def test_pipelines(compare: Compare) -> None:
    def scenario(at: Endpoint) -> Seen:
        with psycopg.connect(at.dsn, autocommit=True) as connection:
            result: Seen = []
            with connection.pipeline() as pipeline:
                cursors = [connection.execute("SELECT %s::int, 'é'", (n,)) for n in range(20)]
                pipeline.sync()
                cursors.append(connection.execute("SELECT generate_series(1, 1000)"))
                result += [cursor.fetchall() for cursor in cursors]
            try:
                with connection.pipeline():
                    connection.execute("CREATE TABLE gone (a int)")
                    connection.execute("SELECT 1/%s", (0,))
                    connection.execute("SELECT 2")
            except psycopg.Error as e:
                result.append(diagnosed(e))
            result.append(connection.execute("SELECT to_regclass('gone')").fetchall())
            with connection.pipeline(), connection.transaction():
                cursor = connection.cursor()
                cursor.executemany("SELECT %s", [("a",), ("b",)], returning=True)
            return result

    compare(scenario)


@pytest.mark.parametrize("options", ["", "(FORMAT csv, HEADER, DELIMITER ';')", "(FORMAT binary)"])
def test_copy_both_ways(compare: Compare, options: str) -> None:
    def scenario(at: Endpoint) -> Seen:
        with psycopg.connect(at.dsn) as connection, connection.cursor() as cursor:
            with cursor.copy(f"COPY customers TO STDOUT {options}".encode()) as copy:
                data = b"".join(bytes(block) for block in copy)
            result: Seen = [data, seen(cursor)]
            cursor.execute("CREATE TABLE copied (LIKE customers)")
            with cursor.copy(f"COPY copied FROM STDIN {options}".encode()) as copy:
                for start in range(0, len(data), 100):
                    copy.write(data[start : start + 100])
            result += [seen(cursor), cursor.execute("SELECT count(*), min(email) FROM copied").fetchall()]
            with cursor.copy("COPY (SELECT id, item FROM orders ORDER BY id) TO STDOUT") as copy:
                result.append(list(copy.rows()))
            with (
                pytest.raises(psycopg.errors.InvalidTextRepresentation),
                cursor.copy("COPY orders FROM STDIN") as copy,
            ):
                copy.write(b"one column only\n")
            return [*result, connection.info.transaction_status]

    compare(scenario)


def test_a_statement_is_canceled(compare: Compare) -> None:
    def scenario(at: Endpoint) -> Seen:
        with psycopg.connect(at.dsn, autocommit=True) as connection:
            connection.execute("SET statement_timeout = 50")
            result = [refusal(connection, "SELECT pg_sleep(10)")]
            connection.execute("SET statement_timeout = 0")
            return result

    assert compare(scenario)[0][0][0] == "QueryCanceled"


async def test_asynchronous(compare_async: CompareAsync) -> None:
    async def scenario(at: Endpoint) -> Seen:
        async with await psycopg.AsyncConnection.connect(at.dsn) as connection:
            cursor = await connection.execute("SELECT %s::text, %s::int", ("a", 1))
            result: Seen = [await cursor.fetchall(), seen(cursor)]
            async with connection.pipeline():
                cursors = [await connection.execute("SELECT %s::int", (n,)) for n in range(10)]
                result += [await cursor.fetchone() for cursor in cursors]
            async with connection.cursor("named") as named:
                await named.execute("SELECT * FROM orders ORDER BY id")
                result.append([row async for row in named])
            async with cursor.copy("COPY orders TO STDOUT") as copy:
                result.append(b"".join([bytes(block) async for block in copy]))
            return result

    await compare_async(scenario)


def test_two_phase_commit_and_session_state(compare: Compare) -> None:
    def scenario(at: Endpoint) -> Seen:
        with psycopg.connect(at.dsn) as connection:
            xid = connection.xid(1, f"gtrid-{at.database}", "bqual")
            connection.tpc_begin(xid)
            connection.execute("UPDATE orders SET item = 'two phases' WHERE id = 1")
            connection.tpc_prepare()
            connection.tpc_commit()
            connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier("pg_catalog")))
            connection.execute("SET TimeZone = 'Asia/Tokyo'")
            return [
                connection.execute("SELECT item FROM public.orders WHERE id = 1").fetchall(),
                connection.info.timezone.key if hasattr(connection.info.timezone, "key") else None,
                connection.info.parameter_status("client_encoding"),
                connection.info.server_version,
                connection.info.encoding,
                connection.info.transaction_status,
            ]

    compare(scenario)
