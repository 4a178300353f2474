"""mitmproxy's handling of one HTTP request, changed for policies that decide.

A message that is streamed is judged before its first byte is sent: `request` and `response` are called then, with
no content, and not again when the last byte has gone, which is when mitmproxy calls them. And when a policy has
refused a message, or broken on it, its body is neither kept nor sent. A target that switches to a protocol which no
hook sees into is not followed there, and what cannot be read of a target is not quoted to the client.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from weakref import WeakSet

from mitmproxy import http
from mitmproxy.addons import next_layer
from mitmproxy.flow import Error
from mitmproxy.proxy import layer
from mitmproxy.proxy import layers as layers_of_all
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.events import Event, Start
from mitmproxy.proxy.layers import http as layers
from mitmproxy.proxy.layers.http import HttpLayer, HTTPMode, HttpStream, SendHttp, _http1, _http2, _http3
from mitmproxy.proxy.layers.http._base import format_error
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    RequestHeaders,
    RequestProtocolError,
    RequestTrailers,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
    ResponseTrailers,
)
from mitmproxy.proxy.layers.http._hooks import HttpResponseHook
from wsproto.handshake import WEBSOCKET_VERSION

from hoopaddon.traffic import flow_control, http1
from hoopaddon.traffic.calls import JudgedCalls
from hoopaddon.traffic.failures import SWITCHING_PROTOCOLS, is_refused, keep_answer, problem, withhold
from hoopaddon.traffic.uploads import Steps, timed, without

_streams: WeakSet["JudgedStream"] = WeakSet()


def in_flight() -> bool:
    """Whether any HTTP request is between its first byte and the last one of its response."""
    return any(stream.is_live for stream in _streams)


@dataclass
class BodyReady(Event):
    """An editor has more of a response's body to send, though nothing has come from the target."""

    flow: http.HTTPFlow


@dataclass
class SessionEnded(Event):
    """A policy has ended the session of this exchange; `answer` is what its client is told where that can be."""

    flow: http.HTTPFlow
    answer: http.Response
    reason: str


class JudgedHttp(HttpLayer):
    """All requests of one connection."""

    def __init__(self, context: Context, mode: HTTPMode) -> None:
        super().__init__(context, mode)
        self._backlog = flow_control.begin(context, self.streams)

    def _handle_event(self, event: Event) -> Steps:
        if isinstance(event, BodyReady | SessionEnded):
            for stream in list(self.streams.values()):
                if _holds(stream, event.flow):
                    yield from self.event_to_child(stream, event)
        else:
            yield from super()._handle_event(event)
        for connection in list(self._backlog.owing):
            yield from self.event_to_child(self.connections[connection], flow_control.Moved())


def _holds(stream: HttpStream, flow: http.HTTPFlow) -> bool:
    """Whether this flow is the stream's, or may be one of a tunnel's, which has streams of its own."""
    own = getattr(stream, "flow", None)
    return own is flow or (own is not None and own.request.method == "CONNECT" and stream.child_layer is not None)


