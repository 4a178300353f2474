"""Sub-selects that give back every value of the column they are compared with."""

from collections.abc import Callable

from hoopaddon.adapters.postgres.sql.expression import (
    NARROWING,
    NotConstant,
    Ranges,
    canonical,
    constant,
    tag_of,
    whole_table,
)
from hoopaddon.adapters.postgres.sql.syntax import Node

type Effective = Callable[[Node | None, Ranges], bool]


def gives_every_value(select: Node, tested: Node, ranges: Ranges, effective: Effective) -> bool:
    """Whether `tested IN (select)` holds in every row: `id IN (SELECT id FROM t)`, `id IN (SELECT t.id)`.

    `effective` says whether a condition tells the rows of a table apart.
    """
    if select.get("op") == "SETOP_UNION":
        arms = (select.get("larg", {}), select.get("rarg", {}))
        return any(gives_every_value(arm, tested, ranges, effective) for arm in arms)
    if "valuesLists" in select:
        wanted = canonical(tested, ranges)
        rows = [tag_of(row)[1].get("items", []) for row in select["valuesLists"]]
        return any(len(row) == 1 and canonical(row[0], ranges) == wanted for row in rows)
    if NARROWING & select.keys() or len(select.get("targetList", [])) != 1:
        return False
    own = _own_ranges(select, ranges)
    value = tag_of(select["targetList"][0])[1].get("val", {})
    if canonical(value, own) != canonical(tested, ranges):
        return False
    return "whereClause" not in select or not effective(select["whereClause"], own)


def _own_ranges(select: Node, ranges: Ranges) -> Ranges:
    """The names inside the sub-select, its own table in the role of the one that is changed."""
    inner = ranges.inner(select)
    sources = select.get("fromClause", [])
    if not sources:
        return ranges
    bare = {key: value for key, value in select.items() if key != "whereClause"}
    table = whole_table(bare, ranges.ctes)
    if not table:
        return inner
    value = tag_of(sources[0])[1]
    alias = value.get("alias", {}).get("aliasname") or value.get("relname", "")
    others = {name: beside for name, beside in ranges.others.items() if name != alias}
    return Ranges(frozenset({alias}), table, others, ranges.ctes)


def gives_nothing(select: Node) -> bool:
    """Whether the sub-select asks for no row: `LIMIT 0`."""
    try:
        return "limitCount" in select and constant(select["limitCount"]) == 0
    except NotConstant:
        return False
