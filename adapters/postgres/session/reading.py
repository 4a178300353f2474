"""Whether a text can be judged at all, and which names it gives."""

from typing import Final

from hoopaddon.adapters.postgres.protocol.codec import Bind, text_of
from hoopaddon.adapters.postgres.protocol.encodings import embeds_ascii
from hoopaddon.adapters.postgres.session.link import FEATURE_NOT_SUPPORTED, Link
from hoopaddon.adapters.postgres.session.pipeline import Statement
from hoopaddon.adapters.postgres.session.prepared import is_plain
from hoopaddon.adapters.postgres.session.sql_names import declared_names
from hoopaddon.adapters.postgres.sql.command import PostgresQuery
from hoopaddon.command import Outcome, Verdict
from hoopaddon.errors import Unparsable

# As a number: for bytes in bytes CPython first words an error, of their not being a number.
_BACKSLASH: Final = ord("\\")
_HARMLESS_VERBS = frozenset({"select", "insert", "update", "delete", "values"})


def depends_on_answers(link: Link, raw: bytes) -> bool:
    """Whether how the server will read this text hangs on answers that have not come yet.

    Backslashes hang on standard_conforming_strings, other bytes on client_encoding. A command still in flight may
    change either, and PostgreSQL tells of a change only at the end of the pipeline.
    """
    if not link.settings_stale and not link.owed:
        return False
    return _BACKSLASH in raw or not raw.isascii()


def values_depend_on_answers(link: Link, bind: Bind) -> bool:
    """The same for bound values, of which only the encoding counts."""
    if not link.settings_stale and not link.owed:
        return False
    return not all(value is None or value.isascii() for value in bind.values)


def may_change_settings(command: PostgresQuery) -> bool:
    """Whether this command could change how the next text is read: SET does, and any function might."""
    try:
        facts = command.facts
    except Unparsable:
        return True
    return bool(facts.functions) or not facts.verbs <= _HARMLESS_VERBS


def why_unreadable(link: Link, raw: bytes) -> Verdict | None:
    """The refusal of a text that cannot be judged, and None for any other; takes note of the names it gives."""
    if not link.standard_strings and _BACKSLASH in raw and link.gateway.chain.policies:
        reason = "backslashes with standard_conforming_strings off cannot be judged; set it on"
        return Verdict(Outcome.REFUSED, reason, code=FEATURE_NOT_SUPPORTED)
    if not raw.isascii() and embeds_ascii(link.encoding):
        name = link.session.parameters.get("client_encoding", "UTF8")
        return Verdict(Outcome.REFUSED, f"SQL in {name} cannot be judged; use UTF8", code=FEATURE_NOT_SUPPORTED)
    try:
        text = text_of(raw, link.encoding)
    except UnicodeDecodeError:
        name = link.session.parameters.get("client_encoding", "UTF8")
        return Verdict(Outcome.REFUSED, f'invalid byte sequence for encoding "{name}"', code="22021")
    try:
        return _note_names(link, text)
    except Unparsable as e:
        return Verdict(Outcome.REFUSED, e.reason, code=e.code, position=e.position)


def _note_names(link: Link, text: str) -> Verdict | None:
    """SQL's PREPARE and DECLARE share their names with Parse and Bind: forget what they hide."""
    statements, cursors = declared_names(text)
    for name, prepared in statements:
        key = name.encode()
        if not is_plain(key):
            reason = "names of prepared statements have to be ASCII at this gateway"
            return Verdict(Outcome.REFUSED, reason, code=FEATURE_NOT_SUPPORTED)
        if verdict := link.prepared.remember(name, prepared):
            return verdict
        link.statements.forget(key)
        if link.prepared.only_text(name):
            # Whether or not the PREPARE succeeds, a Bind of this name can mean nothing else.
            statement = Statement(key, prepared, (), link.segment)
            statement.certain = True
            link.statements.set(key, statement)
    for name in cursors:
        link.portals.forget(name.encode())
    return None
