"""What people ask of the index."""

import sqlite3
from dataclasses import dataclass
from typing import Any

import orjson

from hoopaddon.errors import HoopaddonError


class NoSuchSession(HoopaddonError):
    """An id, or the beginning of one, that names no session or several."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which sessions or commands are meant; an empty field means any. `since` is in seconds since the epoch."""

    user: str = ""
    target: str = ""
    verdict: str = ""
    since: float = 0.0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """One session, as a line of a list. `damage` says what did not fit when its file was read."""

    id: str
    user: str
    groups: list[str]
    target: str
    protocol: str
    address: str
    started: float
    ended: float | None
    commands: int
    refused: int
    damage: str


@dataclass(frozen=True, slots=True)
class Found:
    """One command that a search found; `rows` is the part of its result in which it was."""

    session: str
    number: int
    user: str
    target: str
    started: float
    text: str
    verdict: str
    reason: str
    rows: str


_SESSIONS = """
SELECT s.id, s.user, s.groups, s.target, s.protocol, s.address, s.started, s.ended, coalesce(f.damage, '') AS damage,
    (SELECT count(*) FROM commands c WHERE c.session = s.id) AS commands,
    (SELECT count(*) FROM commands c
        WHERE c.session = s.id AND c.verdict IN ('refused', 'denied', 'failed')) AS refused
FROM sessions s LEFT JOIN files f ON f.session = s.id
WHERE (:user = '' OR s.user = :user) AND (:target = '' OR s.target = :target) AND s.started >= :since
    AND (:verdict = '' OR EXISTS (SELECT 1 FROM commands c WHERE c.session = s.id AND c.verdict = :verdict))
ORDER BY s.started DESC, s.id DESC LIMIT :limit
"""

_SEARCH = """
SELECT w.session, w.number, s.user, s.target, c.started, c.text, c.verdict, c.reason,
    CASE WHEN w.rows <> '' THEN snippet(words, 2, '', '', '…', 24) ELSE '' END AS rows
FROM words w
JOIN sessions s ON s.id = w.session
JOIN commands c ON c.session = w.session AND c.number = w.number
WHERE words MATCH :words
    AND (:user = '' OR s.user = :user) AND (:target = '' OR s.target = :target) AND c.started >= :since
    AND (:verdict = '' OR c.verdict = :verdict)
ORDER BY c.started DESC LIMIT :limit
"""


def sessions(db: sqlite3.Connection, wanted: Filter) -> list[SessionSummary]:
    """The sessions that fit, newest first."""
    rows = db.execute(_SESSIONS, _parameters(wanted))
    return [SessionSummary(**{**dict(row), "groups": orjson.loads(row["groups"])}) for row in rows]


def search(db: sqlite3.Connection, words: str, wanted: Filter) -> list[Found]:
    """The commands whose text, user or recorded rows have all of these words, newest first.

    A word that ends in `*` stands for all that begin so.
    """
    expression = match_expression(words)
    if not expression:
        return []
    # A command is found once, however many of its events have the words.
    found: dict[tuple[str, int], Found] = {}
    for row in db.execute(_SEARCH, {**_parameters(wanted), "words": expression}):
        found.setdefault((row["session"], row["number"]), Found(**dict(row)))
    return list(found.values())


def match_expression(words: str) -> str:
    """The words as FTS5 wants them: each a quoted phrase, so that nothing in them is syntax."""
    terms = []
    for word in words.split():
        bare = word.rstrip("*")
        if any(char.isalnum() for char in bare):
            quoted = bare.replace('"', '""').replace("\0", "")
            terms.append(f'"{quoted}"{"*" if bare != word else ""}')
    return " ".join(terms)


def session_id(db: sqlite3.Connection, beginning: str) -> str:
    """The one session whose id begins so. Raises `NoSuchSession`."""
    # Ids are hexadecimal; anything else could not be told from a pattern of LIKE.
    if not beginning.isalnum():
        raise NoSuchSession(f"{beginning!r} is no session's id")
    query = (
        "SELECT session FROM files WHERE session LIKE ? || '%' UNION SELECT id FROM sessions WHERE id LIKE ? || '%'"
    )
    ids = [row[0] for row in db.execute(query + " LIMIT 3", (beginning, beginning))]
    if beginning in ids:
        return beginning
    if not ids:
        raise NoSuchSession(f"no session's id begins with {beginning}")
    if len(ids) > 1:
        raise NoSuchSession(f"several sessions' ids begin with {beginning}; write more of it")
    return str(ids[0])


def _parameters(wanted: Filter) -> dict[str, Any]:
    return {
        "user": wanted.user,
        "target": wanted.target,
        "verdict": wanted.verdict,
        "since": wanted.since,
        "limit": wanted.limit,
    }
