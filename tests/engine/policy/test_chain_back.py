"""What comes back, and what begins and ends: rows, output, sessions, the ends of commands."""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import pytest

from hoopaddon import Column, Command, Output, Refused, Rows
from hoopaddon.errors import PeerError
from hoopaddon.policy.chain import Chain, PolicyFailed
from tests.engine.policy.addons import (
    Hooks,
    awaited_refusal,
    chain,
    command,
    refuse,
    session,
)


async def sleep_long(_: object) -> None:
    await asyncio.sleep(30)


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


@pytest.mark.parametrize(("policy", "reason"), [(refuse, "no"), (awaited_refusal, "later no")])
async def test_who_refuses_rows_is_named_and_traced(policy: Callable[[Any], Any], reason: str) -> None:
    subject = batch(("a",))
    with pytest.raises(Refused, match=reason) as raised:
        await edited(chain(Hooks(), Hooks(rows=policy)), subject)
    assert raised.value.by == "p1"
    await edited(chain(Hooks(rows=policy), shadow=0), subject)
    traced = [(line.addon, line.hook, line.outcome, line.reason) for line in subject.command.trace]
    assert traced == [("p1", "rows", "refused", reason), ("p0", "rows", "would have refused", reason)]


@pytest.mark.parametrize("shadow", [-1, 0])
async def test_rows_that_are_none_are_the_targets_fault(shadow: int) -> None:
    def reads(_: Rows) -> None:
        raise PeerError("server", "a row that ends before its cells")

    with pytest.raises(PeerError, match="ends before its cells"):
        await edited(chain(Hooks(rows=reads), shadow=shadow), batch(("a",)))


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
