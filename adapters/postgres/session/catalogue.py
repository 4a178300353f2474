"""Where a result's columns come from, and what types there are: a database's catalogue, by OID.

It is read over a session's own connection while that is idle outside any transaction, and shared by the sessions
of one database. A table made in a transaction is known once that has ended.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

from hoopaddon.adapters.postgres.protocol import codec
from hoopaddon.adapters.postgres.protocol.codec import Reader
from hoopaddon.adapters.postgres.session.prepared import OWN_NAME
from hoopaddon.adapters.postgres.values.description import (
    FIRST_USER_OID,
    Field,
    describe_columns,
    parse_row_description,
)
from hoopaddon.adapters.postgres.values.types.table import BUILT_IN, EXTENSIONS, Kind, Type, with_names
from hoopaddon.adapters.postgres.values.values import Values
from hoopaddon.errors import Side
from hoopaddon.rows import Column

MAX_ROWS = 200_000
_NAME = b"hoopaddon: lookup " + OWN_NAME
REMEMBERED_DESCRIPTIONS = 1024

_COLUMNS = (
    "SELECT c.oid, a.attnum, n.nspname, c.relname, a.attname, a.atttypid FROM pg_catalog.pg_attribute a "
    "JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) a.attrelid "
    "JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace "
    "WHERE c.oid OPERATOR(pg_catalog.>=) 16384 AND a.attnum OPERATOR(pg_catalog.>) 0 "
    "AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') ORDER BY 1, 2"
)
# A client's own limit must not keep the gateway from knowing what to mask; this holds to the end of the pipeline.
_UNHURRIED = "SELECT pg_catalog.set_config('statement_timeout', '0', true)"
_TYPES = (
    "SELECT oid, typname, typtype, typelem, typbasetype, typcategory, typdelim FROM pg_catalog.pg_type "
    "WHERE oid OPERATOR(pg_catalog.>=) 16384"
)
_KINDS: Mapping[str, Kind] = {
    "b": "base",
    "c": "composite",
    "d": "domain",
    "e": "enum",
    "r": "range",
    "m": "multirange",
}

type Described = tuple[tuple[Field, ...], tuple[Column, ...]]


class Catalogue:
    """The names of one database. `stale` once a command has changed the schema."""

    def __init__(self) -> None:
        self.stale = True
        self._sources: dict[tuple[int, int], tuple[str, str]] = {}
        self._tables: dict[str, tuple[str, ...]] = {}
        self._qualified: dict[str, str] = {}
        self._column_types: dict[tuple[str, str], int] = {}
        self._known_oids: set[int] = set()
        self._missing: set[int] = set()
        self._types: Mapping[int, Type] = BUILT_IN
        self._values: dict[tuple[str, Side], Values] = {}
        self._describe = lru_cache(REMEMBERED_DESCRIPTIONS)(self._described)

    def described(self, payload: bytes, encoding: str) -> Described:
        """What a RowDescription says of its columns."""
        return self._describe(payload, encoding)

    def _described(self, payload: bytes, encoding: str) -> Described:
        fields = parse_row_description(payload, encoding)
        unknown = {field.table_oid for field in fields if field.table_oid >= FIRST_USER_OID} - self._known_oids
        if unknown - self._missing:
            # Somebody has made a table since; one that no catalogue has is not asked for again and again.
            self._missing |= unknown
            self.stale = True
        names = {oid: found.name for oid, found in self._types.items()}
        return fields, describe_columns(fields, self._sources, names)

    def values(self, encoding: str, side: Side = "server") -> Values:
        """How values of this database are read in this encoding; `side` is to blame for those that are none."""
        found = self._values.get((encoding, side))
        if found is None:
            found = self._values[encoding, side] = Values(self._types, encoding, side)
        return found

    @property
    def tables(self) -> Mapping[str, tuple[str, ...]]:
        """The columns of each table in their order, by `schema.table`, and by the bare name where that is enough."""
        return self._tables

    def type_of(self, column: Column) -> int:
        """The OID of the type that a table's column has; 0 where it is not known."""
        table = column.table if "." in column.table else self._qualified.get(column.table, "")
        return self._column_types.get((table, column.source), 0)

    def lookups(self) -> "tuple[Lookup, ...]":
        """What to ask the server to bring this up to date; it stays stale until all of that is answered."""
        limit = f"LIMIT {MAX_ROWS}"
        return (
            Lookup(_UNHURRIED, lambda rows: None),
            Lookup(f"{_COLUMNS} {limit}", self._learn_columns),
            Lookup(f"{_TYPES} {limit}", self._learn_types),
        )

    def _learn_columns(self, rows: list[list[str]]) -> None:
        tables: dict[str, list[str]] = {}
        named: dict[str, set[str]] = {}
        self._sources = {}
        self._column_types = {}
        for oid, number, schema, table, column, type_oid in rows:
            name = f"{schema}.{table}"
            self._sources[int(oid), int(number)] = (name, column)
            self._column_types[name, column] = int(type_oid)
            tables.setdefault(name, []).append(column)
            named.setdefault(table, set()).add(name)
        self._tables = {name: tuple(columns) for name, columns in tables.items()}
        self._qualified = {table: min(names) for table, names in named.items() if len(names) == 1}
        self._tables |= {table: self._tables[name] for table, name in self._qualified.items()}
        self._known_oids = {oid for oid, _ in self._sources}
        self._describe.cache_clear()

    def _learn_types(self, rows: list[list[str]]) -> None:
        types = [_type(row) for row in rows]
        self._types = {**with_names((found.oid, found.name) for found in types), **dict(_known(types))}
        # The last of the lookups: those before it have been answered.
        self.stale = False
        self._values = {}
        self._describe.cache_clear()


