"""The least that a gateway in Python can be: bytes from one socket to another, with back-pressure, on uvloop.

`python -m benchmarks.bare_relay LISTEN_PORT TARGET_PORT`: what hoopaddon costs beyond this is what it adds.
"""

import asyncio
import sys
from typing import cast

import uvloop

HOST = "127.0.0.1"


class Half(asyncio.Protocol):
    """One side of a connection: what it receives goes to the other."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: Half | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's by behaviour, not by class.
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self.other and self.other.transport:
            self.other.transport.write(data)

    def pause_writing(self) -> None:
        if self.other and self.other.transport:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other and self.other.transport:
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other and self.other.transport:
            self.other.transport.close()
        self.other = None


class Client(Half):
    """The accepted side: what it sends before the target is reached waits."""

    def __init__(self, target_port: int) -> None:
        super().__init__()
        self._target_port = target_port
        self._early: list[bytes] = []
        self._connecting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # Reading cannot be paused here: uvloop starts it only after this method, whatever was said in it.
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    def data_received(self, data: bytes) -> None:
        if self.other:
            super().data_received(data)
        else:
            self._early.append(data)

    async def _connect(self) -> None:
        _, server = await asyncio.get_running_loop().create_connection(Half, HOST, self._target_port)
        self.other, server.other = server, self
        super().data_received(b"".join(self._early))
        self._early.clear()


async def serve(listen_port: int, target_port: int) -> None:
    """Relay every connection to the target until cancelled."""
    server = await asyncio.get_running_loop().create_server(
        lambda: Client(target_port), HOST, listen_port, backlog=1024
    )
    print("listening", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2])))
