"""A command of MCP from its verdict to its end, which the policies are told once."""

import asyncio
import time
from collections.abc import Callable

from hoopaddon.approval import ApprovalRequest
from hoopaddon.command import Command, Verdict
from hoopaddon.policy.in_force import Judge, judged

NOTE_EVERY_S = 10.0
"""How often a client hears that its call waits for people, so that its own patience lasts."""


class Notes:
    """Says that people are asked, at once and then every `NOTE_EVERY_S` seconds, numbered from 1, until `stop`."""

    def __init__(self, say: Callable[[int, str], None]) -> None:
        self._say = say
        self._timer: asyncio.TimerHandle | None = None
        self._number = 0

    def tell(self, request: ApprovalRequest) -> None:
        """These people are asked now."""
        self._note(f"waiting for approval{f': {request.reason}' if request.reason else ''}")

    def _note(self, text: str) -> None:
        self.stop()
        self._number += 1
        self._timer = asyncio.get_running_loop().call_later(NOTE_EVERY_S, self._note, text)
        self._say(self._number, text)

    def stop(self) -> None:
        """Nobody is asked any more."""
        if self._timer is not None:
            self._timer.cancel()


class Running:
    """See the module. However it ends, and however often that is said: the first who says it is heard."""

    def __init__(self, gateway: Judge, command: Command) -> None:
        self._gateway = gateway
        self.command = command
        self._began: float | None = None
        self._ended = False

    async def judge(self, say: Callable[[int, str], None]) -> Verdict:
        """The policies' verdict. One that does not pass has ended the command; `say` tells who waits, at times."""
        notes = Notes(say)
        self.command.tell_when_held(notes.tell)
        try:
            verdict = await judged(self._gateway, self.command)
        finally:
            notes.stop()
        if not verdict.passes:
            self.end()
        return verdict

    def begin(self) -> None:
        """It goes to the target now."""
        self._began = time.monotonic()

    def end(self, tag: str = "", error: str = "", bytes: int = 0) -> None:
        """It is over."""
        if self._ended:
            return
        self._ended = True
        command = self.command
        if self._began is not None:
            command.duration_s = time.monotonic() - self._began
        command.tag = tag or command.tag
        command.bytes += bytes
        command.error = command.error or error
        self._gateway.chain.end_command(command)
