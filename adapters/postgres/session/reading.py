"""Whether a text can be judged at all, and which names it gives."""

from hoopaddon.adapters.postgres.protocol.encodings import embeds_ascii
from hoopaddon.adapters.postgres.session.link import FEATURE_NOT_SUPPORTED, Link
from hoopaddon.adapters.postgres.session.pipeline import MAX_NAMES, Statement
from hoopaddon.adapters.postgres.session.sql_names import declared_names
from hoopaddon.command import Outcome, Verdict
from hoopaddon.errors import Unparsable

MAX_PREPARED_TEXTS = 64
"""Texts remembered under one name of a statement."""


def depends_on_answers(link: Link, raw: bytes) -> bool:
    """Whether how the server will read this text hangs on answers that have not come yet.

    Backslashes hang on standard_conforming_strings, other bytes on client_encoding. A command still in flight may
    change either, and PostgreSQL tells of a change only at the end of the pipeline.
    """
    if b"\\" not in raw and raw.isascii():
        return False
    return link.owed or link.settings_stale


def why_unreadable(link: Link, raw: bytes) -> Verdict | None:
    """The refusal of a text that cannot be judged, and None for any other; takes note of the names it gives."""
    if b"\\" in raw and not link.standard_strings and link.gateway.chain.policies:
        reason = "backslashes with standard_conforming_strings off cannot be judged; set it on"
        return Verdict(Outcome.REFUSED, reason, code=FEATURE_NOT_SUPPORTED)
    if embeds_ascii(link.encoding) and not raw.isascii():
        name = link.session.parameters.get("client_encoding", "UTF8")
        return Verdict(Outcome.REFUSED, f"SQL in {name} cannot be judged; use UTF8", code=FEATURE_NOT_SUPPORTED)
    try:
        text = raw.decode(link.encoding)
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
        if verdict := remember_text(link, name, prepared):
            return verdict
        # Under a name that only ever had one text, a Bind can mean nothing else. Of two, nobody knows which.
        statement = Statement(name.encode(), prepared, (), link.segment) if len(link.prepared[name]) == 1 else None
        if statement is not None:
            statement.certain = True
        link.statements.set(name.encode(), statement)
    for name in cursors:
        link.portals.set(name.encode(), None)
    return None


def remember_text(link: Link, name: str, text: str) -> Verdict | None:
    """Texts prepared under a name are what SQL's EXECUTE of it may run; a refusal where there are too many.

    Older ones must not be forgotten for newer ones: a Parse that fails leaves the statement that it names.
    """
    texts = link.prepared.get(name, ())
    if text in texts:
        return None
    if len(texts) >= MAX_PREPARED_TEXTS or len(link.prepared) >= MAX_NAMES:
        return Verdict(Outcome.REFUSED, "too many prepared statements; deallocate some", code="53400")
    link.prepared[name] = [*texts, text]
    return None
