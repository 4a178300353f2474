"""What a COPY … TO STDOUT sends: its format by its options, its columns by its statement."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pglast import ast

from hoopaddon.adapters.postgres.protocol.encodings import UTF8, codec_of
from hoopaddon.rows import Column

type Kind = Literal["text", "csv", "binary"]

_TRUE = frozenset({"true", "on", "1", "match"})


@dataclass(frozen=True, slots=True)
class CopyFormat:
    """The options of a COPY that decide what its data looks like. `encoding` is Python's name."""

    kind: Kind = "text"
    delimiter: str = "\t"
    null: str = "\\N"
    quote: str = '"'
    escape: str = '"'
    header: bool = False
    encoding: str = UTF8


def copy_format(statement: ast.CopyStmt, encoding: str = UTF8) -> CopyFormat:
    """The format that the statement asks for. `encoding` is the client's, unless the statement has its own."""
    options = {option.defname: option.arg for option in statement.options or ()}
    kind: Kind = "text"
    match _text(options.get("format")).lower():
        case "csv":
            kind = "csv"
        case "binary":
            kind = "binary"
    delimiter, null = ("," if kind == "csv" else "\t"), ("" if kind == "csv" else "\\N")
    quote = _text(options.get("quote"), '"')
    return CopyFormat(
        kind,
        _text(options.get("delimiter"), delimiter),
        _text(options.get("null"), null),
        quote,
        _text(options.get("escape"), quote),
        "header" in options and (options["header"] is None or _text(options["header"]).lower() in _TRUE),
        codec_of(_text(options["encoding"])) if "encoding" in options else encoding,
    )


def _text(argument: Any, default: str = "") -> str:
    match argument:
        case ast.String():
            return str(argument.sval)
        case ast.Boolean():
            return "true" if argument.boolval else "false"
        case ast.Integer():
            return str(argument.ival)
    return default


def copy_columns(
    statement: ast.CopyStmt, count: int, tables: Mapping[str, Sequence[str]] | None = None
) -> tuple[Column, ...]:
    """The columns of what the statement copies, of which the server has said only how many they are.

    `tables` has the columns of each table, by `schema.table` and by the bare name where that is enough. Where a
    statement does not say a column's name, and `tables` does not, it is empty; so are all if they cannot be
    told apart.
    """
    known = tables or {}
    if statement.relation is not None:
        columns = _of_table(statement.relation, statement.attlist, known)
    else:
        columns = _of_query(statement.query, known)
    return columns if len(columns) == count else (Column(""),) * count


def _table_name(relation: ast.RangeVar) -> str:
    return f"{relation.schemaname}.{relation.relname}" if relation.schemaname else str(relation.relname)


def _of_table(
    relation: ast.RangeVar, names: Iterable[ast.String] | None, tables: Mapping[str, Sequence[str]]
) -> tuple[Column, ...]:
    table = _table_name(relation)
    listed = [str(name.sval) for name in names] if names else tables.get(table, ())
    return tuple(Column(name, table=table, source=name) for name in listed)


def _of_query(query: Any, tables: Mapping[str, Sequence[str]]) -> tuple[Column, ...]:
    while isinstance(query, ast.SelectStmt) and query.larg is not None:
        query = query.larg
    returning = getattr(query, "returningClause", None)
    targets = returning.exprs if returning else getattr(query, "targetList", None)
    if isinstance(query, ast.SelectStmt):
        tables_read = query.fromClause or ()
        source = tables_read[0] if len(tables_read) == 1 else None
    elif returning:
        source = query.relation
    else:
        return ()
    relation = source if isinstance(source, ast.RangeVar) else None
    return tuple(column for target in targets or () for column in _of_target(target, relation, tables))


def _of_target(
    target: ast.ResTarget, relation: ast.RangeVar | None, tables: Mapping[str, Sequence[str]]
) -> tuple[Column, ...]:
    if not isinstance(target.val, ast.ColumnRef):
        return (Column(target.name or ""),)
    last = (target.val.fields or ())[-1]
    if isinstance(last, ast.A_Star):
        return _of_table(relation, None, tables) if relation else ()
    name = str(last.sval)
    return (Column(target.name or name, table=_table_name(relation) if relation else "", source=name),)
