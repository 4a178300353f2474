"""A held command goes on, or not, as soon as it is decided, and never on what was said about another."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hoopaddon.approval import ApprovalRequest, Decision
from hoopaddon.command import Command
from hoopaddon.errors import Denied, Unparsable
from hoopaddon.facts import Facts
from hoopaddon.store.approvals import Approvals, NotCounted, Request, Status
from hoopaddon.store.approver import StoreApprover
from tests.engine.store.journals import a_session
from tests.engine.store.requests import ADA, BOB


class Query(Command):
    """A command with facts of its own."""

    @property
    def facts(self) -> Facts:
        return Facts(frozenset({"delete"}), frozenset({"orders"}))


class Unreadable(Command):
    """A command whose facts nobody knows."""

    @property
    def facts(self) -> Facts:
        raise Unparsable("syntax error")


@pytest.fixture
async def approver(tmp_path: Path) -> AsyncIterator[StoreApprover]:
    made = StoreApprover(tmp_path)
    yield made
    made.close()


@pytest.fixture
async def people(tmp_path: Path) -> AsyncIterator[Approvals]:
    """The approvers' own connection."""
    made = Approvals(tmp_path / "approvals.db")
    yield made
    made.close()


def asked(command: Command | None = None, **terms: Any) -> ApprovalRequest:
    command = command or Query(a_session(), "DELETE FROM orders WHERE id = $1", [7, None, b"\x00"])
    given: dict[str, Any] = {"reason": "delete needs an approval", "policy": "p", "by": frozenset(), "count": 1}
    return ApprovalRequest(command, **{**given, "within_s": 30.0, **terms})


async def held(people: Approvals, count: int = 1) -> list[Request]:
    """The requests that wait, once so many do."""
    async with asyncio.timeout(10):
        while len(found := people.list(pending=True)) < count:
            await asyncio.sleep(0.005)
    return found


async def settled(people: Approvals, id: str) -> Request:
    """The request once it does not wait any more."""
    async with asyncio.timeout(10):
        while (found := people.get(id)) is None or found.status is Status.PENDING:
            await asyncio.sleep(0.005)
    return found


async def test_shows_who_what_where_and_to_what_effect(approver: StoreApprover, people: Approvals) -> None:
    command = Query(a_session(), "DELETE FROM orders WHERE id = $1", [7, None, b"\x01\xff"])
    task = asyncio.create_task(approver.ask(asked(command, by=frozenset({"dba"}), count=2)))
    (request,) = await held(people)
    assert (request.user, request.groups, request.address) == ("agent-7", ["dev"], "192.0.2.7:5555")
    assert (request.target, request.server, request.labels) == ("prod", "db.internal:5432", {"env": "prod"})
    assert (request.text, request.parameters) == (command.text, ["7", None, "\\x01ff"])
    assert (request.verbs, request.objects) == (["delete"], ["orders"])
    assert (request.session, request.number) == (command.session.id, command.number)
    assert (request.approvers, request.needed, request.policy) == (["dba"], 2, "p")
    task.cancel()


async def test_goes_on_when_it_is_approved(approver: StoreApprover, people: Approvals) -> None:
    task = asyncio.create_task(approver.ask(asked(count=2)))
    (request,) = await held(people)
    people.answer(request.id, ADA, approve=True, reason="ticket 12")
    await asyncio.sleep(0.15)
    assert not task.done()
    people.answer(request.id, BOB, approve=True)
    answered = time.perf_counter()
    assert await task == Decision(True, ("ada", "bob"), "ticket 12")
    assert time.perf_counter() - answered < 1


async def test_says_who_denied_it_and_why(approver: StoreApprover, people: Approvals) -> None:
    task = asyncio.create_task(approver.ask(asked()))
    (request,) = await held(people)
    people.answer(request.id, BOB, approve=False, reason="not on a Friday")
    assert await task == Decision(False, ("bob",), "denied by bob: not on a Friday")


async def test_nobody_in_time_is_a_no(approver: StoreApprover, people: Approvals) -> None:
    assert await approver.ask(asked(within_s=0.05)) == Decision(False, reason="nobody approved it within 0.05 s")
    (request,) = people.list()
    assert request.status is Status.EXPIRED
    with pytest.raises(NotCounted, match="expired already"):
        people.answer(request.id, ADA, approve=True)


async def test_a_yes_in_the_last_instant_counts_as_its_approver_was_told(
    approver: StoreApprover, people: Approvals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hoopaddon.store.approver.POLL_S", 60)
    warm_up = asyncio.create_task(approver.ask(asked(within_s=0.01)))
    assert not (await warm_up).approved
    # The poll that would have seen it sleeps for a minute.
    task = asyncio.create_task(approver.ask(asked(within_s=0.5)))
    (request,) = await held(people)
    people.answer(request.id, ADA, approve=True)
    assert (await task).approved


async def test_a_client_that_leaves_withdraws_its_request_at_once(approver: StoreApprover, people: Approvals) -> None:
    task = asyncio.create_task(approver.ask(asked()))
    (request,) = await held(people)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await settled(people, request.id)).status is Status.WITHDRAWN


