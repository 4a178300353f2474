"""Expressions of the syntax tree: constants, columns, and when two of them are the same."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hoopaddon.adapters.postgres.sql.scope import Scope
from hoopaddon.adapters.postgres.sql.syntax import Node

NARROWING = frozenset({"limitCount", "limitOffset", "groupClause", "havingClause", "larg"})
"""Clauses by which a sub-select gives fewer rows, or others, than its tables have."""

SAME_IN_ROWS = {"tableoid", "cmin", "cmax", "xmax"}  # in nearly all of a table's rows

MAX_LEVELS = 100
"""How far an expression is followed; what lies deeper counts as unknown."""


class NotConstant(Exception):
    """The expression has no value that is known here."""


class TooDeep(Exception):
    """The expression goes on below `MAX_LEVELS`."""


@dataclass(frozen=True, slots=True)
class Range:
    """What a name in FROM stands for: a table, and the columns it is known to have (of a sub-select, of VALUES)."""

    table: str = ""
    columns: frozenset[str] = frozenset()


@dataclass(slots=True)
class Ranges:
    """The names an expression may use: the table that a statement changes, and what stands beside it."""

    target: frozenset[str] = frozenset()
    """Its alias, or its name; more than one where `INSERT … ON CONFLICT` or RETURNING add some."""
    table: str = ""
    others: Mapping[str, Range] = field(default_factory=dict)
    ctes: Scope = field(default_factory=Scope)
    constants_read: bool = False
    """Whether an answer depended on the value of a constant."""

    def column(self, fields: list[str]) -> tuple[str, str]:
        """The table and the name of a column, so that two spellings of the same one are equal."""
        name = fields[-1]
        if len(fields) == 1:
            alone = not self.others
            return (self.table if alone else "", name)
        qualifier = fields[-2]
        if qualifier in self.target:
            return (self.table, name)
        beside = self.others.get(qualifier)
        return (beside.table or qualifier if beside else qualifier, name)

    def is_row(self, fields: list[str]) -> bool:
        """Whether this reference can be to the row that is changed, and tell it from others."""
        if len(fields) > 1:
            return fields[-2] in self.target and fields[-1] not in SAME_IN_ROWS
        name = fields[0]
        if name in self.others or name in SAME_IN_ROWS:
            return False
        return not any(name in beside.columns for beside in self.others.values())

    def is_whole_row(self, fields: list[str]) -> bool:
        return fields[-1] == "*" or (len(fields) == 1 and fields[0] in self.target)

    def inner(self, select: Node) -> "Ranges":
        """The same target, seen from inside a sub-select: a bare column is one of the sub-select's own tables."""
        self.constants_read = True
        ctes = self.ctes.within(select["withClause"]) if "withClause" in select else self.ctes
        own = dict(ranges_of(select.get("fromClause", []), ctes))
        return Inner(self.target - own.keys(), self.table, {**self.others, **own}, ctes)


class Inner(Ranges):
    """The names inside a sub-select that has tables of its own."""

    __slots__ = ()

    def is_row(self, fields: list[str]) -> bool:
        return len(fields) > 1 and fields[-2] in self.target and fields[-1] not in SAME_IN_ROWS


def tag_of(node: Node) -> tuple[str, Any]:
    """An expression's tag and its fields."""
    for tag, value in node.items():
        return tag, value
    return "", {}


def strings(items: list[Node]) -> list[str]:
    """The parts of a name; `*` for a star."""
    parts = []
    for item in items:
        tag, value = tag_of(item)
        parts.append(value.get("sval", "") if tag == "String" else "*" if tag == "A_Star" else "")
    return parts


def operator(node: Node) -> str:
    """The operator's own name; one with a schema other than pg_catalog has none that is known."""
    parts = strings(node.get("name", []))
    if len(parts) > 1 and parts[0] != "pg_catalog":
        return ""
    return parts[-1] if parts else ""


def ranges_of(from_clause: list[Node], ctes: Scope) -> Iterator[tuple[str, Range]]:
    """The names that a FROM or USING list introduces."""
    stack = list(from_clause)
    while stack:
        tag, value = tag_of(stack.pop())
        alias = value.get("alias", {}) if isinstance(value, dict) else {}
        columns = frozenset(strings(alias.get("colnames", [])))
        name = alias.get("aliasname", "")
        match tag:
            case "RangeVar":
                table = value.get("relname", "")
                found = ctes.query(value)
                yield name or table, _of_query(found[0], columns, found[1]) if found else Range(table, columns)
            case "JoinExpr":
                stack += [value[side] for side in ("larg", "rarg") if side in value]
                if name:
                    yield name, Range("", columns)
            case "RangeSubselect":
                yield name, _of_query(tag_of(value.get("subquery", {}))[1], columns, ctes)
            case "RangeFunction":
                yield name, Range("", columns | {name})
            case _:
                yield name, Range("", columns)


