"""Flat memory: nobody is read from further than the other side, or a policy, keeps up.

mitmproxy reads on while a hook is pending, and grants HTTP/2's senders windows without end. Here a stream of HTTP/2
has a window of its own, which is only granted again once what it sent has left; so one that is held, or whose reader
is slow, stops no other. A connection of HTTP/1 is not read from for as long.
"""

import collections
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import h2.connection
import h2.errors
import h2.events
from mitmproxy.connection import Client, Connection
from mitmproxy.proxy import commands, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.events import DataReceived, Event, Wakeup
from mitmproxy.proxy.layers.http import _http2
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import RequestData, ResponseData
from mitmproxy.proxy.layers.http._http_h2 import BufferedH2Connection

from hoopaddon.traffic.uploads import Enough

if TYPE_CHECKING:
    from mitmproxy.proxy.layers.http import HttpStream

STREAM_WINDOW = 1 << 20
CONNECTION_WINDOW = 16 << 20
AHEAD_BYTES = 512 * 1024
"""What may wait in here of one direction of one exchange, before its sender is asked to wait."""

STOPS_WITHIN_S = 1.0
"""After this a client is told to stop sending what has been refused."""

type Steps = layer.CommandGenerator[None]


@dataclass
class Moved(Event):
    """Something has left, so that more may be granted."""


class WindowedConnection(BufferedH2Connection):
    """HTTP/2 with windows that end."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.local_settings.initial_window_size = STREAM_WINDOW
        self.local_settings.acknowledge()

    def initiate_connection(self) -> None:
        h2.connection.H2Connection.initiate_connection(self)
        self.increment_flow_control_window(CONNECTION_WINDOW - self.inbound_flow_control_window)

    def unsent_bytes(self, stream_id: int) -> int:
        """What waits for the peer's window."""
        return sum(len(part.data) for part in self.stream_buffers.get(stream_id, ()))


class _Windowed(_http2.Http2Connection):
    """One side of an exchange on HTTP/2."""

    h2_conn: WindowedConnection
    uploads: bool

    def __init__(self, context: Context) -> None:
        super().__init__(context)  # type: ignore[call-arg]
        self._owed: dict[int, int] = collections.defaultdict(int)
        self._backlog = backlog_of(context)
        self._backlog.add(self.conn, self)

    def stream_of_client(self, stream_id: int) -> int:
        """The number that the client's side has for a stream."""
        return stream_id

    def unsent(self, stream_id: int) -> int:
        """What of the client's stream waits to be sent here."""
        return self.h2_conn.unsent_bytes(stream_id)

    def _handle_event(self, event: Event) -> Steps:
        if not isinstance(event, Moved):
            yield from super()._handle_event(event)
            return
        for stream_id in list(self._owed):
            self._grant(stream_id)
        if data := self.h2_conn.data_to_send():
            yield commands.SendData(self.conn, data)

    def handle_h2_event(self, event: h2.events.Event) -> layer.CommandGenerator[bool]:
        expected = _http2.StreamState.HEADERS_RECEIVED
        if not isinstance(event, h2.events.DataReceived) or self.streams.get(event.stream_id) is not expected:
            return (yield from super().handle_h2_event(event))
        if event.data or not event.stream_ended:
            yield ReceiveHttp(self.ReceiveData(event.stream_id, event.data))
        self._owed[event.stream_id] += event.flow_controlled_length
        self._backlog.owing.add(self.conn)
        self._grant(event.stream_id)
        return False

    def _grant(self, stream_id: int) -> None:
        if self._backlog.bytes(self.stream_of_client(stream_id), upload=self.uploads) <= AHEAD_BYTES:
            owed = self._owed.pop(stream_id, 0)
            if owed:
                self.h2_conn.acknowledge_received_data(owed, stream_id)
            if not self._owed:
                self._backlog.owing.discard(self.conn)