class Lookup:
    """One query of the gateway's own, and who takes its rows."""

    def __init__(self, text: str, learn: Callable[[list[list[str]]], None]) -> None:
        self.text = text
        self._learn = learn
        self._rows: list[list[str]] = []

    def messages(self) -> bytes:
        """The query in the extended protocol, under names of our own: a simple Query would end the client's
        unnamed statement."""
        parts = (
            codec.Parse(_NAME, self.text.encode(), ()).serialize(),
            codec.Bind(_NAME, _NAME, (), (), ()).serialize(),
            codec.Execute(_NAME, 0).serialize(),
            codec.close(b"P", _NAME),
            codec.close(b"S", _NAME),
        )
        return b"".join(parts)

    def add(self, rows: bytes, encoding: str) -> None:
        """Take whole DataRows."""
        position = 0
        while position < len(rows):
            end = position + 1 + int(codec.INT32.unpack_from(rows, position + 1)[0])
            reader = Reader("server", rows[position + 5 : end])
            self._rows.append([(reader.value() or b"").decode(encoding, "replace") for _ in range(reader.count())])
            position = end

    def done(self) -> None:
        """All rows have come."""
        self._learn(self._rows)


class Catalogues:
    """The catalogues behind one listener, by database."""

    def __init__(self) -> None:
        self._by_database: dict[str, Catalogue] = {}

    def of(self, database: str) -> Catalogue:
        return self._by_database.setdefault(database, Catalogue())


def _type(row: list[str]) -> Type:
    oid, name, kind, element, base, category, delimiter = row
    if category == "A" and int(element):
        return Type(int(oid), name, "array", int(element), delimiter)
    return Type(int(oid), name, _KINDS.get(kind, "base"), int(base), delimiter)


def _known(types: list[Type]) -> Iterator[tuple[int, Type]]:
    """The types whose make is told by the catalogue; a base type of an extension is known by its name alone."""
    for found in types:
        if found.kind in ("composite", "enum", "domain", "array") and found.name.removeprefix("_") not in EXTENSIONS:
            yield found.oid, found