def _of_query(query: Node, columns: frozenset[str], ctes: Scope) -> Range:
    return Range(whole_table(query, ctes), columns or output_columns(query))


def whole_table(query: Node, ctes: Scope, level: int = 0) -> str:
    """The table of which a query gives every row; empty without one."""
    sources = query.get("fromClause", [])
    if level > MAX_LEVELS or len(sources) != 1 or ("whereClause" in query) or NARROWING & query.keys():
        return ""
    if "withClause" in query:
        ctes = ctes.within(query["withClause"])
    tag, value = tag_of(sources[0])
    if tag == "RangeSubselect":
        return whole_table(tag_of(value.get("subquery", {}))[1], ctes, level + 1)
    if tag != "RangeVar":
        return ""
    table: str = value.get("relname", "")
    deeper = ctes.query(value)
    return whole_table(*deeper, level + 1) if deeper else table


def output_columns(select: Node) -> frozenset[str]:
    """The names of a sub-select's columns, as far as it names them."""
    names = set()
    for item in select.get("targetList", []):
        target = tag_of(item)[1]
        if "name" in target:
            names.add(target["name"])
        else:
            tag, value = tag_of(target.get("val", {}))
            if tag == "ColumnRef":
                names.add(strings(value.get("fields", []))[-1])
    return frozenset(names - {"*"})


def unwrapped(node: Node) -> Node:
    """The expression without casts, collations, and a sub-select that only holds an expression."""
    while True:
        tag, value = tag_of(node)
        if tag in ("TypeCast", "CollateClause"):
            node = value.get("arg", {})
        elif tag == "SubLink" and (inner := bare_select(value)) is not None:
            node = inner
        else:
            return node


def bare_select(sublink: Node) -> Node | None:
    """The expression of `(SELECT expression)`."""
    if sublink.get("subLinkType") != "EXPR_SUBLINK":
        return None
    select = tag_of(sublink.get("subselect", {}))[1]
    clauses = {
        "fromClause",
        "whereClause",
        "havingClause",
        "limitCount",
        "limitOffset",
        "withClause",
        "valuesLists",
        "larg",
    }
    targets = select.get("targetList", [])
    if clauses & select.keys() or len(targets) != 1:
        return None
    value: Node | None = tag_of(targets[0])[1].get("val")
    return value


def canonical(node: Any, ranges: Ranges, level: int = 0) -> Any:
    """A hashable form in which two expressions are equal if they always have the same value in the same row."""
    if level > MAX_LEVELS:
        raise TooDeep
    if isinstance(node, list):
        return tuple(canonical(item, ranges, level + 1) for item in node)
    if not isinstance(node, dict):
        return node
    node = _without_identity(unwrapped(node)) if len(node) == 1 else node
    if "ColumnRef" in node:
        return ("column", *ranges.column(strings(node["ColumnRef"].get("fields", []))))
    if "A_Const" in node or "ParamRef" in node:
        ranges.constants_read = True
    return tuple(
        (key, canonical(value, ranges, level + 1))
        for key, value in sorted(node.items())
        if key not in ("location", "list_start", "list_end", "rexpr_list_start", "rexpr_list_end", "name_location")
    )


_IDENTITIES = {"+": 0, "-": 0, "*": 1, "/": 1, "||": ""}


def _without_identity(node: Node) -> Node:
    """`x` for `x + 0`, `x * 1`, `x || ''`, `coalesce(x)`."""
    for _ in range(MAX_LEVELS):
        tag, value = tag_of(node)
        if tag == "CoalesceExpr" and len(value.get("args", [])) == 1:
            node = unwrapped(value["args"][0])
            continue
        if tag != "A_Expr" or value.get("kind") != "AEXPR_OP" or "lexpr" not in value:
            return node
        name = operator(value)
        left, right = unwrapped(value["lexpr"]), unwrapped(value.get("rexpr", {}))
        if name in _IDENTITIES and _is_constant(right, _IDENTITIES[name]):
            node = left
        elif name in ("+", "*", "||") and _is_constant(left, _IDENTITIES[name]):
            node = right
        else:
            return node
    return node


