"""Lines typed at a real shell under a real PTY: what is judged is what runs, and what is refused does not."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hoopaddon import Command, Refused
from hoopaddon.terminal.command import HIDDEN, KNOWN, UNSURE
from tests.engine.policy.addons import Answers
from tests.engine.terminal.pty_shell import YES, Shell

BASH = ("bash", "--norc", "--noprofile", "-i")
DASH = ("dash", "-i")

type Open = Callable[..., Any]


def no_touch(command: Command) -> None:
    if "touch" in command.verbs:
        raise Refused("no touching")


@pytest.fixture(params=[BASH, DASH], ids=["bash", "dash"])
def shell(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return tuple(request.param)


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


def made(folder: Path) -> bool:
    return (folder / "x").exists()


async def test_a_line_is_judged_and_runs(opened: Open, shell: tuple[str, ...], tmp_path: Path) -> None:
    box = await opened(shell)
    await box.type("echo he")
    await box.type("llo > $OUT\r", "$ ")
    await box.type("\r")
    assert box.lines == ["echo hello > $OUT"]
    assert box.typed[0].parameters == (KNOWN,)
    assert (tmp_path / "out").read_text() == "hello\n"
    assert box.ended == box.typed


async def test_a_refused_line_is_erased_and_the_shell_stays(
    opened: Open, shell: tuple[str, ...], tmp_path: Path
) -> None:
    box = await opened(shell)
    await box.type("touch x\r", "hoopaddon: no touching (refused by p0)\r\nme@host:~$ ")
    await box.type("\r")
    await box.type("echo still > $OUT\r")
    assert not made(tmp_path)
    assert (tmp_path / "out").read_text() == "still\n"
    assert [command.verdict.passes for command in box.typed] == [False, True]


async def test_a_refused_continuation_takes_back_the_whole(
    opened: Open, shell: tuple[str, ...], tmp_path: Path
) -> None:
    box = await opened(shell)
    await box.type("if true; then\r", "> ")
    await box.type("touch x\r", "no touching")
    await box.type("fi\r")
    await box.type("echo still > $OUT\r")
    assert box.lines[1] == "if true; then\ntouch x"
    assert not made(tmp_path)
    assert (tmp_path / "out").read_text() == "still\n"


SPELLINGS = [
    "echo x; touch x\r",
    "tou\x7f\x7fouch x\r",
    "junk\x15touch x\r",
    "touch y\x17x\r",
    "touch x\n",
    "echo 'a\\'; touch x\r",
    "a=1 touch x\r",
]
IN_READLINE = [
    "uch x\x01to\r",
    "tuch x\x1b[D\x1b[D\x1b[D\x1b[D\x1b[Do\r",
    "echo x\x01touch x; \r",
    "touch junk\x1b\x7fx\r",
    "tcho x\x1bb\x1bbto\x1b[3~\x1b[C\x1b[3~u\r",
    "touch x\x0f",
    "tou\tx\r",
    "touch x#\x1b[D\x04\r",
    "\x1b[200~touch x\x1b[201~\r",
    "\x1b[200~echo a\rtouch x\r\x1b[201~\r",
    "x\x01touch \x05\r",
    "x touch\x1bt\r",
]


@pytest.mark.parametrize("keys", SPELLINGS)
async def test_evasions_in_any_shell(opened: Open, shell: tuple[str, ...], keys: str, tmp_path: Path) -> None:
    box = await opened(shell)
    await box.type(keys)
    await box.type("\r")
    assert not made(tmp_path)
    assert "no touching" in box.seen.decode()


@pytest.mark.parametrize("keys", IN_READLINE)
@pytest.mark.parametrize("split", [False, True])
async def test_evasions_by_editing(opened: Open, keys: str, split: bool, tmp_path: Path) -> None:
    box = await opened(BASH)
    for part in keys if split else [keys]:
        box.input.keys(part.encode())
    await asyncio.wait_for(box.input.drained(), 5)
    await box.see()
    await box.type("\r")
    assert not made(tmp_path)


async def test_history_and_search_are_known_from_the_screen(opened: Open, tmp_path: Path) -> None:
    allowed = True

    def judge(command: Command) -> None:
        if not allowed:
            no_touch(command)

    box = await opened(BASH, judge)
    await box.type("touch x\r")
    (tmp_path / "x").unlink()
    allowed = False
    for keys in ("\x1b[A\r", "\x10\r", "\x12tou\r", "\x12x\x05\r"):
        await box.type(keys)
        assert [line for line in box.lines if line][-1] == "touch x", box.seen
        assert not made(tmp_path)
    await box.type("!!\r")
    assert [program.opaque for program in box.typed[-1].programs].count(True) == 1


async def test_keys_that_run_what_an_editor_makes_are_unsure(opened: Open) -> None:
    def judge(command: Any) -> None:
        if any(program.opaque for program in command.programs):
            raise Refused("not known")

    box = await opened(BASH, judge)
    await box.type("echo a\x18")
    await box.type("\x05", "not known")
    await box.type("fc\r")
    await box.type("^a^b\r")
    assert [command.verdict.passes for command in box.typed] == [False, False, False]


async def test_several_lines_in_one_packet_are_judged_in_turn(
    opened: Open, shell: tuple[str, ...], tmp_path: Path
) -> None:
    box = await opened(shell)
    await box.type("echo a\recho b > $OUT\rtouch x\recho c > $OUT\r", "no touching")
    assert box.lines == ["echo a", "echo b > $OUT", "touch x"]
    assert (tmp_path / "out").read_text() == "b\n"
    assert not made(tmp_path)


async def test_what_is_not_shown_is_not_recorded(opened: Open) -> None:
    box = await opened(BASH)
    await box.type("read -sp 'Password: ' word; echo ${#word} > $OUT\r", "Password: ")
    await box.type("hunter2\r")
    await box.type("hun\x7fx\r")
    assert (box.typed[1].text, box.typed[1].parameters) == ("", (HIDDEN,))
    assert not box.typed[1].programs
    assert box.out == "7\n"


async def test_a_shell_that_hides_its_line_is_judged_all_the_same(opened: Open, tmp_path: Path) -> None:
    box = await opened(DASH)
    await box.type("stty -echo\r")
    await box.type("touch x\r", "no touching")
    assert box.typed[-1].text == "touch x"
    assert box.typed[-1].parameters == (UNSURE,)
    assert not made(tmp_path)


async def test_a_line_that_cannot_be_erased_is_judged_again(opened: Open, tmp_path: Path) -> None:
    box = await opened(DASH)
    await box.type("stty kill undef\r")
    await box.type("touch x\r", "no touching")
    await box.type("\r")
    await box.type(";\r")
    assert not made(tmp_path)


async def test_a_quoted_key_does_not_hide_the_one_that_submits(opened: Open, tmp_path: Path) -> None:
    box = await opened(DASH)
    await box.type("stty lnext undef\r")
    await box.type("touch x\x16\r")
    assert not made(tmp_path)


async def test_end_of_input_submits_what_was_typed(opened: Open, tmp_path: Path) -> None:
    box = await opened(DASH)
    await box.type("touch x\x04\x04")
    assert not made(tmp_path)


async def test_a_paste_of_many_lines_is_one(opened: Open, tmp_path: Path) -> None:
    box = await opened(BASH)
    await box.type("\x1b[200~echo a > $OUT\rcat >> $OUT <<E\rtext\rE\x1b[201~\r")
    assert box.out == "a\ntext\n"


@pytest.mark.parametrize("columns", [20, 33, 80])
async def test_long_and_wide_lines(opened: Open, shell: tuple[str, ...], columns: int, tmp_path: Path) -> None:
    box = await opened(shell, columns=columns)
    await box.type("echo " + "日本語é" * 20 + "\r")
    await box.type("echo " + "x" * 900 + " > $OUT\r")
    await box.type("echo " + "y" * 90 + "; touch x\r", "no touching")
    assert [command.parameters for command in box.typed] == [(KNOWN,)] * 3
    assert box.out == "x" * 900 + "\n"


async def test_a_resize_in_the_middle_of_a_line(opened: Open, tmp_path: Path) -> None:
    box = await opened(BASH)
    await box.type("echo " + "y" * 90)
    box.resize(40)
    await box.see()
    await box.type("; touch x\r", "no touching")
    assert not made(tmp_path)


async def test_a_program_that_has_the_screen_gets_its_keys(opened: Open, tmp_path: Path) -> None:
    box = await opened(BASH)
    await box.type("vim -u NONE -n note\r", "\x1b[?1049h")
    await box.type("itouch x\rmore\x1b:wq\r", "\x1b[?1049l")
    assert (tmp_path / "note").read_text() == "touch x\nmore\n"
    assert box.lines == ["vim -u NONE -n note"]
    await box.type("touch x\r", "no touching")


async def test_a_shell_that_claims_the_screen_is_still_judged(
    opened: Open, shell: tuple[str, ...], tmp_path: Path
) -> None:
    box = await opened(shell)
    await box.type("printf '\\033[?1049h'\r")
    await box.type("cd .\r")
    await box.type("touch x\r", "no touching")
    assert not made(tmp_path)


async def test_a_held_line_waits_and_then_runs(opened: Open, tmp_path: Path) -> None:
    async def hold(command: Command) -> None:
        await command.approve("touches")

    box = await opened(BASH, hold, approver=Answers(YES, 0.3))
    await box.type("touch x\r", "held: waiting for approval (touches); ^C gives up", wait=False)
    assert not made(tmp_path)
    await box.type("")
    await box.see()
    assert made(tmp_path)


async def test_a_held_line_can_be_given_up(opened: Open, tmp_path: Path) -> None:
    async def hold(command: Command) -> None:
        if "touch" in command.verbs:
            await command.approve("touches")

    box = await opened(BASH, hold, approver=Answers(YES, 30))
    await box.type("touch x\r", "held", wait=False)
    await box.type("\x03")
    await box.type("echo still > $OUT\r")
    assert not made(tmp_path)
    assert box.out == "still\n"
    assert [command.error for command in box.ended] == ["given up", ""]


async def test_a_policy_that_breaks_lets_no_line_through(opened: Open, tmp_path: Path) -> None:
    def broken(_: Command) -> None:
        raise ValueError("a secret")

    box = await opened(BASH, broken)
    await box.type("touch x\r", "policy p0 failed")
    assert not made(tmp_path)
    assert b"secret" not in box.seen


async def test_a_line_can_be_rewritten(opened: Open, shell: tuple[str, ...], tmp_path: Path) -> None:
    box = await opened(shell, lambda command: command.rewrite(command.text.replace("bad", "good")))
    await box.type("echo bad > $OUT\r")
    assert box.out == "good\n"


async def test_python_and_its_lines(opened: Open) -> None:
    box = await opened(BASH)
    await box.type("PYTHON_BASIC_REPL=1 python3 -q\r", ">>> ")
    await box.type("print(1 +\r", "... ")
    await box.type("2); print('it is', \"it's\")\r", "3")
    await box.type("exit()\r", "$ ")
    assert all(command.verdict.passes for command in box.typed)


@pytest.mark.parametrize(
    ("program", "keys"),
    [
        *((BASH, keys) for keys in ("\x1b[;touch x", "\x1b]touch x\x07", "\x1b]touch x")),
        *((DASH, keys) for keys in ("\x1b[;touch x", "\x1b];touch x;\x07", "\x1bP;touch x;\x1b\\", "\x1b];touch x")),
    ],
)
async def test_nothing_hides_in_what_looks_like_a_terminals_answer(
    opened: Any, program: tuple[str, ...], keys: str, tmp_path: Path
) -> None:
    box = await opened(program)
    await box.type("echo first > $OUT\r")
    await box.type(f"{keys}\r", "no touching")
    assert not (tmp_path / "x").exists()


async def test_a_prompt_that_looks_like_a_search_hides_nothing(opened: Open, tmp_path: Path) -> None:
    box = await opened(BASH)
    await box.type("PS1='(reverse-i-search)`'\"': echo \\\"\"\r")
    await box.type("touch x\r", "no touching")
    await box.type("touch x\t\r")
    await box.type("\x12\x07touch x\r")
    assert not made(tmp_path)
