"""Names that SQL itself gives to statements and cursors, in the namespaces that messages use too."""

from functools import lru_cache

import pglast

from hoopaddon.errors import Unparsable

type Declared = tuple[tuple[tuple[str, str], ...], tuple[str, ...]]
"""`((name, text) of each PREPARE, …), (name of each DECLARE CURSOR, …)`"""

NOTHING: Declared = ((), ())


def declared_names(text: str) -> Declared:
    """What PREPARE and DECLARE in this text name. Raises `Unparsable` where it has them and cannot be read."""
    lower = text.lower()
    if "prepare" not in lower and "declare" not in lower:
        return NOTHING
    return _declared(text)


@lru_cache(maxsize=512)
def _declared(text: str) -> Declared:
    try:
        tree = pglast.parse_sql(text)
    except pglast.parser.ParseError as e:
        message, position = e.args[0], e.args[1] if len(e.args) > 1 else None
        raise Unparsable(str(message), code="42601", position=None if position is None else position + 1) from None
    statements: list[tuple[str, str]] = []
    cursors: list[str] = []
    for raw in tree:
        if isinstance(raw.stmt, pglast.ast.PrepareStmt):
            start = raw.stmt_location or 0
            length = raw.stmt_len or len(text.encode()) - start
            statements.append((raw.stmt.name or "", text.encode()[start : start + length].decode("utf-8", "replace")))
        elif isinstance(raw.stmt, pglast.ast.DeclareCursorStmt):
            cursors.append(raw.stmt.portalname or "")
    return tuple(statements), tuple(cursors)
