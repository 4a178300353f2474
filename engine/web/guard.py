"""Every HTTP request on its way: who sends it, to which target, what the policies say, and what comes back.

Connections call this around mitmproxy's own hooks: before `requestheaders`, so that scripts see nobody who has not
proved who it is, and after `request`, so that what is judged is what scripts have left, which is what is sent.
"""

import asyncio
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from mitmproxy import http
from mitmproxy.connection import Client

from hoopaddon.adapter import adapters
from hoopaddon.command import PENDING, Command, Outcome, Verdict
from hoopaddon.errors import HoopaddonError, Refused
from hoopaddon.policy.in_force import judged
from hoopaddon.traffic.failures import is_refused, withhold
from hoopaddon.web import hygiene
from hoopaddon.web.admission import Admission, NotAdmitted
from hoopaddon.web.answer import BODILESS, WebAnswer
from hoopaddon.web.body import BodyEditor, edited_headers, whole_request
from hoopaddon.web.body.coded import CodedEditor, Fail, Hold, Write
from hoopaddon.web.body.coding import codings
from hoopaddon.web.credentials import NoCredential
from hoopaddon.web.echo import EchoEditor, EchoFilter
from hoopaddon.web.edited import EditedBody
from hoopaddon.web.exchange import (
    Exchange,
    answer_of,
    change,
    headers_of,
    raw_headers,
    request_of,
    response_of,
)
from hoopaddon.web.protocol import WebProtocol
from hoopaddon.web.request import Headers, WebRequest
from hoopaddon.web.sessions import WebSessions

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway
    from hoopaddon.traffic.connections import Guarded

logger = logging.getLogger(__name__)

WHOLE_BYTES = 64 * 1024
"""A body of at most this size is edited as a whole, so that a refusal can still be an answer."""


