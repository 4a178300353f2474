"""Channels on a WebSocket: each message begins with the number of its channel (`v4.channel.k8s.io` and v5)."""

import asyncio
import json
from contextlib import suppress
from typing import Any

from tests.kubernetes.double.remote.channels import ERROR, RESIZE, STDERR, STDIN, STDOUT, terminal_size
from tests.kubernetes.double.web.websocket import WebSocket

type Json = dict[str, Any]

V5, V4 = "v5.channel.k8s.io", "v4.channel.k8s.io"
PROTOCOLS = (V5, V4)
_CLOSE = 255
"""Version 5's channel by which the client closes another one: without it nobody could end standard input."""


class WebSocketChannels:
    """A session's streams on a WebSocket."""

    def __init__(self, socket: WebSocket, protocol: str) -> None:
        self._socket, self._protocol = socket, protocol
        self._stdin: asyncio.Queue[bytes] = asyncio.Queue()
        self._sizes: asyncio.Queue[tuple[int, int] | None] = asyncio.Queue()
        self._reading = asyncio.ensure_future(self._read())

    async def begin(self, *, stdout: bool, stderr: bool) -> None:
        """Tell the client that it is connected, as the server's `remotecommand` does: by an empty message."""
        await self.write(STDOUT if stdout else STDERR if stderr else ERROR, b"")

    async def _read(self) -> None:
        with suppress(ConnectionError):
            while (message := await self._socket.receive()) is not None:
                if message:
                    self._on(message[0], message[1:])
        self._stdin.put_nowait(b"")
        self._sizes.put_nowait(None)

    def _on(self, channel: int, data: bytes) -> None:
        if channel == STDIN and data:
            self._stdin.put_nowait(data)
        elif channel == RESIZE and (size := terminal_size(data)):
            self._sizes.put_nowait(size)
        elif channel == _CLOSE and self._protocol == V5 and data[:1] == bytes([STDIN]):
            self._stdin.put_nowait(b"")

    async def stdin(self) -> bytes:
        """Some of what the client types; none at the end."""
        return await self._stdin.get()

    async def size(self) -> tuple[int, int] | None:
        """The terminal's next size."""
        return await self._sizes.get()

    async def write(self, channel: int, data: bytes) -> None:
        """Send output."""
        await self._socket.send(bytes([channel]) + data)

    async def finish(self, status: Json) -> None:
        """Say how it ended, and end."""
        with suppress(ConnectionError):
            await self.write(ERROR, json.dumps(status).encode())
            await self._socket.close()
        self._reading.cancel()

    async def gone(self) -> None:
        """Return when the client has gone away."""
        await asyncio.wait((self._reading,))
