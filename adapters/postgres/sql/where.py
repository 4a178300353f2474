"""Whether the condition of an UPDATE or DELETE tells rows apart.

`WHERE true`, `1=1`, `id = id`, `id IS NULL OR id IS NOT NULL`, `EXISTS (SELECT 1)` do not: the statement is for
every row, or at once for every row and for none. A condition that is never true is for no row, and harmless.
Where neither can be shown, the condition counts if it reads the row at all: `id > -1` does.
"""

from collections.abc import Callable, Iterable
from enum import Enum, auto

from hoopaddon.adapters.postgres.sql.cover import MIRRORED, NEGATED, cover_everything
from hoopaddon.adapters.postgres.sql.expression import (
    MAX_LEVELS,
    NotConstant,
    Ranges,
    TooDeep,
    canonical,
    compared,
    constant,
    has_row,
    operator,
    strings,
    tag_of,
    truth_value,
    unwrapped,
)
from hoopaddon.adapters.postgres.sql.forms import (
    LIKE_KINDS,
    MATCHES,
    has_default,
    holds,
    is_condition,
    is_for_every_place,
    is_null,
    may_always_be_null,
    never_negative,
)
from hoopaddon.adapters.postgres.sql.patterns import matches_anything
from hoopaddon.adapters.postgres.sql.subselect import gives_every_value, gives_nothing
from hoopaddon.adapters.postgres.sql.syntax import Node


class Truth(Enum):
    """What a condition is over all rows."""

    TRUE = auto()
    NEVER = auto()
    """False or NULL in every row."""
    SAME = auto()
    """The same in every row, and not known here."""
    ROWS = auto()
    """It depends on the row."""


TRUE, NEVER, SAME, ROWS = Truth

_SYSTEM_COLUMNS = {"ctid", "tableoid", "xmin", "xmax", "cmin", "cmax"}

_IRREFLEXIVE = {"<>", "<", ">"}


def tells_rows_apart(condition: Node | None, ranges: Ranges) -> bool:
    """Whether the condition is an effective one."""
    if condition is None:
        return False
    try:
        truth = _truth(condition, ranges, False, 0)
    except TooDeep:
        ranges.constants_read = True
        return False
    if truth is not ROWS:
        ranges.constants_read = True
    return truth in (ROWS, NEVER)


def _truth(node: Node, ranges: Ranges, negated: bool, level: int) -> Truth:
    """What the condition is, or its opposite. Negation is carried down, as NOT SAME is SAME, and not its opposite."""
    if level > MAX_LEVELS:
        raise TooDeep
    tag, value = tag_of(node)
    if reader := _READERS.get(tag):
        return reader(value, ranges, negated, level + 1)
    if tag in ("A_Const", "TypeCast") and (known := _known(node, ranges, negated)) is not None:
        return known
    if (inner := unwrapped(node)) is not node and tag_of(inner)[0] in _READERS:
        return _truth(inner, ranges, negated, level + 1)
    return ROWS if has_row(node, ranges) else SAME


def _known(node: Node, ranges: Ranges, negated: bool) -> Truth | None:
    """What a constant is."""
    ranges.constants_read = True
    try:
        return _of(truth_value(constant(node)), negated)
    except NotConstant:
        return None


def _of(value: bool | None, negated: bool) -> Truth:
    return TRUE if value is not None and value is not negated else NEVER


def _any(truths: Iterable[Truth]) -> Truth:
    """OR of conditions."""
    found = set(truths)
    return next((truth for truth in (TRUE, SAME, ROWS) if truth in found), NEVER)


def _all(truths: Iterable[Truth]) -> Truth:
    """AND of conditions."""
    found = set(truths)
    return next((truth for truth in (NEVER, ROWS, SAME) if truth in found), TRUE)


def _bool_expr(node: Node, ranges: Ranges, negated: bool, level: int) -> Truth:
    parts = node.get("args", [])
    kind = node.get("boolop")
    if kind == "NOT_EXPR":
        return _truth(parts[0], ranges, not negated, level)
    truths = [_truth(part, ranges, negated, level) for part in parts]
    if (kind == "AND_EXPR") is not negated:
        return _all(truths)
    return TRUE if cover_everything(parts, ranges, negated) else _any(truths)


