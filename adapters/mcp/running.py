"""Commands of MCP from their verdicts to their ends, which the policies are told once."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from hoopaddon.adapters.mcp.messages import Id
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
    """One command. However it ends, and however often that is said: the first who says it is heard."""

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


class InProgress:
    """The commands that one end has asked for and that are not over, by the ids of their requests."""

    def __init__(self) -> None:
        self._running: dict[Id, Running] = {}
        self._judging: dict[Id, asyncio.Task[None]] = {}

    async def judge(self, id: Id, running: Running, judging: Coroutine[Any, Any, None]) -> None:
        """Run `judging` at once where that takes no waiting, else beside what comes next."""
        self._running[id] = running
        task = asyncio.Task(judging, loop=asyncio.get_running_loop(), eager_start=True)
        if task.done():
            task.result()
            return
        self._judging[id] = task
        task.add_done_callback(lambda _: self._judging.pop(id, None))

    def take(self, id: Id) -> Running | None:
        """The command, which whoever takes it has to end."""
        return self._running.pop(id, None)

    def end(self, id: Id, tag: str = "", error: str = "") -> None:
        """It is over."""
        if running := self.take(id):
            running.end(tag, error)

    def give_up(self, id: Id, error: str) -> None:
        """Nobody waits for it any more: neither for its verdict, nor for what comes of it."""
        if id in self._judging:
            self._judging[id].cancel()
        self.end(id, error=error)

    def stop_judging(self) -> None:
        """Give up whatever waits for a verdict."""
        for task in list(self._judging.values()):
            task.cancel()

    async def close(self) -> None:
        """Give everything up; returns when it has ended."""
        tasks = list(self._judging.values())
        self.stop_judging()
        if tasks:
            await asyncio.wait(tasks)
        for id in list(self._running):
            self.end(id, error="the session ended")
