"""Held commands and the people who answer: a small database that gateways and approvers share.

The gateway puts a request in and waits; an approver, in another process, answers. Whether an answer counts is decided
in the transaction that stores it, so that two answers, or an answer and the end of the time, cannot both win.
"""

import sqlite3
import time
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson

from hoopaddon.errors import HoopaddonError
from hoopaddon.store.database import SharedDatabase, new_id
from hoopaddon.store.person import Person, fold, is_same_requester, one_line, same_person
from hoopaddon.store.schema import APPROVALS


class Status(StrEnum):
    """Where a request stands. All but the first are final."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    """Its client went away."""


class NotCounted(HoopaddonError):
    """An answer that does not count, and why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one approver said."""

    approver: str
    via: str
    approved: bool
    reason: str
    at: float


@dataclass(frozen=True, slots=True)
class Request:
    """A held command as an approver sees it: who, what, where, its effect, and the terms."""

    id: str
    session: str
    number: int
    user: str
    groups: list[str]
    address: str
    target: str
    server: str
    labels: dict[str, str]
    protocol: str
    text: str
    parameters: list[str | None]
    verbs: list[str]
    objects: list[str]
    reason: str
    policy: str
    approvers: list[str]
    needed: int
    created: float
    expires: float
    digest: str
    status: Status
    settled: float | None = None
    answers: tuple[Answer, ...] = ()
    actors: list[str] = field(default_factory=list)
    """Who acts for the user, such as an AI agent."""
    names: list[str] = field(default_factory=list)
    """All that stand behind the request, by every name: none of them may answer it."""


_JSON_COLUMNS = frozenset({"groups", "labels", "parameters", "verbs", "objects", "approvers", "actors", "names"})
_ADDED = ("actors", "names")
"""Columns that files of earlier versions lack."""
_COLUMNS = tuple(name for name in Request.__dataclass_fields__ if name != "answers")


class Approvals(SharedDatabase):
    """The requests of one store. Every method is one transaction, and safe beside other processes."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, APPROVALS)
        with self._transaction() as db:
            known = {row["name"] for row in db.execute("PRAGMA table_info(requests)")}
            for name in _ADDED:
                if name not in known:
                    db.execute(f"ALTER TABLE requests ADD COLUMN {name} TEXT NOT NULL DEFAULT '[]'")

    def add(self, request: Request) -> str:
        """Put a request in under a new id, which is returned."""
        values = {name: getattr(request, name) for name in _COLUMNS}
        row = {k: orjson.dumps(v).decode() if k in _JSON_COLUMNS else v for k, v in values.items()}
        marks = ", ".join(f":{name}" for name in _COLUMNS)
        with self._transaction() as db:
            while True:
                row["id"] = new_id()
                query = f"INSERT OR IGNORE INTO requests ({', '.join(_COLUMNS)}) VALUES ({marks})"  # noqa: S608
                if db.execute(query, row).rowcount:
                    return str(row["id"])

    def get(self, id: str) -> Request | None:
        """The request of this id with its answers."""
        with self._errors():
            row = self._db.execute("SELECT * FROM requests WHERE id = ?", (id.lower(),)).fetchone()
        return self._request(row) if row else None

    def find(self, beginning: str) -> list[Request]:
        """The requests whose id begins so; several only where nobody could tell which is meant."""
        if exact := self.get(beginning):
            return [exact]
        known = [request for request in self.list(limit=10_000) if request.id.startswith(beginning.lower())]
        waiting = [request for request in known if request.status is Status.PENDING]
        return waiting or known

    def list(self, *, pending: bool = False, since: float = 0.0, limit: int = 100) -> list[Request]:
        """The requests made after `since`, newest first; `pending`: only those that wait."""
        query = "SELECT * FROM requests WHERE created > ? AND (? OR (status = 'pending' AND expires > ?)) "
        with self._errors():
            rows = self._db.execute(
                query + "ORDER BY created DESC LIMIT ?", (since, not pending, time.time(), limit)
            ).fetchall()
        return [self._request(row) for row in rows]

    def answer(self, id: str, person: Person, *, approve: bool, reason: str = "") -> Request:
        """Store an answer and settle the request if it decides it. Raises `NotCounted`."""
        with self._transaction() as db:
            request = self.get(id)
            if request is None:
                raise NotCounted(f"there is no request {id}")
            check_eligible(request, person)
            said = [answer for answer in request.answers if same_person(answer.approver, person.name)]
            # A yes can still be taken back for a no, never the other way round: a no has ended it.
            if said and approve:
                raise NotCounted(f"{person.name} has approved it already; {_others_needed(request)}")
            db.execute(
                "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)",
                (request.id, fold(person.name), person.name, person.via, approve, one_line(reason), time.time()),
            )
            agreed = sum(answer.approved for answer in request.answers) + 1
            if not approve:
                self._settle(request.id, Status.DENIED)
            elif agreed >= request.needed:
                self._settle(request.id, Status.APPROVED)
            return self.get(request.id) or request

    def end(self, id: str, status: Status) -> Request | None:
        """Give the request this status unless it is settled already; how it stands then."""
        with self._transaction():
            self._settle(id, status)
            return self.get(id)

    def _settle(self, id: str, status: Status) -> None:
        self._db.execute(
            "UPDATE requests SET status = ?, settled = ? WHERE id = ? AND status = 'pending'",
            (status, time.time(), id),
        )

    def _request(self, row: sqlite3.Row) -> Request:
        values: dict[str, Any] = {
            name: orjson.loads(row[name]) if name in _JSON_COLUMNS else row[name] for name in _COLUMNS
        }
        values["status"] = Status(values["status"])
        # Its gateway may not be there any more to say so.
        if values["status"] is Status.PENDING and values["expires"] <= time.time():
            values["status"] = Status.EXPIRED
        query = "SELECT approver, via, approved, reason, at FROM answers WHERE request = ? ORDER BY at"
        with self._errors():
            rows = self._db.execute(query, (values["id"],)).fetchall()
        answers = [
            Answer(row["approver"], row["via"], bool(row["approved"]), row["reason"], row["at"]) for row in rows
        ]
        return Request(**values, answers=tuple(answers))


def check_eligible(request: Request, person: Person) -> None:
    """Raises `NotCounted` unless this person may answer this request now."""
    if request.status is not Status.PENDING:
        raise NotCounted(f"it is {request.status} already")
    if person.agent:
        raise NotCounted(f"{person.agent} acts for {person.name}, and only people answer")
    if is_same_requester(request.user, person, request.names):
        raise NotCounted(f"{person.name} asked for it, and nobody answers their own requests")
    if request.approvers and not person.groups.intersection(request.approvers):
        raise NotCounted(f"only members of {' or '.join(request.approvers)} may answer it, and {person.name} is none")


def _others_needed(request: Request) -> str:
    missing = request.needed - sum(answer.approved for answer in request.answers)
    return f"{missing} more {'has' if missing == 1 else 'have'} to"
