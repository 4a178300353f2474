"""Values against the real server: what it sends in binary reads as what it sends in text, and goes back as it was."""

import random
import struct
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.pq import ExecStatus

from hoopaddon.adapters.postgres.values.types.table import BUILT_IN, Kind, Type, with_names
from hoopaddon.adapters.postgres.values.values import Values, to_text
from hoopaddon.errors import PeerError
from scripts.generate_postgres_types import TARGET, table
from tests.adapters.postgres.batches import only_the_server_to_blame
from tests.adapters.postgres.literals import EXPRESSIONS, LITERALS
from tests.servers.postgres import Database, PostgresServer

VALUES = Values()

type Cell = tuple[int, bytes, bytes]
type Ask = Callable[[str], Cell]


def asker(connection: "psycopg.Connection[tuple[object, ...]]") -> Ask:
    def ask(expression: str) -> Cell:
        """The expression's type, and its value as text and in binary."""
        cells = []
        for format in (0, 1):
            result = connection.pgconn.exec_params(f"SELECT {expression}".encode(), None, None, None, format)
            assert result.status == ExecStatus.TUPLES_OK, result.error_message
            cells.append(result.get_value(0, 0))
        text, binary = cells
        assert text is not None
        assert binary is not None
        return result.ftype(0), text, binary

    return ask


@pytest.fixture(scope="module")
def ask(postgres: PostgresServer) -> Iterator[Ask]:
    with postgres.connect() as connection:
        connection.execute("SET timezone = 'UTC'; SET lc_monetary = 'C'")
        yield asker(connection)


EVERY = [
    (f"'{literal.replace(chr(39), chr(39) * 2)}'::{name}") for name, listed in LITERALS.items() for literal in listed
]


def test_binary_reads_as_the_servers_own_text_and_goes_back_as_it_was(ask: Ask) -> None:
    for expression in EVERY:
        oid, text, binary = ask(expression)
        assert VALUES.to_text(oid, text, 0) == text.decode(), expression
        assert VALUES.to_text(oid, binary, 1) == text.decode(), expression
        if "jsonpath" in expression:
            continue
        assert VALUES.from_text(oid, text.decode(), 1, binary) == binary, expression
        assert VALUES.from_text(oid, text.decode(), 0, text) == text, expression


def test_composites_read_as_text_and_go_back(ask: Ask) -> None:
    for expression in EXPRESSIONS:
        oid, text, binary = ask(expression)
        assert VALUES.to_text(oid, binary, 1) == text.decode(), expression
        assert VALUES.from_text(oid, text.decode(), 1, binary) == binary, expression
        assert VALUES.from_text(oid, text.decode(), 0, text) == text, expression


@pytest.mark.parametrize(("oid", "layout", "name"), [(701, ">d", "float8"), (700, ">f", "float4")])
def test_random_floats_have_the_servers_digits(postgres: PostgresServer, oid: int, layout: str, name: str) -> None:
    seeded = random.Random(7)
    size = struct.calcsize(layout)
    cells = [seeded.randbytes(size) for _ in range(500)]
    cells += [struct.pack(layout, float(seeded.randint(2**50, 2**70))) for _ in range(250)]
    cells += [struct.pack(layout, 10.0**exponent) for exponent in range(-35, 38)]
    columns = ", ".join(f"${number}::{name}" for number in range(1, len(cells) + 1))
    with postgres.connect() as connection:
        result = connection.pgconn.exec_params(f"SELECT {columns}".encode(), cells, None, [1] * len(cells), 0)
        shown = [result.get_value(0, number) for number in range(len(cells))]
    assert [to_text(oid, cell, 1) for cell in cells] == [(text or b"").decode() for text in shown]


def test_the_table_of_types_is_the_servers(postgres: PostgresServer) -> None:
    assert table(postgres.dsn()) == TARGET.read_text()


