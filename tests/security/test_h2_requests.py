"""HTTP/2 requests that hide another one, or say two things: a strict HTTP/1 reader behind sees what was judged."""

import asyncio
from contextlib import suppress

import h2.config
import h2.connection

from hoopaddon import Command
from tests.engine.traffic.breaking import Policy
from tests.engine.web.test_smuggling import HIDDEN, read_strictly
from tests.servers.http import Address
from tests.servers.in_front import InFront, confdir, in_front

__all__ = ["confdir", "in_front"]

type Fields = list[tuple[bytes, bytes]]

NOTHING: Fields = []

_INJECTED = b" HTTP/1.1\r\nHost: t\r\n\r\n" + HIDDEN


def head(
    method: bytes = b"GET", path: bytes = b"/seen", *more: tuple[bytes, bytes], authority: bytes = b"t"
) -> Fields:
    return [(b":method", method), (b":scheme", b"http"), (b":authority", authority), (b":path", path), *more]


HEADS: dict[str, Fields] = {
    "a path with a request in it": head(path=b"/seen" + _INJECTED),
    "a path with a blank": head(path=b"/seen HTTP/1.1"),
    "a path with a line end": head(path=b"/seen\r\nX: y"),
    "a path with a bare line feed": head(path=b"/seen\nX: y"),
    "a path with a NUL": head(path=b"/seen\0/hidden"),
    "a path with a tab": head(path=b"/seen\tHTTP/1.1"),
    "a path with a fragment": head(path=b"/seen#/hidden"),
    "a path without a slash": head(path=b"hidden"),
    "an empty path": head(path=b""),
    "a whole URL for a path": head(path=b"http://other/hidden"),
    "two slashes": head(path=b"//other/hidden"),
    "an at": head(path=b"@other/hidden"),
    "a star": head(b"OPTIONS", b"*"),
    "a method with a request in it": head(b"GET /hidden HTTP/1.1\r\nHost: t\r\n\r\nGET"),
    "a method with a blank": head(b"GET /hidden"),
    "a method in lower case": head(b"delete"),
    "an empty method": head(b""),
    "two paths": [*head(), (b":path", b"/hidden")],
    "two methods": [*head(), (b":method", b"DELETE")],
    "two authorities": [*head(), (b":authority", b"other")],
    "a path behind a field": [(b":method", b"GET"), (b"x", b"y"), (b":scheme", b"http"), (b":path", b"/hidden")],
    "an unknown pseudo-field": [*head(), (b":hidden", b"x")],
    "a status": [*head(), (b":status", b"200")],
    "another scheme": [(b":method", b"GET"), (b":scheme", b"http://other/"), *head()[2:]],
    "no scheme": [(b":method", b"GET"), (b":authority", b"t"), (b":path", b"/seen")],
    "a host that is another": head(b"GET", b"/seen", (b"host", b"other")),
    "an authority with a user": head(authority=b"other@t"),
    "an authority with a line end": head(authority=b"t\r\nX: y"),
    "an authority with a path": head(authority=b"t/hidden?"),
    "a name with a line end": head(b"GET", b"/seen", (b"x\r\ny", b"z")),
    "a name with a colon": head(b"GET", b"/seen", (b"x: y\r\nz", b"z")),
    "a name in capitals": head(b"GET", b"/seen", (b"Transfer-Encoding", b"chunked")),
    "a name with a blank": head(b"GET", b"/seen", (b"transfer-encoding ", b"chunked")),
    "an empty name": head(b"GET", b"/seen", (b"", b"x")),
    "a value with a request in it": head(b"GET", b"/seen", (b"x", b"y\r\n\r\n" + HIDDEN)),
    "a value with a bare line feed": head(b"GET", b"/seen", (b"x", b"y\nTransfer-Encoding: chunked")),
    "a value with a bare return": head(b"GET", b"/seen", (b"x", b"y\rTransfer-Encoding: chunked")),
    "a value with a NUL": head(b"GET", b"/seen", (b"x", b"y\0z")),
    "chunks": head(b"POST", b"/seen", (b"transfer-encoding", b"chunked")),
    "a connection": head(b"GET", b"/seen", (b"connection", b"x, upgrade"), (b"upgrade", b"h2c")),
    "another protocol": head(b"GET", b"/seen", (b"upgrade", b"h2c"), (b"http2-settings", b"AAMAAABkAAQAAP__")),
    "a protocol by CONNECT": [(b":method", b"CONNECT"), (b":protocol", b"websocket"), *head()[1:]],
    "a tunnel": [(b":method", b"CONNECT"), (b":authority", b"other:80")],
    "a length that is too short": head(b"POST", b"/seen", (b"content-length", b"3")),
    "a length that is too long": head(b"POST", b"/seen", (b"content-length", b"300")),
    "two lengths": head(b"POST", b"/seen", (b"content-length", b"0"), (b"content-length", b"%d" % len(HIDDEN))),
    "a length with a plus": head(b"POST", b"/seen", (b"content-length", b"+0")),
    "who waits to be told": head(b"POST", b"/seen", (b"expect", b"100-continue")),
    "who waits for something else": head(b"POST", b"/seen", (b"expect", b"200-ok")),
}  # fmt: skip
TRAILERS: dict[str, Fields] = {
    "a length": [(b"content-length", b"0")],
    "chunks": [(b"transfer-encoding", b"chunked")],
    "a pseudo-field": [(b":path", b"/hidden")],
    "a line end": [(b"x", b"y\r\n\r\n" + HIDDEN)],
    "who it is": [(b"x-remote-user", b"root"), (b"authorization", b"Bearer x")],
}


