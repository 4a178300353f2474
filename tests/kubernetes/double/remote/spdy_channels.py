"""Channels on SPDY: one stream each, named by its header `streamtype` (`v4.channel.k8s.io` and older)."""

import asyncio
import json
from contextlib import suppress
from typing import Any

from tests.kubernetes.double.remote.channels import ERROR, RESIZE, STDERR, STDIN, STDOUT, terminal_size
from tests.kubernetes.double.web.spdy import SpdyConnection, Stream

type Json = dict[str, Any]

V4 = "v4.channel.k8s.io"
PROTOCOLS = (V4, "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io")
_NUMBERS = {"stdin": STDIN, "stdout": STDOUT, "stderr": STDERR, "error": ERROR, "resize": RESIZE}
_STREAMS_WITHIN_S = 30


class SpdyChannels:
    """A session's streams on SPDY."""

    def __init__(self, connection: SpdyConnection, protocol: str) -> None:
        self._connection, self._protocol = connection, protocol
        self._streams: dict[int, Stream] = {}

    async def begin(self, wanted: set[int]) -> bool:
        """Wait until the client has opened its streams; whether it has."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_STREAMS_WITHIN_S):
                while not wanted <= self._streams.keys():
                    if (stream := await self._connection.accept()) is None:
                        return False
                    self._streams[_NUMBERS.get(stream.headers.get("streamtype", ""), -1)] = stream
                return True
        return False

    async def stdin(self) -> bytes:
        """Some of what the client types; none at the end."""
        return await self._streams[STDIN].read()

    async def size(self) -> tuple[int, int] | None:
        """The terminal's next size: documents of JSON, one after another."""
        while data := await self._streams[RESIZE].read():
            for line in data.splitlines():
                if size := terminal_size(line):
                    return size
        return None

    async def write(self, channel: int, data: bytes) -> None:
        """Send output."""
        if (stream := self._streams.get(channel)) is not None:
            await stream.write(data)

    async def finish(self, status: Json) -> None:
        """Say how it ended, and end."""
        with suppress(ConnectionError):
            error = self._streams[ERROR]
            if self._protocol == V4:
                await error.write(json.dumps(status).encode())
            elif status["status"] != "Success":
                await error.write(status["message"].encode())
            for stream in self._streams.values():
                await stream.close()
            # The client ends the connection once it has read all of this; a little later the server does.
            with suppress(TimeoutError):
                async with asyncio.timeout(2):
                    await asyncio.wait((self._connection.reading,))
        await self._connection.close()

    async def gone(self) -> None:
        """Return when the client has gone away."""
        await asyncio.wait((self._connection.reading,))
