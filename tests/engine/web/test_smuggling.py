"""Requests that hide another one: a strict reader behind the gateway sees just those that were judged."""

import asyncio
from contextlib import suppress

import h11
import pytest

from hoopaddon import Command
from tests.engine.traffic.breaking import Policy
from tests.servers.http import Address
from tests.servers.in_front import InFront

HIDDEN = b"DELETE /hidden HTTP/1.1\r\nHost: t\r\n\r\n"
HEAD = b"POST /seen HTTP/1.1\r\nHost: t\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
NOTHING = b"0\r\n\r\n"


def length(of: bytes, value: bytes = b"") -> bytes:
    return b"Content-Length: %s\r\n" % (value or b"%d" % len(of))


WAYS = {
    "length and chunks": HEAD + length(NOTHING + HIDDEN) + CHUNKED + b"\r\n" + NOTHING + HIDDEN,
    "chunks and length": HEAD + CHUNKED + length(b"0\r\n") + b"\r\n" + NOTHING + HIDDEN,
    "two lengths": HEAD + length(b"") + length(HIDDEN) + b"\r\n" + HIDDEN,
    "two lengths in one": HEAD + length(b"", b"0, %d" % len(HIDDEN)) + b"\r\n" + HIDDEN,
    "a length with a plus": HEAD + length(b"", b"+%d" % len(HIDDEN)) + b"\r\n" + HIDDEN,
    "a length in hex": HEAD + length(b"", b"0x%x" % len(HIDDEN)) + b"\r\n" + HIDDEN,
    "a length with an underscore": HEAD + length(b"", b"1_0") + b"\r\n" + HIDDEN,
    "a length in other digits": HEAD + length(b"", "\N{ARABIC-INDIC DIGIT FIVE}".encode()) + b"\r\n" + HIDDEN,
    "a negative length": HEAD + length(b"", b"-1") + b"\r\n" + HIDDEN,
    "an empty length": HEAD + b"Content-Length:\r\n\r\n" + HIDDEN,
    "a length behind a blank": HEAD + b"Content-Length : 0\r\n" + CHUNKED + b"\r\n" + NOTHING + HIDDEN,
    "a coding behind a blank": HEAD + b"Transfer-Encoding : chunked\r\n" + length(b"") + b"\r\n" + NOTHING + HIDDEN,
    "a coding with a tab": HEAD + b"Transfer-Encoding:\tchunked\r\n" + length(b"") + b"\r\n" + NOTHING + HIDDEN,
    "a coding with a vertical tab": HEAD + b"Transfer-Encoding:\x0bchunked\r\n\r\n" + NOTHING + HIDDEN,
    "a coding that is folded": HEAD
    + b"Transfer-Encoding:\r\n chunked\r\n"
    + length(b"")
    + b"\r\n"
    + NOTHING
    + HIDDEN,
    "a coding with an underscore": HEAD
    + b"Transfer_Encoding: chunked\r\n"
    + length(b"")
    + b"\r\n"
    + NOTHING
    + HIDDEN,
    "a coding in two fields": HEAD + b"Transfer-Encoding: gzip\r\n" + CHUNKED + b"\r\n" + NOTHING + HIDDEN,
    "a coding in quotes": HEAD + b'Transfer-Encoding: "chunked"\r\n\r\n' + NOTHING + HIDDEN,
    "a coding of HTTP/1.0": HEAD.replace(b"1.1", b"1.0") + CHUNKED + b"\r\n" + NOTHING + HIDDEN,
    "a coding behind a bare return": HEAD + b"X: y\rTransfer-Encoding: chunked\r\n" + length(b"") + b"\r\n" + HIDDEN,
    "a field behind a bare line feed": HEAD + b"X: y\nTransfer-Encoding: chunked\r\n\r\n" + NOTHING + HIDDEN,
    "a field with a NUL": HEAD + b"Content\0-Length: 0\r\n" + CHUNKED + b"\r\n" + NOTHING + HIDDEN,
    "fields named by Connection": HEAD + b"Connection: Content-Length\r\n" + length(HIDDEN) + b"\r\n" + HIDDEN,
    "a chunk's size in hex twice": HEAD + CHUNKED + b"\r\n0x5\r\nhello\r\n" + NOTHING + HIDDEN,
    "a chunk's size with a plus": HEAD + CHUNKED + b"\r\n+5\r\nhello\r\n" + NOTHING + HIDDEN,
    "a chunk's size with an underscore": HEAD + CHUNKED + b"\r\n0_5\r\nhello\r\n" + NOTHING + HIDDEN,
    "a chunk's size beyond 64 bits": HEAD + CHUNKED + b"\r\n10000000000000000\r\n" + HIDDEN,
    "a chunk without its end": HEAD + CHUNKED + b"\r\n5\r\nhelloXX0\r\n\r\n" + HIDDEN,
    "an extension with a line feed": HEAD + CHUNKED + b"\r\n5;a\nhello\r\n" + NOTHING + HIDDEN,
    "a bare line feed behind a size": HEAD + CHUNKED + b"\r\n5\nhello\r\n" + NOTHING + HIDDEN,
    "a last chunk of many zeros": HEAD + CHUNKED + b"\r\n0000\r\n\r\n" + HIDDEN,
    "a trailer": HEAD + CHUNKED + b"\r\n0\r\nContent-Length: 40\r\n\r\n" + HIDDEN,
    "a GET with a body": b"GET /seen HTTP/1.1\r\nHost: t\r\n" + length(HIDDEN) + b"\r\n" + HIDDEN,
    "a line in a target": b"GET /seen%0d%0aX:%20y HTTP/1.1\r\nHost: t\r\n\r\n",
    "a request in a target": b"GET /seen HTTP/1.1 /hidden HTTP/1.1\r\nHost: t\r\n\r\n",
    "an absolute target": b"GET http://other/hidden HTTP/1.1\r\nHost: t\r\n\r\n",
    "an asterisk": b"OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n",
    "two hosts": b"GET /seen HTTP/1.1\r\nHost: t\r\nHost: other\r\n\r\n",
    "HTTP/0.9": b"GET /hidden\r\n\r\n",
    "a preface in the middle": HEAD + length(b"") + b"\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an upgrade to h2c": HEAD
    + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAAA\r\n\r\n"
    + HIDDEN,
}
"""None of which has to be refused: what comes of it has to be what was judged."""


