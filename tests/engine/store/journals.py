"""Sessions and journals for the tests of what is kept."""

from pathlib import Path
from types import MappingProxyType
from typing import Any

from hoopaddon.session import Session, Target, User
from hoopaddon.store.journal import Journal
from hoopaddon.store.keys import SigningKey

KEY = SigningKey.generate()


def a_session(user: str = "agent-7", target: str = "prod", **fields: Any) -> Session:
    labels = MappingProxyType({"env": "prod"})
    return Session(
        User(user, frozenset({"dev"})),
        Target(target, "postgres", "db.internal:5432", labels),
        "192.0.2.7:5555",
        **fields,
    )


def write_journal(sessions: Path, *texts: str, session: Session | None = None, close: bool = True) -> Path:
    """A journal with a command, its rows and its end for each text."""
    journal = Journal.open(sessions, session or a_session(), KEY)
    for number, text in enumerate(texts, 1):
        journal.append("command", {"command": number, "kind": "command", "text": text}, durable=True)
        journal.append("rows", {"command": number, "columns": ["email"], "cells": [["***"]]}, durable=False)
        end = {"command": number, "verdict": "allowed", "rows": 1, "bytes": 9, "seconds": 0.001, "trace": []}
        journal.append("command_end", end, durable=False)
    journal.flush()
    if close:
        journal.close({"commands": len(texts)})
    return journal.path
