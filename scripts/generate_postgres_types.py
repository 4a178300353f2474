"""Write adapters/postgres/values/types/built_in.py from a server's catalogue: `generate_postgres_types.py DSN`."""

import sys
from pathlib import Path

import psycopg

TARGET = Path(__file__).parent.parent / "adapters" / "postgres" / "values" / "types" / "built_in.py"

# Types above these OIDs are made anew by each initdb, so their numbers say nothing.
LAST_FIXED_OID = 9999

QUERY = """
SELECT t.oid::int, t.typname::text, t.typdelim::text,
       CASE WHEN t.typsend::text IN ('array_send', 'anyarray_send', 'anycompatiblearray_send') THEN 'array'
            WHEN t.typtype = 'c' OR t.typname = 'record' THEN 'composite'
            WHEN t.typtype = 'r' THEN 'range'
            WHEN t.typtype = 'm' THEN 'multirange'
            ELSE 'base' END,
       CASE t.typtype WHEN 'r' THEN r.rngsubtype WHEN 'm' THEN m.rngtypid ELSE t.typelem END::int
FROM pg_type t
LEFT JOIN pg_range r ON r.rngtypid = t.oid
LEFT JOIN pg_range m ON m.rngmultitypid = t.oid
WHERE t.oid <= %s
ORDER BY t.oid
"""

HEADER = '''"""PostgreSQL's built-in types. Written by scripts/generate_postgres_types.py; do not edit.

Each line: OID, name, kind, the OID of what it is made of (an array's element, a range's bounds), delimiter.
"""

TYPES: tuple[tuple[int, str, str, int, str], ...] = (
'''


def table(dsn: str) -> str:
    """The module for the types of this server."""
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(QUERY, (LAST_FIXED_OID,)).fetchall()
    lines = []
    for oid, name, delimiter, kind, part in rows:
        made_of = part if kind in ("array", "range", "multirange") else 0
        lines.append(f'    ({oid}, "{name}", "{kind}", {made_of}, "{delimiter}"),\n')
    return HEADER + "".join(lines) + ")\n"


if __name__ == "__main__":
    TARGET.write_text(table(sys.argv[1]))