def read_strictly(seen: bytes) -> list[str]:
    """The requests that a strict server reads. Raises `h11.RemoteProtocolError` for what it would not read."""
    found: list[str] = []
    while seen:
        side = h11.Connection(h11.SERVER)
        side.receive_data(seen)
        while not isinstance(event := side.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                return [*found, "unfinished"]
            if isinstance(event, h11.Request):
                assert b"host" in {bytes(name) for name, _ in event.headers}
                found.append(f"{event.method.decode()} {event.target.decode()}")
        seen = side.trailing_data[0]
    return found


async def send(address: Address, sent: bytes) -> None:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(sent)
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(0.3):
            while await reader.read(65_536):
                pass
    writer.close()


@pytest.mark.parametrize("mode", ["http:http://127.0.0.1:{}@127.0.0.1:0", "reverse:http://127.0.0.1:{}@127.0.0.1:0"])
async def test_what_is_read_behind_is_what_was_judged(in_front: InFront, mode: str) -> None:
    judged: list[str] = []

    def note(command: Command) -> None:
        judged.append(command.text.partition("\n")[0].replace("\r", ""))

    async with in_front(Policy(command=note), mode=mode) as (upstream, address):
        for name, way in WAYS.items():
            judged.clear()
            upstream.seen.clear()
            await send(address, way)
            assert read_strictly(bytes(upstream.seen)) == judged, name
            assert len(judged) <= 2, name


@pytest.mark.parametrize("mode", ["http:http://127.0.0.1:{}@127.0.0.1:0", "reverse:http://127.0.0.1:{}@127.0.0.1:0"])
async def test_a_target_is_not_told_of_another(in_front: InFront, mode: str) -> None:
    async with in_front(mode=mode) as (upstream, address):
        await send(address, b"GET http://other/x HTTP/1.1\r\nHost: third\r\n\r\n")
    assert upstream.seen.startswith(b"GET /x HTTP/1.1\r\n")
    assert b"\r\nHost: 127.0.0.1:%d\r\n" % upstream.port in upstream.seen.replace(b"host:", b"Host:")
    assert b"other" not in upstream.seen
    assert b"third" not in upstream.seen
