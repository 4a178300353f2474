"""A policy that ends a session: nothing of it passes any more, and one in shadow ends nothing."""

import asyncio
from collections.abc import Awaitable

import pytest

from hoopaddon import Command, Refused, Session, Verdict
from hoopaddon.policy.chain import Chain
from hoopaddon.policy.policies import Policy
from hoopaddon.testing import Bench, command, session

ENDED = "the grant has ended"


class Ends:
    def __init__(self) -> None:
        self.timers: list[asyncio.TimerHandle] = []

    def session_start(self, session: Session) -> None:
        if session.user.subject == "nobody":
            session.end(ENDED)

    def command(self, command: Command) -> Awaitable[None] | None:
        if "now" in command.text:
            command.session.end(ENDED)
        if "later" in command.text:
            self.timers.append(asyncio.get_running_loop().call_later(0, command.session.end, ENDED))
        return self.slowly(command) if "slowly" in command.text else None

    async def slowly(self, command: Command) -> None:
        await asyncio.sleep(0)
        command.session.end(ENDED)


@pytest.mark.parametrize("text", ["SELECT 'now'", "SELECT 'slowly'"])
def test_the_command_that_ends_it_does_not_pass_and_none_after_it(text: str) -> None:
    with Bench(Ends()) as bench:
        who = session()
        for said in (text, "SELECT 1"):
            verdict = bench.judge(command(said, session=who))
            assert (verdict.passes, verdict.reason) == (False, ENDED)
        assert bench.judge(command("SELECT 1", session=session())).passes


def test_a_session_that_is_ended_as_it_starts_is_refused() -> None:
    with Bench(Ends()) as bench, pytest.raises(Refused, match=ENDED):
        bench.start(session(user="nobody"))


def test_the_first_reason_stands_in_one_line() -> None:
    who = session()
    who.end(" one\n\x1b[31mline ")
    who.end("another")
    assert who.ended == "one [31mline"


def test_no_reason_is_one_too() -> None:
    who = session()
    who.end("")
    assert who.ended


async def test_who_wants_to_know_is_told_once() -> None:
    who, told = session(), list[str]()
    who.when_ended(told.append)
    who.end(ENDED)
    assert told == []
    who.end(ENDED)
    who.when_ended(told.append)
    await asyncio.sleep(0)
    assert told == [ENDED, ENDED]


@pytest.mark.parametrize("text", ["SELECT 'now'", "SELECT 'slowly'", "SELECT 'later'"])
async def test_in_shadow_it_ends_nothing(text: str) -> None:
    chain = Chain([Policy("ends.py", Ends(), shadow=True)])
    who = session()
    await chain.start_session(session(user="nobody"))
    found = chain.judge(command(text, session=who))
    verdict = found if isinstance(found, Verdict) else await found
    await asyncio.sleep(0.01)
    assert verdict.passes
    assert not who.ended


async def test_shadow_stays_with_the_policy() -> None:
    chain = Chain([Policy("shadow.py", Ends(), shadow=True), Policy("ends.py", Ends())])
    who = session()
    found = chain.judge(command("SELECT 'slowly'", session=who))
    verdict = found if isinstance(found, Verdict) else await found
    assert not verdict.passes
    assert who.ended == ENDED
