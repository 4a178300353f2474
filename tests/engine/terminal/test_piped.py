"""Shells without a terminal: what they are sent is judged command by command, and nothing of a refused one goes."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hoopaddon import Command, Refused
from hoopaddon.adapters.ssh.commands import SshInput
from hoopaddon.shell.parser import whole_commands
from hoopaddon.terminal.command import KNOWN, UNSURE
from hoopaddon.terminal.line import MOST_CHARACTERS
from hoopaddon.terminal.piped import PipedInput
from tests.conftest import StartSshGateway
from tests.engine.policy.addons import Hooks, chain
from tests.engine.terminal.pty_shell import session
from tests.engine.terminal.test_through_gateway import policy
from tests.servers.ssh import SshServer


class Piped:
    """What a client sends, and what of it the shell is sent."""

    def __init__(self, judge: Callable[[Command], Any]) -> None:
        self.judged: list[tuple[str, tuple[Any, ...]]] = []
        self.sent = b""
        self.said: list[str] = []
        self.ended = self.refused = False
        self._judge = judge
        self.chain = chain(Hooks(command=self._command))
        self.input = PipedInput(
            session(),
            self,
            self._send,
            self._end,
            self.said.append,
            lambda held: None,
            self._was_refused,
            line=SshInput,
        )

    def _command(self, command: Command) -> Any:
        assert isinstance(command, SshInput)
        self.judged.append((command.text, tuple(command.parameters)))
        return self._judge(command)

    def _send(self, data: bytes) -> None:
        self.sent += data

    def _end(self) -> None:
        self.ended = True

    def _was_refused(self) -> None:
        self.refused = True


def no_rm(command: Command) -> None:
    if "rm" in command.verbs:
        raise Refused("no rm")


async def sent(text: str, *, by: int = 1 << 20, judge: Callable[[Command], Any] = no_rm) -> Piped:
    """All of it was sent, in pieces of so many bytes."""
    piped, data = Piped(judge), text.encode("utf-8", "surrogateescape")
    for at in range(0, len(data), by):
        piped.input.data(data[at : at + by])
    piped.input.eof()
    for _ in range(100):
        if piped.ended:
            break
        await asyncio.sleep(0.01)
    return piped


SCRIPTS = [
    ("echo a\necho b\n", ["echo a", "echo b"]),
    ("echo a\n\n  \nprintf b", ["echo a", "printf b"]),
    ("if true; then\nls\nfi; echo c\necho d\n", ["if true; then\nls\nfi; echo c", "echo d"]),
    ("cat <<E\nrm 'it\nE\necho d\n", ["cat <<E\nrm 'it\nE", "echo d"]),
    ("f() {\nif true; then\nx='\n'; fi\n}\nf\n", ["f() {\nif true; then\nx='\n'; fi\n}", "f"]),
    ("ls \\\n -l &&\nls \xe9\udcff\n", ["ls \\\n -l &&\nls \xe9\udcff"]),
]


@pytest.mark.parametrize(("script", "commands"), SCRIPTS)
@pytest.mark.parametrize("by", [1, 7, 1 << 20])
async def test_whole_commands_are_judged_and_sent_as_they_came(script: str, commands: list[str], by: int) -> None:
    piped = await sent(script, by=by)
    assert piped.judged == [(command, (KNOWN,)) for command in commands]
    assert piped.sent == script.encode("utf-8", "surrogateescape")
    assert piped.ended
    assert not piped.refused


@pytest.mark.parametrize(
    "script",
    [
        "f() {\nif true; then\ny='\n'; rm -r x\nfi\n}\nf\n",
        "sh <<E\necho a\nrm -r x\nE\n",
        "sh <<E\nrm -r x\n",
        "cat <<E\n'\nE\nx='\n'; rm -r x; '\n'\n",
        "if true; then\nrm -r x",
        "( echo a;\nrm -r x\n",
    ],
)
@pytest.mark.parametrize("by", [1, 1 << 20])
async def test_nothing_of_a_refused_command_is_sent(script: str, by: int) -> None:
    piped = await sent("echo first\n" + script + "echo last\n", by=by)
    assert b"rm" not in piped.sent
    assert b"last" not in piped.sent
    assert piped.sent.startswith(b"echo first\n")
    assert piped.said == ["no rm (refused by p0)"]
    assert piped.refused


async def test_what_no_shell_reads_goes_line_by_line_and_is_unsure() -> None:
    piped = await sent("echo a\nfi\nend)\necho 'b'\n")
    assert piped.judged == [("echo a", (KNOWN,)), *((line, (UNSURE,)) for line in ("fi", "end)", "echo 'b'"))]
    assert piped.sent == b"echo a\nfi\nend)\necho 'b'\n"


async def test_more_than_can_be_judged_at_once_is_unsure_or_refused() -> None:
    long = "cat <<E\n" + "x" * 50 + "\n"
    piped = await sent(long + ("y" * 99 + "\n") * (MOST_CHARACTERS // 50) + "E\necho after\n")
    assert {parameters for _, parameters in piped.judged} == {(UNSURE,)}
    assert piped.judged[-1][0] == "echo after"
    piped = await sent("echo " + "x" * MOST_CHARACTERS + "\n")
    assert piped.said == ["a line is longer than can be judged"]
    assert not piped.sent


async def test_a_command_may_be_rewritten() -> None:
    piped = await sent("if a; then\nb\nfi\nc\n", judge=lambda command: command.rewrite(command.text.upper()))
    assert piped.sent == b"IF A; THEN\nB\nFI\nC\n"


def test_the_ends_of_whole_commands_are_found() -> None:
    assert whole_commands("") == ([], False)
    assert whole_commands("ls; ls # it's\n\nls |\n") == (["ls; ls # it's\n\n"], True)
    assert whole_commands("cat <<'E' |\nx\nE\n") == ([], True)
    assert whole_commands("ls\n)\n") == (["ls\n"], False)


SHELLS = [
    "sh",
    "bash -s a b",
    "env A=b bash",
    "sh -c 'exec sh'",
    "cat | sh",
    ". /dev/stdin",
    "sh /dev/stdin",
    "nice sh -x",
]


@pytest.mark.parametrize("line", SHELLS)
def test_a_shell_that_a_command_line_runs(
    line: str, sshd: SshServer, ssh_gateway: StartSshGateway, tmp_path: Path
) -> None:
    gateway = ssh_gateway(sshd, scripts=[policy(tmp_path)])
    done = gateway.ssh(line, stdin=f"echo one\nif true; then\ntouch {tmp_path}/x\nfi\necho two\n".encode())
    assert b"hoopaddon: no touching (refused by no_touch.py)\n" in done.stderr
    assert (done.stdout, done.returncode) == (b"one\n", 126)
    assert not (tmp_path / "x").exists()


def test_programs_that_are_no_shells_read_what_they_like(
    sshd: SshServer, ssh_gateway: StartSshGateway, tmp_path: Path
) -> None:
    gateway = ssh_gateway(sshd, scripts=[policy(tmp_path)])
    assert gateway.ssh("cat", stdin=b"touch x\n").stdout == b"touch x\n"
    assert gateway.ssh("python3 -", stdin=b"print('touch x')").stdout == b"touch x\n"
    assert gateway.ssh("sh -c 'cat'", stdin=b"touch x\n").stdout == b"touch x\n"
    script = b"echo one\nif true; then\necho two\nfi\nprintf three"
    done = gateway.ssh("bash -s", stdin=script)
    assert (done.stdout, done.returncode) == (b"one\ntwo\nthree", 0)
