"""A command of MCP from its verdict to its end, which the policies are told once."""

import asyncio
import time
from collections.abc import Callable

from hoopaddon.approval import ApprovalRequest
from hoopaddon.command import Command, Verdict
from hoopaddon.policy.in_force import Judge, judged

NOTE_EVERY_S = 10.0
"""How often a client hears that its call waits for people, so that its own patience lasts."""


class Running:
    """See the module. However it ends, and however often that is said: the first who says it is heard."""

    def __init__(self, gateway: Judge, command: Command) -> None:
        self._gateway = gateway
        self.command = command
        self._began: float | None = None
        self._ended = False
        self._timer: asyncio.TimerHandle | None = None
        self._notes = 0

    async def judge(self, say: Callable[[int, str], None]) -> Verdict:
        """The policies' verdict. One that does not pass has ended the command; `say` tells who waits, at times."""

        def tell(request: ApprovalRequest) -> None:
            reason = f": {request.reason}" if request.reason else ""
            note(f"waiting for approval{reason}")

        def note(text: str) -> None:
            if self._timer is not None:
                self._timer.cancel()
            self._notes += 1
            say(self._notes, text)
            self._timer = asyncio.get_running_loop().call_later(NOTE_EVERY_S, note, text)

        self.command.tell_when_held(tell)
        try:
            verdict = await judged(self._gateway, self.command)
        finally:
            if self._timer is not None:
                self._timer.cancel()
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
