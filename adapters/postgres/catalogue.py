"""Where a result's columns come from, and what types there are: a database's catalogue, by OID.

It is read on a session's own connection, after the login and before the client may speak, and shared by the
sessions of one database. A table or type made since is unknown until a session begins after that.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from functools import lru_cache

from hoopaddon.adapters.postgres import codec
from hoopaddon.adapters.postgres.codec import INT16, Reader
from hoopaddon.adapters.postgres.description import Field, describe_columns, parse_row_description
from hoopaddon.adapters.postgres.encodings import UTF8
from hoopaddon.adapters.postgres.opening import read_message
from hoopaddon.adapters.postgres.types.table import BUILT_IN, EXTENSIONS, Kind, Type, with_names
from hoopaddon.adapters.postgres.values import Values
from hoopaddon.errors import PeerError
from hoopaddon.relay.channel import Channel
from hoopaddon.rows import Column

FIRST_USER_OID = 16384
"""FirstNormalObjectId: what is below comes with PostgreSQL."""
MAX_ROWS = 200_000
MAX_MESSAGE_BYTES = 1024 * 1024
REMEMBERED_DESCRIPTIONS = 1024

_COLUMNS = (
    "SELECT c.oid, a.attnum, n.nspname, c.relname, a.attname FROM pg_catalog.pg_attribute a "
    "JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) a.attrelid "
    "JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace "
    "WHERE c.oid OPERATOR(pg_catalog.>=) 16384 AND a.attnum OPERATOR(pg_catalog.>) 0 "
    "AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
)
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
        self._types: Mapping[int, Type] = BUILT_IN
        self._values: dict[str, Values] = {}
        self._describe = lru_cache(REMEMBERED_DESCRIPTIONS)(self._described)

    def described(self, payload: bytes, encoding: str) -> Described:
        """What a RowDescription says of its columns."""
        return self._describe(payload, encoding)

    def _described(self, payload: bytes, encoding: str) -> Described:
        fields = parse_row_description(payload, encoding)
        names = {oid: found.name for oid, found in self._types.items()}
        return fields, describe_columns(fields, self._sources, names)

    def values(self, encoding: str) -> Values:
        """How values of this database are read in this encoding."""
        if encoding not in self._values:
            self._values[encoding] = Values(self._types, encoding)
        return self._values[encoding]

    async def read(self, server: Channel, encoding: str = UTF8) -> None:
        """Ask a server that is ready for a query, and leave it ready for the next."""
        self.stale = False
        sources: dict[tuple[int, int], tuple[str, str]] = {}
        async for oid, number, schema, table, column in _rows(server, _COLUMNS, encoding):
            sources[int(oid), int(number)] = (f"{schema}.{table}", column)
        types = [_type(row) async for row in _rows(server, _TYPES, encoding)]
        self._sources = sources
        self._types = {**with_names((found.oid, found.name) for found in types), **dict(_known(types))}
        self._values = {}
        self._describe.cache_clear()


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


async def _rows(server: Channel, text: str, encoding: str) -> AsyncIterator[list[str]]:
    server.write(codec.query(f"{text} LIMIT {MAX_ROWS}".encode()))
    while True:
        message = await read_message(server, MAX_MESSAGE_BYTES)
        kind = message[:1]
        if kind == b"D":
            reader = Reader("server", message[5:])
            count: int = INT16.unpack(reader.take(2))[0]
            yield [(reader.value() or b"").decode(encoding, "replace") for _ in range(count)]
        elif kind == b"Z":
            return
        elif kind not in (b"T", b"C", b"N", b"S", b"E"):
            raise PeerError("server", "no answer to a query")
