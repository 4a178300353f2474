"""The last scene: what an auditor finds of all that, and what happens when somebody changes it."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

from demo.agent import Reply
from demo.scenes import PEOPLE, Stage

AUDITOR = "auditor"
_ENDED_WITHIN_S = 10
_SHOWN_LINES = 30


def recorded(stage: Stage) -> None:
    report = stage.report
    stage.agent.close()
    sessions = _ended_sessions(stage)
    stage.hoopaddon(AUDITOR, "sessions", "list")
    report.gap()
    if not report.check("recorded", "the agent's session is there, ended and signed", bool(sessions)):
        return
    report.gap()
    stage.hoopaddon(AUDITOR, "sessions", "show", sessions[-1], "--rows", "2", max_lines=_SHOWN_LINES)
    report.gap()
    events = [event for session in sessions for event in stage.events(session)]
    told = [line for session in sessions for line in stage.told(session)]
    report.check("recorded", f"all {len(stage.asked)} statements, each with its verdict", told == stage.asked)
    report.check("recorded", "the rows are those that the agent saw, masks and all", _as_seen(stage, events))
    report.gap()
    code = stage.hoopaddon(AUDITOR, "sessions", "verify", "--all")
    report.check("recorded", "nothing was changed or taken away", code == 0)
    _changed(stage)


def _ended_sessions(stage: Stage) -> list[str]:
    """The ids of all sessions at the database, the oldest first; none while one of them goes on."""
    deadline = time.monotonic() + _ENDED_WITHIN_S
    while True:
        listed = stage.gateway.run("sessions", "list", "--json").out.splitlines()
        found = [session for session in map(json.loads, listed) if session["protocol"] == "postgres"]
        if found and all(session["ended"] for session in found):
            return [session["id"] for session in reversed(found)]
        if time.monotonic() > deadline:
            return []


def _as_seen(stage: Stage, events: list[dict[str, Any]]) -> bool:
    number = next((event["command"] for event in events if event.get("text") == PEOPLE), None)
    cells = [row for event in events if event.get("command") == number for row in event.get("cells", ())]
    seen = stage.replies.get(PEOPLE, Reply()).rows
    return bool(seen) and cells == [[None if cell is None else str(cell) for cell in row] for row in seen]


def _changed(stage: Stage) -> None:
    """Let a refusal become a permission in a copy of the records."""
    report, copy = stage.report, stage.gateway.folder / "changed"
    shutil.copytree(stage.gateway.confdir / "store", copy)
    for journal in filter(Path.is_file, (copy / "sessions").rglob("*")):
        journal.write_bytes(journal.read_bytes().replace(b'"refused"', b'"allowed"', 1))
    report.gap()
    report.note("A copy of the records, in which one word was changed: refused became allowed.")
    report.gap()
    code = stage.hoopaddon(AUDITOR, "sessions", "verify", "--all", "--store", str(copy))
    report.check("recorded", "the change shows", code == 1)
