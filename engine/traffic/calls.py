"""Calls of gRPC, whose client goes on to speak while it is answered: see `hoopaddon.web.call`."""

from dataclasses import dataclass
from typing import ClassVar

from mitmproxy import http
from mitmproxy.flow import Error
from mitmproxy.proxy.commands import StartHook
from mitmproxy.proxy.events import Event
from mitmproxy.proxy.layer import CommandGenerator
from mitmproxy.proxy.layers.http import SendHttp
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    RequestData,
    RequestEndOfMessage,
    RequestProtocolError,
    ResponseEndOfMessage,
    ResponseTrailers,
)
from mitmproxy.proxy.layers.http._hooks import HttpRequestHook

from hoopaddon.traffic.failures import is_refused, withhold
from hoopaddon.traffic.uploads import Enough, JudgedUploads, Steps, timed
from hoopaddon.web.answer import WebAnswer
from hoopaddon.web.call import Call
from hoopaddon.web.exchange import raw_headers, response_of


@dataclass(eq=False)
class MessagesHook(StartHook):
    """More of a call is there to be judged. No script has a hook of this kind."""

    name: ClassVar[str] = ""
    flow: http.HTTPFlow


class JudgedCalls(JudgedUploads):
    """One request, which may be a call."""

    def start_request_stream(self) -> Steps:
        if self._web.call(self.flow) is None:
            yield from super().start_request_stream()
        else:
            self.client_state = self.state_judge_messages

    def state_judge_messages(self, event: Event) -> Steps:
        """The client speaks, and has not ended."""
        call = self._web.call(self.flow)
        if call is None:
            return
        if isinstance(event, RequestData):
            call.feed(self._by_script(event.data))
        elif isinstance(event, RequestEndOfMessage):
            call.feed(self._by_script(b""))
            call.end()
        while call.advance():
            if not (yield from self._passes(call)):
                return
            yield from self._send(call)
        yield from self._send(call)
        if isinstance(event, RequestEndOfMessage):
            self.client_state = self.state_done
            yield SendHttp(event, self.context.server)
            if self.server_state == self.state_done:
                yield from self.flow_done()

    def _by_script(self, chunk: bytes) -> bytes:
        stream = self.flow.request.stream = timed(self.flow.request.stream)
        made = stream(chunk) if callable(stream) else chunk
        return made if isinstance(made, bytes) else b"".join(made)

    def _send(self, call: Call) -> Steps:
        if data := call.take():
            yield SendHttp(RequestData(self.stream_id, data), self.context.server)

    def _passes(self, call: Call) -> CommandGenerator[bool]:
        """Whether what is to be judged may be sent; where it may not, the client has been told."""
        if not call.is_judged:
            call.is_judged = True
            return (yield from self._begin())
        yield MessagesHook(self.flow)
        if (yield from self.check_killed(True)):
            return False
        if call.refusal is not None:
            yield from self._end(call.refusal)
        return call.refusal is None

    def _begin(self) -> CommandGenerator[bool]:
        yield HttpRequestHook(self.flow)
        if (yield from self.check_killed(True)):
            return False
        if is_refused(self.flow):
            yield from self.refuse()
            return False
        yield from self.open_stream()
        is_open = bool(self.client_state != self.state_errored)
        if is_open:
            self.client_state = self.state_judge_messages
        return is_open

    def _end(self, refusal: WebAnswer) -> Steps:
        """A message was refused in mid-call: the target hears no more, the client the call's status."""
        yield SendHttp(
            RequestProtocolError(self.stream_id, "message withheld", ErrorCode.CANCEL), self.context.server
        )
        if self.server_state == self.state_wait_for_response_headers:
            self.server_state = self.state_errored
            withhold(self.flow, response_of(refusal, bodiless=False))
            yield from self.refuse()
            return
        self._web.client_left(self.flow)
        self.flow.error = Error(Error.KILLED_MESSAGE)
        status = raw_headers(refusal.headers.without("content-type"))
        yield SendHttp(ResponseTrailers(self.stream_id, status), self.context.client)
        yield SendHttp(ResponseEndOfMessage(self.stream_id), self.context.client)
        yield SendHttp(Enough(self.stream_id), self.context.client)
        self.client_state = self.server_state = self.state_errored
        self.flow.live = False
