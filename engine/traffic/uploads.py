"""The client's half of an exchange: a body waits for the verdict, and a refusal does not wait for the body.

What is refused is answered at once. HTTP/1 says with the answer that the connection ends, and lingers for a moment
(RFC 9112 section 9.6); HTTP/2 resets the stream once the answer is there (RFC 9113 section 8.1).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mitmproxy import ctx
from mitmproxy.proxy import layer
from mitmproxy.proxy.commands import Command
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.events import Event
from mitmproxy.proxy.layers.http import HttpStream, SendHttp
from mitmproxy.proxy.layers.http._base import HttpEvent
from mitmproxy.proxy.layers.http._events import RequestEndOfMessage, RequestHeaders
from mitmproxy.proxy.layers.http._hooks import HttpRequestHook, HttpResponseHeadersHook

from hoopaddon.policy import deadline
from hoopaddon.traffic.failures import end_connection, is_refused

if TYPE_CHECKING:
    from hoopaddon.web.guard import WebGuard

type Steps = layer.CommandGenerator[None]


@dataclass
class Enough(HttpEvent):
    """The client has its answer, and nobody reads what it is still sending."""


def without(hook: type[Command], steps: Steps) -> Steps:
    """The same steps, except for a hook that has been called earlier."""
    for step in steps:
        if not isinstance(step, hook):
            yield step


class TimedFunction:
    """A policy's function that a body is streamed through, held to its time as hooks are."""

    def __init__(self, function: Callable[[bytes], Iterable[bytes] | bytes]) -> None:
        self._function = function

    def __call__(self, chunk: bytes) -> Iterable[bytes] | bytes:
        gateway: Any = ctx.master
        return deadline.call(gateway.watchdog, self._judge, chunk)

    def _judge(self, chunk: bytes) -> Iterable[bytes] | bytes:
        judged = self._function(chunk)
        # A generator has done nothing yet.
        return judged if isinstance(judged, bytes) else list(judged)


def timed(stream: Any) -> Any:
    """The function, held to its time; anything else as it is."""
    return TimedFunction(stream) if callable(stream) and not isinstance(stream, TimedFunction) else stream


class JudgedUploads(HttpStream):
    """What a client sends of one request."""

    def __init__(self, context: Context, stream_id: int) -> None:
        super().__init__(context, stream_id)
        self._web: WebGuard = ctx.master.web  # type: ignore[attr-defined]

    def check_continue(self) -> None:
        """Ask for no body that will not be read (RFC 9110 section 10.1.1)."""
        if is_refused(self.flow):
            self.flow.request.headers.pop("expect", None)

    def state_wait_for_request_headers(self, event: RequestHeaders) -> Steps:
        yield from super().state_wait_for_request_headers(event)
        if self.client_state == self.state_consume_request_body and is_refused(self.flow) and not event.end_stream:
            yield from self.refuse()

    def start_request_stream(self) -> Steps:
        yield HttpRequestHook(self.flow)
        if (yield from self.check_killed(True)):
            return
        if is_refused(self.flow):
            yield from self.refuse()
        elif self.flow.response:
            self.flow.request.stream = False
            self.client_state = self.state_discard_request_body
        else:
            yield from self.open_stream()

    def open_stream(self) -> Steps:
        """Begin to send what has been judged, or its head."""
        yield from super().start_request_stream()

    def state_stream_request_body(self, event: Event) -> Steps:
        self.flow.request.stream = timed(self.flow.request.stream)
        yield from without(HttpRequestHook, super().state_stream_request_body(event))

    def state_discard_request_body(self, event: Event) -> Steps:
        """A script has answered in the target's place: wait for the end of the request, then send its answer."""
        if not isinstance(event, RequestEndOfMessage):
            return
        self.client_state = self.state_done
        yield HttpResponseHeadersHook(self.flow)
        if not (yield from self.check_killed(True)):
            yield from self.send_response()

    def refuse(self) -> Steps:
        """Send the client the answer that stands in the target's place."""
        yield HttpResponseHeadersHook(self.flow)
        if not (yield from self.check_killed(True)):
            yield from self.answer_early(self.send_response())

    def answer_early(self, answer: Steps) -> Steps:
        """Send an answer, whether or not the client has said all that it wanted to say."""
        is_early = self.client_state != self.state_done
        if is_early:
            self.client_state = self.state_done
            if self.flow.request.http_version.startswith("HTTP/1"):
                end_connection(self.flow)
        yield from answer
        if not is_early:
            return
        # Some of the rest may be here already, and goes nowhere.
        self.client_state = self.state_errored
        if not self.flow.request.is_http3:
            yield SendHttp(Enough(self.stream_id), self.context.client)
