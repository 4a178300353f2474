"""What the policies say of a request, once it is all there, or as much of it as is waited for."""

import asyncio
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hoopaddon.command import Command, Outcome, Verdict
from hoopaddon.credential import CredentialUnavailable
from hoopaddon.errors import Unparsable
from hoopaddon.policy.in_force import judged
from hoopaddon.session import Session
from hoopaddon.web.answer import WebAnswer, problem, status_of
from hoopaddon.web.call import Call
from hoopaddon.web.exchange import Exchange, change, judged_request, request_of
from hoopaddon.web.held import PLACE, Held, HeldRequests, waiting, wants_to_ask_again
from hoopaddon.web.request import WebRequest

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway

logger = logging.getLogger(__name__)

_UNSEEN = "the request's body is larger than what is looked into: allow=large_body would let it pass unseen"
_GONE = "the client has gone"


class Judging:
    """See the module. Where a request does not go on, what is returned is its answer."""

    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway
        self._kept = HeldRequests()

    async def judge(self, exchange: Exchange) -> WebAnswer | None:
        """Decide on the request as scripts have left it; the exchange has its command from now on."""
        place = exchange.route.inner(PLACE)
        if exchange.flow.request.path.startswith(place):
            return await self._ask_again(exchange, exchange.flow.request.path.removeprefix(place))
        return await self._judge(exchange, None)

    async def _judge(self, exchange: Exchange, approved: Command | None) -> WebAnswer | None:
        flow = exchange.flow
        request = judged_request(exchange)
        command = exchange.command = exchange.protocol.command(exchange.session, request)
        if approved is not None and (command.text, command.parameters) == (approved.text, approved.parameters):
            command.continues(approved.decisions)
        if (error := _objection(exchange, command)) is not None:
            command.verdict = Verdict(Outcome.REFUSED, error.reason, code=error.code)
            return exchange.protocol.refusal(request, status_of(error), error.reason, "")
        if request.body is None and not self._may_be_unseen(exchange, command, request):
            command.verdict = Verdict(Outcome.REFUSED, _UNSEEN)
            return exchange.protocol.refusal(request, 413, _UNSEEN, "")
        asked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        may_leave = wants_to_ask_again(flow.request) and request.body is not None and exchange.call is None
        if may_leave:
            command.tell_when_held(lambda _: None if asked.done() else asked.set_result(None))
        judging = exchange.judging = self._begin(command)
        if may_leave and (held := await self._held(exchange, command, judging, asked)):
            return waiting(held, exchange.origin)
        verdict = await self._decided(exchange, command, judging)
        if not verdict.passes:
            if told := exchange.protocol.instead(command):
                change(flow.request, told)
                return await self._prove(exchange, request)
            status = 502 if verdict.outcome is Outcome.FAILED else 403
            return exchange.protocol.refusal(request, status, verdict.reason, verdict.addon)
        if command.text != command.original_text or exchange.protocol.sends_always:
            sent = exchange.protocol.sent(command)
            change(flow.request, sent if exchange.call is None else replace(sent, body=None))
        return await self._prove(exchange, request)

    def _begin(self, command: Command) -> "asyncio.Task[Verdict]":
        # It starts at once, and is through at once where no policy awaits.
        loop = asyncio.get_running_loop()
        return asyncio.Task(judged(self._gateway, command), eager_start=True, loop=loop)

    def _may_be_unseen(self, exchange: Exchange, command: Command, request: WebRequest) -> bool:
        credential = exchange.route.credential
        if credential is not None and credential.signs_bodies:
            return False
        if "large_body" in exchange.route.target.allowed or exchange.protocol.streams(request):
            return True
        return not any(policy.command_hook(type(command)) for policy in self._gateway.chain.policies)

    async def _decided(self, exchange: Exchange, command: Command, judging: "asyncio.Task[Verdict]") -> Verdict:
        """The verdict; a refusal as soon as nobody waits for it any more."""
        try:
            return await judging
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            command.verdict = Verdict(Outcome.REFUSED, exchange.session.ended or _GONE)
            return command.verdict
        finally:
            exchange.judging = None

    async def _prove(self, exchange: Exchange, request: WebRequest) -> WebAnswer | None:
        credential = exchange.route.credential
        if credential is None:
            return None
        try:
            await credential.ready(self._gateway.credentials)
        except CredentialUnavailable as e:
            logger.error("%s: no credential: %s", exchange.route.target.name, e)
            reason = "the gateway has no credential for this target now"
            return exchange.protocol.refusal(request, 502, reason, "")
        return None

    async def judge_message(self, exchange: Exchange, command: Command, size: int) -> Verdict:
        """Decide on a message of `size` bytes on a WebSocket; with that it has ended, too."""
        started = time.perf_counter()
        judging = exchange.judging = self._begin(command)
        verdict = await self._decided(exchange, command, judging)
        command.duration_s = time.perf_counter() - started
        command.bytes = size
        self._gateway.chain.end_command(command)
        return verdict

    async def judge_more(self, exchange: Exchange, call: Call) -> WebAnswer | None:
        """Decide on what follows in a call that has begun; each time it is a command, which has ended with that."""
        request = judged_request(exchange)
        command = exchange.protocol.command(exchange.session, request)
        if (error := _objection(exchange, command)) is not None:
            command.verdict = verdict = Verdict(Outcome.REFUSED, error.reason, code=error.code)
            self._gateway.chain.end_command(command)
        else:
            verdict = await self.judge_message(exchange, command, len(call.body or b""))
        if verdict.passes and command.text != command.original_text:
            logger.error("%s: a policy rewrites a call that has begun", exchange.route.target.name)
            verdict = Verdict(Outcome.FAILED, "a policy failed")
        if verdict.passes:
            return None
        status = 502 if verdict.outcome is Outcome.FAILED else 403
        return exchange.protocol.refusal(request, status, verdict.reason, verdict.addon)

    # -- clients that do not wait

    async def _held(
        self,
        exchange: Exchange,
        command: Command,
        judging: "asyncio.Task[Verdict]",
        asked: "asyncio.Future[None]",
    ) -> Held | None:
        """Wait until people are asked, and then keep the request; None where that is not needed."""
        both: list[asyncio.Future[Any]] = [judging, asked]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if judging.done():
            return None
        held = self._kept.keep(exchange.session, exchange.route, exchange.flow.request, command, judging)
        # From here on it belongs to nobody's connection.
        exchange.command, exchange.judging = None, None
        self._gateway.web.sessions.stay(exchange.session)
        judging.add_done_callback(lambda _: self._over(command))
        return held

    def _over(self, command: Command) -> None:
        if command.verdict.outcome is Outcome.PENDING:
            command.verdict = Verdict(Outcome.REFUSED, command.session.ended or _GONE)
        command.tag = "202"
        self._gateway.chain.end_command(command)
        self._gateway.web.sessions.leave(command.session)

    async def _ask_again(self, exchange: Exchange, id_: str) -> WebAnswer | None:
        asking = exchange.flow.request
        if asking.method != "GET" or asking.stream or asking.raw_content or asking.trailers:
            return problem(400, "Bad Request", "ask with GET and without a body")
        held = self._kept.find(id_, exchange.session, exchange.route)
        if held is None:
            return problem(404, "Not Found", "no request of this session waits here")
        if not held.judging.done():
            return waiting(held, exchange.origin)
        self._kept.forget(held)
        verdict = held.command.verdict
        if not verdict.passes:
            request = request_of(held.request, body_seen=True)
            return exchange.protocol.refusal(request, 403, verdict.reason, verdict.addon)
        asking.method, asking.path = held.request.method, held.request.path
        asking.headers, asking.raw_content = held.request.headers, held.request.raw_content
        asking.trailers = held.request.trailers
        asking.headers.pop("prefer", None)
        return await self._judge(exchange, held.command)

    def end(self, session: Session) -> None:
        """A policy has ended the session: nobody can ask again for what was held of it."""
        self._kept.forget_all_of(session)

    def close(self) -> None:
        """The gateway ends."""
        self._kept.close()


def _objection(exchange: Exchange, command: Command) -> Unparsable | None:
    """Why this goes no further whatever the policies say; None where it may."""
    if exchange.call is not None and exchange.call.objection:
        return Unparsable(exchange.call.objection)
    return exchange.protocol.objection(command)
