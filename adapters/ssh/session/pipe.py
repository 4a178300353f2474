"""Two channels whose bytes are each other's: what a forward is made of."""

from collections.abc import Callable
from typing import Any

import asyncssh

from hoopaddon.adapters.ssh.session.flow import Socket, Valve


class End(asyncssh.SSHTCPSession[bytes], asyncssh.SSHUNIXSession[bytes]):
    """One of the two; `count` is told of the bytes that come in here."""

    def __init__(self, count: Callable[[int], None], over: Callable[[], None]) -> None:
        self._count = count
        self._tell_over = over
        self._other: End | None = None
        self._channel: Any = None
        self._sockets: list[Socket] = []
        self._over = False
        self.source = Valve(self._stop)
        # Until both ends are there, nothing is read: it would have nowhere to go.
        self.source.close("starting")

    @classmethod
    def pair(cls, count: Callable[[int], None], over: Callable[[], None]) -> "tuple[End, End]":
        """Both ends; `over` is called once, when the first of them is gone."""
        one, two = cls(count, over), cls(count, over)
        one._other, two._other = two, one
        return one, two

    def connection_made(self, chan: Any) -> None:
        self._channel = chan
        chan.pause_reading()
        other = self._other
        if self._over or other is None:
            chan.close()
        elif other._channel is not None:
            for end, facing in ((self, other), (other, self)):
                socket = Socket.of(facing._channel.get_connection())
                socket.watch(end.source, "socket")
                end._sockets.append(socket)

    def session_started(self) -> None:
        # asyncssh resumes reading itself after this, for the end that was asked for.
        other = self._other
        if other is not None and other._channel is not None:
            self.source.open("starting")
            other.source.open("starting")

    def data_received(self, data: bytes, datatype: Any) -> None:
        self._count(len(data))
        if self.source.closed:
            self._channel.pause_reading()
        other = self._other
        if other is not None and other._channel is not None and not other._channel.is_closing():
            other._channel.write(data)

    def eof_received(self) -> bool:
        other = self._other
        if other is not None and other._channel is not None and not other._channel.is_closing():
            other._channel.write_eof()
        return True

    def pause_writing(self) -> None:
        if self._other is not None:
            self._other.source.close("channel")

    def resume_writing(self) -> None:
        if self._other is not None:
            self._other.source.open("channel")

    def connection_lost(self, exc: Exception | None) -> None:
        self.end()

    def end(self) -> None:
        """This end is gone, and with it the other."""
        if self._over:
            return
        self._over = True
        for socket in self._sockets:
            socket.forget(self.source)
        other, self._other = self._other, None
        if self._channel is not None:
            self._channel.close()
        if other is not None:
            other.end()
            self._tell_over()

    def _stop(self, stop: bool) -> None:
        if self._channel is None or self._over:
            return
        if stop:
            self._channel.pause_reading()
        else:
            self._channel.resume_reading()