def _is_constant(node: Node, wanted: object) -> bool:
    if "A_Const" not in node:
        return False
    try:
        value = constant(node)
    except NotConstant:
        return False
    return type(value) is type(wanted) and bool(value == wanted)


def constant(node: Node, level: int = 0) -> Any:
    """The value of a constant: bool, int, str, or None for NULL. Raises `NotConstant` for anything else.

    Where PostgreSQL's value depends on more than is written (fractions, truncating types, collations), there is
    none: a condition that is taken for false lets a statement pass.
    """
    if level > MAX_LEVELS:
        raise NotConstant
    tag, value = tag_of(node)
    match tag:
        case "A_Const":
            return _literal(value)
        case "TypeCast":
            return _cast(constant(value.get("arg", {}), level + 1), value.get("typeName", {}))
        case "SubLink" if (inner := bare_select(value)) is not None:
            return constant(inner, level + 1)
        case "A_Expr" if value.get("kind") == "AEXPR_OP":
            right = constant(value.get("rexpr", {}), level + 1)
            return _computed(operator(value), constant(value["lexpr"], level + 1) if "lexpr" in value else 0, right)
        case "CoalesceExpr":
            values = (constant(argument, level + 1) for argument in value.get("args", []))
            return next((v for v in values if v is not None), None)
    raise NotConstant


def _literal(const: Node) -> Any:
    if const.get("isnull"):
        return None
    if "ival" in const:
        return const["ival"].get("ival", 0)
    if "boolval" in const:
        return const["boolval"].get("boolval", False)
    if "sval" in const:
        return const["sval"].get("sval", "")
    if "fval" in const:
        return _integer(const["fval"].get("fval", ""))
    raise NotConstant


_TRUE = {"t", "tr", "tru", "true", "y", "ye", "yes", "on", "1"}
_FALSE = {"f", "fa", "fal", "fals", "false", "n", "no", "of", "off", "0"}


def _cast(value: Any, type_name: Node) -> Any:
    if value is None:
        return None
    names = strings(type_name.get("names", []))
    if "arrayBounds" in type_name or (len(names) > 1 and names[0] != "pg_catalog"):
        raise NotConstant
    match names[-1:]:
        case ["bool"]:
            return truth_value(value)
        case ["int2" | "int4" | "int8"]:
            return int(value) if isinstance(value, int) else _integer(value)
        case ["text"]:
            return str(value).lower() if isinstance(value, bool) else str(value)
    raise NotConstant


def truth_value(value: Any) -> bool | None:
    """What a constant is as a condition."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value != 0
    word = value.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise NotConstant


def _integer(text: str) -> int:
    try:
        return int(text) if len(text) < MAX_LEVELS else _not_constant()
    except ValueError:
        raise NotConstant from None


def _computed(name: str, left: Any, right: Any) -> Any:
    if left is None or right is None:
        return None
    if isinstance(left, str) and isinstance(right, str) and name == "||":
        return left + right
    if type(left) is int and type(right) is int:
        match name:
            case "+":
                return left + right
            case "-":
                return left - right
            case "*":
                return left * right
    raise NotConstant


def compared(name: str, left: Any, right: Any) -> bool | None:
    """A comparison of two constants."""
    if left is None or right is None:
        return None
    if isinstance(left, bool) or isinstance(right, bool):
        left, right = truth_value(left), truth_value(right)
    elif isinstance(left, int) or isinstance(right, int):
        left, right = _integer(str(left)), _integer(str(right))
    elif name not in ("=", "<>"):
        # How strings sort depends on the collation.
        raise NotConstant
    match name:
        case "=":
            return bool(left == right)
        case "<>":
            return bool(left != right)
        case "<":
            return bool(left < right)
        case "<=":
            return bool(left <= right)
        case ">":
            return bool(left > right)
        case ">=":
            return bool(left >= right)
    raise NotConstant


def _not_constant() -> int:
    raise NotConstant


def has_row(node: Any, ranges: Ranges) -> bool:
    """Whether the expression reads the row that is changed; a sub-select only where it names it by a qualifier."""
    stack: list[tuple[Any, Ranges]] = [(node, ranges)]
    while stack:
        part, names = stack.pop()
        if isinstance(part, list):
            stack += [(item, names) for item in part]
        elif isinstance(part, dict):
            if "ColumnRef" in part and names.is_row(strings(part["ColumnRef"].get("fields", []))):
                return True
            if "fromClause" in part:
                names = names.inner(part)
            stack += [(value, names) for value in part.values()]
    return False
