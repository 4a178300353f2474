"""COPY statements: the format and the columns they say."""

from collections.abc import Sequence

import pglast
import pytest
from pglast import ast

from hoopaddon.adapters.postgres.values.copy_format import CopyFormat, copy_columns, copy_format


def parsed(text: str) -> ast.CopyStmt:
    statement = pglast.parse_sql(text)[0].stmt
    assert isinstance(statement, ast.CopyStmt)
    return statement


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", CopyFormat()),
        ("(FORMAT text, DELIMITER '|', NULL 'x', HEADER)", CopyFormat("text", "|", "x", header=True)),
        ("(FORMAT csv)", CopyFormat("csv", ",", "")),
        ("(FORMAT 'CSV', HEADER match, QUOTE '''')", CopyFormat("csv", ",", "", "'", "'", True)),
        ("(FORMAT csv, ESCAPE '\\', HEADER false)", CopyFormat("csv", ",", "", '"', "\\")),
        ("(FORMAT csv, HEADER 1)", CopyFormat("csv", ",", "", header=True)),
        ("(FORMAT csv, HEADER 'off')", CopyFormat("csv", ",", "")),
        ("WITH CSV HEADER DELIMITER ';' NULL 'n' FORCE QUOTE a", CopyFormat("csv", ";", "n", header=True)),
        ("USING DELIMITERS '|' WITH NULL AS ''", CopyFormat("text", "|", "")),
        ("WITH BINARY", CopyFormat("binary")),
        ("(FORMAT binary)", CopyFormat("binary")),
        ("(ENCODING 'latin1')", CopyFormat(encoding="iso8859_1")),
    ],
)
def test_options_in_both_syntaxes(options: str, expected: CopyFormat) -> None:
    assert copy_format(parsed(f"COPY t TO STDOUT {options}")) == expected


def test_the_clients_encoding_unless_the_statement_has_its_own() -> None:
    assert copy_format(parsed("COPY t TO STDOUT"), "cp1252").encoding == "cp1252"
    assert copy_format(parsed("COPY t TO STDOUT (ENCODING 'UTF8')"), "cp1252").encoding == "utf-8"


TABLES = {"t": ("a", "b"), "s.t": ("x", "y")}


@pytest.mark.parametrize(
    ("text", "count", "expected"),
    [
        ("COPY t (b, a) TO STDOUT", 2, [("b", "t", "b"), ("a", "t", "a")]),
        ("COPY s.t TO STDOUT", 2, [("x", "s.t", "x"), ("y", "s.t", "y")]),
        ("COPY unknown TO STDOUT", 2, [("", "", ""), ("", "", "")]),
        ("COPY t TO STDOUT", 3, [("", "", "")] * 3),
        (
            "COPY (SELECT a, t.b AS c, lower(a), 1 AS one FROM s.t) TO STDOUT",
            4,
            [("a", "s.t", "a"), ("c", "s.t", "b"), ("", "", ""), ("one", "", "")],
        ),
        ("COPY (SELECT * FROM t) TO STDOUT", 2, [("a", "t", "a"), ("b", "t", "b")]),
        ("COPY (SELECT * FROM t, u) TO STDOUT", 2, [("", "", "")] * 2),
        ("COPY (SELECT a FROM t JOIN u ON true) TO STDOUT", 1, [("a", "", "a")]),
        ("COPY (SELECT a AS z FROM t UNION SELECT b FROM u) TO STDOUT", 1, [("z", "t", "a")]),
        ("COPY (DELETE FROM t RETURNING a, b AS c) TO STDOUT", 2, [("a", "t", "a"), ("c", "t", "b")]),
        ("COPY (DELETE FROM t RETURNING *) TO STDOUT", 2, [("a", "t", "a"), ("b", "t", "b")]),
        ("COPY (VALUES (1, 2)) TO STDOUT", 2, [("", "", "")] * 2),
    ],
)
def test_columns_as_far_as_the_statement_says(
    text: str, count: int, expected: Sequence[tuple[str, str, str]]
) -> None:
    columns = copy_columns(parsed(text), count, TABLES)
    assert [(column.name, column.table, column.source) for column in columns] == list(expected)
