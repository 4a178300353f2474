"""A shell without a terminal: every command that is sent to it is judged, and nobody edits it.

A command of several lines is sent when all of it is there: the shell does nothing with a part, and the end of its
input must not make a whole of it. Where one is refused, neither it nor what follows is sent: that counted on it.
What cannot be read as a shell's goes line by line, and from there on it is unsure what the shell makes of the lines.
"""

import asyncio
import logging
import re
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

from hoopaddon.approval import ApprovalRequest
from hoopaddon.commands import ShellProgram
from hoopaddon.errors import Unparsable
from hoopaddon.policy.in_force import Judge, judged
from hoopaddon.session import Session
from hoopaddon.shell.interpreters import FOREIGN_SHELLS, SHELLS
from hoopaddon.shell.parser import whole_commands
from hoopaddon.terminal.command import KNOWN, UNSURE, TypedLine
from hoopaddon.terminal.entered import Entered
from hoopaddon.terminal.line import MOST_CHARACTERS

logger = logging.getLogger(__name__)

_MANY = 1 << 16
_RESTS = 10
"""How many times as long as reading a part took, until it is read again because a little more came."""
_BLANK_LINES = re.compile(r"(?:\n[ \t]*)+\Z")
_READERS = SHELLS | FOREIGN_SHELLS | {".", "source", "at", "batch"}


class HasPrograms(Protocol):
    """A command that runs programs; `programs` raises `Unparsable` where its line cannot be read."""

    @property
    def programs(self) -> tuple[ShellProgram, ...]: ...


def feeds_shell(command: HasPrograms) -> bool:
    """Whether a shell runs what is sent after the line: `bash -s`, `sudo -i`, `cat | sh`, `su - ann`.

    It may be in a line that cannot be read.
    """
    try:
        programs: Iterable[ShellProgram] = command.programs
    except Unparsable:
        return True
    return any(program.name in _READERS and program.code in ("input", "pipe") for program in programs)


class PipedInput:
    """See the module. `end` says that nothing follows, after all that may go has gone.

    `refused` says that this was not all that the client has sent.
    """

    def __init__(
        self,
        session: Session,
        gateway: Judge,
        send: Callable[[bytes], None],
        end: Callable[[], None],
        say: Callable[[str], None],
        hold: Callable[[bool], None],
        refused: Callable[[], None],
        *,
        line: type[TypedLine],
    ) -> None:
        self._entered = Entered(session, line)
        self._gateway = gateway
        self._send, self._end, self._say, self._hold = send, end, say, hold
        self._refused = refused
        self._queue = bytearray()
        self._commands: deque[bytes] = deque()
        self._seen = 0
        self._later: asyncio.TimerHandle | None = None
        self._lost = False
        self._eof = self._over = False
        self._judging: asyncio.Task[None] | None = None

    def data(self, data: bytes) -> None:
        """The client sends this."""
        if not self._over:
            self._queue += data
            self._pump()

    def eof(self) -> None:
        """The client sends no more."""
        self._eof = True
        self._pump()

    def close(self) -> None:
        """Nobody is there to send to."""
        self._over = True
        self._queue.clear()
        self._commands.clear()
        if self._later is not None:
            self._later.cancel()
        if self._judging is not None:
            self._judging.cancel()

    def _pump(self) -> None:
        while self._judging is None and not self._over and (self._commands or self._next()):
            command = self._commands.popleft()
            task = asyncio.Task(self._judge(command), loop=asyncio.get_running_loop(), eager_start=True)
            if not task.done():
                self._judging = task
        self._hold(self._judging is not None and len(self._queue) > _MANY)
        if self._eof and self._judging is None and not self._queue and not self._over:
            self._stop("")

    def _next(self) -> bool:
        """Take the commands that are whole; whether there are any."""
        cut = self._queue.rfind(b"\n", 0, MOST_CHARACTERS) + 1
        full = len(self._queue) > MOST_CHARACTERS
        if self._eof and not full:
            cut = len(self._queue)
        elif not cut and full:
            self._stop("a line is longer than can be judged")
        last = full or self._eof
        if self._over or not cut or (not last and (cut == self._seen or (self._later and cut < 2 * self._seen))):
            return False
        lines = bytes(self._queue[:cut])
        ended = lines if lines.endswith(b"\n") else lines + b"\n"
        began = time.monotonic()
        whole, waits = whole_commands(ended.decode("utf-8", "surrogateescape"))
        if whole:
            self._commands.extend(command.encode("utf-8", "surrogateescape") for command in whole)
            taken = sum(map(len, self._commands))
            if taken > len(lines):
                self._commands[-1] = self._commands[-1][:-1]
        elif waits and not last:
            self._wait(cut, time.monotonic() - began)
            return False
        else:
            self._lost = True
            taken = cut if waits else lines.find(b"\n") + 1 or cut
            self._commands.append(lines[:taken])
        del self._queue[:taken]
        self._seen = 0
        return True

    def _wait(self, seen: int, took_s: float) -> None:
        """A command goes on: it is read again when twice as much is there, or in a while."""
        self._seen = seen
        if self._later is not None:
            self._later.cancel()
        self._later = asyncio.get_running_loop().call_later(_RESTS * took_s, self._look_again)

    def _look_again(self) -> None:
        self._later = None
        self._pump()

    async def _judge(self, line: bytes) -> None:
        try:
            await self._judge_command(line)
        except Exception as e:
            # Nothing of it may go, whatever went wrong here.
            logger.error("a line could not be judged: %s", type(e).__name__)
            self._stop("this line could not be judged")
        # A verdict that came at once is inside the loop that takes the lines.
        if self._judging is not None:
            self._judging = None
            self._pump()

    async def _judge_command(self, line: bytes) -> None:
        text = _BLANK_LINES.sub("", line.decode("utf-8", "surrogateescape"))
        if not text.strip():
            self._send(line)
            return
        command = self._entered.command(text, UNSURE if self._lost else KNOWN)
        command.tell_when_held(self._say_held)
        try:
            verdict = await judged(self._gateway, command)
        except asyncio.CancelledError:
            command.error = "the client left"
            raise
        finally:
            self._gateway.chain.end_command(command)
        if not verdict.passes:
            self._stop(f"{verdict.reason} (refused by {verdict.addon})")
            return
        self._entered.went(command)
        if command.text != text:
            line = command.text.encode("utf-8", "surrogateescape") + b"\n"
        self._send(line)

    def _say_held(self, request: ApprovalRequest) -> None:
        reason = f" ({request.reason})" if request.reason else ""
        self._say(f"held: waiting for approval{reason}")

    def _stop(self, reason: str) -> None:
        self._over = True
        self._queue.clear()
        self._commands.clear()
        if self._later is not None:
            self._later.cancel()
        if reason:
            self._say(reason)
            self._refused()
        self._end()
