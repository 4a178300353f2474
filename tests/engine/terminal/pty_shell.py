"""A shell under a real PTY, with the gateway's view of its terminal between it and the test."""

import asyncio
import fcntl
import os
import pty
import signal
import struct
import termios
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hoopaddon import Command, Decision, Session, Target, User
from hoopaddon.adapters.ssh.commands import SshInput
from hoopaddon.policy.chain import Chain
from hoopaddon.terminal.input import TerminalInput
from hoopaddon.terminal.strict import StrictInput
from tests.engine.policy.addons import Hooks, chain

PROMPTS = {"PS1": "me@host:~$ ", "PS2": "> ", "TERM": "xterm", "HISTFILE": "", "LC_ALL": "C.UTF-8"}


def session() -> Session:
    return Session(User("ann"), Target("box", "ssh", "box:22"))


class Shell:
    """`typed` are the commands that were judged; `judge` is the policy.

    What the shell shows comes `delay_s` late; `answers` is whether the way there can be measured.
    """

    def __init__(
        self,
        program: Sequence[str],
        folder: Path,
        judge: Callable[[Command], Any] | None = None,
        *,
        columns: int = 80,
        approver: Any = None,
        kind: Callable[..., TerminalInput | StrictInput] = TerminalInput,
        answers: bool = True,
    ) -> None:
        self.typed: list[SshInput] = []
        self.ended: list[Command] = []
        self.delay_s = 0.0
        self.seen = b""
        self._judge = judge
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            os.chdir(folder)
            os.execvpe(
                program[0], list(program), {**os.environ, **PROMPTS, "HOME": str(folder), "OUT": str(folder / "out")}
            )
        self._size(columns)
        os.set_blocking(self._fd, False)
        self.chain: Chain = chain(Hooks(command=self._command, command_end=self.ended.append), approver=approver)
        # Only what reads the screen asks how far the target has come.
        how = {"round_trip": self._round_trip} if kind is TerminalInput and answers else {}
        self.input = kind(session(), self, self._send, self._tell, line=SshInput, size=(columns, 24), **how)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._read)

    def _command(self, command: Command) -> Any:
        assert isinstance(command, SshInput)
        self.typed.append(command)
        return self._judge(command) if self._judge else None

    def _size(self, columns: int) -> None:
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def resize(self, columns: int) -> None:
        self._size(columns)
        self.input.resize(columns, 24)

    def _send(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:
                continue

    def _tell(self, data: bytes) -> None:
        self.seen += data

    def _read(self) -> None:
        try:
            data = os.read(self._fd, 65536)
        except OSError:
            data = b""
        if not data:
            self._loop.remove_reader(self._fd)
            return
        self._loop.call_later(self.delay_s, self._show, data)

    async def _round_trip(self) -> None:
        await asyncio.sleep(self.delay_s)

    def _show(self, data: bytes) -> None:
        self.seen += data
        self.input.screen(data)

    async def type(self, keys: str | bytes, until: str = "", *, wait: bool = True) -> None:
        """Keys, and then until `until` is seen once more and the shell is silent."""
        self.input.keys(keys if isinstance(keys, bytes) else keys.encode())
        if wait:
            await asyncio.wait_for(self.input.drained(), 5)
        await self.see(until)

    async def see(self, text: str = "") -> None:
        """Wait until the text is seen, and then until nothing comes any more."""
        start = len(self.seen)
        for _ in range(100):
            before = len(self.seen)
            await asyncio.sleep(0.06)
            if len(self.seen) == before and (not text or text.encode() in self.seen):
                return
        raise AssertionError(f"never seen: {text!r} in {self.seen[start:]!r}, all {self.seen!r}")

    @property
    def lines(self) -> list[str]:
        return [command.text for command in self.typed]

    @property
    def out(self) -> str:
        """What the commands have written to $OUT."""
        path = Path(f"/proc/{self._pid}/cwd").resolve() / "out"
        return path.read_text() if path.exists() else ""

    def close(self) -> None:
        self.input.close()
        self._loop.remove_reader(self._fd)
        os.close(self._fd)
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


YES = Decision(True, ("dana",))
