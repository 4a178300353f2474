"""SPDY/3.1 as far as Kubernetes uses it: streams in both directions, no flow control.

https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/
"""

import asyncio
import struct
import zlib
from contextlib import suppress
from typing import Protocol

type Headers = dict[str, str]

# What both sides' compressors begin with (section 2.6.10.1): words behind their lengths, then what headers hold.
_WORDS = (
    *[
        "options",
        "head",
        "post",
        "put",
        "delete",
        "trace",
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "accept-ranges",
        "age",
        "allow",
        "authorization",
        "cache-control",
        "connection",
        "content-base",
        "content-encoding",
        "content-language",
        "content-length",
        "content-location",
        "content-md5",
        "content-range",
        "content-type",
        "date",
        "etag",
        "expect",
        "expires",
        "from",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "last-modified",
        "location",
        "max-forwards",
        "pragma",
        "proxy-authenticate",
        "proxy-authorization",
        "range",
        "referer",
        "retry-after",
        "server",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "vary",
        "via",
        "warning",
        "www-authenticate",
        "method",
        "get",
        "status",
    ],
    "200 OK",
    *["version", "HTTP/1.1", "url", "public", "set-cookie", "keep-alive", "origin"],
)
_OFTEN = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden"
    "404 Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug "
    "Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,"
    "application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdch"
    "charset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)
DICTIONARY = b"".join(struct.pack(">I", len(word)) + word.encode() for word in _WORDS) + _OFTEN.encode()

_DATA, _SYN_STREAM, _SYN_REPLY, _RST_STREAM, _PING, _GOAWAY, _HEADERS = 0, 1, 2, 3, 6, 7, 8
_FIN = 1
_LARGEST = (1 << 24) - 1


class Transport(Protocol):
    """What carries the frames: a connection, or a WebSocket."""

    async def read(self) -> bytes:
        """Some bytes; none at the end."""

    async def write(self, data: bytes) -> None:
        """Send."""


class Stream:
    """One stream that the client has opened."""

    def __init__(self, connection: "SpdyConnection", identity: int, headers: Headers) -> None:
        self.headers, self.identity = headers, identity
        self._connection = connection
        self._data: asyncio.Queue[bytes] = asyncio.Queue()
        self._closed = False

    async def read(self) -> bytes:
        """Some bytes; none at the end."""
        data = await self._data.get()
        if not data:
            self._data.put_nowait(b"")
        return data

    def put(self, data: bytes) -> None:
        """The client has sent this; nothing means that it sends no more."""
        self._data.put_nowait(data)

    async def write(self, data: bytes) -> None:
        """Send bytes."""
        for at in range(0, len(data), 32768):
            await self._connection.send_data(self.identity, data[at : at + 32768])

    async def close(self) -> None:
        """Send no more."""
        if not self._closed:
            self._closed = True
            await self._connection.send_data(self.identity, b"", last=True)


class SpdyConnection:
    """The server's side of a connection."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._streams: dict[int, Stream] = {}
        self._new: asyncio.Queue[Stream | None] = asyncio.Queue()
        self._deflate = zlib.compressobj(zdict=DICTIONARY)
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._buffer = bytearray()
        self._writing = asyncio.Lock()
        self.reading = asyncio.ensure_future(self._read())

    async def accept(self) -> Stream | None:
        """The next stream that the client opens; None when there will be no more."""
        return await self._new.get()

    async def send_data(self, stream: int, data: bytes, *, last: bool = False) -> None:
        """A DATA frame."""
        async with self._writing:
            await self._transport.write(struct.pack(">II", stream, (_FIN if last else 0) << 24 | len(data)) + data)

    async def close(self) -> None:
        """Say that no more streams are taken, and read no more."""
        with suppress(ConnectionError):
            await self._control(_GOAWAY, struct.pack(">II", max(self._streams, default=0), 0))
        self.reading.cancel()

    async def _control(self, kind: int, body: bytes, flags: int = 0) -> None:
        async with self._writing:
            await self._transport.write(struct.pack(">HHI", 0x8003, kind, flags << 24 | len(body)) + body)

    async def _read(self) -> None:
        try:
            while data := await self._transport.read():
                self._buffer += data
                while (frame := self._frame()) is not None:
                    await self._on(*frame)
        except (ConnectionError, zlib.error, struct.error, KeyError):
            pass
        finally:
            self._new.put_nowait(None)
            for stream in self._streams.values():
                stream.put(b"")

    def _frame(self) -> tuple[int, int, int, bytes] | None:
        if len(self._buffer) < 8:
            return None
        first, second = struct.unpack_from(">II", self._buffer)
        size = second & _LARGEST
        if len(self._buffer) < 8 + size:
            return None
        body = bytes(self._buffer[8 : 8 + size])
        del self._buffer[: 8 + size]
        kind = first & 0xFFFF if first >> 31 else 0
        return kind, first & 0x7FFFFFFF, second >> 24, body

    async def _on(self, kind: int, identity: int, flags: int, body: bytes) -> None:
        match kind:
            case 0:
                if (stream := self._streams.get(identity)) is not None:
                    if body:
                        stream.put(body)
                    if flags & _FIN:
                        stream.put(b"")
            case 1:
                (opened,) = struct.unpack_from(">I", body)
                stream = Stream(self, opened & 0x7FFFFFFF, self._headers(body[10:]))
                self._streams[stream.identity] = stream
                await self._control(_SYN_REPLY, struct.pack(">I", stream.identity) + self._packed({}))
                if flags & _FIN:
                    stream.put(b"")
                self._new.put_nowait(stream)
            case 3:
                if (stream := self._streams.pop(struct.unpack_from(">I", body)[0], None)) is not None:
                    stream.put(b"")
            case 6:
                await self._control(_PING, body)
            case 8:
                self._headers(body[4:])

    def _headers(self, packed: bytes) -> Headers:
        plain = self._inflate.decompress(packed)
        (count,) = struct.unpack_from(">I", plain)
        at, found = 4, {}
        for _ in range(count):
            pair = []
            for _ in range(2):
                (size,) = struct.unpack_from(">I", plain, at)
                pair.append(plain[at + 4 : at + 4 + size].decode())
                at += 4 + size
            found[pair[0].lower()] = pair[1]
        return found

    def _packed(self, headers: Headers) -> bytes:
        plain = struct.pack(">I", len(headers))
        for name, value in headers.items():
            plain += struct.pack(">I", len(name)) + name.encode() + struct.pack(">I", len(value)) + value.encode()
        return self._deflate.compress(plain) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
