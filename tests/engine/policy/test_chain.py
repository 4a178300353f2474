"""The chain: order, refusals, rewrites, approvals, shadow, observers, and what happens when a policy breaks."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from hoopaddon import Command, Decision, Outcome, Output, Refused, Verdict
from hoopaddon.approval import ApprovalRequest
from hoopaddon.policy.chain import MAX_REWRITES, PolicyFailed
from hoopaddon.policy.watchdog import Watchdog
from tests.engine.policy.addons import (
    YES,
    Answers,
    Hooks,
    awaited_refusal,
    chain,
    command,
    judged,
    refuse,
    rewriting,
    session,
)


def test_plain_functions_are_judged_inline_and_in_order() -> None:
    seen: list[str] = []
    found = chain(Hooks(command=lambda c: seen.append("a")), Hooks(command=lambda c: seen.append("b"))).judge(
        command()
    )
    assert isinstance(found, Verdict)
    assert found.outcome is Outcome.ALLOWED
    assert seen == ["a", "b"]


def test_the_first_refusal_ends_the_judging_and_is_traced() -> None:
    after: list[Command] = []
    subject = command()
    found = chain(Hooks(command=refuse), Hooks(command=after.append)).judge(subject)
    assert found == Verdict(Outcome.REFUSED, "no", "p0")
    assert subject.verdict is found
    assert not after
    assert [(line.addon, line.outcome, line.reason) for line in subject.trace] == [("p0", "refused", "no")]


async def test_an_async_refusal_after_a_plain_pass() -> None:
    found = await judged(chain(Hooks(command=lambda c: None), Hooks(command=awaited_refusal)), command())
    assert (found.outcome, found.addon) == (Outcome.REFUSED, "p1")


@pytest.mark.parametrize(
    "error",
    [
        ValueError("card 4111"),
        KeyError(1),
        RecursionError(),
        MemoryError(),
        SystemExit(0),
        GeneratorExit(),
        asyncio.CancelledError(),
        AssertionError(),
        StopIteration(),
        TimeoutError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_a_plain_policy_raises_means_no(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: Command) -> None:
        raise error

    found = chain(Hooks(command=broken)).judge(command())
    assert isinstance(found, Verdict)
    assert found.outcome is Outcome.FAILED
    assert "4111" not in found.reason + caplog.text, "what a policy raises may quote data"
    assert "test_chain.py:" in caplog.text


@pytest.mark.parametrize(
    "error", [ValueError("x"), SystemExit(0), asyncio.CancelledError(), TimeoutError()], ids=repr
)
async def test_whatever_an_async_policy_raises_means_no(error: BaseException) -> None:
    async def broken(_: Command) -> None:
        await asyncio.sleep(0)
        raise error

    assert (await judged(chain(Hooks(command=broken)), command())).outcome is Outcome.FAILED


async def test_a_real_cancellation_is_no_verdict() -> None:
    async def waits(_: Command) -> None:
        await asyncio.sleep(60)

    task = asyncio.ensure_future(judged(chain(Hooks(command=waits)), command()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def spin(_: Command) -> None:
    while True:
        pass


def swallow(_: Command) -> None:
    try:
        time.sleep(30)
    except Exception:
        return


def backtrack(_: Command) -> None:
    # Does not give up the interpreter's lock for as long as it searches.
    re.search(r"(a+)+$", "a" * 64 + "b")


async def block_the_loop(_: Command) -> None:
    time.sleep(30)


async def sleep_long(_: Command) -> None:
    await asyncio.sleep(30)


async def swallow_the_cancellation(_: Command) -> None:
    try:
        await asyncio.sleep(30)
    except BaseException:
        return


@pytest.mark.parametrize(
    "policy",
    [spin, swallow, backtrack, block_the_loop, sleep_long, swallow_the_cancellation],
    ids=lambda policy: policy.__name__,
)
async def test_a_policy_that_takes_too_long_is_cut(policy: Callable[[Command], Any]) -> None:
    watchdog = Watchdog(0.1)
    watchdog.install()
    try:
        begun = time.monotonic()
        found = await judged(chain(Hooks(command=policy), timeout_s=0.1, watchdog=watchdog), command())
    finally:
        watchdog.uninstall()
    assert found.outcome is Outcome.FAILED
    assert "in time" in found.reason
    assert time.monotonic() - begun < 10


def test_a_late_answer_counts_as_none() -> None:
    found = chain(Hooks(command=lambda c: time.sleep(0.05)), timeout_s=0.01).judge(command())
    assert isinstance(found, Verdict)
    assert found.outcome is Outcome.FAILED


def test_a_rewritten_text_is_judged_by_all_of_them() -> None:
    seen: list[str] = []
    subject = command("a")
    first = Hooks(command=lambda c: seen.append(c.text))
    found = chain(first, Hooks(command=rewriting("b"))).judge(subject)
    assert isinstance(found, Verdict)
    assert found.passes
    assert seen == ["a", "b"], "the earlier policy has judged what will run"
    assert (subject.text, subject.original_text) == ("b", "a")


def test_an_earlier_policy_refuses_what_a_later_one_made() -> None:
    def no_b(c: Command) -> None:
        if c.text == "b":
            raise Refused("no b")

    found = chain(Hooks(command=no_b), Hooks(command=rewriting("b"))).judge(command("a"))
    assert found == Verdict(Outcome.REFUSED, "no b", "p0")


def test_rewrites_without_end_are_refused() -> None:
    texts: list[str] = []

    def grow(c: Command) -> None:
        texts.append(c.text)
        c.rewrite(c.text + "x")

    found = chain(Hooks(command=grow)).judge(command())
    assert isinstance(found, Verdict)
    assert found.outcome is Outcome.FAILED
    assert len(texts) == MAX_REWRITES + 1


async def test_an_approval_lets_it_pass_and_says_who() -> None:
    approver = Answers(YES)
    subject = command()
    found = await judged(
        chain(Hooks(command=lambda c: c.approve("why", by=["dba"], count=2)), approver=approver), subject
    )
    assert found == Verdict(Outcome.APPROVED, "approved by dana")
    (request,) = approver.asked
    assert (request.policy, request.reason, request.by, request.count) == ("p0", "why", frozenset({"dba"}), 2)
    assert [(question.policy, decision) for question, decision in subject.decisions] == [("p0", YES)]


async def test_waiting_for_people_is_not_the_policys_time() -> None:
    approver = Answers(YES, after_s=0.3)
    found = await judged(chain(Hooks(command=lambda c: c.approve()), approver=approver, timeout_s=0.1), command())
    assert found.outcome is Outcome.APPROVED


@pytest.mark.parametrize("decision", [Decision(False), Decision(False, ("dana",), "not today")])
async def test_a_denial_is_its_reason(decision: Decision) -> None:
    found = await judged(chain(Hooks(command=lambda c: c.approve()), approver=Answers(decision)), command())
    assert found.outcome is Outcome.DENIED
    assert found.reason == (decision.reason or "nobody approved it in time")


async def test_without_anybody_to_ask_the_answer_is_no() -> None:
    assert (await judged(chain(Hooks(command=lambda c: c.approve())), command())).outcome is Outcome.DENIED


async def test_an_approver_that_breaks_is_a_no() -> None:
    class Broken:
        def ask(self, request: ApprovalRequest) -> Awaitable[Decision]:
            raise OSError("disk full")

    found = await judged(chain(Hooks(command=lambda c: c.approve()), approver=Broken()), command())
    assert found.outcome is Outcome.FAILED


async def test_an_approval_is_not_for_what_a_later_policy_makes_of_it() -> None:
    approver = Answers(YES)
    await judged(
        chain(Hooks(command=lambda c: c.approve()), Hooks(command=rewriting("b")), approver=approver), command("a")
    )
    assert len(approver.asked) == 2, "asked again, for the text that will run"


async def test_each_policy_asks_for_itself_and_a_continuation_asks_nobody() -> None:
    approver = Answers(YES)
    both = chain(Hooks(command=lambda c: c.approve("x")), Hooks(command=lambda c: c.approve("y")), approver=approver)
    first = command()
    await judged(both, first)
    assert [request.reason for request in approver.asked] == ["x", "y"]
    again = command()
    again.continues(first.decisions)
    assert (await judged(both, again)).outcome is Outcome.APPROVED
    assert len(approver.asked) == 2


@pytest.mark.parametrize(
    "policy", [refuse, awaited_refusal, rewriting("evil"), spin], ids=lambda p: getattr(p, "__name__", "x")
)
async def test_nothing_a_shadow_decides_takes_effect(policy: Callable[[Command], Any]) -> None:
    watchdog = Watchdog(0.1)
    watchdog.install()
    subject = command("a")
    try:
        found = await judged(chain(Hooks(command=policy), shadow=0, timeout_s=0.1, watchdog=watchdog), subject)
    finally:
        watchdog.uninstall()
    assert found.outcome is Outcome.ALLOWED
    assert subject.text == "a"
    assert subject.trace[0].outcome.startswith("would have ")


async def test_a_shadow_approval_asks_nobody() -> None:
    approver = Answers(Decision(False))
    subject = command()
    found = await judged(chain(Hooks(command=lambda c: c.approve()), shadow=0, approver=approver), subject)
    assert found.outcome is Outcome.ALLOWED
    assert not approver.asked
    assert subject.trace[0].outcome == "would have approved"


def test_observers_come_last_see_the_final_text_and_can_refuse() -> None:
    seen: list[str] = []
    observer = Hooks(observer=True, command=lambda c: seen.append(c.text))
    chain(observer, Hooks(command=rewriting("b"))).judge(command("a"))
    assert seen == ["b"]
    found = chain(Hooks(observer=True, command=refuse), Hooks(command=lambda c: None)).judge(command())
    assert found == Verdict(Outcome.REFUSED, "no", "p0")


def test_an_observer_that_rewrites_is_a_failure() -> None:
    subject = command("a")
    found = chain(Hooks(observer=True, command=rewriting("b"))).judge(subject)
    assert isinstance(found, Verdict)
    assert found.outcome is Outcome.FAILED


def test_observers_alone_see_what_the_gateway_itself_shows() -> None:
    seen: list[str] = []

    def edit(output: Output) -> None:
        output.text = "edited"

    found = chain(Hooks(observer=True, output=lambda o: seen.append(o.text)), Hooks(output=edit))
    said = Output(session(), "terminal", "hoopaddon: no")
    assert found.show_output(said) is None
    assert (seen, said.text) == (["hoopaddon: no"], "hoopaddon: no")
    with pytest.raises(PolicyFailed):
        chain(Hooks(observer=True, output=edit)).show_output(said)


def test_a_specific_hook_replaces_the_general_one() -> None:
    class Special(Command, hook="special_thing", protocol="special"):
        """A thing."""

    try:
        seen: list[str] = []
        both = Hooks(command=lambda c: seen.append("command"), special_thing=lambda c: seen.append("special"))
        judge = chain(both, Hooks(command=lambda c: seen.append("only command"))).judge
        judge(Special(session(), "x"))
        judge(command())
        assert seen == ["special", "only command", "command", "only command"]
    finally:
        del Command.types["special_thing"]
