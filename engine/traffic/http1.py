"""mitmproxy's reading of HTTP/1, with an end to what a peer may send before there is a message.

A head has a size and a time, and two things that mitmproxy breaks on are taken for what they are: trailers, which are
left out (RFC 9110 section 6.5.1 allows it, and nothing here looks into them), and informational answers, of which
none but a switch of protocols is the answer.
"""

from typing import Any

import h11
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import _http1
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    HttpEvent,
    RequestHeaders,
    RequestTrailers,
    ResponseHeaders,
    ResponseProtocolError,
    ResponseTrailers,
)

from hoopaddon.traffic.failures import SWITCHING_PROTOCOLS
from hoopaddon.traffic.flow_control import backlog_of
from hoopaddon.traffic.uploads import Enough

MAX_HEAD_BYTES = 128 * 1024
"""Of a request or an answer; what a request may say within that is for `hoopaddon.web.hygiene`."""

LINGER_S = 2.0
LINGER_BYTES = 4 << 20
"""How long, and how much, is read of a request that has been refused before its end."""

type Steps = layer.CommandGenerator[None]


class WithoutTrailers:
    """A reader of a body whose end has no fields."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def __call__(self, buffer: Any) -> Any:
        return _end_alone(self._reader(buffer))

    def read_eof(self) -> Any:
        """The connection has ended."""
        return _end_alone(self._reader.read_eof())


def _end_alone(event: Any) -> Any:
    return h11.EndOfMessage() if isinstance(event, h11.EndOfMessage) and event.headers else event


def _make_body_reader(expected_size: int | None) -> Any:
    return WithoutTrailers(_plain_body_reader(expected_size))


_plain_body_reader = _http1.make_body_reader


class JudgedHttp1Server(_http1.Http1Server):
    """The client's side of a connection."""

    _head_until: commands.RequestWakeup | None = None
    _lingers_until: commands.RequestWakeup | None = None
    _unread_bytes = 0

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        backlog_of(context).add(self.conn, self)

    def _handle_event(self, event: events.Event) -> Steps:
        if self._lingers_until is not None:
            yield from self._linger(event, self._lingers_until)
        elif isinstance(event, Enough):
            self._lingers_until = commands.RequestWakeup(LINGER_S)
            yield self._lingers_until
        elif not isinstance(event, events.Wakeup):
            yield from super()._handle_event(event)
        elif event.command is self._head_until and self.state == self.read_headers:
            yield from self._give_up(408, "the request's head did not come in time")

    def read_headers(self, event: events.ConnectionEvent) -> Steps:
        for step in super().read_headers(event):
            if isinstance(step, ReceiveHttp) and isinstance(step.event, RequestHeaders):
                self._head_until = None
            yield step
        if self.state != self.read_headers or not self.buf or not isinstance(event, events.DataReceived):
            return
        if len(self.buf) > MAX_HEAD_BYTES:
            yield from self._give_up(431, "the request's head is too large")
        elif self._head_until is None and (within_s := self.context.options.login_timeout):
            self._head_until = commands.RequestWakeup(within_s)
            yield self._head_until

    def send(self, event: HttpEvent) -> Steps:
        if not isinstance(event, ResponseTrailers):
            yield from super().send(event)

    def _linger(self, event: events.Event, until: commands.RequestWakeup) -> Steps:
        """Read on without looking: what arrives at a closed socket would take the answer from the client."""
        if isinstance(event, events.DataReceived):
            self._unread_bytes += len(event.data)
        is_over = isinstance(event, events.ConnectionClosed) or self._unread_bytes > LINGER_BYTES
        if self.state != self.done and (is_over or (isinstance(event, events.Wakeup) and event.command is until)):
            yield commands.CloseConnection(self.conn)
            self.state = self.done

    def _give_up(self, status: int, why: str) -> Steps:
        yield commands.SendData(self.conn, _http1.make_error_response(status, why))
        yield commands.CloseConnection(self.conn)
        self.state = self.done


class JudgedHttp1Client(_http1.Http1Client):
    """The target's side of a connection."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        backlog_of(context).add(self.conn, self)

    def read_headers(self, event: events.ConnectionEvent) -> Steps:
        for step in super().read_headers(event):
            if isinstance(step, ReceiveHttp) and isinstance(step.event, ResponseHeaders) and _is_before(step.event):
                yield from self._await_answer()
                return
            yield step
        if self.state == self.read_headers and len(self.buf) > MAX_HEAD_BYTES and self.stream_id is not None:
            yield commands.CloseConnection(self.conn)
            why = "the head of the target's answer is too large"
            yield ReceiveHttp(ResponseProtocolError(self.stream_id, why, ErrorCode.GENERIC_SERVER_ERROR))
            self.state = self.done

    def send(self, event: HttpEvent) -> Steps:
        if not isinstance(event, RequestTrailers):
            yield from super().send(event)

    def _await_answer(self) -> Steps:
        """What came was informational: the answer is still to come, and may be there already."""
        self.response = None
        self.state = self.read_headers
        if self.buf:
            yield from self.state(events.DataReceived(self.conn, b""))


def _is_before(event: ResponseHeaders) -> bool:
    status = event.response.status_code
    return 100 <= status < 200 and status != SWITCHING_PROTOCOLS


def install(layers: Any) -> None:
    """Make mitmproxy's HTTP layer read HTTP/1 in this way."""
    layers.Http1Server, layers.Http1Client = JudgedHttp1Server, JudgedHttp1Client
    _http1.make_body_reader = _make_body_reader
