"""What a server answers on HTTP: one message, or a stream of them, each through the guard's server side."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from hoopaddon.adapters.mcp import refusals
from hoopaddon.adapters.mcp import specification as spec
from hoopaddon.adapters.mcp.answers import Answers
from hoopaddon.adapters.mcp.conversation import Asked
from hoopaddon.adapters.mcp.lines import DEFAULT_LIMIT_BYTES
from hoopaddon.adapters.mcp.making import rewritten, server_command
from hoopaddon.adapters.mcp.messages import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    UNREADABLE,
    Answer,
    Batch,
    Failure,
    Message,
    NotAMessage,
    Notification,
    Request,
    Result,
    read,
    write,
)
from hoopaddon.adapters.mcp.running import Running
from hoopaddon.adapters.mcp.web.events import Event, Events
from hoopaddon.adapters.mcp.web.places import named
from hoopaddon.adapters.mcp.web.state import Carried, WebState, remember
from hoopaddon.command import Outcome, Verdict
from hoopaddon.errors import HoopaddonError, PeerError, Refused
from hoopaddon.policy.in_force import Judge
from hoopaddon.session import Session

logger = logging.getLogger(__name__)

_PAUSE_BYTES = 1 << 20


class MessagesEditor:
    """One body, `streams` of events or a single document, in the shape of `BodyEditor`.

    What is fed waits in a queue, and goes through the policies message by message, in its order.
    """

    def __init__(
        self,
        session: Session,
        state: WebState,
        carried: Carried,
        gateway: Judge,
        write: Callable[[bytes], None],
        fail: Callable[[HoopaddonError], None],
        hold: Callable[[bool], None],
        *,
        streams: bool,
    ) -> None:
        self._session, self._state, self._carried, self._gateway = session, state, carried, gateway
        self._write, self._fail, self._hold = write, fail, hold
        self._answers = Answers(session, gateway, carried.conversation, state.toolbox, binary=state.binary)
        self._events = Events(DEFAULT_LIMIT_BYTES) if streams else None
        self._document = bytearray()
        self._queue: list[Event | bytes] = []
        self._queued = 0
        self._held = self._closed = self._over = False
        self._worker: asyncio.Task[None] | None = None

    # -- the shape of a BodyEditor

    def feed(self, data: bytes) -> None:
        """More has come."""
        if self._over or self._closed:
            return
        if self._events is None:
            self._document += data
            if len(self._document) > DEFAULT_LIMIT_BYTES:
                self._break(PeerError("server", "the message is too long", limit=DEFAULT_LIMIT_BYTES))
            return
        try:
            self._queue.extend(self._events.feed(data))
        except PeerError as e:
            self._break(e)
            return
        self._queued += len(data)
        self._work()
        if self._worker is not None and self._queued > _PAUSE_BYTES and not self._held:
            self._held = True
            self._hold(True)

    def close(self) -> None:
        """Nothing follows any more."""
        if self._over or self._closed:
            return
        self._closed = True
        if self._document:
            self._queue.append(bytes(self._document))
        self._work()

    def abort(self) -> None:
        """The client is gone: nothing leaves any more."""
        self._over = True
        if self._worker is not None:
            self._worker.cancel()

    async def drained(self) -> None:
        """Returns when all that was fed before `close` has left, or never will."""
        if self._worker is not None:
            await asyncio.wait([self._worker])

    def client_paused(self, paused: bool) -> None:
        """Messages are whole: it makes no difference."""

    def _break(self, error: HoopaddonError) -> None:
        if not self._over:
            self._over = True
            self._queue.clear()
            self._fail(error)

    def say(self, message: Message) -> None:
        """Something of the gateway's own, between two events."""
        if not self._over:
            self._write(Event([("event", "message")], write(message).decode()).write())

    # -- message by message

    def _work(self) -> None:
        if self._worker is None and self._queue:
            task = asyncio.Task(self._edit_all(), loop=asyncio.get_running_loop(), eager_start=True)
            if not task.done():
                self._worker = task

    async def _edit_all(self) -> None:
        try:
            while self._queue and not self._over:
                one = self._queue.pop(0)
                data = await (self._event(one) if isinstance(one, Event) else self._whole(one))
                if data and not self._over:
                    self._write(data)
        except HoopaddonError as e:
            self._break(e)
        except NotAMessage as e:
            self._break(Refused(f"the server's answer cannot be read: {e}"))
        finally:
            self._worker = None
            self._queued = 0
            if self._held:
                self._held = False
                self._hold(False)

    async def _whole(self, data: bytes) -> bytes:
        message = await self._message(data)
        if message is None:
            raise Refused("the server's answer is to another request")
        return write(message)

    async def _event(self, event: Event) -> bytes:
        if event.type == "endpoint" and self._carried.place.names_another:
            return self._endpoint(event).write()
        if not event.data:
            return event.write()
        if event.type not in ("", "message"):
            return b""
        try:
            message = await self._message(event.data.encode("utf-8", "surrogateescape"))
        except NotAMessage as e:
            logger.warning("an event of the server's was dropped: %s", e)
            return b""
        if message is None:
            return b""
        return Event(event.fields, write(message).decode()).write()

    def _endpoint(self, event: Event) -> Event:
        """Where the client is to post (2024-11-05): at the gateway, not past it."""
        listening = self._carried.request
        if listening is None:
            raise Refused("nobody has asked where to post")
        endpoint = named(listening, event.data)
        self._state.announce(endpoint, self._carried.conversation, self)
        return Event(event.fields, endpoint)

    async def _message(self, data: bytes) -> Message | None:
        try:
            found = read(data, from_client=False)
        except NotAMessage as e:
            if e.answers is None:
                raise
            logger.warning("an answer of the server's was withheld: %s", e)
            found = Failure(e.answers, INTERNAL_ERROR, UNREADABLE)
        if isinstance(found, Batch):
            raise NotAMessage(INVALID_REQUEST, "batches are refused over HTTP")
        match found:
            case Result() | Failure():
                return await self._answer(found)
            case Notification():
                return await self._answers.notification(found)
            case Request():
                return await self._asks(found)

    async def _answer(self, answer: Answer) -> Message | None:
        asked = self._carried.asked
        waiting = self._carried.conversation.of_client
        if asked is None or answer.id != asked.request.id or type(answer.id) is not type(asked.request.id):
            if isinstance(answer, Failure) and answer.id is None and asked is not None:
                answer = replace(answer, id=asked.request.id)
            else:
                # On a stream that was opened by itself, or is resumed, the answer may be to any that waits.
                asked = waiting.get(answer.id) if answer.id is not None and asked is None else None
        if asked is None:
            logger.info("an answer of the server's was dropped: nobody waits for it")
            return None
        waiting.pop(asked.request.id, None)
        return await self._answers.answer(asked, answer)

    async def _asks(self, request: Request) -> Message | None:
        waiting, version = self._carried.conversation.of_server, self._version
        before = waiting.get(request.id)
        if before is not None and before.request != request:
            # A stream that is resumed may ask again; by one id there is one question.
            raise NotAMessage(INVALID_REQUEST, "the id is that of a request that has no answer yet")
        try:
            spec.check_server_request(request.method, version, request.params)
        except spec.NotAllowed as e:
            return self._told(request, Failure(request.id, e.code, e.reason))
        if request.method == "ping":
            return remember(waiting, request, version).request
        asked = Asked(request, version)
        asked.command = command = server_command(self._session, request.method, request.params)
        running = Running(self._gateway, command)
        verdict = await running.judge(lambda _number, _text: None)
        try:
            if not verdict.passes:
                raise Refused(verdict.reason)
            asked.request = rewritten(request, command)
            shown = await self._answers.request(asked)
        except HoopaddonError as e:
            if verdict.passes:
                command.verdict = Verdict(Outcome.FAILED, str(e))
            running.end()
            return self._told(request, refusals.to_server(request, "a policy says no"))
        remember(waiting, request, version)
        running.begin()
        running.end("asked")
        return shown

    @property
    def _version(self) -> str:
        """That of the request which this answers, else of the conversation."""
        asked = self._carried.asked
        return asked.version if asked is not None else self._carried.conversation.version

    def _told(self, request: Request, refusal: Answer) -> Message | None:
        """The question goes no further, and the server is told so.

        Nothing goes to a target but what a client sends, so the client is asked for a sign of life by the question's
        id, and what it says to that is made the refusal.
        """
        if self._version in spec.MODERN_VERSIONS:
            logger.warning("a server's question was dropped: its version has none")
            return None
        asked = remember(self._carried.conversation.of_server, request, self._version)
        asked.refusal = refusal
        return Request(request.id, "ping")