class JudgedStream(JudgedCalls):
    """One request and its response."""

    def __init__(self, context: Context, stream_id: int) -> None:
        super().__init__(context, stream_id)
        self._last: Event | None = None
        self._is_tunnel = False
        _streams.add(self)

    @property
    def is_live(self) -> bool:
        subject = getattr(self, "flow", None)
        if subject is None or not subject.live or subject.client_conn.timestamp_end is not None:
            return False
        # What goes on in a proxy's tunnel has streams of its own.
        return subject.websocket is None and not self._is_tunnel and subject.request.method != "CONNECT"

    def check_killed(self, emit_error_hook: bool) -> layer.CommandGenerator[bool]:
        # Called after each hook, before what the hook has left is looked at. Tasks of policies may have run since.
        keep_answer(self.flow)
        self.check_continue()
        return (yield from super().check_killed(emit_error_hook))

    def handle_event(self, event: Event) -> Steps:
        if isinstance(event, RequestProtocolError) and self.is_live:
            # Somebody may be asked about what nobody waits for any more.
            self._web.client_left(self.flow)
        for step in super().handle_event(event):
            if isinstance(step, SendHttp) and isinstance(step.event, RequestHeaders):
                multiplexed = step.connection.alpn == b"h2"
                sent = self._web.outgoing(self.flow, step.event.request, frames=not multiplexed)
                step.event = replace(step.event, request=sent)
            yield step
        if getattr(self, "flow", None) is not None and not self.flow.live:
            self._web.ended(self.flow)

    def _handle_event(self, event: Event) -> Steps:
        if isinstance(event, RequestTrailers):
            # No hook looks into them.
            return
        if isinstance(event, ResponseTrailers):
            event = replace(event, trailers=self._web.trailers(self.flow, event.trailers))
        if isinstance(event, BodyReady):
            if self.server_state == self.state_stream_response_body:
                yield from self._send_edited([])
            return
        if isinstance(event, SessionEnded):
            yield from self._end_with_session(event)
            return
        yield from super()._handle_event(event)

    def _end_with_session(self, event: SessionEnded) -> Steps:
        if not self.flow.live or is_refused(self.flow):
            return
        if self.server_state == self.state_stream_response_body:
            self.flow.error = Error(Error.KILLED_MESSAGE)
            yield from self._break_off()
        elif self.server_state in (self.state_wait_for_response_headers, self.state_consume_response_body):
            withhold(self.flow, event.answer)
            yield from self._answer_for_target(self.send_response())

    # -- responses

    def state_wait_for_response_headers(self, event: ResponseHeaders) -> Steps:
        if self._is_unseen(event.response):
            withhold(
                self.flow, problem(502, "Bad Gateway", "the target switched to a protocol that is not read here")
            )
        yield from super().state_wait_for_response_headers(event)
        if is_refused(self.flow) and self.server_state == self.state_consume_response_body:
            yield from self._answer_for_target(self.send_response())

    def _is_unseen(self, response: http.Response) -> bool:
        """Whether what follows is of a protocol that no hook sees into."""
        if response.status_code != SWITCHING_PROTOCOLS or self.context.options.rawtcp:
            return False
        is_websocket = (
            response.headers.get("upgrade", "").lower() == "websocket"
            and self.flow.request.headers.get("sec-websocket-version", "").encode() == WEBSOCKET_VERSION
            and self.context.options.websocket
        )
        return not (is_websocket or self._web.tunnels(self.flow))

    def start_response_stream(self) -> Steps:
        response = self.flow.response
        yield HttpResponseHook(self.flow)
        if (yield from self.check_killed(False)):
            return
        if self.flow.response is response and response is not None and response.raw_content is None:
            yield from super().start_response_stream()
        else:
            yield from self._answer_for_target(without(HttpResponseHook, self.send_response()))

    def state_stream_response_body(self, event: Event) -> Steps:
        if isinstance(event, ResponseData):
            self._web.passed(self.flow, len(event.data))
        if self.flow.response is not None:
            self.flow.response.stream = timed(self.flow.response.stream)
        edited = self._web.edited(self.flow)
        if edited is None:
            yield from without(HttpResponseHook, super().state_stream_response_body(event))
        elif isinstance(event, ResponseData):
            yield from self._send_edited(self._through_script(event.data))
        elif isinstance(event, ResponseTrailers) and self.flow.response is not None:
            self.flow.response.trailers = event.trailers
        elif isinstance(event, ResponseEndOfMessage):
            self._last = event
            yield from self._send_edited([*self._through_script(b""), None])

    def _through_script(self, chunk: bytes) -> list[bytes]:
        """What a script makes of a chunk, or of the end, before it is edited."""
        stream = self.flow.response.stream if self.flow.response is not None else None
        made = stream(chunk) if callable(stream) else chunk
        return [part for part in ([made] if isinstance(made, bytes) else made) if part]

    def _send_edited(self, chunks: Iterable[bytes | None]) -> Steps:
        """Put chunks through the editor, None for the end, and send what it has to give."""
        edited = self._web.edited(self.flow)
        if edited is None:
            return
        parts = edited.take()
        for chunk in chunks:
            parts += edited.end() if chunk is None else edited.feed(chunk)
        if edited.failure is not None:
            yield from self._break_off()
            return
        if data := b"".join(parts):
            # At once: each piece would pass through every layer, and cost a system call.
            yield SendHttp(ResponseData(self.stream_id, data), self.context.client)
        if edited.is_over and self._last is not None:
            yield from without(HttpResponseHook, self.send_response(already_streamed=True))

    def _break_off(self) -> Steps:
        """Neither side hears more of this exchange: what has been sent is no whole answer."""
        yield SendHttp(
            RequestProtocolError(self.stream_id, "response withheld", ErrorCode.CANCEL), self.context.server
        )
        yield SendHttp(ResponseProtocolError(self.stream_id, "killed", ErrorCode.KILL), self.context.client)
        self.client_state = self.server_state = self.state_errored
        self.flow.live = False

    def flow_done(self) -> Steps:
        response = self.flow.response
        if response is None or response.status_code != SWITCHING_PROTOCOLS or not self._web.tunnels(self.flow):
            yield from super().flow_done()
            return
        # What the adapter reads is no WebSocket of messages to it, even where it is one.
        self.flow.websocket = None
        self._is_tunnel = True
        self.child_layer = self._web.tunnel(self.flow, self.context)
        self._handle_event = self.passthrough  # type: ignore[method-assign]
        yield from self.child_layer.handle_event(Start())
        yield SendHttp(ResponseEndOfMessage(self.stream_id), self.context.client)

    def _answer_for_target(self, answer: Steps) -> Steps:
        """Break off what the target is sending, and send the client what a policy put in its place."""
        broken_off = RequestProtocolError(self.stream_id, "response withheld", ErrorCode.CANCEL)
        yield SendHttp(broken_off, self.context.server)
        yield from self.answer_early(answer)
        self.server_state = self.state_errored


def _error_page(status: int, message: str) -> bytes:
    """The body of an error that is mitmproxy's own: what went wrong with a target may quote what it sent."""
    return format_error(status, message if status < 500 else "")


def install() -> None:
    """Make mitmproxy's HTTP layer use judged streams, and error pages that quote no target."""
    layers.HttpStream = JudgedStream  # type: ignore[misc]
    http1.install(layers)
    flow_control.install(layers)
    for module in (layers, layers_of_all, next_layer):
        module.HttpLayer = JudgedHttp  # type: ignore[attr-defined]
    for version in (_http1, _http2, _http3):
        version.format_error = _error_page  # type: ignore[attr-defined]