def test_types_of_the_database_itself(database: Database) -> None:
    with psycopg.connect(database.dsn("postgres"), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE EXTENSION ltree")
        connection.execute(
            "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN mail AS text; CREATE DOMAIN age AS int"
        )
        connection.execute("CREATE TYPE person AS (name text, years age, feels mood)")
        types = _catalogue(connection)
        ask = asker(connection)
        values = Values(types)
        for expression in (
            "'A@example.org'::citext",
            "ARRAY['a b', NULL]::citext[]",
            '\'"a"=>"1", "b c"=>NULL, "q\\""=>""\'::hstore',
            "ARRAY['a=>1']::hstore[]",
            "'ok'::mood",
            "ARRAY['ok', 'sad']::mood[]",
            "ARRAY['x@example.org']::mail[]",
            "ARRAY[1, 2]::age[]",
            "ROW('Ada Lovelace', 36, 'ok')::person",
            "ARRAY[ROW('Ada \"A\" L', 36, 'ok')::person]",
            "'a.b'::ltree",
        ):
            oid, text, binary = ask(expression)
            assert values.to_text(oid, binary, 1) == text.decode(), expression
        oid, _, _ = ask("'x'::mail")
        assert oid == 25, "the server gives the type behind a domain"


def _catalogue(connection: "psycopg.Connection[tuple[object, ...]]") -> dict[int, Type]:
    kinds: dict[str, Kind] = {"c": "composite", "d": "domain", "e": "enum"}
    rows: list[Any] = connection.execute(
        "SELECT oid::int, typname, typtype, typelem::int, typbasetype::int, typcategory "
        "FROM pg_type WHERE oid >= 16384"
    ).fetchall()
    table = dict(with_names((row[0], row[1]) for row in rows))
    for oid, name, kind, element, base, category in rows:
        if category == "A" and name not in ("_citext", "_hstore"):
            table[oid] = Type(oid, name, "array", element)
        elif kind in kinds:
            table[oid] = Type(oid, name, kinds[kind], base)
    return table


def test_another_encoding(database: Database) -> None:
    with psycopg.connect(database.dsn("postgres", client_encoding="LATIN1"), autocommit=True) as connection:
        result = connection.pgconn.exec_params("SELECT ARRAY['é,', 'b']".encode("latin-1"), None, None, None, 1)
        cell = result.get_value(0, 0)
    assert cell is not None
    values = Values(encoding="iso8859_1")
    assert values.to_text(1009, cell, 1) == '{"é,",b}'
    assert values.from_text(1009, '{"é,",b}', 1) == cell
    assert values.from_text(1009, "{日}", 1) is None


@pytest.mark.parametrize("kind", ["base", "array", "composite", "range", "multirange"])
@given(data=st.data())
def test_hostile_bytes_raise_peer_error_and_nothing_else(kind: str, data: st.DataObject) -> None:
    oid = data.draw(st.sampled_from([found.oid for found in BUILT_IN.values() if found.kind == kind]))
    cell = data.draw(st.binary(max_size=60))
    with only_the_server_to_blame():
        text = to_text(oid, cell, 1)
        assert text is None or isinstance(text, str)


@given(data=st.data())
def test_mutated_values_raise_peer_error_and_nothing_else(data: st.DataObject) -> None:
    oid, text = data.draw(
        st.sampled_from([(1007, "{1,2,NULL}"), (3904, "[1,10)"), (4451, "{[1,3),[5,7)}"), (1700, "1.5")])
    )
    cell = bytearray(VALUES.from_text(oid, text, 1) or b"")
    assert cell
    cell[data.draw(st.integers(0, len(cell) - 1))] = data.draw(st.integers(0, 255))
    with only_the_server_to_blame():
        VALUES.to_text(oid, bytes(cell[: data.draw(st.integers(0, len(cell)))]), 1)


def test_an_array_that_announces_more_than_it_has_is_refused_at_once() -> None:
    bomb = struct.pack(">iiI", 6, 0, 23) + struct.pack(">ii", 2**20, 1) * 6
    with pytest.raises(PeerError, match="_int4"):
        to_text(1007, bomb, 1)


def test_values_in_values_end_somewhere() -> None:
    cell = b""
    for _ in range(100):
        cell = struct.pack(">iIi", 1, 2249, len(cell)) + cell
    with pytest.raises(PeerError, match="record"):
        to_text(2249, cell, 1)


@pytest.mark.parametrize("oid", [1231, 2249])
def test_what_grows_beyond_measure_as_text_is_refused(oid: int) -> None:
    if oid == 2249:
        # Each level doubles the backslashes of the one inside.
        cell = struct.pack(">iIi", 1, 25, 64) + b"\\" * 64
        for _ in range(25):
            cell = struct.pack(">iIi", 1, 2249, len(cell)) + cell
    else:
        number = struct.pack(">ihHhHH", 10, 1, 32767, 0, 0, 1)
        cell = struct.pack(">iiIii", 1, 0, 1700, 1000, 1) + number * 1000
    with pytest.raises(PeerError):
        to_text(oid, cell, 1)


def test_binary_of_an_unknown_type_is_not_guessed() -> None:
    assert to_text(99999, b"secret", 1) is None
    assert VALUES.glimpse(b"\0\0secret\xff") == "\0\0secret\\xff"


def test_the_side_that_sent_the_bytes_is_to_blame() -> None:
    with pytest.raises(PeerError) as caught:
        to_text(23, b"\0", 1, side="client")
    assert caught.value.side == "client"
