"""The chain: order, refusals, rewrites, approvals, shadow, observers, and what happens when a policy breaks."""

import asyncio
import re
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from hoopaddon import Column, Command, Decision, Outcome, Output, Refused, Rows, Session, Target, User, Verdict
from hoopaddon.approval import ApprovalRequest
from hoopaddon.policy.chain import MAX_REWRITES, Chain, PolicyFailed
from hoopaddon.policy.policies import Policy
from hoopaddon.policy.watchdog import Watchdog


def session() -> Session:
    return Session(User("agent-7"), Target("orders", "postgres", "db:5432"))


def command(text: str = "SELECT 1") -> Command:
    return Command(session(), text)


class Hooks:
    """An addon made of functions."""

    def __init__(self, observer: bool = False, **hooks: Callable[..., Any]) -> None:
        self.observer = observer
        for name, hook in hooks.items():
            setattr(self, name, hook)


class Answers:
    """An approver with one answer."""

    def __init__(self, decision: Decision, after_s: float = 0) -> None:
        self.decision = decision
        self.after_s = after_s
        self.asked: list[ApprovalRequest] = []

    async def ask(self, request: ApprovalRequest) -> Decision:
        self.asked.append(request)
        await asyncio.sleep(self.after_s)
        return self.decision


YES = Decision(True, ("dana",), "fine")


def chain(*addons: Hooks, shadow: int = -1, **options: Any) -> Chain:
    policies = [Policy(f"p{index}", addon, index == shadow) for index, addon in enumerate(addons)]
    return Chain(policies, **options)


async def judged(chain: Chain, subject: Command) -> Verdict:
    found = chain.judge(subject)
    return found if isinstance(found, Verdict) else await found


def refuse(_: Command) -> None:
    raise Refused("no")


def rewriting(text: str) -> Callable[[Command], None]:
    return lambda command: command.rewrite(text)


async def awaited_refusal(_: Command) -> None:
    await asyncio.sleep(0)
    raise Refused("later no")


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


@pytest.mark.parametrize(
    "policy", [spin, swallow, backtrack, block_the_loop, sleep_long], ids=lambda policy: policy.__name__
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


# -- what comes back


def batch(*cells: tuple[str | None, ...]) -> Rows:
    return Rows(command(), [Column(f"c{index}") for index in range(len(cells[0]))], cells)


async def edited(chain: Chain, subject: Rows | Output) -> None:
    pending = chain.edit_rows(subject) if isinstance(subject, Rows) else chain.edit_output(subject)
    if pending is not None:
        await pending


def star(rows: Rows) -> None:
    rows.replace(0, 0, "*")


async def slow_star(rows: Rows) -> None:
    await asyncio.sleep(0)
    star(rows)


@pytest.mark.parametrize("policy", [star, slow_star])
async def test_rows_are_edited_in_place(policy: Callable[[Rows], Any]) -> None:
    subject = batch(("secret", "b"))
    await edited(chain(Hooks(rows=policy)), subject)
    assert subject.cells == [["*", "b"]]


@pytest.mark.parametrize("error", [ValueError("secret"), SystemExit(0)], ids=repr)
@pytest.mark.parametrize("later", [False, True])
async def test_rows_that_a_policy_breaks_on_do_not_pass(error: BaseException, later: bool) -> None:
    async def broken_later(_: Rows) -> None:
        await asyncio.sleep(0)
        raise error

    def broken(_: Rows) -> None:
        raise error

    with pytest.raises(PolicyFailed, match="p0"):
        await edited(chain(Hooks(rows=broken_later if later else broken)), batch(("a",)))


async def test_rows_that_take_too_long_do_not_pass() -> None:
    async def hangs(_: Rows) -> None:
        await asyncio.sleep(30)

    with pytest.raises(PolicyFailed):
        await edited(chain(Hooks(rows=hangs), timeout_s=0.05), batch(("a",)))


async def test_rows_can_be_refused() -> None:
    with pytest.raises(Refused, match="no"):
        await edited(chain(Hooks(rows=refuse)), batch(("a",)))


async def test_a_shadow_edits_a_copy() -> None:
    subject = batch(("a",))
    await edited(chain(Hooks(rows=star), shadow=0), subject)
    assert subject.cells == [["a"]]
    output = Output(session(), "notice", "a")
    await edited(chain(Hooks(output=lambda o: setattr(o, "text", "b")), shadow=0), output)
    assert output.text == "a"


async def test_an_observer_sees_the_edited_rows_and_cannot_edit() -> None:
    seen: list[list[list[str | None]]] = []
    observer = Hooks(observer=True, rows=lambda rows: seen.append(rows.cells))
    await edited(chain(observer, Hooks(rows=star)), batch(("secret",)))
    assert seen == [[["*"]]]
    with pytest.raises(PolicyFailed):
        await edited(chain(Hooks(observer=True, rows=star)), batch(("secret",)))
    with pytest.raises(PolicyFailed):
        await edited(
            chain(Hooks(observer=True, output=lambda o: setattr(o, "text", "b"))), Output(session(), "notice", "a")
        )


# -- sessions and ends


async def test_session_start_can_refuse_and_fails_closed() -> None:
    with pytest.raises(Refused, match="no"):
        await chain(Hooks(session_start=refuse)).start_session(session())
    with pytest.raises(PolicyFailed):
        await chain(Hooks(session_start=lambda s: sys.exit(0))).start_session(session())
    with pytest.raises(PolicyFailed):
        await chain(Hooks(session_start=sleep_long), timeout_s=0.05).start_session(session())


async def test_everybody_hears_of_the_end_whoever_breaks() -> None:
    seen: list[object] = []
    last = Hooks(command_end=seen.append, session_end=seen.append)
    both = chain(Hooks(command_end=refuse, session_end=refuse), last)
    subject = command()
    both.end_command(subject)
    await both.end_session(subject.session)
    assert seen == [subject, subject.session]


async def test_an_async_end_is_awaited_beside_the_session(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Command] = []

    async def late(command: Command) -> None:
        await asyncio.sleep(0)
        seen.append(command)

    subject = command()
    chain(Hooks(command_end=awaited_refusal), Hooks(command_end=late)).end_command(subject)
    assert not seen
    await asyncio.sleep(0.05)
    assert seen == [subject]
    assert "Refused" in caplog.text
