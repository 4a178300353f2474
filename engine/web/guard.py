"""Every HTTP request on its way: who sends it, to which target, what the policies say, and what comes back.

Connections call this around mitmproxy's own hooks: before `requestheaders`, so that scripts see nobody who has not
proved who it is, and after `request`, so that what is judged is what scripts have left, which is what is sent.
"""

import logging
import time
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from mitmproxy import http
from mitmproxy.connection import Client
from mitmproxy.proxy.context import Context
from mitmproxy.utils import human
from mitmproxy.websocket import WebSocketMessage

from hoopaddon.adapter import adapters
from hoopaddon.command import PENDING, Command, Outcome, Verdict
from hoopaddon.errors import HoopaddonError, Refused
from hoopaddon.session import Session
from hoopaddon.traffic.failures import is_refused, withhold
from hoopaddon.traffic.tunnels import TunnelLayer
from hoopaddon.web import hygiene
from hoopaddon.web.admission import Admission, NotAdmitted
from hoopaddon.web.answer import WebAnswer, problem, status_of
from hoopaddon.web.answers import Answers, hide_in_body, hide_in_head
from hoopaddon.web.body import whole_request
from hoopaddon.web.call import Call
from hoopaddon.web.edited import EditedBody
from hoopaddon.web.exchange import (
    Exchange,
    answer_of,
    frame,
    frames_plainly,
    headers_of,
    raw_headers,
    request_of,
    response_of,
)
from hoopaddon.web.judging import Judging
from hoopaddon.web.protocol import WebProtocol
from hoopaddon.web.request import Headers, WebRequest
from hoopaddon.web.sessions import WebSessions
from hoopaddon.web.tunnel import Tunnels

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway
    from hoopaddon.traffic.connections import Guarded

logger = logging.getLogger(__name__)

DEFAULT_MOST_BYTES = 8 << 20
"""Of one message of gRPC, where `stream_large_bodies` says nothing."""
KEPT_MESSAGES = 16
"""Of a WebSocket, those that scripts may look back to."""


