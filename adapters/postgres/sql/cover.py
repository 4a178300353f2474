"""What an OR leaves out."""

from typing import Any

from hoopaddon.adapters.postgres.sql.expression import (
    NotConstant,
    Ranges,
    canonical,
    compared,
    constant,
    has_row,
    operator,
    tag_of,
)
from hoopaddon.adapters.postgres.sql.syntax import Node

NEGATED = {"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
MIRRORED = {"=": "=", "<>": "<>", "<": ">", ">": "<", "<=": ">=", ">=": "<="}


def cover_everything(parts: list[Node], ranges: Ranges, negated: bool) -> bool:
    """Whether one of the conditions holds whatever the row: `a IS NULL OR a IS NOT NULL`, `a > 1 OR a <= 1`."""
    nulls: dict[Any, set[bool]] = {}
    flags: dict[Any, set[bool]] = {}
    comparisons: dict[Any, list[tuple[str, Any]]] = {}
    for part in parts:
        opposite = negated
        tag, value = tag_of(part)
        while tag == "BoolExpr" and value.get("boolop") == "NOT_EXPR":
            opposite = not opposite
            tag, value = tag_of(value["args"][0])
        if tag == "NullTest":
            is_null = (value.get("nulltesttype") == "IS_NULL") is not opposite
            nulls.setdefault(canonical(value.get("arg"), ranges), set()).add(is_null)
        elif tag == "A_Expr" and value.get("kind") == "AEXPR_OP" and operator(value) in NEGATED:
            name = NEGATED[operator(value)] if opposite else operator(value)
            left, right = value.get("lexpr", {}), value.get("rexpr", {})
            if has_row(right, ranges) and not has_row(left, ranges):
                name, left, right = MIRRORED[name], right, left
            comparisons.setdefault(canonical(left, ranges), []).append((name, right))
        else:
            flags.setdefault(canonical({tag: value}, ranges), set()).add(opposite)
    if any(len(signs) == 2 for signs in (*nulls.values(), *flags.values())):
        return True
    return any(len(found) > 1 and _cover_the_line(found, ranges) for found in comparisons.values())


def _cover_the_line(found: list[tuple[str, Node]], ranges: Ranges) -> bool:
    """Whether comparisons of one value leave no value out: tried at each bound, between two, and beyond them."""
    ranges.constants_read = True
    try:
        bounds = [constant(right) for _, right in found]
    except NotConstant:
        bounds = []
    if not bounds or not all(type(bound) is int for bound in bounds):
        bounds = [canonical(right, ranges) for _, right in found]
        if len(set(bounds)) > 1:
            return False
    ranks = {bound: 2 * rank + 1 for rank, bound in enumerate(sorted(set(bounds)))}
    places = [(name, ranks[bound]) for (name, _), bound in zip(found, bounds, strict=True)]
    return all(any(compared(n, at, rank) for n, rank in places) for at in range(2 * len(ranks) + 1))
