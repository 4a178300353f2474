"""An HTTP server that remembers every byte it was sent, and clients that show every byte they were."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import h2.config
import h2.connection
import h2.events

WITHIN_S = 10
SECRET = b"the-answer-is-42"

type Address = tuple[str, int]
type Respond = Callable[["Upstream", asyncio.StreamWriter], Awaitable[None]]


def plain(body: bytes = SECRET, *, status: bytes = b"200 OK", headers: bytes = b"") -> Respond:
    """Respond with a body of known length."""

    async def respond(_upstream: "Upstream", writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n%s" % (status, len(body), headers, body))

    return respond


def chunks(*parts: bytes, pause_s: float = 0.05) -> Respond:
    """Respond with a chunked body, one part at a time."""

    async def respond(_upstream: "Upstream", writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for part in parts:
            writer.write(b"%x\r\n%s\r\n" % (len(part), part))
            await writer.drain()
            await asyncio.sleep(pause_s)
        writer.write(b"0\r\n\r\n")

    return respond


@dataclass
class Upstream:
    """The target. `seen` is every byte that it was sent, on whatever connection."""

    respond: Respond = field(default_factory=plain)
    seen: bytearray = field(default_factory=bytearray)
    tls: Path | None = None
    """A file with a certificate and its key, for a target that speaks TLS."""
    port: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        context = None
        if self.tls:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(self.tls)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for writer in self.writers:
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        with suppress(OSError, asyncio.CancelledError):
            buffer = b""
            while data := await reader.read(65536):
                self.seen += data
                buffer += data
                while (rest := _after_request(buffer)) is not None:
                    buffer = rest
                    await self.respond(self, writer)
        writer.close()


def _after_request(buffer: bytes) -> bytes | None:
    """What follows the first request in the buffer; None while it is incomplete."""
    head, found, rest = buffer.partition(b"\r\n\r\n")
    if not found:
        return None
    lines = {name.lower(): value.strip() for name, _, value in (h.partition(b":") for h in head.split(b"\r\n")[1:])}
    if b"chunked" in lines.get(b"transfer-encoding", b""):
        _, found, after = rest.partition(b"0\r\n\r\n")
        return after if found else None
    length = int(lines.get(b"content-length", b"0"))
    return rest[length:] if len(rest) >= length else None


def get(path: str = "/", headers: bytes = b"") -> bytes:
    return b"GET %s HTTP/1.1\r\nHost: target\r\nConnection: close\r\n%s\r\n" % (path.encode(), headers)


def post(body: bytes, *, chunked: bool = False) -> bytes:
    head = b"POST / HTTP/1.1\r\nHost: target\r\nConnection: close\r\n"
    if not chunked:
        return head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    half = len(body) // 2
    parts = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (body[:half], body[half:]))
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + parts + b"0\r\n\r\n"


async def exchange(address: Address, request: bytes) -> bytes:
    """Send the bytes, and return everything that comes back until the connection ends."""
    reader, writer = await asyncio.open_connection(*address)
    received = bytearray()
    try:
        async with asyncio.timeout(WITHIN_S):
            writer.write(request)
            with suppress(OSError):
                while data := await reader.read(65536):
                    received += data
    finally:
        writer.close()
    return bytes(received)


@dataclass
class Reply:
    """What an HTTP/2 client got on one stream."""

    status: int = 0
    body: bytes = b""
    reset: bool = False


@asynccontextmanager
async def _h2(address: Address) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    reader, writer = await asyncio.open_connection(*address, ssl=context, server_hostname="target")
    try:
        yield reader, writer
    finally:
        writer.close()


async def exchange_h2(address: Address, count: int = 1, body: bytes = b"") -> list[Reply]:
    """Send `count` requests on one HTTP/2 connection at once, for the paths /0, /1 …; what each got."""
    replies = {1 + 2 * n: Reply() for n in range(count)}
    open_streams = set(replies)
    async with _h2(address) as (reader, writer), asyncio.timeout(WITHIN_S):
        conn = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding=False))
        conn.initiate_connection()
        for n, stream in enumerate(replies):
            method = "POST" if body else "GET"
            head = [(":method", method), (":scheme", "https"), (":authority", "target"), (":path", f"/{n}")]
            conn.send_headers(stream, head, end_stream=not body)
            if body:
                conn.send_data(stream, body, end_stream=True)
        while open_streams:
            writer.write(conn.data_to_send())
            data = await reader.read(65536)
            if not data:
                break
            for event in conn.receive_data(data):
                _note(event, replies, open_streams)
    for stream in open_streams:
        replies[stream].reset = True
    return list(replies.values())


def _note(event: h2.events.Event, replies: dict[int, Reply], open_streams: set[int]) -> None:
    match event:
        case h2.events.ResponseReceived():
            replies[event.stream_id].status = int(dict(event.headers)[b":status"])
        case h2.events.DataReceived():
            replies[event.stream_id].body += event.data
        case h2.events.StreamReset():
            replies[event.stream_id].reset = True
            open_streams.discard(event.stream_id)
        case h2.events.StreamEnded():
            open_streams.discard(event.stream_id)