class WebGuard:
    """The exchanges that are going on, and the sessions that they belong to."""

    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway
        self._exchanges: WeakKeyDictionary[http.HTTPFlow, Exchange] = WeakKeyDictionary()
        self.sessions = WebSessions(gateway, self.session_ended)
        self.admission = Admission(gateway, self.sessions)
        self._judging = Judging(gateway)
        self._answers = Answers(gateway)

    # -- the request's head

    async def admit(self, flow: http.HTTPFlow, connection: "Guarded") -> bool:
        """Whether the request may go on; where it may not, it has its answer."""
        try:
            admitted = await self.admission.admit(flow)
        except NotAdmitted as e:
            return self._turn_away(flow, e)
        protocol = protocol_of(admitted.route.protocol)
        exchange = Exchange(flow, protocol, admitted.route, admitted.session, admitted.origin, connection)
        self._exchanges[flow] = exchange
        if self._is_call(exchange):
            may_be_unseen = "large_body" in admitted.route.target.allowed
            exchange.call = Call(self._most_bytes(), may_be_unseen=may_be_unseen)
            flow.request.stream = flow.request.stream or True
        return True

    async def admit_tunnel(self, flow: http.HTTPFlow) -> bool:
        """Whether a client of a forward proxy may open a tunnel; where it may not, it has its answer."""
        try:
            await self.admission.admit_tunnel(flow)
        except NotAdmitted as e:
            return self._turn_away(flow, e)
        return True

    def _turn_away(self, flow: http.HTTPFlow, error: NotAdmitted) -> bool:
        protocol = protocol_of(self.admission.protocol(flow.client_conn.proxy_mode))
        if protocol.refuses_early:
            request = request_of(flow.request, body_seen=False)
            answer = protocol.refusal(request, error.status, error.reason, "")
        else:
            answer = problem(error.status, HTTPStatus(error.status).phrase, error.reason)
        return self._answer(flow, replace(answer, headers=Headers((*answer.headers, *error.headers))))

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
        try:
            answer = await self._judging.judge(exchange)
        except Refused as e:
            answer = exchange.protocol.refusal(request_of(flow.request, body_seen=False), 403, e.reason, "")
        if answer is not None:
            self._answer(flow, answer)

    def _is_call(self, exchange: Exchange) -> bool:
        """Whether it is judged message by message. Only a body that is waited for can be signed, or shown."""
        request, credential = exchange.flow.request, exchange.route.credential
        is_shown = self._gateway.addons.has_script_hook("request")
        return (
            request.is_http2
            and not (credential is not None and credential.signs_bodies)
            and not (is_shown and "large_body" not in exchange.route.target.allowed)
            and exchange.protocol.calls(request_of(request, body_seen=False))
        )

    def _most_bytes(self) -> int:
        return human.parse_size(self._gateway.options.stream_large_bodies) or DEFAULT_MOST_BYTES

    def call(self, flow: http.HTTPFlow) -> Call | None:
        """The call of gRPC that this request is, if it is judged as one."""
        exchange = self._exchanges.get(flow)
        return exchange.call if exchange is not None else None

    async def judge_more(self, flow: http.HTTPFlow) -> None:
        """What the policies say of the messages that follow in a call; where they refuse one, the call says so."""
        exchange = self._exchanges.get(flow)
        if exchange is not None and exchange.call is not None:
            exchange.call.refusal = await self._judging.judge_more(exchange, exchange.call)

    def _refuse(self, exchange: Exchange, request: WebRequest, status: int, reason: str, policy: str) -> None:
        answer = exchange.protocol.refusal(request, status, reason, policy)
        self._answer(exchange.flow, answer)

    def outgoing(self, flow: http.HTTPFlow, request: http.Request, *, frames: bool) -> http.Request:
        """The request as it is sent: a copy with the credential, which nothing else ever sees.

        `frames` says that the target tells by the head where the body ends, as HTTP/1 does.
        """
        exchange = self._exchanges.get(flow)
        if exchange is None:
            return request
        exchange.is_sent = True
        copied = request.copy()
        copied.stream = request.stream
        fields = self._answers.conditions(whole_request(headers_of(request.headers), self._gateway))
        copied.headers = raw_headers(fields)
        if frames:
            frame(copied)
        credential = exchange.route.credential
        if credential is not None:
            # What is echoed has to be readable here, and whole.
            copied.headers["accept-encoding"] = "identity"
            for name in ("range", "if-range"):
                copied.headers.pop(name, None)
            credential.put_on(copied, None if request.stream else request.raw_content or b"")
            exchange.secrets = credential.secrets
        return copied

    # -- the answer

    def arrived(self, flow: http.HTTPFlow) -> None:
        """An answer's head, before any script sees it: without the credential."""
        exchange, response = self._exchanges.get(flow), flow.response
        if exchange is not None and response is not None and exchange.secrets:
            hide_in_head(response, exchange.secrets)

    def arrived_whole(self, flow: http.HTTPFlow) -> None:
        """The same for a body that is all there."""
        exchange, response = self._exchanges.get(flow), flow.response
        if exchange is not None and response is not None and exchange.secrets and response.raw_content:
            hide_in_body(response, exchange.secrets)

    def answered(self, flow: http.HTTPFlow, connection: "Guarded") -> None:
        """The head of the target's answer is there: settle how its body passes."""
        exchange, response = self._exchanges.get(flow), flow.response
        if exchange is None or response is None or exchange.command is None or is_refused(flow):
            return
        if not frames_plainly(response):
            request = request_of(flow.request, body_seen=False)
            self._refuse(exchange, request, 502, "the target's answer is in a coding that nobody looks into", "")
            return
        if self.admission.routes_of(flow.client_conn.proxy_mode) is not None:
            hygiene.clean_response(response, exchange.route.target, exchange.origin)
        if response.status_code == 401 and exchange.route.credential is not None:
            exchange.route.credential.was_refused(self._gateway.credentials)
        try:
            self._answers.settle(exchange, exchange.command, response, connection)
        except Refused as e:
            self._fail(exchange, e)

    async def answer_whole(self, flow: http.HTTPFlow) -> None:
        """A body that is there as a whole passes through its editor before any of it is sent."""
        exchange, response = self._exchanges.get(flow), flow.response
        if exchange is None or response is None or not exchange.edits_whole or is_refused(flow):
            return
        exchange.edits_whole = False
        if exchange.edited is not None and (failure := await self._answers.edit_whole(exchange.edited, response)):
            self._fail(exchange, failure)

    def _fail(self, exchange: Exchange, error: HoopaddonError) -> None:
        request = request_of(exchange.flow.request, body_seen=False)
        refused = isinstance(error, Refused)
        status, reason = (status_of(error), error.reason) if isinstance(error, Refused) else (502, "a policy failed")
        self._refuse(exchange, request, status, reason, getattr(error, "by", "") if refused else "")

    def passed(self, flow: http.HTTPFlow, size: int) -> None:
        """As many bytes more of a body have come that is not waited for."""
        exchange = self._exchanges.get(flow)
        if exchange is not None:
            exchange.bytes += size

    def trailers(self, flow: http.HTTPFlow, trailers: http.Headers) -> http.Headers:
        """What follows a target's body, as it may pass."""
        exchange = self._exchanges.get(flow)
        if exchange is None or exchange.command is None:
            return trailers
        return self._answers.edit_trailers(exchange, exchange.command, trailers)

    def edited(self, flow: http.HTTPFlow) -> EditedBody | None:
        """What edits the body that streams, if anything does."""
        exchange = self._exchanges.get(flow)
        return exchange.edited if exchange is not None and not exchange.edits_whole else None

    # -- other protocols

    def tunnels(self, flow: http.HTTPFlow) -> bool:
        """Whether the adapter reads what the target switches to."""
        exchange = self._exchanges.get(flow)
        if exchange is None or exchange.command is None or not isinstance(exchange.protocol, Tunnels):
            return False
        return exchange.protocol.tunnels(exchange.command)

    def tunnel(self, flow: http.HTTPFlow, context: Context) -> TunnelLayer:
        """What the connection is from now on."""
        exchange = self._exchanges[flow]
        connection, command, protocol = exchange.connection, exchange.command, exchange.protocol
        if command is None or flow.response is None or not isinstance(protocol, Tunnels):
            raise HoopaddonError("there is nothing to switch to")
        make = partial(protocol.tunnel, command, answer_of(flow.response), self._gateway)
        return TunnelLayer(context, flow, make, wake=partial(connection.body_ready, flow), hold=connection.hold)

    # -- WebSockets

    async def message(self, flow: http.HTTPFlow) -> None:
        """A client's message is a command, a target's an output. One that is refused ends the WebSocket."""
        exchange, websocket = self._exchanges.get(flow), flow.websocket
        if exchange is None or exchange.command is None or websocket is None:
            return
        message = websocket.messages[-1]
        # What has passed is in the record, and not kept here.
        del websocket.messages[:-KEPT_MESSAGES]
        if message.dropped:
            return
        data = message.text if message.is_text else message.content
        if message.from_client:
            await self._judge_message(exchange, exchange.command, message, data)
        else:
            failure = await self._answers.edit_message(exchange, exchange.command, message)
            exchange.broken_off = str(failure) if failure else ""

    async def _judge_message(
        self, exchange: Exchange, opened_by: Command, message: WebSocketMessage, data: str | bytes
    ) -> None:
        command = exchange.protocol.message(exchange.session, opened_by, data)
        verdict = await self._judging.judge_message(exchange, command, len(message.content))
        if not verdict.passes:
            message.drop()
            exchange.broken_off = verdict.reason
        elif command.text != command.original_text:
            message.content = command.text.encode()

    def broken_off(self, flow: http.HTTPFlow) -> str:
        """Why this WebSocket has to end; empty while it may go on."""
        exchange = self._exchanges.get(flow)
        return exchange.broken_off if exchange is not None else ""

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
            sent = exchange.bytes or len(flow.response.raw_content or b"")
            command.bytes = exchange.edited.bytes if exchange.edited else sent
        if flow.error is not None and exchange.is_sent:
            command.error = "the exchange was not finished"
        if exchange.edited is not None and exchange.edited.failure is not None:
            command.error = "the answer was withheld"
        self._gateway.chain.end_command(command)

    def session_ended(self, session: Session) -> None:
        """A policy has ended a session: its exchanges end, and their clients are told where they can be."""
        self._judging.end(session)
        for flow, exchange in list(self._exchanges.items()):
            if exchange.session is session:
                request = request_of(flow.request, body_seen=False)
                refusal = exchange.protocol.refusal(request, 403, session.ended, "")
                answer = response_of(refusal, bodiless=flow.request.method == "HEAD")
                self.client_left(flow)
                exchange.connection.session_ended(flow, answer, session.ended)

    def connection_ended(self, client: Client) -> None:
        """A client's connection has ended, and with it whatever went on there."""
        for flow in [flow for flow in self._exchanges if flow.client_conn is client]:
            self.ended(flow)

    async def close(self) -> None:
        """The gateway ends: so do the exchanges that are left, and the sessions."""
        for flow in list(self._exchanges):
            self.ended(flow)
        self._judging.close()
        await self.sessions.close()


def protocol_of(name: str) -> WebProtocol:
    """The adapter that reads requests to targets of this protocol."""
    protocol = getattr(adapters().get(name), "web", None)
    if not isinstance(protocol, WebProtocol):
        raise HoopaddonError(f"no adapter for {name} is installed")
    return protocol