# -- comparisons


def _a_expr(node: Node, ranges: Ranges, negated: bool, level: int) -> Truth:
    kind, name = node.get("kind", ""), operator(node)
    left, right = node.get("lexpr", {}), node.get("rexpr", {})
    if "BETWEEN" in kind:
        return _between(node, ranges, negated ^ ("NOT_BETWEEN" in kind), level)
    if kind == "AEXPR_OP" or kind in LIKE_KINDS:
        return _comparison(name, left, right, ranges, negated, level)
    if kind == "AEXPR_IN":
        return _opposite(_in_list(left, tag_of(right)[1].get("items", []), ranges, level), negated ^ (name == "<>"))
    if kind in ("AEXPR_DISTINCT", "AEXPR_NOT_DISTINCT"):
        return _distinct(left, right, ranges, negated ^ (kind == "AEXPR_DISTINCT"))
    if kind in ("AEXPR_OP_ANY", "AEXPR_OP_ALL"):
        return _of_array(node, ranges, negated, level)
    return ROWS if has_row([left, right], ranges) else SAME


def _in_list(left: Node, items: list[Node], ranges: Ranges, level: int) -> Truth:
    truths: set[Truth] = set()
    if has_row(left, ranges):
        # Of thousands of constants each could only be compared to the same end.
        others = [item for item in items if tag_of(item)[0] not in ("A_Const", "ParamRef", "")]
        truths = {ROWS} if len(others) < len(items) else truths
        items = others
    return _any([*truths, *(_comparison("=", left, item, ranges, False, level) for item in items)])


def _opposite(truth: Truth, negated: bool) -> Truth:
    """NOT of a condition that was read as one."""
    return {TRUE: NEVER, NEVER: TRUE}.get(truth, truth) if negated else truth


def _comparison(name: str, left: Node, right: Node, ranges: Ranges, negated: bool, level: int) -> Truth:
    by_left, by_right = has_row(left, ranges), has_row(right, ranges)
    if not by_left and not by_right:
        ranges.constants_read = True
        try:
            return _of(compared(name, constant(left), constant(right)), negated)
        except NotConstant:
            return SAME
    if name in MATCHES or name in ("!~~", "!~~*", "!~", "!~*"):
        positive = name.lstrip("!")
        ranges.constants_read = True
        if matches_anything(positive, right):
            return _opposite(TRUE, negated ^ (positive != name))
    if _compares_boolean(name, left, right, ranges):
        return _boolean_comparison(name, left, right, ranges, negated, level)
    both_columns = holds("ColumnRef", left) and holds("ColumnRef", right)
    if both_columns and canonical(left, ranges) == canonical(right, ranges):
        if name in _IRREFLEXIVE:
            return SAME if holds("FuncCall", [left, right]) else _opposite(NEVER, negated)
        return _opposite(TRUE, negated)
    mirrored = MIRRORED.get(name, "")
    for holds_always in (never_negative, is_for_every_place):
        if holds_always(name, left, right, ranges) or holds_always(mirrored, right, left, ranges):
            return _opposite(TRUE, negated)
    other, mirrored = NEGATED.get(name, ""), NEGATED.get(mirrored, "")
    if is_for_every_place(other, left, right, ranges) or is_for_every_place(mirrored, right, left, ranges):
        return _opposite(NEVER, negated)
    return ROWS


def _compares_boolean(name: str, left: Node, right: Node, ranges: Ranges) -> bool:
    """Whether this is `condition = true` or the like."""
    return name in ("=", "<>") and (is_condition(left) or is_condition(right))