class WebGuard:
    """The exchanges that are going on, and the sessions that they belong to."""

    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway
        self._exchanges: WeakKeyDictionary[http.HTTPFlow, Exchange] = WeakKeyDictionary()
        self.sessions = WebSessions(gateway)
        self.admission = Admission(gateway, self.sessions)

    # -- the request's head

    async def admit(self, flow: http.HTTPFlow) -> bool:
        """Whether the request may go on; where it may not, it has its answer."""
        try:
            admitted = await self.admission.admit(flow)
        except NotAdmitted as e:
            return self._answer(flow, e.answer)
        protocol = protocol_of(admitted.route.protocol)
        self._exchanges[flow] = Exchange(flow, protocol, admitted.route, admitted.session, admitted.origin)
        return True

    async def admit_tunnel(self, flow: http.HTTPFlow) -> bool:
        """Whether a client of a forward proxy may open a tunnel; where it may not, it has its answer."""
        try:
            await self.admission.admit_tunnel(flow)
        except NotAdmitted as e:
            return self._answer(flow, e.answer)
        return True

    def _answer(self, flow: http.HTTPFlow, answer: WebAnswer) -> bool:
        flow.request.stream = False
        withhold(flow, response_of(answer, bodiless=flow.request.method == "HEAD"))
        return False

    # -- the whole request

    async def judge(self, flow: http.HTTPFlow) -> None:
        """What the policies say of the request as scripts have left it; where they refuse it, it has its answer."""
        exchange = self._exchanges.get(flow)
        if exchange is None or flow.response is not None or flow.error is not None:
            return
        request = request_of(flow.request, body_seen=not flow.request.stream)
        command = exchange.command = exchange.protocol.command(exchange.session, request)
        exchange.judging = asyncio.Task(
            judged(self._gateway, command), eager_start=True, loop=asyncio.get_running_loop()
        )
        try:
            verdict = await exchange.judging
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            verdict = command.verdict = Verdict(Outcome.REFUSED, "the client has gone")
        exchange.judging = None
        if not verdict.passes:
            status = 502 if verdict.outcome is Outcome.FAILED else 403
            self._refuse(exchange, request_of(flow.request, body_seen=False), status, verdict.reason, verdict.addon)
            return
        sent = exchange.protocol.sent(command)
        if sent is not request:
            change(flow.request, sent)
        if exchange.route.credential is not None:
            await self._prove(exchange)

    async def _prove(self, exchange: Exchange) -> None:
        credential = exchange.route.credential
        if credential is None:
            return
        try:
            await credential.ready()
        except NoCredential as e:
            logger.error("%s: no credential: %s", exchange.route.target.name, e)
            request = request_of(exchange.flow.request, body_seen=False)
            self._refuse(exchange, request, 502, "the gateway has no credential for this target now", "")

    def _refuse(self, exchange: Exchange, request: WebRequest, status: int, reason: str, policy: str) -> None:
        answer = exchange.protocol.refusal(request, status, reason, policy)
        self._answer(exchange.flow, answer)

    def outgoing(self, flow: http.HTTPFlow, request: http.Request) -> http.Request:
        """The request as it is sent: a copy with the credential, which nothing else ever sees."""
        exchange = self._exchanges.get(flow)
        if exchange is None:
            return request
        exchange.is_sent = True
        credential = exchange.route.credential
        if credential is None and not self._gateway.chain.wants_output:
            return request
        copied = request.copy()
        copied.stream = request.stream
        copied.headers = raw_headers(whole_request(headers_of(request.headers), self._gateway))
        if credential is not None:
            credential.put_on(copied, None if request.stream else request.raw_content or b"")
        return copied

    # -- the answer

    def answered(self, flow: http.HTTPFlow, connection: "Guarded") -> None:
        """The head of the target's answer is there: settle how its body passes."""
        exchange, response = self._exchanges.get(flow), flow.response
        if exchange is None or response is None or exchange.command is None or is_refused(flow):
            return
        if flow.client_conn.proxy_mode in self.admission.routes:
            hygiene.clean_response(response, exchange.route.target, exchange.origin)
        secrets = self._hide_secrets(exchange, response)
        if not (secrets or self._gateway.chain.wants_output):
            return
        try:
            self._settle(exchange, exchange.command, response, secrets, connection)
        except Refused as e:
            self._fail(exchange, e)

    def _hide_secrets(self, exchange: Exchange, response: http.Response) -> tuple[str, ...]:
        """Take the credential out of the header fields; the secrets that are to be taken out of the body."""
        credential = exchange.route.credential
        if credential is None or not credential.secrets:
            return ()
        shown = ((name, EchoFilter(credential.secrets).whole(value)) for name, value in headers_of(response.headers))
        response.headers = raw_headers(Headers(tuple(shown)))
        return credential.secrets

    def _settle(
        self,
        exchange: Exchange,
        command: Command,
        response: http.Response,
        secrets: tuple[str, ...],
        connection: "Guarded",
    ) -> None:
        """Have the body edited as it streams, or as a whole where that is small or a script looks at it."""
        request = exchange.flow.request
        answer = answer_of(response)
        response.headers = raw_headers(edited_headers(answer.headers, self._gateway, status=answer.status))
        if request.method == "HEAD" or answer.status in BODILESS or answer.status < 200:
            return
        length = answer.headers.get("content-length")
        small = length.isdecimal() and int(length) <= WHOLE_BYTES
        whole = not response.stream and (small or self._gateway.addons.has_script_hook("response"))
        exchange.edited = self._edited(exchange, command, answer, secrets, None if whole else connection)
        exchange.edits_whole = whole
        if not whole:
            response.stream = response.stream or True
            if request.http_version == "HTTP/1.1" and "content-length" not in response.headers:
                response.headers["transfer-encoding"] = "chunked"

    def _edited(
        self,
        exchange: Exchange,
        command: Command,
        answer: WebAnswer,
        secrets: tuple[str, ...],
        connection: "Guarded | None",
    ) -> EditedBody:
        def plain(write: Write, fail: Fail, hold: Hold) -> BodyEditor:
            return exchange.protocol.editor(command, answer, self._gateway, write, fail, hold)

        def without_secrets(write: Write, fail: Fail, hold: Hold) -> BodyEditor:
            decoded = replace(answer, headers=answer.headers.without("content-encoding"))

            def inner(write: Write, fail: Fail, hold: Hold) -> BodyEditor:
                editor = exchange.protocol.editor(command, decoded, self._gateway, write, fail, hold)
                return EchoEditor(secrets, editor)

            applied = codings(answer.headers.get("content-encoding"))
            return CodedEditor(applied, inner, write, fail, hold) if applied else inner(write, fail, hold)

        return EditedBody(
            without_secrets if secrets else plain,
            more=lambda: connection.body_ready(exchange.flow) if connection is not None else None,
            hold=lambda paused: connection.hold(paused) if connection is not None else None,
        )

    async def answer_whole(self, flow: http.HTTPFlow) -> None:
        """A body that is there as a whole passes through its editor before any of it is sent."""
        exchange, response = self._exchanges.get(flow), flow.response
        if exchange is None or response is None or is_refused(flow):
            return
        edited = exchange.edited
        if edited is None or not exchange.edits_whole:
            return
        exchange.edits_whole = False
        parts = edited.feed(response.raw_content or b"") + edited.end()
        if not edited.is_over:
            await edited.finished()
            parts += edited.take()
        if edited.failure is not None:
            self._fail(exchange, edited.failure)
            return
        response.raw_content = b"".join(parts)
        response.headers.pop("transfer-encoding", None)
        response.headers["content-length"] = str(len(response.raw_content))

    def _fail(self, exchange: Exchange, error: HoopaddonError) -> None:
        request = request_of(exchange.flow.request, body_seen=False)
        refused = isinstance(error, Refused)
        status, reason = (403, error.reason) if isinstance(error, Refused) else (502, "a policy failed")
        self._refuse(exchange, request, status, reason, getattr(error, "by", "") if refused else "")

    def edited(self, flow: http.HTTPFlow) -> EditedBody | None:
        """What edits the body that streams, if anything does."""
        exchange = self._exchanges.get(flow)
        return exchange.edited if exchange is not None and not exchange.edits_whole else None

    # -- the end

    def client_left(self, flow: http.HTTPFlow) -> None:
        """Nobody waits for this exchange any more."""
        exchange = self._exchanges.get(flow)
        if exchange is None:
            return
        if exchange.judging is not None and not exchange.judging.done():
            exchange.judging.cancel()
        if exchange.edited is not None:
            exchange.edited.abort()

    def ended(self, flow: http.HTTPFlow) -> None:
        """The last byte has gone, or none will."""
        exchange = self._exchanges.pop(flow, None)
        if exchange is None:
            return
        self.client_left(flow)
        if exchange.command is not None:
            self._end_command(exchange, exchange.command)
        self.sessions.leave(exchange.session)

    def _end_command(self, exchange: Exchange, command: Command) -> None:
        flow = exchange.flow
        if command.verdict is PENDING:
            command.verdict = Verdict(Outcome.REFUSED, "the request was not finished")
        command.duration_s = time.perf_counter() - exchange.started_at
        if flow.response is not None:
            command.tag = str(flow.response.status_code)
            command.bytes = exchange.edited.bytes if exchange.edited else len(flow.response.raw_content or b"")
        if flow.error is not None and exchange.is_sent:
            command.error = "the exchange was not finished"
        if exchange.edited is not None and exchange.edited.failure is not None:
            command.error = "the answer was withheld"
        self._gateway.chain.end_command(command)

    def connection_ended(self, client: Client) -> None:
        """A client's connection has ended, and with it whatever went on there."""
        for flow in [flow for flow in self._exchanges if flow.client_conn is client]:
            self.ended(flow)

    async def close(self) -> None:
        """The gateway ends: so do the exchanges that are left, and the sessions."""
        for flow in list(self._exchanges):
            self.ended(flow)
        await self.sessions.close()


def protocol_of(name: str) -> WebProtocol:
    """The adapter that reads requests to targets of this protocol."""
    adapter = adapters().get(name)
    if not isinstance(adapter, WebProtocol):
        raise HoopaddonError(f"no adapter for {name} is installed")
    return adapter
