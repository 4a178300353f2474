"""Lines typed over a slow way to the target: what has not been shown yet is neither absent nor hidden."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from hoopaddon import Command, Refused
from hoopaddon.terminal.command import KNOWN, UNSURE
from tests.engine.terminal.pty_shell import Shell
from tests.engine.terminal.test_input import BASH, Open, made, no_touch


@pytest.fixture
async def opened(tmp_path: Path) -> Any:
    shells: list[Shell] = []

    async def start(program: tuple[str, ...], judge: Any = no_touch, **how: Any) -> Shell:
        shells.append(Shell(program, tmp_path, judge, **how))
        await shells[-1].see("$ ")
        return shells[-1]

    yield start
    for shell in shells:
        shell.close()


def only_known(command: Command) -> None:
    if command.parameters != (KNOWN,):
        raise Refused("not known")
    no_touch(command)


RECALLS = (b"\x1b[A\r", b"\x10\r", b"ab\x1b[A\r", b"\x12tou\r", b"ab\x10\x10\x0e\r")


@pytest.mark.parametrize("answers", [True, False], ids=["measured", "unmeasured"])
@pytest.mark.parametrize("delay_s", [0.1, 0.2])
async def test_a_recalled_line_is_judged_over_a_slow_link(
    opened: Open, tmp_path: Path, delay_s: float, answers: bool
) -> None:
    box = await opened(BASH, answers=answers)
    box.delay_s = delay_s
    # A refused line leaves the shell further back in its history.
    await box.type("for i in {1..9}; do history -s touch x; done\r")
    await asyncio.sleep(2 * delay_s)
    for keys in RECALLS:
        judged = len(box.typed)
        await box.type(keys)
        await asyncio.sleep(2 * delay_s)
        assert [command.text for command in box.typed[judged:]] == ["touch x"], (keys, box.seen)
    assert not made(tmp_path)


async def test_a_recalled_line_typed_ahead_is_judged(opened: Open, tmp_path: Path) -> None:
    box = await opened(BASH, only_known)
    box.delay_s = 0.1
    await box.type("history -s touch x\r")
    await asyncio.sleep(0.2)
    await box.type(b"sleep 0.3\r\x1b[A\r")
    await asyncio.sleep(0.6)
    assert not made(tmp_path)


async def test_plain_lines_wait_for_nothing_but_their_echo(opened: Open) -> None:
    box = await opened(BASH)
    box.delay_s = 0.2
    await box.type("true\r")
    await asyncio.sleep(0.4)
    box.input.keys(b"false")
    await asyncio.sleep(0.4)
    box.input.keys(b"\r")
    assert box.lines == ["true", "false"]
    assert [command.parameters for command in box.typed] == [(KNOWN,)] * 2


async def test_a_first_line_is_no_secret_because_the_link_is_slow(opened: Open, tmp_path: Path) -> None:
    box = await opened(BASH)
    box.delay_s = 0.5
    await box.type("touch x\r")
    assert [(command.text, command.parameters) for command in box.typed] == [("touch x", (KNOWN,))]
    assert not made(tmp_path)


@pytest.mark.parametrize(("answers", "delay_s", "known"), [(True, 0.8, KNOWN), (False, 2.3, UNSURE)])
async def test_what_is_typed_before_anything_is_shown_is_no_secret(
    tmp_path: Path, answers: bool, delay_s: float, known: str
) -> None:
    box = Shell(BASH, tmp_path, no_touch, answers=answers)
    box.delay_s = delay_s
    await box.type("touch x\r")
    box.close()
    assert [(command.text, command.parameters) for command in box.typed] == [("touch x", (known,))]
    assert not made(tmp_path)


async def test_keys_that_nothing_answers_are_judged_as_unsure(opened: Open) -> None:
    box = await opened(BASH, answers=False)
    await box.type("true\r")
    box.delay_s = 3.0
    await box.type(b"\x1b[A\r")
    await box.type(b"ab\x1b[A\r")
    assert [command.parameters for command in box.typed[1:]] == [(UNSURE,), (UNSURE,)]
    assert box.ended == box.typed