class WindowedServer(_Windowed, _http2.Http2Server):
    """The client's side."""

    uploads = True

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._unwanted: dict[commands.RequestWakeup, int] = {}

    def _handle_event(self, event: Event) -> Steps:
        if isinstance(event, Enough):
            # Some clients lose the answer when they are stopped; most stop by themselves.
            wakeup = commands.RequestWakeup(STOPS_WITHIN_S)
            self._unwanted[wakeup] = event.stream_id
            yield wakeup
        elif isinstance(event, Wakeup) and event.command in self._unwanted:
            yield from self._reset(self._unwanted.pop(event.command))
        else:
            yield from super()._handle_event(event)

    def _reset(self, stream_id: int) -> Steps:
        if owed := self._owed.pop(stream_id, 0):
            self.h2_conn.acknowledge_received_data(owed, stream_id)
        # An answer that waits for its window ends by itself.
        if not self.is_closed(stream_id) and not self.h2_conn.unsent_bytes(stream_id):
            self.h2_conn.reset_stream(stream_id, h2.errors.ErrorCodes.NO_ERROR)
            self.streams.pop(stream_id, None)
        if data := self.h2_conn.data_to_send():
            yield commands.SendData(self.conn, data)

    def _grant(self, stream_id: int) -> None:
        if stream_id not in self._unwanted.values():
            super()._grant(stream_id)


class WindowedClient(_Windowed, _http2.Http2Client):
    """A target's side."""

    uploads = False

    def stream_of_client(self, stream_id: int) -> int:
        return self.their_stream_id.get(stream_id, stream_id)

    def unsent(self, stream_id: int) -> int:
        ours = self.our_stream_id.get(stream_id)
        queued = sum(_size(event) for event in self.stream_queue.get(stream_id, ()))
        return queued + (self.h2_conn.unsent_bytes(ours) if ours is not None else 0)


class Backlog:
    """What waits in one connection's layers, by exchange and direction."""

    def __init__(self, context: Context, streams: "dict[int, HttpStream]") -> None:
        self._client = context.client
        self._streams = streams
        self._sides: WeakKeyDictionary[Connection, Any] = WeakKeyDictionary()
        self.owing: set[Connection] = set()
        """The connections of HTTP/2 that may be granted more."""

    def add(self, connection: Connection, side: Any) -> None:
        """A layer that reads and writes a connection."""
        self._sides[connection] = side

    def bytes(self, stream_id: int, *, upload: bool) -> int:
        """What has been read of an exchange and has not been sent on."""
        stream = self._streams.get(stream_id)
        if stream is None:
            return 0
        wanted = RequestData if upload else ResponseData
        waiting = _sizes(stream._paused_event_queue, wanted)
        if stream.child_layer is not None:
            source = self._client if upload else stream.context.server
            queue = stream.child_layer._paused_event_queue
            waiting += sum(
                len(event.data) for event in queue if isinstance(event, DataReceived) and event.connection is source
            )
        side = self._sides.get(stream.context.server if upload else self._client)
        return waiting + (side.unsent(stream_id) if isinstance(side, _Windowed) else 0)

    def is_behind(self, connection: Connection) -> bool:
        """Whether a connection of HTTP/1 should not be read from."""
        side = self._sides.get(connection)
        if side is None or isinstance(side, _Windowed) or side.stream_id is None:
            return False
        waiting = self.bytes(side.stream_id, upload=connection is self._client)
        # Requests that came before their turn.
        return waiting + (len(side.buf) if side.state == side.wait else 0) > AHEAD_BYTES


_backlogs: WeakKeyDictionary[Client, list[Backlog]] = WeakKeyDictionary()


def begin(context: Context, streams: "dict[int, HttpStream]") -> Backlog:
    """The backlog of one HTTP layer of a connection's; those below it are an earlier proxy's."""
    backlog = Backlog(context, streams)
    _backlogs.setdefault(context.client, []).append(backlog)
    return backlog


def backlog_of(context: Context) -> Backlog:
    """The innermost one of this connection."""
    return _backlogs[context.client][-1]


def is_behind(client: Client, connection: Connection) -> bool:
    """Whether what this connection sends is not keeping up with, so that it should not be read from."""
    return any(backlog.is_behind(connection) for backlog in _backlogs.get(client, ()))


def _sizes(queue: Iterable[Event], wanted: type) -> int:
    return sum(_size(event) for event in queue if isinstance(event, wanted))


def _size(event: Event) -> int:
    return len(getattr(event, "data", b""))


def install(layers: Any) -> None:
    """Make mitmproxy's HTTP layer keep to this."""
    _http2.BufferedH2Connection = WindowedConnection  # type: ignore[attr-defined]
    layers.Http2Server, layers.Http2Client = WindowedServer, WindowedClient
