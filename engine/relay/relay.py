"""Holds a client's and a target's connection together, with a conversation between them that knows the protocol."""

import asyncio
import logging
from collections.abc import Awaitable, Coroutine
from typing import Any, ClassVar, Protocol

from hoopaddon.errors import HoopaddonError, PeerError
from hoopaddon.relay.channel import Channel
from hoopaddon.relay.hangup import HangUpWatch

logger = logging.getLogger(__name__)

BACKLOG_BYTES = 256 * 1024
"""How far a client may write ahead while it waits."""
HELD_BACKLOG_BYTES = 8 * 1024 * 1024
"""The same while its command is held for a verdict: more than the system's buffers take, so that the end of a client
that has left comes through behind its last bytes."""
PARTING_S = 5.0
"""How long what a client is told at the end may take to be sent."""
MAX_HELD_BACKLOGS = 8
"""How many clients may be that far ahead at a time; for the others it is `BACKLOG_BYTES`."""


class Conversation(Protocol):
    """What an adapter supplies: bytes in from both sides, bytes out to both sides, and no I/O.

    After each call the relay sends what stands in `to_client` and `to_server` and empties them. A set
    `client_wait` or `server_wait` suspends that side: the relay awaits it, then calls the side's `resume`.
    """

    to_client: list[bytes]
    to_server: list[bytes]

    @property
    def client_wait(self) -> Awaitable[None] | None: ...
    @property
    def server_wait(self) -> Awaitable[None] | None: ...
    @property
    def finished(self) -> bool:
        """Nothing more will be said: send what is written, then close both."""
        ...

    def client_data(self, data: bytes) -> None: ...
    def server_data(self, data: bytes) -> None: ...
    def resume_client(self) -> None: ...
    def resume_server(self) -> None: ...
    @property
    def client_backlog(self) -> int: ...
    @property
    def holding(self) -> bool:
        """Whether what the client waits for is a verdict, which nobody needs if it leaves."""
        ...

    @property
    def idle(self) -> bool:
        """Whether no command is in flight: the moment at which a drain may end the session."""
        ...

    def end(self, reason: str, *, code: str = "") -> None:
        """Say goodbye to the client in its protocol, and set `finished`."""
        ...

    def closed(self) -> None:
        """Both connections are gone: finish every command that was in flight."""
        ...