def _boolean_comparison(name: str, left: Node, right: Node, ranges: Ranges, negated: bool, level: int) -> Truth:
    ranges.constants_read = True
    for one, other in ((left, right), (right, left)):
        try:
            wanted = truth_value(constant(other))
        except NotConstant:
            continue
        if wanted is None:
            return NEVER
        return _truth(one, ranges, negated ^ (name == "<>") ^ (not wanted), level)
    if canonical(left, ranges) == canonical(right, ranges):
        return _opposite(TRUE, negated ^ (name == "<>"))
    both = (_truth(left, ranges, False, level), _truth(right, ranges, False, level))
    return ROWS if ROWS in both else SAME


def _between(node: Node, ranges: Ranges, negated: bool, level: int) -> Truth:
    value = node.get("lexpr", {})
    low, high = tag_of(node.get("rexpr", {}))[1].get("items", [{}, {}])
    truths = [
        _comparison(">=", value, low, ranges, negated, level),
        _comparison("<=", value, high, ranges, negated, level),
    ]
    return _any(truths) if negated else _all(truths)


def _distinct(left: Node, right: Node, ranges: Ranges, negated: bool) -> Truth:
    """IS NOT DISTINCT FROM, or its opposite."""
    for one, other in ((left, right), (right, left)):
        if tag_of(unwrapped(one))[0] == "A_Const":
            ranges.constants_read = True
            if "isnull" in unwrapped(one)["A_Const"]:
                return _null_test({"arg": other, "nulltesttype": "IS_NULL"}, ranges, negated, 0)
    if canonical(left, ranges) == canonical(right, ranges):
        return _opposite(TRUE, negated)
    return ROWS if has_row([left, right], ranges) else SAME


def _of_array(node: Node, ranges: Ranges, negated: bool, level: int) -> Truth:
    """`x = ANY (array)` and `x = ALL (array)`."""
    name, left, right = operator(node), node.get("lexpr", {}), node.get("rexpr", {})
    combined = _any if node.get("kind") == "AEXPR_OP_ANY" else _all
    tag, value = tag_of(unwrapped(right))
    if tag == "A_Const":
        ranges.constants_read = True
        if value.get("sval", {}).get("sval", "").strip() == "{}":
            return _opposite(combined([]), negated)
    if tag == "A_ArrayExpr":
        elements = value.get("elements", [])
        return _opposite(combined(_comparison(name, left, e, ranges, False, level) for e in elements), negated)
    if tag == "SubLink" and value.get("subLinkType") == "ARRAY_SUBLINK":
        kind = "ANY_SUBLINK" if combined is _any else "ALL_SUBLINK"
        value = {**value, "subLinkType": kind, "testexpr": left, "operName": [{"String": {"sval": name}}]}
        return _sublink(value, ranges, negated, level)
    return ROWS if has_row([left, right], ranges) else SAME


# -- tests for NULL and for truth


def _null_test(node: Node, ranges: Ranges, negated: bool, level: int) -> Truth:
    argument = node.get("arg", {})
    wants_null = (node.get("nulltesttype") == "IS_NULL") is not negated
    tag, value = tag_of(unwrapped(argument))
    if tag == "ColumnRef":
        fields = strings(value.get("fields", []))
        if not ranges.is_row(fields) and not ranges.is_whole_row(fields):
            return SAME
        never_null = fields[-1] in _SYSTEM_COLUMNS or ranges.is_whole_row(fields)
        return _opposite(TRUE, wants_null) if never_null else ROWS
    ranges.constants_read = True
    if not has_row(argument, ranges):
        try:
            return _of((constant(argument) is None) is wants_null, False)
        except NotConstant:
            return SAME
    if may_always_be_null(argument, ranges):
        return SAME
    if is_condition(argument) or tag in ("RowExpr", "A_ArrayExpr") or has_default(value, tag, ranges):
        return SAME if wants_null else TRUE
    return ROWS


