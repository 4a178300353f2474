"""What can be told of an expression by its form."""

import re
from typing import Any

from hoopaddon.adapters.postgres.sql.cover import NEGATED
from hoopaddon.adapters.postgres.sql.expression import (
    NotConstant,
    Ranges,
    canonical,
    constant,
    has_row,
    operator,
    strings,
    tag_of,
    unwrapped,
)
from hoopaddon.adapters.postgres.sql.syntax import Node

LIKE_KINDS = {"AEXPR_LIKE", "AEXPR_ILIKE", "AEXPR_SIMILAR"}
_CONDITION_KINDS = LIKE_KINDS | {
    "AEXPR_DISTINCT",
    "AEXPR_NOT_DISTINCT",
    "AEXPR_IN",
    "AEXPR_BETWEEN",
    "AEXPR_NOT_BETWEEN",
    "AEXPR_BETWEEN_SYM",
    "AEXPR_NOT_BETWEEN_SYM",
    "AEXPR_OP_ANY",
    "AEXPR_OP_ALL",
}
_NOT_NEGATIVE = {"length", "char_length", "character_length", "octet_length", "bit_length", "abs", "cardinality"}
_TID = re.compile(r"\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)\s*")
_FIRST_ROW = (0, 1)
_MOST_BLOCKS = 0xFFFF_FFFF
"""InvalidBlockNumber: blocks are numbered below it."""
MATCHES = {"~~", "~~*", "~", "~*", "^@"}


def is_condition(node: Node) -> bool:
    """Whether the expression is a boolean one by its form; nearly all of these are never NULL in a real row."""
    tag, value = tag_of(unwrapped(node))
    if tag == "A_Expr":
        kind, name = value.get("kind"), operator(value)
        return kind in _CONDITION_KINDS or (kind == "AEXPR_OP" and (name in NEGATED or name in MATCHES))
    return tag in ("BoolExpr", "NullTest", "BooleanTest") or (
        tag == "SubLink" and value.get("subLinkType") in ("EXISTS_SUBLINK", "ANY_SUBLINK", "ALL_SUBLINK")
    )


def never_negative(name: str, left: Node, right: Node, ranges: Ranges) -> bool:
    """`length(x) >= 0` and the like."""
    tag, value = tag_of(unwrapped(left))
    if tag != "FuncCall" or strings(value.get("funcname", []))[-1] not in _NOT_NEGATIVE:
        return False
    ranges.constants_read = True
    try:
        bound = constant(right)
    except NotConstant:
        return False
    if type(bound) is not int:
        return False
    return (name == ">=" and bound <= 0) or (name in (">", "<>") and bound < 0)


def is_for_every_place(name: str, left: Node, right: Node, ranges: Ranges) -> bool:
    """`ctid > '(0,0)'` and the like: every row has a place, and no row lies beyond these."""
    tag, value = tag_of(unwrapped(left))
    if tag != "ColumnRef" or strings(value.get("fields", []))[-1] != "ctid":
        return False
    ranges.constants_read = True
    tag, value = tag_of(unwrapped(right))
    found = _TID.fullmatch(value.get("sval", {}).get("sval", "")) if tag == "A_Const" else None
    if found is None:
        return False
    block, number = place = int(found[1]), int(found[2])
    match name:
        case ">":
            return place < _FIRST_ROW
        case ">=":
            return place <= _FIRST_ROW
        case "<" | "<=":
            return block >= _MOST_BLOCKS
        case "<>":
            return number == 0 or block >= _MOST_BLOCKS
    return False


def holds(tag: str, node: Any) -> bool:
    """Whether a node of this tag is part of the expression."""
    stack = [node]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            if tag in part:
                return True
            stack += part.values()
        elif isinstance(part, list):
            stack += part
    return False


def may_always_be_null(node: Any, ranges: Ranges) -> bool:
    """Whether a NULL constant, or `nullif(x, x)`, is part of the expression."""
    stack = [node]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            if part.get("isnull"):
                return True
            if part.get("kind") == "AEXPR_NULLIF" and canonical(part.get("lexpr"), ranges) == canonical(
                part.get("rexpr"), ranges
            ):
                return True
            stack += part.values()
        elif isinstance(part, list):
            stack += part
    return False


def has_default(value: Node, tag: str, ranges: Ranges) -> bool:
    """Whether this is `coalesce(…, constant)`."""
    return tag == "CoalesceExpr" and not all(has_row(argument, ranges) for argument in value.get("args", []))


def is_null(node: Node, ranges: Ranges) -> bool:
    """Whether a condition is NULL in every row: NULL itself, or a comparison with it."""
    tag, value = tag_of(unwrapped(node))
    sides = [value.get("lexpr", {}), value.get("rexpr", {})] if tag == "A_Expr" and operator(value) else [node]
    for side in sides:
        try:
            if side and constant(side) is None:
                return True
        except NotConstant:
            continue
    return False
