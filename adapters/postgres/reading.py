"""Whether a text can be judged at all, and which names it gives."""

from hoopaddon.adapters.postgres.link import FEATURE_NOT_SUPPORTED, Link
from hoopaddon.adapters.postgres.sql_names import declared_names
from hoopaddon.command import Outcome, Verdict
from hoopaddon.errors import Unparsable

MAX_PREPARED_TEXTS = 64
"""Texts remembered under one name of a statement."""


def depends_on_answers(link: Link, raw: bytes) -> bool:
    """Whether how the server will read this text hangs on answers that have not come yet.

    Backslashes hang on standard_conforming_strings, other bytes on client_encoding, and a command still in flight
    may change either.
    """
    return bool(link.expected) and (b"\\" in raw or not raw.isascii())


def why_unreadable(link: Link, raw: bytes) -> Verdict | None:
    """The refusal of a text that cannot be judged, and None for any other; takes note of the names it gives."""
    if b"\\" in raw and not link.standard_strings and link.gateway.chain.policies:
        reason = "backslashes with standard_conforming_strings off cannot be judged; set it on"
        return Verdict(Outcome.REFUSED, reason, code=FEATURE_NOT_SUPPORTED)
    try:
        text = raw.decode(link.encoding)
    except UnicodeDecodeError:
        name = link.session.parameters.get("client_encoding", "UTF8")
        return Verdict(Outcome.REFUSED, f'invalid byte sequence for encoding "{name}"', code="22021")
    try:
        _note_names(link, text)
    except Unparsable as e:
        return Verdict(Outcome.REFUSED, e.reason, code=e.code, position=e.position)
    return None


def _note_names(link: Link, text: str) -> None:
    """SQL's PREPARE and DECLARE share their names with Parse and Bind: forget what they hide."""
    statements, cursors = declared_names(text)
    for name, prepared in statements:
        link.statements.set(name.encode(), None)
        remember_text(link, name, prepared)
    for name in cursors:
        link.portals.set(name.encode(), None)


def remember_text(link: Link, name: str, text: str) -> None:
    """Texts prepared under a name are what SQL's EXECUTE of it may run."""
    texts = link.prepared.setdefault(name, [])
    if text not in texts:
        texts.append(text)
        del texts[:-MAX_PREPARED_TEXTS]
