"""What is taken for SQL, for an error and for an effective condition here, the real PostgreSQL takes for the same."""

import psycopg
import pytest
from pglast import parser

from hoopaddon.adapters.postgres.sql.facts import facts_of
from hoopaddon.errors import Unparsable
from tests.adapters.postgres.test_facts_where import EFFECTIVE, NOT_EFFECTIVE, conditions
from tests.addons.corpus import cases
from tests.servers.postgres import Database

SYNTAX_ERROR = "42601"
ROWS = 20

TABLES = f"""
CREATE SCHEMA conditions;
SET search_path = conditions;
CREATE TABLE t (id int, name text, other text, active bool, deleted_at timestamptz, created_at timestamptz,
    data jsonb, tags text[], owner text);
INSERT INTO t SELECT i, nullif('name' || i, 'name8'), 'o', i % 2 = 0, CASE WHEN i % 2 = 0 THEN now() END,
    now() - interval '60 days' * (i % 2), jsonb_build_object('n', i), ARRAY[CASE WHEN i % 2 = 0 THEN 'a' END], 'o'
    FROM generate_series(0, {ROWS} - 1) i;
UPDATE t SET name = '' WHERE id = 7;
CREATE TABLE u (id int, x int, banned bool, t int, a int, b text);
INSERT INTO u VALUES (1, 1, true, 1, 1, 'x');
CREATE TABLE v (id int);
CREATE TABLE orders (user_id int, x int);
INSERT INTO orders VALUES (1, 1);
CREATE TABLE other (id int);
"""

# These read the row, so they count, though every row of this table meets them.
MET_BY_EVERY_ROW = {"id > -1", "id IN (SELECT max(id) FROM t GROUP BY name)"}
# These count as none, though few or no rows meet them: it takes the data, or a setting, to know.
MET_BY_FEW_ROWS = {"t.* IS NOT NULL", "t IS NOT NULL", "current_user = 'me'", "'a' < 'B'"}


@pytest.mark.parametrize("name", ["destructive", "innocent"])
def test_postgresql_accepts_the_syntax_of_every_case(name: str, database: Database) -> None:
    with psycopg.connect(database.dsn("postgres"), autocommit=True) as connection:
        for _, text in cases(name):
            for statement in parser.split(text):
                # Parse alone: nothing of these statements is run.
                result = connection.pgconn.prepare(b"", statement.encode())
                assert result.error_field(psycopg.pq.DiagnosticField.SQLSTATE) != SYNTAX_ERROR.encode(), statement


@pytest.mark.parametrize(
    "text",
    [
        "SELEC 1", "SELECT 'é', é FRM é é", "SELECT 1; SELECT * FRM t", "GRANT -- é", "SELECT 'abc", "/* é",
        'SELECT "',
        "SELECT $$abc", "SELECT U&'\\d800'", "SELECT U&'\\0000'", "SELECT E'\\xff'", "SELECT 1 é'", "é",
        "\ufeffSELECT 1",
        "CREATE TABLE t (a int REFERENCES b MATCH PARTIAL)", "SELECT 1 LIMIT 1 LIMIT 2", "SELECT 1e", "SELECT 0x",
        "CREATE ASSERTION x CHECK (true)", "GRANT x ON é.d.e.f TO h", "SELECT 'é' FROM é,,", "SELECT " + "(" * 20_000,
    ],
)  # fmt: skip
def test_errors_are_those_of_postgresql(text: str, database: Database) -> None:
    with pytest.raises(Unparsable) as ours:
        facts_of(text)
    with psycopg.connect(database.dsn(), autocommit=True) as connection, pytest.raises(psycopg.Error) as theirs:
        connection.execute(text.encode())
    diagnostic = theirs.value.diag
    position = int(diagnostic.statement_position) if diagnostic.statement_position else None
    assert ours.value.reason == diagnostic.message_primary
    assert (ours.value.code, ours.value.position) == (diagnostic.sqlstate, position)


def test_conditions_do_what_is_said_of_them(database: Database) -> None:
    with psycopg.connect(database.dsn("postgres"), autocommit=True) as connection:
        connection.execute(TABLES)
        deleted = {condition: _deleted(connection, condition) for condition in conditions(NOT_EFFECTIVE + EFFECTIVE)}
    effective = {c: n for c in conditions(EFFECTIVE) if (n := deleted[c]) is not None}
    none = {c: n for c in conditions(NOT_EFFECTIVE) if (n := deleted[c]) is not None}
    assert len(effective) > 60
    assert len(none) > 150
    assert {c for c, n in effective.items() if n == ROWS} == MET_BY_EVERY_ROW
    # A condition on a name misses the one that is NULL.
    assert {c for c, n in none.items() if n < ROWS - 2} == MET_BY_FEW_ROWS


def _deleted(connection: psycopg.Connection, condition: str) -> int | None:
    """How many rows a DELETE with this condition takes; None where it fails, for want of a type or a value."""
    if "$1" in condition:
        return None
    try:
        with connection.transaction(force_rollback=True):
            return connection.execute(f"DELETE FROM t WHERE {condition}".encode()).rowcount
    except psycopg.Error:
        return None
