"""Access that was asked for, granted, used and ended: a small database that gateways and people share.

As with approvals, whether an answer counts is decided in the transaction that stores it. A grant that has ended is
written down as ended by whoever sees it first, so that a clock that goes back does not bring it to life again.
"""

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson

from hoopaddon.access.rules import Terms
from hoopaddon.access.scope import Scope, read_scope
from hoopaddon.store.approvals import Answer, NotCounted
from hoopaddon.store.database import SharedDatabase, StoreUnusable, new_id
from hoopaddon.store.person import Person, fold, is_same_requester, one_line, same_person
from hoopaddon.store.schema import GRANTS


class GrantStatus(StrEnum):
    """Where it stands. All but the first two are final."""

    PENDING = "pending"
    ACTIVE = "active"
    DENIED = "denied"
    EXPIRED = "expired"
    """Nobody has answered in time."""
    WITHDRAWN = "withdrawn"
    ENDED = "ended"
    REVOKED = "revoked"
    EXTENDED = "extended"
    """It was a request for more time, and the grant that it names has it."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Who may do what where, from when to when; or who asks for it, for how many seconds."""

    id: str
    user: str
    via: str
    target: str
    scope: str
    seconds: float
    reason: str
    emergency: bool
    extends: str | None
    approvers: list[str]
    needed: int
    created: float
    expires: float
    starts: float | None
    ends: float | None
    status: GrantStatus
    settled: float | None = None
    settled_by: str = ""
    said: str = ""
    answers: tuple[Answer, ...] = ()
    sessions: tuple[str, ...] = ()

    @property
    def allows(self) -> Scope:
        """What is within it. Raises `ValueError` where somebody has written what is no scope."""
        return read_scope(self.scope.split(" "))


_COLUMNS = tuple(name for name in Grant.__dataclass_fields__ if name not in ("answers", "sessions"))