class Relay:
    """Runs one conversation until either peer is gone.

    `idle_timeout_s` of 0 never ends an idle session.
    """

    _ahead: ClassVar[set["Relay"]] = set()
    """Those whose clients may be as far ahead as `HELD_BACKLOG_BYTES`."""

    def __init__(
        self, client: Channel, server: Channel, conversation: Conversation, *, idle_timeout_s: float = 0
    ) -> None:
        self._client = client
        self._server = server
        self._talk = conversation
        self._idle_timeout_s = idle_timeout_s
        self._done = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Task[None]] = set()
        self._client_task: asyncio.Task[None] | None = None
        self._server_task: asyncio.Task[None] | None = None
        self._hang_up_watch: HangUpWatch | None = None
        self._draining = False
        self._active = False

    async def run(self) -> None:
        """Returns when both connections are closed."""
        self._server.attach(self._server_data, self._server_end, self._brake)
        self._client.attach(self._client_data, self._client_end, self._brake)
        idle = asyncio.ensure_future(self._watch_idle()) if self._idle_timeout_s else None
        try:
            await self._done
        finally:
            if idle:
                idle.cancel()
            for task in (self._client_task, self._server_task):
                if task:
                    task.cancel()
            self._ahead.discard(self)
            self._watch_hang_up(False)
            self._talk.closed()

    # -- the fast path

    def _client_data(self, data: bytes) -> None:
        self._active = True
        try:
            self._talk.client_data(data)
        except Exception as e:  # the relay is the last to be able to fail closed
            self._broken(e)
            return
        self._flush()

    def _server_data(self, data: bytes) -> None:
        self._active = True
        try:
            self._talk.server_data(data)
        except Exception as e:  # as above
            self._broken(e)
            return
        self._flush()

    def _flush(self) -> None:
        talk = self._talk
        if out := talk.to_server:
            self._server.write(out[0] if len(out) == 1 else b"".join(out))
            out.clear()
        if out := talk.to_client:
            self._client.write(out[0] if len(out) == 1 else b"".join(out))
            out.clear()
        if talk.finished:
            self._finish()
            return
        if talk.client_wait is not None and self._client_task is None:
            self._client_task = self._later(self._wait_client())
        if talk.server_wait is not None and self._server_task is None:
            self._server.pause()
            self._server_task = self._later(self._wait_server())
        if self._client_task is not None and talk.client_backlog > BACKLOG_BYTES:
            self._brake_client()
        if self._draining and talk.idle:
            self._say_goodbye()

    # -- suspended sides

    @staticmethod
    def _later(waiting: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task that has not begun: one that is over at once would be taken for one that still waits."""
        return asyncio.Task(waiting, loop=asyncio.get_running_loop(), eager_start=False)

    async def _wait_client(self) -> None:
        while (wait := self._talk.client_wait) is not None:
            try:
                await wait
                self._talk.resume_client()
            except asyncio.CancelledError:
                raise
            except Exception as e:  # as above
                self._broken(e)
                return
            if self._talk.client_wait is None:
                self._client_task = None
            self._flush()
            if self._client_task is None:
                break
        self._ahead.discard(self)
        self._brake()

    async def _wait_server(self) -> None:
        while (wait := self._talk.server_wait) is not None:
            try:
                await wait
                self._talk.resume_server()
            except asyncio.CancelledError:
                raise
            except Exception as e:  # as above
                self._broken(e)
                return
            if self._talk.server_wait is None:
                self._server_task = None
            self._flush()
            if self._server_task is None:
                break
        self._brake()

    # -- brakes

    def _brake(self, _writable: bool = True) -> None:
        """Who may be read now. A client that does not read is not read either: it is answered without the target."""
        if self._client.writable and self._server_task is None:
            self._server.resume()
        else:
            self._server.pause()
        self._brake_client()

    def _brake_client(self) -> None:
        held = self._client_task is not None and self._too_far_ahead()
        if self._client.writable and self._server.writable and not held:
            self._client.resume()
        else:
            self._client.pause()
        self._watch_hang_up(held and self._talk.holding)

    def _too_far_ahead(self) -> bool:
        """Whether the client, which waits, has written so much that it is not read."""
        backlog = self._talk.client_backlog
        if not self._talk.holding:
            self._ahead.discard(self)
        elif backlog > BACKLOG_BYTES and len(self._ahead) < MAX_HELD_BACKLOGS:
            self._ahead.add(self)
        return backlog > (HELD_BACKLOG_BYTES if self in self._ahead else BACKLOG_BYTES)

    def _watch_hang_up(self, wanted: bool) -> None:
        """A client that is not read is only noticed to leave if somebody watches."""
        if wanted and self._hang_up_watch is None:
            self._hang_up_watch = self._client.watch_hang_up(self._client_hung_up)
        elif not wanted and self._hang_up_watch is not None:
            self._hang_up_watch.close()
            self._hang_up_watch = None

    def _client_hung_up(self) -> None:
        self._hang_up_watch = None
        if self._talk.holding:
            self._finish()

    # -- ends

    def _broken(self, error: Exception) -> None:
        if isinstance(error, PeerError):
            logger.warning("%s: %s sent bytes outside its protocol: %s", self._client.address(), error.side, error)
            reason = f"protocol violation by the {error.side}: {error.message}"
        else:
            place = error.__traceback__
            while place is not None and place.tb_next is not None:
                place = place.tb_next
            where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else "an unknown place"
            logger.error("%s: session ended by %s at %s", self._client.address(), type(error).__name__, where)
            reason = str(error) if isinstance(error, HoopaddonError) else "internal error of the gateway"
        self._talk.to_server.clear()
        self._talk.to_client.clear()
        self._talk.end(reason, code="08P01" if isinstance(error, PeerError) else "")
        self._flush()

    def _client_end(self) -> None:
        if self._client.lost or self._talk.idle or self._client_task is not None:
            self._finish()
        else:
            # A half-close: the client may be waiting for the answers to what it has sent.
            self._server.write_end()

    def _server_end(self) -> None:
        if not self._talk.finished:
            self._talk.end("the target closed the connection", code="57P01")
            self._flush()

    def _finish(self) -> None:
        self._client.close()
        self._server.close()
        if not self._done.done():
            self._done.set_result(None)

    def _say_goodbye(self) -> None:
        if not self._talk.finished:
            self._talk.end("the gateway is shutting down", code="57P01")
            self._flush()

    def drain(self) -> None:
        """End the session as soon as no command is in flight."""
        self._draining = True
        if self._talk.idle:
            self._say_goodbye()

    def cut(self) -> None:
        """End the session now."""
        self._say_goodbye()

    def end(self, reason: str) -> None:
        """End the session now, and tell the client why; one that does not read has `PARTING_S` for it."""
        if not self._talk.finished:
            self._talk.end(reason)
            self._flush()
            asyncio.get_running_loop().call_later(PARTING_S, self._client.abort)

    async def _watch_idle(self) -> None:
        while True:
            await asyncio.sleep(self._idle_timeout_s)
            if not self._active and self._talk.idle:
                self._talk.end(f"idle for {self._idle_timeout_s:g} seconds", code="57P05")
                self._flush()
                return
            self._active = False
