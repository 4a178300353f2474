"""A body in runs: a splitter cuts it where its syntax allows, the policies edit each run, and it goes on."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from hoopaddon.command import Command
from hoopaddon.errors import HoopaddonError, PeerError, Refused
from hoopaddon.output import Output
from hoopaddon.session import Session
from hoopaddon.stream import WAITING_BYTES, Policies

logger = logging.getLogger(__name__)

PIECE_BYTES = 1 << 16
"""How much a policy is given at once."""
HELD_BYTES = 1 << 16
"""How much of a value that does not end waits for its end."""

type Rebuild = Callable[[str], bytes]
"""Makes bytes of a text that a policy has changed; raises `Unfit` for one that does not fit in its place."""


class Unfit(HoopaddonError):
    """What a policy made of a run would break the body that it stands in."""


@dataclass(slots=True)
class Document:
    """What the runs of one body, or of one document in it, have in common."""

    kind: str
    vars: dict[str, Any] = field(default_factory=dict)
    offset: int = 0


@dataclass(slots=True)
class Run:
    """One piece of a body: the bytes as they came, and what policies see of it.

    Without a document nobody sees it: it is syntax around what counts. `text` is there where what policies see is
    not simply the bytes' text, and `rebuild` where changed text is not simply encoded.
    """

    data: bytes
    document: Document | None = None
    text: str | None = None
    rebuild: Rebuild | None = None


class Splitter(Protocol):
    """Cuts a body into runs. Sans-IO; raises `PeerError` for what cannot be cut in any safe way."""

    def runs(self, data: bytes) -> Iterator[Run]:
        """The runs that are whole with this data. To be used up before it is called again."""
        ...

    def rest(self) -> Iterator[Run]:
        """Nothing follows: the runs of what is left."""
        ...


class RunStream:
    """One body on its way, in the shape of `TextStream`: see there for `write`, `fail` and `hold`."""

    def __init__(
        self,
        session: Session,
        command: Command | None,
        gateway: Policies,
        splitter: Splitter,
        write: Callable[[bytes], None],
        fail: Callable[[HoopaddonError], None],
        hold: Callable[[bool], None],
    ) -> None:
        self._session, self._command, self._gateway = session, command, gateway
        self._splitter = splitter
        self._write, self._fail, self._hold = write, fail, hold
        self._fed: deque[bytes] = deque()
        self._fed_bytes = 0
        self._runs: Iterator[Run] = iter(())
        self._editing: asyncio.Task[None] | None = None
        self._closed = self._ended = self._broken = False
        self._idle = asyncio.Event()
        self._idle.set()

    def feed(self, data: bytes) -> None:
        """More has come."""
        if self._broken or self._closed or not data:
            return
        self._fed.append(data)
        self._fed_bytes += len(data)
        if self._editing is None:
            self._advance()
        elif self._fed_bytes > WAITING_BYTES:
            self._break(PeerError("server", "sends more than can wait for a policy", limit=WAITING_BYTES))

    def close(self) -> None:
        """Nothing follows any more."""
        if self._broken or self._closed:
            return
        self._closed = True
        if self._editing is None:
            self._advance()

    def abort(self) -> None:
        """The client is gone: nothing leaves any more."""
        self._broken = True
        self._drop()
        if self._editing is not None:
            self._editing.cancel()
            self._editing = None
        self._idle.set()

    async def drained(self) -> None:
        """Returns when all that is whole has left, or never will."""
        await self._idle.wait()

    def client_paused(self, paused: bool) -> None:
        """The client takes nothing now. Nothing here waits for silence."""

    def _advance(self) -> None:
        try:
            while self._editing is None and not self._broken:
                run = next(self._runs, None)
                if run is not None:
                    self._give(run)
                elif self._fed:
                    data = self._fed.popleft()
                    self._fed_bytes -= len(data)
                    self._runs = self._splitter.runs(data)
                elif self._closed and not self._ended:
                    self._ended = True
                    self._runs = self._splitter.rest()
                else:
                    break
        except Exception as e:
            self._break(_shown_as(e))
        if self._editing is None:
            self._idle.set()

    def _give(self, run: Run) -> None:
        document = run.document
        if document is None:
            self._send(run.data)
            return
        text = run.text if run.text is not None else run.data.decode("utf-8", "surrogateescape")
        output = Output(self._session, document.kind, text, self._command, vars=document.vars, offset=document.offset)
        document.offset += len(text)
        pending = self._gateway.chain.edit_output(output)
        if pending is None:
            self._pass_on(output, text, run)
            return
        # It starts at once: one that is cancelled before would leave the policy's coroutine behind.
        task = asyncio.Task(
            self._finish(pending, output, text, run), loop=asyncio.get_running_loop(), eager_start=True
        )
        if not task.done():
            self._editing = task
            self._idle.clear()
            self._hold(True)

    async def _finish(self, pending: Awaitable[None], output: Output, text: str, run: Run) -> None:
        try:
            await pending
            self._pass_on(output, text, run)
        except Exception as e:
            self._break(_shown_as(e))
        if self._editing is not None:
            self._editing = None
            self._hold(False)
            self._advance()

    def _pass_on(self, output: Output, text: str, run: Run) -> None:
        if output.text is text or output.text == text:
            self._send(run.data)
            return
        try:
            rebuild = run.rebuild or _encoded
            changed = rebuild(output.text)
        except (UnicodeEncodeError, AttributeError, TypeError):
            logger.error("a policy made of %s what cannot be sent", output.kind)
            raise Refused("a policy failed") from None
        except Unfit as e:
            logger.error("a policy made of %s what does not fit: %s", output.kind, e)
            raise Refused("a policy failed") from None
        self._send(changed)

    def _send(self, data: bytes) -> None:
        if not data or self._broken:
            return
        try:
            self._write(data)
        except OSError:
            self.abort()

    def _break(self, error: HoopaddonError) -> None:
        if self._broken:
            return
        self._broken = True
        self._drop()
        self._fail(error)
        self._idle.set()

    def _drop(self) -> None:
        self._fed.clear()
        self._runs = iter(())


def _shown_as(error: Exception) -> HoopaddonError:
    """What may be said of it. Hostile bytes may find a mistake of ours: then nothing of them passes."""
    if isinstance(error, HoopaddonError):
        return error
    logger.error("a body could not be read: %s", type(error).__name__)
    return HoopaddonError("the body could not be read")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
