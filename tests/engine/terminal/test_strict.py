"""Lines that the gateway edits: what was judged is what runs, whatever is typed."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from hoopaddon import Command
from hoopaddon.terminal.command import HIDDEN, KNOWN
from hoopaddon.terminal.strict import StrictInput
from tests.engine.policy.addons import Answers
from tests.engine.terminal.pty_shell import YES, Shell
from tests.engine.terminal.test_input import BASH, DASH, no_touch


@pytest.fixture
async def opened(tmp_path: Path) -> Any:
    shells: list[Shell] = []

    async def start(program: tuple[str, ...], judge: Any = no_touch, **how: Any) -> Shell:
        shells.append(Shell(program, tmp_path, judge, kind=StrictInput, **how))
        await shells[-1].see("$ ")
        return shells[-1]

    yield start
    for shell in shells:
        shell.close()


@pytest.mark.parametrize("program", [BASH, DASH])
async def test_lines_are_sent_whole(opened: Any, program: tuple[str, ...], tmp_path: Path) -> None:
    box = await opened(program)
    await box.type("ecko\x7f\x7fho 日本\x7f > $OUT")
    assert "ho 日" in box.seen.decode()
    await box.type("\r")
    await box.type("junk\x15touch x\r", "no touching")
    await box.type("\x1b[A\x12tou\t\x18\x05echo safe >> $OUT\r")
    assert box.lines == ["echo 日 > $OUT", "touch x", "touecho safe >> $OUT"]
    await box.type("\r")
    assert not (tmp_path / "x").exists()
    assert box.out == "日\n"
    assert all(command.parameters == (KNOWN,) for command in box.typed)


async def test_a_refused_continuation_is_taken_back(opened: Any, tmp_path: Path) -> None:
    box = await opened(BASH)
    await box.type("if true; then\rtouch x\r", "no touching")
    await box.type("fi\recho still > $OUT\r")
    assert not (tmp_path / "x").exists()
    assert box.out == "still\n"


async def test_a_password_is_neither_shown_nor_recorded(opened: Any) -> None:
    box = await opened(BASH)
    await box.type("read -sp 'Password: ' word; echo ${#word} > $OUT\r", "Password: ")
    await box.type("hunter2\r")
    assert b"hunter2" not in box.seen
    assert (box.typed[-1].text, box.typed[-1].parameters) == ("", (HIDDEN,))
    assert box.out == "7\n"


async def test_a_program_that_takes_the_screen_gets_no_keys(opened: Any, tmp_path: Path) -> None:
    box = await opened(BASH)
    await box.type("printf '\\033[?1049h'; cat > note\r", "whole screen")
    await box.type("touch x\r")
    assert box.lines == ["printf '\\033[?1049h'; cat > note"]
    assert not (tmp_path / "x").exists()


async def test_a_held_line_waits_or_is_given_up(opened: Any, tmp_path: Path) -> None:
    async def hold(command: Command) -> None:
        await command.approve("touches")

    box = await opened(BASH, hold, approver=Answers(YES, 0.3))
    await box.type("touch y\r", "held", wait=False)
    await box.type("\x03")
    await box.type("touch x\r", "held", wait=False)
    await asyncio.wait_for(box.input.drained(), 5)
    await box.see()
    assert (tmp_path / "x").exists()
    assert not (tmp_path / "y").exists()
    assert [command.error for command in box.ended] == ["given up", ""]


CHANGES = [
    "stty kill '#'",
    "stty iuclc",
    "/bin/stty igncr",
    "env stty inlcr",
    "command stty -icrnl",
    "sh -c 'stty kill x'",
    "S=stty; $S lnext z",
    "stty $(echo kill x)",
    "true && \\stty -F /dev/tty erase x",
    "busybox stty kill x",
    "bind '\"x\": kill-whole-line'",
    "bind -x '\"x\": ls'",
    "export INPUTRC=f",
    "INPUTRC=f bash",
    "echo '\"x\": kill-whole-line' > ~/.inputrc",
    "tset -k x",
    "if true; then stty kill x; fi",
]


@pytest.mark.parametrize("line", CHANGES)
async def test_what_changes_the_reading_of_lines_is_refused(opened: Any, line: str, tmp_path: Path) -> None:
    box = await opened(BASH, no_touch)
    await box.type(f"echo a > $OUT; {line}\r", "is refused here (lines=strict)")
    assert not (tmp_path / "out").exists()
    assert box.typed[-1].error.startswith("what changes how the terminal reads lines")
    assert box.ended == box.typed


async def test_what_only_shows_settings_passes(opened: Any) -> None:
    box = await opened(BASH)
    await box.type("stty -a >> $OUT; stty size; bind -l | head -1; stty sane; reset() { :; }\r")
    await box.type("S=stty\r$S kill x\r", "is refused here (lines=strict)")
    assert [command.error for command in box.typed] == ["", "", box.typed[-1].error]
    assert "kill = ^U" in box.out
