"""What a scope means to PostgreSQL: the privileges on tables that it allows, and the statements that grant them."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from psycopg.sql import SQL, Composed, Identifier

from hoopaddon.access.scope import Scope

PRIVILEGES = ("select", "insert", "update", "delete", "truncate")

TABLES = """
SELECT n.nspname, c.relname,
    ARRAY(SELECT p FROM unnest('{select,insert,update,delete,truncate}'::text[]) p
          WHERE has_table_privilege(c.oid, p || ' WITH GRANT OPTION')),
    ARRAY(SELECT s.relname::text FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class s ON s.oid = d.objid
          WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = c.oid AND d.deptype = 'a'
          AND s.relnamespace = c.relnamespace
          AND CASE WHEN s.relkind = 'S' THEN has_sequence_privilege(s.oid, 'USAGE WITH GRANT OPTION') END),
    has_schema_privilege(n.oid, 'USAGE WITH GRANT OPTION')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 1, 2
"""
"""Schema, table, what can be granted on it, the sequences of its columns, and whether its schema can be granted."""

ADMIN_GRANTS = """
SELECT 'SCHEMA', ARRAY[nspname::text] FROM pg_catalog.pg_namespace
WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND has_schema_privilege(oid, 'CREATE WITH GRANT OPTION')
UNION ALL SELECT 'SEQUENCE', ARRAY[n.nspname::text, c.relname::text]
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^pg_'
AND CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(c.oid, 'USAGE WITH GRANT OPTION') END
UNION ALL SELECT 'DATABASE', ARRAY[current_database()::text]
WHERE has_database_privilege(current_database(), 'CREATE WITH GRANT OPTION')
"""
"""What there is to grant beside tables."""

type TableRow = Sequence[Any]


def allowed_on(scopes: Sequence[Scope], schema: str, table: str, grantable: Sequence[str]) -> tuple[str, ...]:
    """The privileges that every one of the scopes allows on the table."""
    return tuple(
        privilege
        for privilege in PRIVILEGES
        if privilege in grantable and all(scope.permits_on_table(privilege, schema, table) for scope in scopes)
    )


def grants_on(
    tables: Sequence[TableRow],
    scopes: Sequence[Scope],
    role: Identifier,
    admin: Sequence[tuple[str, Sequence[str]]] = (),
) -> Iterator[Composed]:
    """The statements by which the role gets what the scopes allow; `admin` is what else gets all privileges."""
    by_privileges: dict[tuple[str, ...], list[Composed | Identifier]] = defaultdict(list)
    schemas: dict[str, None] = {}
    sequences: list[Identifier] = []
    for schema, table, grantable, owned, may_use in tables:
        if found := allowed_on(scopes, schema, table, grantable):
            by_privileges[found].append(Identifier(schema, table))
            if may_use:
                schemas[schema] = None
            if "insert" in found:
                sequences += [Identifier(schema, sequence) for sequence in owned]
    comma = SQL(", ")
    for privileges, names in by_privileges.items():
        what = comma.join(map(_word, privileges))
        yield SQL("GRANT {} ON TABLE {} TO {}").format(what, comma.join(names), role)
    if schemas:
        yield SQL("GRANT USAGE ON SCHEMA {} TO {}").format(comma.join(map(Identifier, schemas)), role)
    if sequences:
        yield SQL("GRANT USAGE ON SEQUENCE {} TO {}").format(comma.join(sequences), role)
    for kind, parts in admin:
        yield SQL("GRANT ALL ON {} {} TO {}").format(_word(kind), Identifier(*parts), role)


def _word(word: str) -> SQL:
    # Of the lists above, and of nothing that anybody sends.
    return SQL(word.upper())
