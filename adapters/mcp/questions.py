"""What a server asks of its client (a model's answer, a person's, the client's folders), and what it is answered."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from hoopaddon.adapters.mcp import refusals
from hoopaddon.adapters.mcp.answers import Answers
from hoopaddon.adapters.mcp.conversation import Asked, Conversation, named
from hoopaddon.adapters.mcp.making import answer_command, rewritten, server_command
from hoopaddon.adapters.mcp.messages import Answer, Failure, Notification, Request, write
from hoopaddon.adapters.mcp.running import InProgress, Running
from hoopaddon.command import Outcome, Verdict
from hoopaddon.errors import HoopaddonError
from hoopaddon.policy.chain import place
from hoopaddon.policy.in_force import Judge
from hoopaddon.session import Session

logger = logging.getLogger(__name__)

type Send = Callable[[bytes], Awaitable[None]]


class Questions:
    """See the module: those of one session. `to_client` and `to_server` take one message."""

    def __init__(
        self,
        session: Session,
        gateway: Judge,
        conversation: Conversation,
        answers: Answers,
        to_client: Send,
        to_server: Send,
    ) -> None:
        self._session = session
        self._gateway = gateway
        self._conversation = conversation
        self._answers = answers
        self._to_client = to_client
        self._to_server = to_server
        self._asked = InProgress()

    async def asked(self, request: Request) -> None:
        """The server asks. Raises `NotAMessage` with what it is told instead."""
        asked = self._conversation.server_asks(request)
        if request.method == "ping":
            asked.forwarded = True
            await self._to_client(write(request))
            return
        asked.command = server_command(self._session, request.method, request.params)
        running = Running(self._gateway, asked.command)
        await self._asked.judge(request.id, running, self._judge(asked, running))

    async def _judge(self, asked: Asked, running: Running) -> None:
        command = running.command
        try:
            verdict = await running.judge(lambda _number, _text: None)
            if verdict.passes:
                asked.request = rewritten(asked.request, command)  # type: ignore[arg-type]
                request = await self._answers.request(asked)
                running.begin()
                asked.forwarded = True
                await self._to_client(write(request))
                return
            reason = "a policy says no"
        except asyncio.CancelledError:
            running.end(error="cancelled")
            raise
        except HoopaddonError as e:
            command.verdict = Verdict(Outcome.FAILED, str(e))
            reason = "a policy says no"
        except Exception as e:
            logger.error("a request was not judged: %s at %s", type(e).__name__, place(e))
            command.verdict = Verdict(Outcome.FAILED, "the gateway failed")
            reason = "the gateway failed"
        running.end()
        self._conversation.of_server.pop(asked.request.id, None)
        self._asked.take(asked.request.id)
        await self._to_server(write(refusals.to_server(asked.request, reason)))

    async def cancelled(self, told: Notification) -> None:
        """The server waits no longer."""
        asked = named(self._conversation.of_server, told)
        if asked is None:
            return
        del self._conversation.of_server[asked.request.id]
        self._asked.give_up(asked.request.id, "cancelled by the server")
        if asked.forwarded:
            await self._to_client(write(told))

    async def answered(self, answer: Answer) -> None:
        """The client answers."""
        asked = self._conversation.of_server.get(answer.id) if answer.id is not None else None
        if asked is None or not asked.forwarded:
            logger.info("an answer of the client's was dropped: nobody waits for it")
            return
        id = asked.request.id
        self._asked.end(id, "error" if isinstance(answer, Failure) else "answered")
        if asked.command is None:
            del self._conversation.of_server[id]
            await self._to_server(write(answer))
            return
        # It keeps its place, so that nothing else is asked by its id, and waits for no other answer.
        asked.forwarded = False
        running = Running(self._gateway, answer_command(self._session, asked.request, answer))
        await self._asked.judge(id, running, self._judge_answer(asked, answer, running))

    async def _judge_answer(self, asked: Asked, answer: Answer, running: Running) -> None:
        command = running.command
        try:
            verdict = await running.judge(lambda _number, _text: None)
            if verdict.passes and command.text != command.original_text:
                verdict = command.verdict = Verdict(Outcome.FAILED, "an answer cannot be rewritten")
            told = answer if verdict.passes else refusals.to_server(asked.request, "a policy says no")
        except asyncio.CancelledError:
            running.end(error="cancelled")
            raise
        except Exception as e:
            logger.error("an answer was not judged: %s at %s", type(e).__name__, place(e))
            command.verdict = Verdict(Outcome.FAILED, "the gateway failed")
            told = refusals.to_server(asked.request, "the gateway failed")
        self._asked.take(asked.request.id)
        self._conversation.of_server.pop(asked.request.id, None)
        if command.verdict.passes:
            running.begin()
        running.end("sent" if command.verdict.passes else "")
        await self._to_server(write(told))

    def stop_judging(self) -> None:
        """The server is gone."""
        self._asked.stop_judging()

    async def close(self) -> None:
        """Nobody listens any more."""
        await self._asked.close()