async def test_a_client_that_leaves_before_it_is_held_leaves_nothing_behind(
    approver: StoreApprover, people: Approvals
) -> None:
    for pauses in range(8):
        task = asyncio.create_task(approver.ask(asked()))
        for _ in range(pauses):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    approver.close()
    assert [request for request in people.list() if request.status is Status.PENDING] == []


async def test_many_are_held_at_once_and_each_gets_its_own_answer(approver: StoreApprover, people: Approvals) -> None:
    commands = [Query(a_session(), f"DELETE FROM orders WHERE id = {number}") for number in range(30)]
    tasks = [asyncio.create_task(approver.ask(asked(command))) for command in commands]
    for request in await held(people, 30):
        number = int(request.text.rpartition(" ")[2])
        people.answer(request.id, ADA, approve=number % 2 == 0)
    decisions = await asyncio.gather(*tasks)
    assert [decision.approved for decision in decisions] == [number % 2 == 0 for number in range(30)]


async def test_an_answer_that_is_there_before_the_hold_is_known_is_seen(
    approver: StoreApprover, people: Approvals
) -> None:
    other = asyncio.create_task(approver.ask(asked()))
    await held(people)
    task = asyncio.create_task(approver.ask(asked(Query(a_session(), "DELETE 2"))))
    # Without giving the gateway's loop a turn between the request's arrival and its answer.
    while len(found := people.list(pending=True)) < 2:
        await asyncio.sleep(0)
    second = next(request for request in found if request.text == "DELETE 2")
    people.answer(second.id, ADA, approve=True)
    async with asyncio.timeout(2):
        assert (await task).approved
    other.cancel()


async def test_asks_only_while_something_waits(approver: StoreApprover, people: Approvals) -> None:
    before = asyncio.all_tasks()
    await approver.ask(asked(within_s=0.01))
    async with asyncio.timeout(5):
        while asyncio.all_tasks() - before:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("change", ["text", "parameters"])
async def test_what_is_changed_meanwhile_was_not_approved(
    approver: StoreApprover, people: Approvals, change: str
) -> None:
    command = Query(a_session(), "DELETE FROM orders WHERE id = $1", [7])
    task = asyncio.create_task(approver.ask(asked(command)))
    (request,) = await held(people)
    if change == "text":
        command.text = "DELETE FROM orders"
    else:
        command.parameters = ["7"]
    people.answer(request.id, ADA, approve=True)
    assert await task == Decision(False, reason="the approval was for another command")


async def test_a_row_that_was_exchanged_was_not_approved(
    approver: StoreApprover, people: Approvals, tmp_path: Path
) -> None:
    one = asyncio.create_task(approver.ask(asked(Query(a_session(), "DELETE 1"))))
    other = asyncio.create_task(approver.ask(asked(Query(a_session(), "DELETE 2"))))
    first, second = sorted(await held(people, 2), key=lambda request: request.text)
    db = sqlite3.connect(tmp_path / "approvals.db")
    with db:
        db.execute("UPDATE requests SET id = 'x' WHERE id = ?", (first.id,))
        db.execute("UPDATE requests SET id = ? WHERE id = ?", (first.id, second.id))
    db.close()
    people.answer(first.id, ADA, approve=True)
    assert not (await one).approved
    other.cancel()


async def test_secrets_are_not_shown(approver: StoreApprover, people: Approvals) -> None:
    command = Query(a_session(), "SELECT crypt('hunter2', $1), 'hunter', $2", ["hunter2", "7"])
    task = asyncio.create_task(approver.ask(asked(command)))
    (request,) = await held(people)
    assert "hunter2" not in repr(request)
    assert request.parameters == ["[withheld: a secret]", "7"]
    task.cancel()


async def test_a_command_that_cannot_be_read_can_still_be_held(approver: StoreApprover, people: Approvals) -> None:
    task = asyncio.create_task(approver.ask(asked(Unreadable(a_session(), "\udcff?"))))
    (request,) = await held(people)
    assert (request.text, request.verbs) == ("\\udcff?", [])
    people.answer(request.id, ADA, approve=True)
    assert (await task).approved


async def test_a_store_that_cannot_be_used_denies(tmp_path: Path) -> None:
    (tmp_path / "approvals.db").write_bytes(b"nothing of the kind" * 100)
    approver = StoreApprover(tmp_path)
    with pytest.raises(Denied, match="cannot ask for one now"):
        await approver.ask(asked())
    approver.close()


async def test_a_store_that_comes_back_is_used_again(tmp_path: Path) -> None:
    (tmp_path / "approvals.db").mkdir()
    approver = StoreApprover(tmp_path)
    with pytest.raises(Denied):
        await approver.ask(asked())
    (tmp_path / "approvals.db").rmdir()
    assert not (await approver.ask(asked(within_s=0.01))).approved
    approver.close()
