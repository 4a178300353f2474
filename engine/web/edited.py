"""A response's body while it streams: what mitmproxy hands over, through an editor, to what may be sent."""

import asyncio
from collections.abc import Callable

from hoopaddon.errors import HoopaddonError
from hoopaddon.web.body import BodyEditor

type MakeEditor = Callable[
    [Callable[[bytes], None], Callable[[HoopaddonError], None], Callable[[bool], None]], BodyEditor
]


class EditedBody:
    """What an editor writes waits here until mitmproxy's layers take it.

    `more` is called when there is something to take though nothing has been fed; `hold` asks the source to pause.
    """

    def __init__(self, make: MakeEditor, more: Callable[[], None], hold: Callable[[bool], None]) -> None:
        self._ready: list[bytes] = []
        self._more = more
        self._feeding = False
        self._closing: asyncio.Task[None] | None = None
        self.is_over = False
        """Nothing is left to come."""
        self.bytes = 0
        self.failure: HoopaddonError | None = None
        self._hold = hold
        self._held = False
        self._editor = make(self._write, self._fail, self._source_held)

    def feed(self, data: bytes) -> list[bytes]:
        """More of the body; what may be sent on."""
        self._feeding = True
        try:
            self._editor.feed(data)
        finally:
            self._feeding = False
        return self.take()

    def end(self) -> list[bytes]:
        """The body has ended; what may be sent on. The rest follows through `more`, until `is_over`."""
        self._feeding = True
        try:
            self._editor.close()
            # It starts at once, and is through at once where no policy awaits.
            closing = asyncio.Task(self._drain(self._editor), eager_start=True, loop=asyncio.get_running_loop())
        finally:
            self._feeding = False
        if not closing.done():
            self._closing = closing
        return self.take()

    async def finished(self) -> None:
        """Returns when `is_over`."""
        if self._closing is not None:
            await self._closing

    async def _drain(self, editor: BodyEditor) -> None:
        await editor.drained()
        self.is_over = True
        if not self._feeding:
            self._more()

    def take(self) -> list[bytes]:
        """What may be sent on now."""
        ready, self._ready = self._ready, []
        return ready

    def abort(self) -> None:
        """Nobody wants it any more."""
        self._editor.abort()
        self._source_held(False)
        if self._closing is not None:
            self._closing.cancel()

    def _source_held(self, paused: bool) -> None:
        if paused != self._held:
            self._held = paused
            self._hold(paused)

    def _write(self, data: bytes) -> None:
        self.bytes += len(data)
        self._ready.append(data)
        if not self._feeding:
            self._more()

    def _fail(self, error: HoopaddonError) -> None:
        self.failure = error
        self._ready.clear()
        if not self._feeding:
            self._more()