async def send(address: Address, fields: Fields, body: bytes, trailers: Fields) -> None:
    """By prior knowledge, and without any check on this side."""
    config = h2.config.H2Configuration(
        header_encoding=False, validate_outbound_headers=False, normalize_outbound_headers=False
    )
    side = h2.connection.H2Connection(config)
    side.initiate_connection()
    side.send_headers(1, fields, end_stream=not body)
    if body:
        side.send_data(1, body, end_stream=not trailers)
    reader, writer = await asyncio.open_connection(*address)
    writer.write(side.data_to_send())
    if trailers:
        # h2 sends none with what these have: as a block of its own, which is what trailers are.
        block = side.encoder.encode(trailers)
        writer.write(len(block).to_bytes(3, "big") + b"\x01\x05" + (1).to_bytes(4, "big") + block)
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(0.4):
            while await reader.read(65_536):
                pass
    writer.close()


async def test_what_is_read_behind_is_what_was_judged(in_front: InFront) -> None:
    judged: list[str] = []

    def note(command: Command) -> None:
        judged.append(command.text.partition("\n")[0].replace("\r", ""))

    asked = [(f"{name} behind the body", head(b"POST"), HIDDEN, fields) for name, fields in TRAILERS.items()]
    for name, fields in HEADS.items():
        asked.append((name, fields, HIDDEN if (b":method", b"POST") in fields else b"", NOTHING))
    async with in_front(Policy(command=note), mode="http:http://127.0.0.1:{}@127.0.0.1:0") as (upstream, address):
        for name, fields, body, trailers in asked:
            judged.clear()
            upstream.seen.clear()
            await send(address, fields, body, trailers)
            seen = bytes(upstream.seen)
            assert read_strictly(seen) == judged, name
            assert judged in ([], ["GET /seen"], ["POST /seen"], ["GET //other/hidden"], ["OPTIONS /*"]), name
            for word in (b"other:80", b"x-remote-user", b"\r\nx: y", b"upgrade"):
                assert word not in seen.lower(), name
        upstream.seen.clear()
        await send(address, head(), b"", NOTHING)
        assert upstream.seen.startswith(b"GET /seen HTTP/1.1\r\n")