class Grants(SharedDatabase):
    """The grants of one store. Every method is one transaction, and safe beside other processes."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        super().__init__(path, GRANTS)

    # -- terms

    def publish(self, terms: Terms) -> None:
        """These are the terms from now on."""
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO rules VALUES (1, ?)", (orjson.dumps(terms.as_dict()).decode(),))

    def terms(self) -> Terms:
        """The terms of the gateway. Raises `NotCounted` where none has said any."""
        with self._errors():
            row = self._db.execute("SELECT rules FROM rules").fetchone()
        if row is None:
            raise NotCounted("no gateway grants access here: start one with -s jit_access.py")
        try:
            return Terms.of(orjson.loads(row["rules"]))
        except (KeyError, TypeError, ValueError):
            raise StoreUnusable(f"{self._path.name}: its terms cannot be read") from None

    # -- asking

    def ask(
        self, person: Person, target: str, scope: Scope, seconds: float, reason: str, *, extends: str | None = None
    ) -> Grant:
        """Put a request in that waits for people. Raises `NotCounted`."""
        terms = self.terms()
        rule = terms.rule(target, scope)
        self._check_asked(seconds, reason, terms.longest_s)
        now = self._clock()
        return self._add(
            person, target, scope, seconds, reason,
            extends=extends, approvers=list(rule.groups), needed=rule.count, expires=now + terms.within_s,
        )  # fmt: skip

    def break_glass(self, person: Person, target: str, scope: Scope, seconds: float, reason: str) -> Grant:
        """Take access at once, in an emergency. Raises `NotCounted` for who may not."""
        terms = self.terms()
        if not person.groups & set(terms.emergency):
            names = " or ".join(terms.emergency)
            why = f"only members of {names} may" if names else "nobody may here"
            raise NotCounted(f"{person.name} cannot break the glass: {why}")
        self._check_asked(seconds, reason, terms.emergency_longest_s)
        now = self._clock()
        return self._add(
            person, target, scope, seconds, reason,
            emergency=True, expires=now, starts=now, ends=now + seconds, status=GrantStatus.ACTIVE, settled=now,
        )  # fmt: skip

    @staticmethod
    def _check_asked(seconds: float, reason: str, longest_s: float) -> None:
        if not 0 < seconds <= longest_s:
            raise NotCounted(f"access is for {longest_s / 60:g} minutes at most, and for more than none")
        if not one_line(reason):
            raise NotCounted("say why: --reason TEXT")

    def _add(self, person: Person, target: str, scope: Scope, seconds: float, reason: str, **more: Any) -> Grant:
        row: dict[str, Any] = {
            "user": person.name, "via": person.via, "target": target, "scope": str(scope), "seconds": seconds,
            "reason": one_line(reason), "emergency": False, "extends": None, "approvers": [], "needed": 1,
            "created": self._clock(), "starts": None, "ends": None, "status": GrantStatus.PENDING,
            "settled": None, "settled_by": "", "said": "", **more,
        }  # fmt: skip
        row["approvers"] = orjson.dumps(row["approvers"]).decode()
        marks = ", ".join(f":{name}" for name in _COLUMNS)
        with self._transaction() as db:
            while True:
                row["id"] = new_id()
                query = f"INSERT OR IGNORE INTO grants ({', '.join(_COLUMNS)}) VALUES ({marks})"  # noqa: S608
                if db.execute(query, row).rowcount:
                    return self._needed(str(row["id"]))
                if db.execute("SELECT 1 FROM grants WHERE id = ?", (row["id"],)).fetchone() is None:
                    raise StoreUnusable(f"{self._path.name} takes no grant")

    def extend(self, id: str, person: Person, seconds: float, reason: str) -> Grant:
        """Ask for more time, as the one who has the grant, or give it as one who may answer for it."""
        grant = self._needed(id)
        if grant.status is not GrantStatus.ACTIVE or grant.ends is None:
            raise NotCounted(f"it is {grant.status}; ask for a new one")
        if grant.emergency:
            raise NotCounted("what was taken in an emergency is not extended: ask for access")
        left_s = grant.ends - self._clock()
        if left_s + seconds > self.terms().longest_s:
            raise NotCounted("it would be longer than access may be")
        rule = self.terms().rule(grant.target, grant.allows)
        own = is_same_requester(grant.user, person)
        if not own and rule.groups and not person.groups & set(rule.groups):
            raise NotCounted(f"only members of {' or '.join(rule.groups)} may extend it, and {person.name} is none")
        owner = Person(grant.user, frozenset(), "token")
        asked = self.ask(owner, grant.target, grant.allows, seconds, reason, extends=grant.id)
        return asked if own else self.answer(asked.id, person, approve=True, reason=reason)

    # -- answering

    def answer(self, id: str, person: Person, *, approve: bool, reason: str = "") -> Grant:
        """Store an answer, and settle the request if it decides it. Raises `NotCounted`."""
        with self._transaction() as db:
            grant = self._needed(id)
            check_may_answer(grant, person)
            if approve and any(same_person(answer.approver, person.name) for answer in grant.answers):
                raise NotCounted(f"{person.name} has approved it already, and one person counts once")
            db.execute(
                "INSERT OR REPLACE INTO grant_answers VALUES (?, ?, ?, ?, ?, ?, ?)",
                (id, fold(person.name), person.name, person.via, approve, one_line(reason), self._clock()),
            )
            agreed = sum(answer.approved for answer in grant.answers) + 1
            if not approve:
                self._settle(grant.id, GrantStatus.DENIED, person.name, reason)
            elif agreed >= grant.needed:
                self._give(grant, person)
            return self._needed(id)

    def _give(self, grant: Grant, person: Person) -> None:
        now = self._clock()
        if grant.extends is None:
            self._db.execute(
                "UPDATE grants SET status = 'active', starts = ?, ends = ?, settled = ?, settled_by = ? WHERE id = ?",
                (now, now + grant.seconds, now, person.name, grant.id),
            )
            return
        extended = self._needed(grant.extends)
        if extended.status is not GrantStatus.ACTIVE or extended.ends is None:
            raise NotCounted("the grant that it would extend has ended")
        if extended.ends + grant.seconds - now > self.terms().longest_s:
            raise NotCounted("it would be longer than access may be")
        self._db.execute("UPDATE grants SET ends = ends + ? WHERE id = ?", (grant.seconds, grant.extends))
        self._settle(grant.id, GrantStatus.EXTENDED, person.name, "")

    def revoke(self, id: str, person: Person, reason: str = "") -> Grant:
        """End a grant, or withdraw a request: whoever has it may, and whoever may answer for it."""
        with self._transaction():
            grant = self._needed(id)
            if grant.status not in (GrantStatus.PENDING, GrantStatus.ACTIVE):
                raise NotCounted(f"it is {grant.status} already")
            own = same_person(grant.user, person.name)
            terms_groups = set(grant.approvers) or set(self.terms().approvers)
            if not own and terms_groups and not person.groups & terms_groups:
                raise NotCounted(f"only {grant.user} and members of {' or '.join(sorted(terms_groups))} may end it")
            pending = grant.status is GrantStatus.PENDING
            status = GrantStatus.WITHDRAWN if pending else GrantStatus.REVOKED
            self._settle(grant.id, status, person.name, reason)
            return self._needed(id)

    def _settle(self, id: str, status: GrantStatus, by: str, said: str) -> None:
        self._db.execute(
            "UPDATE grants SET status = ?, settled = ?, settled_by = ?, said = ? "
            "WHERE id = ? AND status IN ('pending', 'active')",
            (status, self._clock(), by, one_line(said), id),
        )

    # -- looking

    def _needed(self, id: str) -> Grant:
        found = self.get(id)
        if found is None:
            raise NotCounted(f"there is no grant {id}")
        return found

    def get(self, id: str) -> Grant | None:
        """The grant or request of this id."""
        self._note_what_is_over()
        with self._errors():
            row = self._db.execute("SELECT * FROM grants WHERE id = ?", (id.lower(),)).fetchone()
        return self._grant(row) if row else None

    def active(self, user: str, target: str) -> list[Grant]:
        """What this user may do at this target now."""
        self._note_what_is_over()
        query = "SELECT * FROM grants WHERE status = 'active' AND user = ? AND target = ? ORDER BY ends DESC"
        with self._errors():
            rows = self._db.execute(query, (user, target)).fetchall()
        return [self._grant(row) for row in rows]

    def list(self, *, open_only: bool = True, since: float = 0.0, limit: int = 1000) -> list[Grant]:
        """Requests and grants, newest first; `open_only`: those that wait, and those that hold."""
        self._note_what_is_over()
        query = (
            "SELECT * FROM grants WHERE created > ? AND (? OR status IN ('pending', 'active')) "
            "ORDER BY created DESC LIMIT ?"
        )
        with self._errors():
            rows = self._db.execute(query, (since, not open_only, limit)).fetchall()
        return [self._grant(row) for row in rows]

    def used(self, id: str, session: str) -> None:
        """A session goes by this grant."""
        with self._transaction() as db:
            db.execute("INSERT OR IGNORE INTO grant_uses VALUES (?, ?, ?)", (id, session, self._clock()))

    def _note_what_is_over(self) -> None:
        now = self._clock()
        over = "status = 'active' AND ends <= ? OR status = 'pending' AND expires <= ?"
        with self._errors():
            if self._db.execute(f"SELECT 1 FROM grants WHERE {over} LIMIT 1", (now, now)).fetchone() is None:  # noqa: S608
                return
            said = "settled = ?, status = CASE status WHEN 'active' THEN 'ended' ELSE 'expired' END"
            self._db.execute(f"UPDATE grants SET {said} WHERE {over}", (now, now, now))  # noqa: S608

    def _grant(self, row: sqlite3.Row) -> Grant:
        values: dict[str, Any] = {name: row[name] for name in _COLUMNS}
        values["approvers"] = orjson.loads(values["approvers"])
        values["emergency"], values["status"] = bool(values["emergency"]), GrantStatus(values["status"])
        answers = "SELECT approver, via, approved, reason, at FROM grant_answers WHERE request = ? ORDER BY at"
        uses = "SELECT session FROM grant_uses WHERE request = ? ORDER BY at"
        with self._errors():
            said = self._db.execute(answers, (row["id"],)).fetchall()
            sessions = self._db.execute(uses, (row["id"],)).fetchall()
        return Grant(
            **values,
            answers=tuple(Answer(a["approver"], a["via"], bool(a["approved"]), a["reason"], a["at"]) for a in said),
            sessions=tuple(use["session"] for use in sessions),
        )


def check_may_answer(grant: Grant, person: Person) -> None:
    """Raises `NotCounted` unless this person may answer this request now."""
    if grant.status is not GrantStatus.PENDING:
        raise NotCounted(f"it is {grant.status} already")
    if person.agent:
        raise NotCounted(f"{person.agent} acts for {person.name}, and only people answer")
    if is_same_requester(grant.user, person):
        raise NotCounted(f"{person.name} asked for it, and nobody answers their own requests")
    if grant.approvers and not person.groups.intersection(grant.approvers):
        raise NotCounted(f"only members of {' or '.join(grant.approvers)} may answer it, and {person.name} is none")


def was_given(grant: Grant, needed: int) -> bool:
    """Whether so many people other than the user have said yes, or it was taken in an emergency."""
    people = {fold(answer.approver) for answer in grant.answers if answer.approved} - {fold(grant.user)}
    return grant.emergency or len(people) >= needed
