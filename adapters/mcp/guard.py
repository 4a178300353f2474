"""Between a client and a server that exchange messages over one connection: nothing passes unjudged, either way.

The guard does no input or output of its own: it is fed messages, and sends them by the two functions it was made
with. What it sends it has written itself, so what was read here is what is read there.
"""

import asyncio
import logging

from hoopaddon.adapters.mcp import refusals
from hoopaddon.adapters.mcp.answers import Answers
from hoopaddon.adapters.mcp.conversation import Asked, Conversation, named
from hoopaddon.adapters.mcp.lines import DEFAULT_LIMIT_BYTES
from hoopaddon.adapters.mcp.making import command_of, rewritten
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
from hoopaddon.adapters.mcp.questions import Questions, Send
from hoopaddon.adapters.mcp.running import InProgress, Running
from hoopaddon.adapters.mcp.toolbox import Toolbox
from hoopaddon.command import Outcome, Verdict
from hoopaddon.errors import Refused
from hoopaddon.policy.chain import place
from hoopaddon.policy.in_force import Judge
from hoopaddon.session import Session

logger = logging.getLogger(__name__)


class McpGuard:
    """See the module. `to_client` and `to_server` take one message; the feeding methods return when it is taken."""

    def __init__(
        self,
        session: Session,
        gateway: Judge,
        to_client: Send,
        to_server: Send,
        *,
        toolbox: Toolbox,
        binary: bool = False,
        methods: frozenset[str] = frozenset(),
        limit_bytes: int = DEFAULT_LIMIT_BYTES,
    ) -> None:
        self._session = session
        self._gateway = gateway
        self._to_client = to_client
        self._to_server = to_server
        self._toolbox = toolbox
        self.limit_bytes = limit_bytes
        self._conversation = Conversation(methods)
        self._answers = Answers(session, gateway, self._conversation, toolbox, binary=binary)
        self._questions = Questions(session, gateway, self._conversation, self._answers, to_client, to_server)
        self._calls = InProgress()
        self._notes: set[asyncio.Task[None]] = set()
        self.idle = asyncio.Event()
        """Set while the client waits for no answer."""
        self.idle.set()
        self._greeted = asyncio.Event()
        """Cleared while the handshake is on its way: what may be said depends on the version that it ends with."""
        self._greeted.set()

    # -- from the client

    async def from_client(self, data: bytes) -> None:
        """A message of the client's."""
        if len(data) > self.limit_bytes:
            await self.oversized(from_client=True)
            return
        try:
            for message in self._split(read(data, from_client=True)):
                await self._client_says(message)
        except NotAMessage as e:
            await self._to_client(write(e.answer))

    async def oversized(self, *, from_client: bool) -> None:
        """A message that was longer than any may be, and was thrown away."""
        reason = f"the message is longer than {self.limit_bytes} bytes"
        if from_client:
            await self._to_client(write(Failure(None, INVALID_REQUEST, reason)))
            return
        # Which request it would have answered, nobody has read.
        for asked in [asked for asked in self._conversation.of_client.values() if asked.forwarded]:
            self._calls.end(asked.request.id, error=reason)
            self._no_longer(asked)
            await self._to_client(write(refusals.withheld(asked.request, f"a message of the server's: {reason}")))

    def _split(self, found: Message | Batch) -> tuple[Message, ...]:
        if not isinstance(found, Batch):
            return (found,)
        if not self._conversation.batches:
            raise NotAMessage(INVALID_REQUEST, "this version of the protocol has no batches")
        return found.messages

    async def _client_says(self, message: Message) -> None:
        if not isinstance(message, Request) or message.method not in ("initialize", "ping"):
            await self._greeted.wait()
        match message:
            case Request():
                await self._client_asks(message)
            case Notification(method="notifications/cancelled"):
                await self._client_cancels(message)
            case Notification():
                if self._conversation.client_tells(message):
                    await self._to_server(write(message))
            case Result() | Failure():
                await self._questions.answered(message)

    async def _client_asks(self, request: Request) -> None:
        asked = self._conversation.client_asks(request)
        self.idle.clear()
        if request.method == "initialize":
            self._greeted.clear()
        try:
            command = command_of(self._session, asked.request, self._toolbox)
        except NotAMessage:
            self._no_longer(asked)
            raise
        if self._conversation.client:
            self._session.parameters["client"] = self._conversation.client
        if command is None:
            asked.forwarded = True
            await self._to_server(write(asked.request))
            return
        asked.command = command
        running = Running(self._gateway, command)
        await self._calls.judge(request.id, running, self._judge(asked, running))

    async def _judge(self, asked: Asked, running: Running) -> None:
        request, command = asked.request, running.command
        try:
            answer = self._beforehand(asked, running)
            if answer is None:
                verdict = await running.judge(lambda number, text: self._note(asked, number, text))
                answer = refusals.of_verdict(request, verdict) if not verdict.passes else None
            if answer is None:
                answer = self._rewrite(asked, running)
            if answer is None:
                running.begin()
                asked.forwarded = True
                await self._to_server(write(asked.request))
                return
        except asyncio.CancelledError:
            running.end(error="cancelled")
            raise
        except Exception as e:
            logger.error("a request was not judged: %s at %s", type(e).__name__, place(e))
            command.verdict = Verdict(Outcome.FAILED, "the gateway failed")
            answer = refusals.of_verdict(request, command.verdict)
        running.end()
        self._forget(asked)
        await self._to_client(write(answer))

    def _beforehand(self, asked: Asked, running: Running) -> Answer | None:
        """The refusal of a tool that nobody may call."""
        request = asked.request
        if request.method != "tools/call":
            return None
        reason = self._toolbox.refusal(request.params["name"], request.params.get("arguments") or {})
        if not reason:
            return None
        running.command.verdict = Verdict(Outcome.REFUSED, reason)
        return refusals.to_client(request, reason)

    def _rewrite(self, asked: Asked, running: Running) -> Answer | None:
        command = running.command
        try:
            asked.request = rewritten(asked.request, command)  # type: ignore[arg-type]
        except Refused as e:
            command.verdict = Verdict(Outcome.FAILED, e.reason)
            return refusals.of_verdict(asked.request, command.verdict)
        return self._beforehand(asked, running)

    def _forget(self, asked: Asked) -> None:
        if asked.request.method == "initialize":
            self._conversation.not_agreed()
        self._calls.take(asked.request.id)
        self._no_longer(asked)

    def _no_longer(self, asked: Asked) -> None:
        """The client does not wait for this any more."""
        waiting = self._conversation.of_client
        if waiting.get(asked.request.id) is asked:
            del waiting[asked.request.id]
        if asked.request.method == "initialize":
            self._greeted.set()
        if not waiting:
            self.idle.set()

    def _note(self, asked: Asked, number: int, text: str) -> None:
        told = asked.note(number, text)
        if told is None:
            return
        note = asyncio.ensure_future(self._to_client(write(told)))
        self._notes.add(note)
        note.add_done_callback(self._notes.discard)

    async def _client_cancels(self, told: Notification) -> None:
        asked = named(self._conversation.of_client, told)
        if asked is None or asked.request.method == "initialize":
            return
        self._no_longer(asked)
        self._calls.give_up(asked.request.id, "cancelled by the client")
        if asked.forwarded:
            await self._to_server(write(told))

    # -- from the server

    async def from_server(self, data: bytes) -> None:
        """A message of the server's."""
        if len(data) > self.limit_bytes:
            await self.oversized(from_client=False)
            return
        try:
            for message in self._split(read(data, from_client=False)):
                await self._server_says(message)
        except NotAMessage as e:
            logger.warning("what the server sent was dropped: %s", e)
            if e.answers is not None:
                await self._server_answers(Failure(e.answers, INTERNAL_ERROR, UNREADABLE))
            elif e.answer.id is not None:
                await self._to_server(write(e.answer))

    async def _server_says(self, message: Message) -> None:
        match message:
            case Request():
                await self._questions.asked(message)
            case Notification(method="notifications/cancelled"):
                await self._questions.cancelled(message)
            case Notification():
                told = await self._answers.notification(message)
                if told is not None:
                    await self._to_client(write(told))
            case Result() | Failure():
                await self._server_answers(message)

    async def _server_answers(self, answer: Answer) -> None:
        asked = self._conversation.of_client.get(answer.id) if answer.id is not None else None
        if asked is None or not asked.forwarded:
            logger.info("an answer of the server's was dropped: nobody waits for it")
            return
        # The id is free from here on, and its answer is still on the way.
        del self._conversation.of_client[asked.request.id]
        running = self._calls.take(asked.request.id)
        shown = await self._answers.answer(asked, answer)
        data = write(shown)
        if running is not None:
            running.end(_tag(shown), bytes=len(data))
        await self._to_client(data)
        self._no_longer(asked)

    # -- the end

    async def give_up(self, reason: str) -> None:
        """Nothing is answered any more: whoever waits is told why."""
        self._calls.stop_judging()
        self._questions.stop_judging()
        for asked in list(self._conversation.of_client.values()):
            self._calls.end(asked.request.id, error=reason)
            await self._to_client(write(refusals.to_client(asked.request, reason)))
            self._no_longer(asked)

    async def close(self) -> None:
        """Nobody listens any more: what is held is given up, and every command has its end."""
        for note in self._notes:
            note.cancel()
        if self._notes:
            await asyncio.wait(self._notes)
        await self._calls.close()
        await self._questions.close()


def _tag(answer: Answer) -> str:
    if isinstance(answer, Failure):
        return f"error {answer.code}"
    return "error" if answer.result.get("isError") is True else "ok"
