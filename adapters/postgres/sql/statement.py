"""What is known of one statement, wherever in a command's text it stands."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

NOTHING: frozenset[str] = frozenset()
NO_SETTINGS: Mapping[str, str | None] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: a whole one, a sub-select, a CTE, one in the body of a DO or of a function …

    Names are as written and folded as PostgreSQL folds them, `schema.name` where a schema is given; a part that
    contains a dot or a quote stands in double quotes. What a MERGE does, an `ON CONFLICT DO UPDATE` and a
    `SELECT INTO` appear as a statement of their own beside it.
    """

    verb: str
    """In lower case, the first word of PostgreSQL's command tag: `select`, `drop`, `security label` …"""
    kind: str = ""
    """What DDL is about: `table`, `role`, `materialized view`, `default privileges`, `system` …"""
    tables: frozenset[str] = NOTHING
    """Tables, views and sequences named, without the names of CTEs."""
    writes: frozenset[str] = NOTHING
    """Those of them that the statement changes."""
    objects: frozenset[str] = NOTHING
    """The tables, and other named things: a schema, an extension, a function that is dropped …"""
    functions: frozenset[str] = NOTHING
    """Functions called, and those that DDL ties to an operator, a cast, a trigger; by bare and qualified name."""
    attributes: frozenset[str] = NOTHING
    """Names after a dot, as in `t.name` and `(x).name`. PostgreSQL calls a function of that name with `t` or `x`
    where there is no such column: `SELECT ('/etc/passwd'::text).pg_read_file` reads a file."""
    roles: frozenset[str] = NOTHING
    """Roles named; `public`, `current_user`, `session_user` among them."""
    settings: Mapping[str, str | None] = NO_SETTINGS
    """What SET, RESET and set_config change, with the constant it becomes (`default` too); None for a value that
    is not known before it runs. `*` stands for every name that is not."""
    clauses: frozenset[str] = NOTHING
    """Parts that change what it does: `drop column`, `program`, `file`, `cascade`, `superuser`, `nologin`, a
    privilege that is granted, an option's name …"""
    every_row: bool = False
    """UPDATE or DELETE whose condition, if it has one, does not depend on the row."""
    dynamic: bool = False
    """It runs SQL that it computes, or that is not known here."""
    opaque: bool = False
    """It holds code that cannot be read: another language, or text that does not parse."""
    explained: bool = False
    """Only planned, by an EXPLAIN without ANALYZE."""


@dataclass(slots=True)
class Draft:
    """A statement while it is read."""

    verb: str
    kind: str = ""
    tables: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)
    objects: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)
    roles: set[str] = field(default_factory=set)
    settings: dict[str, str | None] = field(default_factory=dict)
    clauses: set[str] = field(default_factory=set)
    every_row: bool = False
    dynamic: bool = False
    opaque: bool = False
    explained: bool = False
    prepared_as: str = ""
    """The name under which PREPARE keeps it."""

    def done(self) -> Statement:
        return Statement(
            self.verb,
            self.kind,
            frozenset(self.tables) or NOTHING,
            frozenset(self.writes) or NOTHING,
            frozenset(self.objects | self.tables) or NOTHING,
            frozenset(self.functions) or NOTHING,
            frozenset(self.attributes) or NOTHING,
            frozenset(self.roles) or NOTHING,
            MappingProxyType(self.settings) if self.settings else NO_SETTINGS,
            frozenset(self.clauses) or NOTHING,
            self.every_row,
            self.dynamic,
            self.opaque,
            self.explained,
        )


def qualified(parts: Iterable[str]) -> str:
    """A name from its parts. Of three, the first is the database's: it can only be the current one."""
    *_, last = names = list(parts)[-2:]
    return _part(last) if len(names) == 1 else f"{_part(names[0])}.{_part(last)}"


def _part(name: str) -> str:
    if "." in name or '"' in name:
        return '"' + name.replace('"', '""') + '"'
    return name
