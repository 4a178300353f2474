"""One connection: bytes in, bytes out, TLS from any point on, and a brake in each direction."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, cast

from hoopaddon.errors import Side
from hoopaddon.relay.hangup import HangUpWatch
from hoopaddon.relay.tls import TlsStream

READ_AHEAD_BYTES = 256 * 1024
"""What is read ahead of somebody who awaits it before the peer has to wait."""


class ConnectionEnded(Exception):
    """The peer hung up while something was expected of it."""

    def __init__(self, side: Side) -> None:
        super().__init__(f"the {side} closed the connection")
        self.side = side


class _Attached(asyncio.Protocol):
    """A channel that has been attached, without TLS: what comes goes to the callback and nowhere else."""

    def __init__(self, channel: "Channel", on_data: Callable[[bytes], None]) -> None:
        self.__dict__.update(
            data_received=on_data,
            eof_received=channel.eof_received,
            connection_lost=channel.connection_lost,
            pause_writing=channel.pause_writing,
            resume_writing=channel.resume_writing,
        )


class Channel(asyncio.Protocol):
    """A connection to a client or to a target.

    It starts out with `read_exactly` for those who await; `attach` turns it over to callbacks, for those who
    answer at once.
    """

    def __init__(self, side: Side, on_made: Callable[["Channel"], None] | None = None) -> None:
        self.side = side
        self.tls: TlsStream | None = None
        self.ended = False
        """Nothing more will come from the peer; unless the connection is `lost`, it may still be reading."""
        self.lost = False
        self.writable = True
        self._on_made = on_made
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._waiter: asyncio.Future[None] | None = None
        self._on_data: Callable[[bytes], None] | None = None
        self._on_end: Callable[[], None] | None = None
        self._on_brake: Callable[[bool], None] | None = None
        self._tls_failure: ssl.SSLError | None = None
        self._paused = False
        self._said_end = False

    # -- what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self._on_made:
            self._on_made(self)

    def data_received(self, data: bytes) -> None:
        if self.tls is not None:
            try:
                data = self.tls.receive(data)
            except ssl.SSLError as e:
                self._tls_failure = e
                self._send_raw(self.tls.outgoing())
                self.close()
                self._end()
                return
            self._send_raw(self.tls.outgoing())
            if self.tls.ended:
                self._deliver(data)
                self.close()
                self._end()
                return
        self._deliver(data)

    def _deliver(self, data: bytes) -> None:
        if self._on_data is not None:
            if data:
                self._on_data(data)
            return
        self._buffer += data
        if len(self._buffer) > READ_AHEAD_BYTES and self._waiter is None:
            self.pause()
        self._wake()

    def eof_received(self) -> bool | None:
        self._end()
        # A half-closed TLS session cannot be told from a truncated one.
        return self.tls is None and not self.lost

    def connection_lost(self, exc: Exception | None) -> None:
        first = not self.lost
        self.lost = self.ended = True
        self._wake()
        if first and self._on_end is not None:
            self._on_end()

    def _end(self) -> None:
        if self.ended:
            return
        self.ended = True
        if self.tls is not None:
            self.lost = True
        self._wake()
        if self._on_end is not None:
            self._on_end()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def pause_writing(self) -> None:
        self.writable = False
        if self._on_brake is not None:
            self._on_brake(False)

    def resume_writing(self) -> None:
        self.writable = True
        if self._on_brake is not None:
            self._on_brake(True)

    # -- for those who await

    async def _more(self) -> None:
        if self.ended:
            raise ConnectionEnded(self.side)
        self.resume()
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    async def read_exactly(self, count: int) -> bytes:
        """The next `count` bytes. Raises `ConnectionEnded` when the peer hangs up before."""
        while len(self._buffer) < count:
            await self._more()
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    async def peek(self) -> int:
        """The next byte, left where it is."""
        while not self._buffer:
            await self._more()
        return self._buffer[0]

    @property
    def read_ahead(self) -> int:
        """How many bytes have come that nobody has read."""
        return len(self._buffer)

    async def start_tls(
        self, context: ssl.SSLContext, *, server_side: bool, server_hostname: str | None = None
    ) -> TlsStream:
        """Speak TLS from the next byte on; what has been read ahead is the peer's first flight.

        Raises `ssl.SSLError` when the handshake fails, `ConnectionEnded` when the peer hangs up in it.
        """
        tls = TlsStream(context, server_side=server_side, server_hostname=server_hostname)
        first = bytes(self._buffer)
        self._buffer.clear()
        self.tls = tls
        if not server_side:
            tls.handshake()
            self._send_raw(tls.outgoing())
        if first:
            self.data_received(first)
        while not tls.established:
            if self._tls_failure is not None:
                raise self._tls_failure
            try:
                await self._more()
            except ConnectionEnded:
                if self._tls_failure is not None:
                    raise self._tls_failure from None
                raise
        return tls

    # -- for those who answer at once

    def attach(
        self, on_data: Callable[[bytes], None], on_end: Callable[[], None], on_brake: Callable[[bool], None]
    ) -> None:
        """From now on call these: with data, when the peer stops sending and again when the connection is lost,
        and when writing has to stop (False) or may go on (True)."""
        self._on_data, self._on_end, self._on_brake = on_data, on_end, on_brake
        if self.tls is None and self._transport is not None and not self._transport.is_closing():
            self._transport.set_protocol(_Attached(self, on_data))
        if self._buffer:
            data = bytes(self._buffer)
            self._buffer.clear()
            on_data(data)
        self.resume()
        if self.ended:
            on_end()

    # -- both

    def write(self, data: bytes) -> None:
        """Send, through TLS where that has begun. After the end, `write_end` included, it does nothing."""
        if self.tls is not None and self.tls.established:
            try:
                data = self.tls.send(data)
            except ssl.SSLError:
                self._end()
                return
        # As in `_send_raw`, without a call: this runs twice for every command.
        transport = self._transport
        if data and not self._said_end and transport is not None and not transport.is_closing():
            transport.write(data)

    def _send_raw(self, data: bytes) -> None:
        if data and not self._said_end and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def pause(self) -> None:
        """Stop reading: the peer has to wait."""
        if not self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    def watch_hang_up(self, on_hang_up: Callable[[], None]) -> HangUpWatch | None:
        """Notice, until the watch is closed, that the peer hangs up without being read; None if it has."""
        socket = self._transport.get_extra_info("socket") if self._transport else None
        if socket is None or self.lost or socket.fileno() < 0:
            return None
        return HangUpWatch(socket.fileno(), on_hang_up)

    def write_end(self) -> None:
        """Say that nothing more will be sent, and go on reading (a half-close)."""
        if self._transport is not None and not self._transport.is_closing() and self._transport.can_write_eof():
            self._said_end = True
            self._transport.write_eof()

    def close(self) -> None:
        """Send what is written, then close."""
        if self._transport is not None and not self._transport.is_closing():
            if self.tls is not None and self.tls.established:
                self._send_raw(self.tls.close())
            self._transport.close()

    def abort(self) -> None:
        """Close at once; what is not yet sent is lost."""
        if self._transport is not None:
            self._transport.abort()

    def address(self, which: str = "peername") -> str:
        """`host:port` of the peer, or of our own end (`sockname`); empty once the connection is gone."""
        name: Any = self._transport.get_extra_info(which) if self._transport else None
        if not name or not isinstance(name, tuple):
            return ""
        host = f"[{name[0]}]" if ":" in name[0] else name[0]
        return f"{host}:{name[1]}"

    @property
    def host(self) -> str:
        """The peer's address without its port; empty once the connection is gone."""
        return self.address().rpartition(":")[0].strip("[]")

    @property
    def from_loopback(self) -> bool:
        """Whether the peer is on this machine."""
        host = self.host
        return host == "::1" or host.startswith(("127.", "::ffff:127."))


async def connect(host: str, port: int, timeout_s: float) -> Channel:
    """A channel to a target. Raises `OSError` (a `TimeoutError` after `timeout_s` seconds)."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(timeout_s):
        _, channel = await loop.create_connection(lambda: Channel("server"), host, port)
    return channel
