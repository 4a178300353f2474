"""Puts the events of a session file into the index. The file may say anything: nothing here believes a type."""

import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from hoopaddon.store import screen
from hoopaddon.store.streams import RESIZE, TEXTS, text_of

type Event = Mapping[str, Any]

_TEXT_LIMIT_CHARS = 100_000
"""How much of one text is searched; the file has all of it."""


def take_in(db: sqlite3.Connection, session: str, event: Event) -> None:
    """Add one event of the session to the index."""
    handler = _HANDLERS.get(text(event.get("type")))
    if handler is not None:
        handler(db, session, event)


def _session(db: sqlite3.Connection, session: str, event: Event) -> None:
    target = event.get("target")
    target = target if isinstance(target, dict) else {}
    row = {
        "id": session,
        "user": text(event.get("user")),
        "groups": as_json(event.get("groups") or []),
        "target": text(target.get("name")),
        "protocol": text(target.get("protocol")),
        "server": text(target.get("address")),
        "labels": as_json(target.get("labels") or {}),
        "address": text(event.get("address")),
        "parameters": as_json(event.get("parameters") or {}),
        "started": number(event.get("started")) or 0.0,
    }
    _insert(db, "INSERT OR REPLACE", "sessions", row)


def _command(db: sqlite3.Connection, session: str, event: Event) -> None:
    said, position = text(event.get("text")), integer(event.get("command")) or 0
    row = {
        "session": session,
        "number": position,
        "kind": text(event.get("kind")),
        "text": said,
        "parameters": as_json(event.get("parameters") or []),
        "started": number(event.get("at")) or 0.0,
        "verdict": text(event.get("verdict")),
        "reason": text(event.get("reason")),
        "addon": text(event.get("addon")),
        "approvers": as_json(event.get("approvers") or []),
        "error": text(event.get("error")),
    }
    _insert(db, "INSERT OR IGNORE", "commands", row)
    user = db.execute("SELECT user FROM sessions WHERE id = ?", (session,)).fetchone()
    _words(db, session, position, text=said, user=user["user"] if user else "")


def _command_end(db: sqlite3.Connection, session: str, event: Event) -> None:
    if "text" in event:
        _command(db, session, event)
    if "cells" in event:
        _rows(db, session, event)
    _streams_end(db, session, integer(event.get("command")) or 0)
    db.execute(
        "UPDATE commands SET verdict = ?, reason = ?, addon = ?, duration = ?, rows = ?, bytes = ?, error = ? "
        "WHERE session = ? AND number = ?",
        (
            text(event.get("verdict")),
            text(event.get("reason")),
            text(event.get("addon")),
            number(event.get("seconds")),
            integer(event.get("rows")),
            integer(event.get("bytes")),
            text(event.get("error")),
            session,
            integer(event.get("command")) or 0,
        ),
    )


def _rows(db: sqlite3.Connection, session: str, event: Event) -> None:
    cells = event.get("cells")
    words = " ".join(
        cell
        for row in (cells if isinstance(cells, list) else ())
        if isinstance(row, list)
        for cell in row
        if isinstance(cell, str)
    )
    if words:
        _words(db, session, integer(event.get("command")) or 0, rows=words)


def _output(db: sqlite3.Connection, session: str, event: Event) -> None:
    position, kind = integer(event.get("command")) or 0, text(event.get("kind"))
    if kind in TEXTS:
        _stream(db, session, position, kind, text_of(event))
    elif kind != RESIZE:
        _words(db, session, position, rows=text(event.get("text")))


def _stream(db: sqlite3.Connection, session: str, position: int, kind: str, arrived: str) -> None:
    """A word may come letter by letter, as it is typed: only lines that have ended are searched."""
    key = (session, position, kind)
    begun = db.execute("SELECT text FROM screens WHERE session = ? AND number = ? AND kind = ?", key).fetchone()
    ended, rest = screen.complete((begun["text"] if begun else "") + arrived)
    _screen_words(db, session, position, ended)
    if rest or begun:
        insert = "INSERT OR REPLACE INTO screens (session, number, kind, text) VALUES (?, ?, ?, ?)"
        db.execute(insert, (*key, rest))


def _screen_words(db: sqlite3.Connection, session: str, position: int, shown: str) -> None:
    words = screen.words_of(shown) if shown else ""
    for start in range(0, len(words), _TEXT_LIMIT_CHARS):
        _words(db, session, position, rows=words[start : start + _TEXT_LIMIT_CHARS])


def _streams_end(db: sqlite3.Connection, session: str, position: int | None = None) -> None:
    """What is left of a command's streams, or of all of the session's, is searched without waiting for more."""
    key = {"session": session, "number": position}
    which = "WHERE session = :session AND (:number IS NULL OR number = :number)"
    for row in db.execute(f"SELECT number, text FROM screens {which}", key).fetchall():  # noqa: S608
        _screen_words(db, session, row["number"], row["text"])
    db.execute(f"DELETE FROM screens {which}", key)  # noqa: S608


def _end(db: sqlite3.Connection, session: str, event: Event) -> None:
    _streams_end(db, session)
    db.execute("UPDATE sessions SET ended = ? WHERE id = ?", (number(event.get("at")), session))


_HANDLERS: dict[str, Callable[[sqlite3.Connection, str, Event], None]] = {
    "session": _session,
    "command": _command,
    "command_end": _command_end,
    "rows": _rows,
    "output": _output,
    "end": _end,
}


def _insert(db: sqlite3.Connection, how: str, table: str, row: Mapping[str, Any]) -> None:
    # The names are this module's own; only the values come from a file.
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    db.execute(f"{how} INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))


def _words(
    db: sqlite3.Connection, session: str, number: int, *, text: str = "", user: str = "", rows: str = ""
) -> None:
    db.execute(
        "INSERT INTO words (text, user, rows, session, number) VALUES (?, ?, ?, ?, ?)",
        (text[:_TEXT_LIMIT_CHARS], user, rows[:_TEXT_LIMIT_CHARS], session, number),
    )


def text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else as_json(value)


def integer(value: object) -> int | None:
    return value if isinstance(value, int) and abs(value) < 2**63 else None


def number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def as_json(value: object) -> str:
    return orjson.dumps(value).decode()
