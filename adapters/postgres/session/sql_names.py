"""Names that SQL itself gives to statements and cursors, in the namespaces that messages use too."""

from functools import lru_cache

from hoopaddon.adapters.postgres.sql.expression import tag_of
from hoopaddon.adapters.postgres.sql.facts import facts_of
from hoopaddon.adapters.postgres.sql.syntax import parse, source
from hoopaddon.errors import Unparsable

type Declared = tuple[tuple[tuple[str, str], ...], tuple[str, ...]]
"""`((name, text) of each PREPARE, …), (name of each DECLARE CURSOR, …)`"""

NOTHING: Declared = ((), ())
LONGEST_CACHED = 4096


def declared_names(text: str) -> Declared:
    """What PREPARE and DECLARE in this text name. Raises `Unparsable` where it has them and cannot be read."""
    lower = text.lower()
    if "prepare" not in lower and "declare" not in lower and "deallocate" not in lower:
        return NOTHING
    return _cached(text) if len(text) <= LONGEST_CACHED else _declared(text)


def _declared(text: str) -> Declared:
    statements: list[tuple[str, str]] = []
    cursors: list[str] = []
    seen = 0
    for raw in parse(text):
        tag, node = tag_of(raw.get("stmt", {}))
        seen += tag in ("PrepareStmt", "DeallocateStmt") or node.get("kind") == "TRANS_STMT_PREPARE"
        if tag == "PrepareStmt":
            statements.append((node.get("name", ""), source(text, raw)))
        elif tag == "DeclareCursorStmt":
            cursors.append(node.get("portalname", ""))
    if sum(statement.verb in ("prepare", "deallocate") for statement in facts_of(text).statements) > seen:
        raise Unparsable("PREPARE and DEALLOCATE in a body cannot be followed by this gateway", code="0A000")
    return tuple(statements), tuple(cursors)


_cached = lru_cache(maxsize=512)(_declared)
