"""From a statement's text to its syntax tree, by PostgreSQL's own grammar (pglast), within bounds.

The tree is libpg_query's JSON: plain dictionaries, `{"SelectStmt": {"targetList": [...]}}`, where a field that has
its type's zero value is left out. It is read rather than pglast's objects because it costs a tenth of the time
and because libpg_query checks the depth of its C stack while it writes it: `pglast.parse_sql` does not, and a
sum of 100,000 terms ends the process.
"""

import json
import re
from typing import Any

import orjson
from pglast import parser

from hoopaddon.errors import Unparsable

type Node = dict[str, Any]

MAX_TEXT_BYTES = 4 * 1024 * 1024
MAX_TREE_BYTES = 8 * 1024 * 1024
"""What is walked through at a stretch, while every other session waits: half a second to two, by the machine."""
MAX_DEPTH = 3000
"""Levels of the JSON tree, about three for each level of an expression. At 20,000 `parse_sql` was seen to crash."""

LARGE_TREE_BYTES = 256 * 1024
"""From here on an empty node stands for each constant: constants are nearly all of a bulk INSERT."""

SYNTAX_ERROR = "42601"
INVALID_BYTES = "22021"
NOT_SUPPORTED = "0A000"
TOO_LARGE = "54000"
TOO_DEEP = "54001"

# A quote inside a JSON string is escaped, so neither pattern can match within one.
_STRING = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_VALUE = rb'"(?:ival|fval|sval|bsval|boolval)":\{(?:"\w+":(?:' + _STRING + rb'|[^"{}]*))?\},?'
_CONSTANT = re.compile(rb'\{"A_Const":\{(?:' + _VALUE + rb'|"isnull":true,?)?(?:"location":\d+)?\}\}')
_ANY_CONSTANT = b"{}"


def parse(text: str) -> list[Node]:
    """The statements of the text, each `{"stmt": node, "stmt_location": byte offset, "stmt_len": bytes}`.

    Raises `Unparsable` with PostgreSQL's own message, SQLSTATE and position.
    """
    check_size(text)
    try:
        tree = parser.parse_sql_json(text).encode()
    except parser.ParseError as e:
        raise _unparsable(text, e) from None
    if len(tree) > LARGE_TREE_BYTES:
        tree = _CONSTANT.sub(_ANY_CONSTANT, tree)
        if len(tree) > MAX_TREE_BYTES:
            raise Unparsable("statement has too many parts", code=TOO_LARGE)
    stmts: list[Node] = _decoded(tree).get("stmts", [])
    return stmts


def check_size(text: str) -> None:
    """Raises `Unparsable` for a text that is too long, or that C code would see the end of too early."""
    if len(text) > MAX_TEXT_BYTES:
        raise Unparsable("statement is too long", code=TOO_LARGE)
    if "\0" in text:
        raise Unparsable('invalid byte sequence for encoding "UTF8": 0x00', code=INVALID_BYTES)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Unparsable('invalid byte sequence for encoding "UTF8"', code=INVALID_BYTES) from None


def source(text: str, raw: Node) -> str:
    """The text of one statement of several."""
    start = raw.get("stmt_location", 0)
    length = raw.get("stmt_len", 0)
    utf8 = text.encode()
    return utf8[start : start + length if length else None].decode()


def _decoded(tree: bytes) -> Node:
    try:
        return orjson.loads(tree)  # type: ignore[no-any-return]
    except orjson.JSONDecodeError:
        # It stops at 1,024 levels.
        pass
    try:
        decoded: Node = json.loads(tree)
    except RecursionError:
        raise stack_depth_exceeded() from None
    if _deeper_than(decoded, MAX_DEPTH):
        raise stack_depth_exceeded()
    return decoded


def _deeper_than(tree: Node, limit: int) -> bool:
    level: list[Any] = [tree]
    for _ in range(limit):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, (dict, list))
        ]
        if not level:
            return False
    return True


def stack_depth_exceeded() -> Unparsable:
    """What PostgreSQL says to a statement that is nested too deeply."""
    return Unparsable("stack depth limit exceeded", code=TOO_DEEP)


def _unparsable(text: str, error: parser.ParseError) -> Unparsable:
    message, index = (*error.args, None)[:2]
    position = index + 1 if index is not None else len(text) + 1 if message.endswith("at end of input") else None
    return Unparsable(message, code=_sqlstate(message), position=position)


def _sqlstate(message: str) -> str:
    """libpg_query does not hand on the SQLSTATE; these are the messages that its scanner and grammar have."""
    if message.startswith("stack depth limit"):
        return TOO_DEEP
    if message.startswith("invalid byte sequence"):
        return INVALID_BYTES
    if message.endswith(("not supported", "not implemented", "not yet implemented", "be NOT VALID")):
        return NOT_SUPPORTED
    return SYNTAX_ERROR
