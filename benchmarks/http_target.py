"""A target for the HTTP benchmarks: 1 KB of JSON for each request, or as many megabytes as `/big/N` asks for.

What is posted is taken for the call of a tool (MCP), and has a result of 1 KB.
"""

import asyncio
import json
import sys
from typing import cast

import uvloop

# Nothing in it is to be masked.
ROW = json.dumps({"id": 17, "state": "shipped", "items": ["lamp", "desk"], "note": "leave it at the door"}).encode()
SMALL = b"[%s]" % b",".join([ROW] * 11)
PIECE = (ROW + b",") * 700
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
ANSWER = HEAD % len(SMALL) + SMALL
_PART = {"type": "text", "text": SMALL.decode()}
RESULT = json.dumps(
    {"jsonrpc": "2.0", "id": 1, "result": {"content": [_PART], "isError": False, "resultType": "complete"}}
).encode()
CALLED = HEAD % len(RESULT) + RESULT


class Target(asyncio.Protocol):
    """One connection; what is posted has a length."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._buffer = b""
        self._writable = asyncio.Event()
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, _, rest = self._buffer.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            if len(rest) < length:
                return
            self._buffer = rest[length:]
            path = head.split(b" ", 2)[1]
            if path.startswith(b"/big/"):
                self._sending = asyncio.ensure_future(self._send(int(path[5:])))
            else:
                self._transport.write(CALLED if length else ANSWER)

    async def _send(self, megabytes: int) -> None:
        count = megabytes * 1_000_000 // len(PIECE)
        self._transport.write(HEAD % (count * len(PIECE) + len(ROW) + 2) + b"[")
        for _ in range(count):
            self._transport.write(PIECE)
            await self._writable.wait()
        self._transport.write(ROW + b"]")

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()


async def main(port: int) -> None:
    """Serve until the process is ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Target, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
