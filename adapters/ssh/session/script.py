"""What a shell without a terminal is given to run: every line is judged before it goes to the target.

Programs that the shell starts read from the same stream, so what they are given is judged as lines too. A script of
which one line is refused does not go on: what follows may count on that line.
"""

import asyncio
import logging
from typing import TYPE_CHECKING

from hoopaddon.adapters.ssh.session.inlets import Inlet, MakeInlet, Straight, Way
from hoopaddon.adapters.ssh.session.running import Running, refusal
from hoopaddon.adapters.ssh.terminal.command import SshInput
from hoopaddon.errors import HoopaddonError
from hoopaddon.policy.chain import place
from hoopaddon.session import Session

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway

logger = logging.getLogger(__name__)

LINE_BYTES = 1 << 18
"""How long a line may be; one that is longer cannot be judged."""


class Script(Straight):
    """See the module."""

    def __init__(self, way: Way, session: Session, gateway: "Gateway") -> None:
        super().__init__(way)
        self._session = session
        self._gateway = gateway
        self._waiting = bytearray()
        self._running: Running | None = None
        self._judging: asyncio.Task[None] | None = None
        self._eof = self._over = False

    def client_data(self, data: bytes) -> None:
        if not self._over:
            self._waiting += data
            self._go_on()

    def client_eof(self) -> None:
        self._eof = True
        self._go_on()

    def close(self) -> None:
        self._over = True
        self._waiting.clear()
        if self._running is not None:
            self._running.end(error="the client left")
        if self._judging is not None and self._judging is not asyncio.current_task():
            self._judging.cancel()

    def _go_on(self) -> None:
        if self._over or self._judging is not None:
            return
        task = asyncio.get_running_loop().create_task(self._judge_lines())
        if not task.done():
            self._judging = task
            self._way.hold_client(True)

    async def _judge_lines(self) -> None:
        try:
            while not self._over and (line := self._take()) is not None:
                await self._judge(line)
            if not self._over and len(self._waiting) > LINE_BYTES:
                self._way.refuse(HoopaddonError("a line is too long to be judged"))
        except HoopaddonError as e:
            self._way.refuse(e)
        except Exception as e:
            logger.error("a line could not be judged: %s at %s", type(e).__name__, place(e))
            self._way.refuse(HoopaddonError("the gateway failed"))
        if self._over:
            return
        if self._judging is not None:
            self._judging = None
            self._way.hold_client(False)
        if self._eof and not self._waiting:
            self._way.eof_to_target()

    def _take(self) -> bytes | None:
        """The next line, its end included; at the end of the input, what is left."""
        end = self._waiting.find(b"\n")
        if end < 0 and not (self._eof and self._waiting):
            return None
        length = end + 1 if end >= 0 else len(self._waiting)
        line = bytes(self._waiting[:length])
        del self._waiting[:length]
        return line

    async def _judge(self, line: bytes) -> None:
        text = line.removesuffix(b"\n").decode("utf-8", "surrogateescape")
        if not text.strip():
            self._way.to_target(line)
            return
        running = self._running = Running(self._gateway, SshInput(self._session, text))
        verdict = await running.judge(self._way.say)
        self._running = None
        if not verdict.passes:
            raise HoopaddonError(refusal(verdict))
        running.begin()
        said = running.command.text
        end = b"\n" if line.endswith(b"\n") else b""
        self._way.to_target(line if said == text else said.encode("utf-8", "surrogateescape") + end)
        running.end()


def script(session: Session, gateway: "Gateway") -> MakeInlet:
    """The way in to a shell without a terminal."""

    def make(way: Way) -> Inlet:
        return Script(way, session, gateway)

    return make