def _boolean_test(node: Node, ranges: Ranges, negated: bool, level: int) -> Truth:
    ranges.constants_read = True
    kind, argument = node.get("booltesttype", ""), node.get("arg", {})
    if kind.endswith("UNKNOWN"):
        null = "IS_NULL" if kind == "IS_UNKNOWN" else "IS_NOT_NULL"
        return _null_test({"arg": argument, "nulltesttype": null}, ranges, negated, level)
    if is_null(argument, ranges):
        return _of(kind.startswith("IS_NOT"), negated)
    return _truth(argument, ranges, negated ^ (kind in ("IS_FALSE", "IS_NOT_TRUE")), level)


# -- CASE, COALESCE, sub-selects


def _case(node: Node, ranges: Ranges, negated: bool, level: int) -> Truth:
    ranges.constants_read = True
    subject = node.get("arg")
    conditions, results = set(), set()
    for branch in node.get("args", []):
        when = tag_of(branch)[1]
        test = when.get("expr", {})
        if is_null(test, ranges):
            continue
        condition = (
            _comparison("=", subject, test, ranges, False, level) if subject else _truth(test, ranges, False, level)
        )
        if condition is NEVER:
            continue
        conditions.add(condition)
        results.add(_truth(when.get("result", {}), ranges, negated, level))
        if condition is TRUE:
            break
    else:
        results.add(_truth(node["defresult"], ranges, negated, level) if "defresult" in node else NEVER)
    if len(results) == 1:
        return results.pop()
    return SAME if ROWS not in conditions and results & {TRUE, SAME} else ROWS


def _coalesce(node: Node, ranges: Ranges, negated: bool, level: int) -> Truth:
    ranges.constants_read = True
    for argument in node.get("args", []):
        if not is_null(argument, ranges):
            return _truth(argument, ranges, negated, level)
    return NEVER


def _sublink(node: Node, ranges: Ranges, negated: bool, level: int) -> Truth:
    kind = node.get("subLinkType")
    select = tag_of(node.get("subselect", {}))[1]
    if kind == "EXPR_SUBLINK":
        inner = unwrapped({"SubLink": node})
        if "SubLink" not in inner:
            return _truth(inner, ranges, negated, level)
        return ROWS if has_row(node, ranges) else SAME
    if kind == "EXISTS_SUBLINK":
        return _exists(select, ranges, negated, level)
    test = node.get("testexpr", {})
    if not has_row(test, ranges):
        return _exists(select, ranges, negated, level)
    if _is_empty(select, ranges, level):
        return _opposite(NEVER if kind == "ANY_SUBLINK" else TRUE, negated)
    if kind == "ANY_SUBLINK" and strings(node.get("operName", [])) in ([], ["="], ["<="], [">="]):
        ranges.constants_read = True
        if gives_every_value(select, test, ranges, tells_rows_apart):
            return _opposite(TRUE, negated)
    return ROWS


def _is_empty(select: Node, ranges: Ranges, level: int) -> bool:
    ranges.constants_read = True
    if gives_nothing(select):
        return True
    return "whereClause" in select and _truth(select["whereClause"], ranges.inner(select), False, level) is NEVER


def _exists(select: Node, ranges: Ranges, negated: bool, level: int) -> Truth:
    """EXISTS depends on the row if its condition names the row by a qualifier."""
    if _is_empty(select, ranges, level):
        return _opposite(NEVER, negated)
    inner = ranges.inner(select)
    conditions = [select["whereClause"]] if "whereClause" in select else []
    for item in select.get("fromClause", []):
        tag, value = tag_of(item)
        if tag == "JoinExpr" and "quals" in value:
            conditions.append(value["quals"])
    truth = _all(_truth(condition, inner, False, level) for condition in conditions)
    if truth is NEVER:
        return _opposite(NEVER, negated)
    return truth if truth is ROWS else SAME


_READERS: dict[str, Callable[[Node, Ranges, bool, int], Truth]] = {
    "BoolExpr": _bool_expr,
    "A_Expr": _a_expr,
    "NullTest": _null_test,
    "BooleanTest": _boolean_test,
    "CaseExpr": _case,
    "CoalesceExpr": _coalesce,
    "SubLink": _sublink,
    "CurrentOfExpr": lambda node, ranges, negated, level: ROWS,
}
