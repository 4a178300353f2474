"""Approvals that nobody gave."""

import asyncio
import contextlib
import sqlite3
from pathlib import Path
from types import ModuleType

import pytest

from hoopaddon import Command, Decision, Session
from hoopaddon.approval import ApprovalRequest
from hoopaddon.policy.chain import Chain
from hoopaddon.policy.policies import Policy, flatten
from hoopaddon.session import Target, User
from hoopaddon.store.approvals import Approvals
from hoopaddon.store.approver import StoreApprover
from hoopaddon.store.approver import _held as shown_to_approver
from hoopaddon.store.database import StoreUnusable


class Approves:
    """Says yes, and remembers to whom."""

    def __init__(self) -> None:
        self.asked: list[frozenset[str]] = []

    async def ask(self, request: ApprovalRequest) -> Decision:
        self.asked.append(request.by)
        return Decision(True, ("somebody",))


class AsksTwice:
    async def command(self, command: Command) -> None:
        await command.approve("is it wanted?", by={"managers"})
        await command.approve("is it safe?", by={"dba"})


class AsksOne:
    def __init__(self, group: str) -> None:
        self._group = group

    async def command(self, command: Command) -> None:
        await command.approve(by={self._group})


async def asked_by(*policies: Policy) -> list[frozenset[str]]:
    approver = Approves()
    command = Command(Session(User("agent"), Target("db", "test", "db:1"), "127.0.0.1:1", {}), "DELETE 1")
    verdict = Chain(policies, approver=approver).judge(command)
    if not hasattr(verdict, "outcome"):
        await verdict
    return approver.asked


async def test_a_policy_that_asks_two_groups_is_answered_by_both() -> None:
    assert await asked_by(Policy("two.py", AsksTwice())) == [{"managers"}, {"dba"}]


async def test_two_policies_of_one_class_are_both_answered() -> None:
    script = ModuleType("script")
    script.addons = [AsksOne("managers"), AsksOne("dba")]  # type: ignore[attr-defined]
    assert await asked_by(*flatten(script, "script.py")) == [{"managers"}, {"dba"}]


def test_a_literal_cannot_hide_the_values_from_the_approver() -> None:
    session = Session(User("agent"), Target("db", "test", "db:1"), "127.0.0.1:1", {})
    command = Command(session, "DELETE FROM t WHERE id = ANY($1) AND 'x://a:b@' <> ''", ["{1,2,3}"])
    held = shown_to_approver(ApprovalRequest(command, "", "policy", frozenset(), 1, 60.0), "")
    assert held.parameters == ["{1,2,3}"]


async def test_a_request_that_nobody_answered_is_not_approved(tmp_path: Path) -> None:
    approver = StoreApprover(tmp_path)
    session = Session(User("agent"), Target("db", "test", "db:1"), "127.0.0.1:1", {})
    request = ApprovalRequest(Command(session, "DELETE 1"), "", "policy", frozenset({"dba"}), 3, 5.0)
    waiting = asyncio.ensure_future(approver.ask(request))
    await asyncio.sleep(0.3)
    with contextlib.closing(sqlite3.connect(tmp_path / "approvals.db")) as database:
        database.execute("UPDATE requests SET status = 'approved', settled = 1")
        database.commit()
    decision = await waiting
    approver.close()
    assert not decision.approved


def test_approvals_that_others_can_write_are_not_used(tmp_path: Path) -> None:
    database = tmp_path / "approvals.db"
    database.touch()
    database.chmod(0o666)
    with pytest.raises(StoreUnusable):
        Approvals(database).close()
