"""A shell without a terminal: every line that is sent to it is judged, and nobody edits it.

Where a line is refused, neither it nor what follows is sent: what came after it counted on it.
"""

import asyncio
import logging
from collections.abc import Callable

from hoopaddon.adapters.ssh.terminal.command import KNOWN, UNSURE, SshInput, is_finished
from hoopaddon.adapters.ssh.terminal.line import MOST_CHARACTERS
from hoopaddon.approval import ApprovalRequest
from hoopaddon.policy.in_force import Judge, judged
from hoopaddon.session import Session

logger = logging.getLogger(__name__)

_MANY = 1 << 16


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
    ) -> None:
        self._session = session
        self._gateway = gateway
        self._send, self._end, self._say, self._hold = send, end, say, hold
        self._refused = refused
        self._queue = bytearray()
        self._earlier = ""
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
        if self._judging is not None:
            self._judging.cancel()

    def _pump(self) -> None:
        while self._judging is None and not self._over:
            cut = self._queue.find(b"\n") + 1 or (len(self._queue) if self._eof else 0)
            if not cut and len(self._queue) > MOST_CHARACTERS:
                self._stop("a line is longer than can be judged")
            if not cut:
                break
            line = bytes(self._queue[:cut])
            del self._queue[:cut]
            task = asyncio.Task(self._judge(line), loop=asyncio.get_running_loop(), eager_start=True)
            if not task.done():
                self._judging = task
        self._hold(self._judging is not None and len(self._queue) > _MANY)
        if self._eof and self._judging is None and not self._queue and not self._over:
            self._stop("")

    async def _judge(self, line: bytes) -> None:
        try:
            await self._judge_line(line)
        except Exception as e:
            # Nothing of it may go, whatever went wrong here.
            logger.error("a line could not be judged: %s", type(e).__name__)
            self._stop("this line could not be judged")
        # A verdict that came at once is inside the loop that takes the lines.
        if self._judging is not None:
            self._judging = None
            self._pump()

    async def _judge_line(self, line: bytes) -> None:
        own = line.decode("utf-8", "surrogateescape").rstrip("\n")
        if not own.strip():
            self._send(line)
            return
        text = self._earlier + own
        long = len(text) > MOST_CHARACTERS
        command = SshInput(self._session, text, UNSURE if long else KNOWN, (own,) if self._earlier else ())
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
        if command.text != text:
            if self._earlier:
                self._stop("this line cannot be rewritten here")
                return
            line = command.text.encode("utf-8", "surrogateescape") + b"\n"
        self._earlier = "" if long or is_finished(command.text) else command.text + "\n"
        self._send(line)

    def _say_held(self, request: ApprovalRequest) -> None:
        reason = f" ({request.reason})" if request.reason else ""
        self._say(f"held: waiting for approval{reason}")

    def _stop(self, reason: str) -> None:
        self._over = True
        self._queue.clear()
        if reason:
            self._say(reason)
            self._refused()
        self._end()
