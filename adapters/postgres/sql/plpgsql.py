"""The SQL in a PL/pgSQL body: its statements and expressions, and what it runs with EXECUTE."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from pglast import parser

# RawParseMode of PostgreSQL's parser.h, as libpg_query prints it.
_STATEMENT = 0
_ASSIGNMENTS = (3, 4, 5)


class Unreadable(Exception):
    """The body cannot be read."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of SQL. `text` is a whole statement; for an expression, one that selects it.

    The result of a `dynamic` one is itself a statement that is run.
    """

    text: str
    is_statement: bool
    dynamic: bool


def fragments(source: str) -> Iterator[Fragment]:
    """The SQL in the body of a DO or CREATE FUNCTION statement. Raises `Unreadable`."""
    try:
        functions = orjson.loads(parser.parse_plpgsql_json(source))
    except (parser.ParseError, orjson.JSONDecodeError):
        raise Unreadable from None
    if not functions:
        raise Unreadable
    stack: list[Any] = [functions]
    while stack:
        part = stack.pop()
        if isinstance(part, list):
            stack += part
            continue
        for key, value in part.items():
            expression = value.get("PLpgSQL_expr") if isinstance(value, dict) else None
            if key == "PLpgSQL_expr":
                yield _fragment("", value)
            elif expression is not None:
                yield _fragment(key, expression)
            elif isinstance(value, (dict, list)):
                stack.append(value)


def _fragment(role: str, expression: dict[str, Any]) -> Fragment:
    text, mode = expression.get("query", ""), expression.get("parseMode")
    if mode == _STATEMENT:
        return Fragment(text, True, False)
    if mode in _ASSIGNMENTS:
        return Fragment(_assignment(text), False, False)
    return Fragment(f"SELECT {text}", False, role in ("query", "dynquery"))


def _assignment(text: str) -> str:
    """`x[f()] := g()` as `SELECT x[f()], g()`; the value may be what follows SELECT, FROM and WHERE included."""
    depth = 0
    for token in _tokens(text):
        if token.name in ("ASCII_91", "ASCII_40"):
            depth += 1
        elif token.name in ("ASCII_93", "ASCII_41"):
            depth -= 1
        elif depth == 0 and token.name in ("COLON_EQUALS", "ASCII_61"):
            return f"SELECT {text[: token.start]}, {text[token.end + 1 :]}"
    raise Unreadable


def _tokens(text: str) -> list[parser.Token]:
    try:
        return parser.scan(text)
    except parser.ParseError:
        raise Unreadable from None
