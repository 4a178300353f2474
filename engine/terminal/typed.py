"""What both readers of keys have: the screen, the line that is being judged, words to the person at the terminal."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any

from hoopaddon.approval import ApprovalRequest
from hoopaddon.policy.in_force import Judge
from hoopaddon.session import Session
from hoopaddon.terminal.command import TypedLine
from hoopaddon.terminal.entered import Entered
from hoopaddon.terminal.screen import Screen


class TypedInput(ABC):
    """`send` takes what may go to the target, `tell` words for the person at the terminal.

    `line` is the kind of command that a line is. `hold` asks the client to wait while more keys wait than can be
    kept.
    """

    def __init__(
        self,
        session: Session,
        gateway: Judge,
        send: Callable[[bytes], None],
        tell: Callable[[bytes], None],
        *,
        line: type[TypedLine],
        size: tuple[int, int] = (80, 24),
        hold: Callable[[bool], None] | None = None,
    ) -> None:
        self._gateway = gateway
        self._send = send
        self._tell = tell
        self._hold = hold or (lambda paused: None)
        self._screen = Screen(*size)
        self._entered = Entered(session, line)
        self._judging: asyncio.Task[None] | None = None
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()

    @abstractmethod
    def keys(self, data: bytes) -> None:
        """The client has typed this."""

    @abstractmethod
    def screen(self, data: bytes) -> None:
        """The target has sent this to be shown."""

    @abstractmethod
    def _forget(self) -> None:
        """What waits never goes."""

    def resize(self, columns: int, rows: int) -> None:
        """The client's window has another size."""
        self._screen.resize(columns, rows)

    def close(self) -> None:
        """The client is gone."""
        self._closed = True
        self._forget()
        if self._judging is not None:
            self._judging.cancel()
        self._idle.set()

    async def drained(self) -> None:
        """Returns when every key has gone or been refused."""
        await self._idle.wait()

    def _begin(self, judging: Coroutine[Any, Any, None]) -> None:
        """Judge a line: at once where nobody has to be waited for."""
        task = asyncio.Task(judging, loop=asyncio.get_running_loop(), eager_start=True)
        if not task.done():
            self._judging = task

    def _show(self, text: str) -> None:
        """Show what the target does not."""
        data = text.encode("utf-8", "replace")
        self._screen.feed(data)
        self._tell(data)

    def _say(self, text: str, then: str) -> None:
        words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        self._show(f"\r\nhoopaddon: {words}\r\n{then}")

    def _say_held(self, request: ApprovalRequest) -> None:
        reason = f" ({request.reason})" if request.reason else ""
        self._say(f"held: waiting for approval{reason}; ^C gives up", self._screen.line().rstrip("\n"))
