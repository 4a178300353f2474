"""A refusal is there before the body that it refuses, and the exchange ends as its protocol wants it."""

import asyncio
import re
import time
from contextlib import suppress
from typing import Any

import h2.config
import h2.connection
import h2.errors
import h2.events
import pytest

from hoopaddon import Refused
from hoopaddon.traffic import http1
from tests.engine.traffic.breaking import Policy
from tests.servers.http import SECRET, Address, exchange, get
from tests.servers.in_front import InFront
from tests.servers.missing import program

HTTP = "http:http://127.0.0.1:{}@127.0.0.1:0"
NEEDS_TOKEN = "http:http://127.0.0.1:{}?login=token@127.0.0.1:0"
UPLOAD_BYTES = 32 << 20
WITHIN_S = 5


def refuses(_flow: Any) -> None:
    raise Refused("nothing comes in here")


def upload(length: int, headers: bytes = b"") -> bytes:
    return b"POST /up HTTP/1.1\r\nHost: target\r\nContent-Length: %d\r\n%s\r\n" % (length, headers)


async def head_of(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(WITHIN_S):
        return await reader.readuntil(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("mode", "hooks", "status"), [(NEEDS_TOKEN, {}, 401), (HTTP, {"requestheaders": refuses}, 403)]
)
async def test_http_1_is_answered_at_once(in_front: InFront, mode: str, hooks: Any, status: int) -> None:
    async with in_front(Policy(**hooks), mode=mode) as (upstream, address):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(upload(UPLOAD_BYTES) + b"x" * 1000)
        head = await head_of(reader)
        assert head.startswith(b"HTTP/1.1 %d " % status)
        assert b"\r\nconnection: close\r\n" in head.lower()
        writer.close()
    assert upstream.seen == b""


async def test_a_body_that_is_too_large_is_answered_at_once(in_front: InFront) -> None:
    async with in_front(Policy(command=lambda _: None), mode=HTTP) as (upstream, address):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(upload(UPLOAD_BYTES, b"Content-Type: application/json\r\n") + b"[1,")
        assert (await head_of(reader)).startswith(b"HTTP/1.1 413 ")
        writer.close()
    assert upstream.seen == b""


@pytest.mark.parametrize("chunked", [False, True])
async def test_what_still_comes_is_no_request(in_front: InFront, chunked: bool) -> None:
    """Nor is it read for long, and the answer stays readable meanwhile."""
    seen: list[str] = []
    policy = Policy(requestheaders=refuses, client_disconnected=lambda _: seen.append("gone"))
    smuggled = get("/smuggled")
    async with in_front(policy, mode=HTTP) as (upstream, address):
        reader, writer = await asyncio.open_connection(*address)
        head = upload(len(smuggled) + 10)
        if chunked:
            head = b"POST /up HTTP/1.1\r\nHost: target\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        writer.write(head)
        await head_of(reader)
        writer.write(smuggled + b"0123456789" + smuggled)
        async with asyncio.timeout(http1.LINGER_S + WITHIN_S):
            rest = await reader.read()
        writer.close()
    assert rest.count(b"HTTP/1.1") == 0
    assert upstream.seen == b""


async def test_a_client_that_goes_on_is_not_read_for_ever(in_front: InFront) -> None:
    async with in_front(Policy(requestheaders=refuses), mode=HTTP) as (_, address):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(upload(1 << 40))
        await head_of(reader)
        sent = 0
        with suppress(OSError):
            async with asyncio.timeout(http1.LINGER_S + WITHIN_S):
                while sent < UPLOAD_BYTES:
                    writer.write(b"x" * 65_536)
                    await writer.drain()
                    sent += 65_536
        writer.close()
    # What the kernel holds for both sides comes on top.
    assert sent < UPLOAD_BYTES


async def test_a_silent_client_is_let_go(in_front: InFront, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1, "LINGER_S", 0.3)
    async with in_front(Policy(requestheaders=refuses), mode=HTTP) as (_, address):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(upload(1000))
        await head_of(reader)
        async with asyncio.timeout(WITHIN_S):
            assert b"HTTP/1.1" not in await reader.read()
        writer.close()


async def curl(address: Address, *arguments: str) -> tuple[str, str]:
    process = await asyncio.create_subprocess_exec(
        str(program("curl")),
        *("-sv", "--max-time", "8", *arguments, f"http://127.0.0.1:{address[1]}/up"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, said = await process.communicate()
    return out.decode(), said.decode()


@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])
async def test_curl_sends_no_body_for_nothing(in_front: InFront, tmp_path: Any, version: str) -> None:
    (tmp_path / "large").write_bytes(bytes(UPLOAD_BYTES))
    began = time.monotonic()
    async with in_front(Policy(requestheaders=refuses), mode=HTTP) as (upstream, address):
        data = f"@{tmp_path / 'large'}"
        for expects in ("Expect: 100-continue", "Expect:"):
            out, said = await curl(address, version, "-H", expects, "--data-binary", data)
            assert "nothing comes in here" in out, said
            assert " 100 Continue" not in said
    assert upstream.seen == b""
    assert time.monotonic() - began < 8


async def test_curl_goes_on_when_it_may(in_front: InFront) -> None:
    async with in_front(mode=HTTP) as (upstream, address):
        out, said = await curl(address, "--http1.1", "-H", "Expect: 100-continue", "-d", "x=1")
    assert out == SECRET.decode()
    assert " 100 Continue" in said
    assert upstream.seen.endswith(b"x=1")
    assert not re.search(rb"(?i)\r\nexpect:", upstream.seen)


async def test_http_2_is_answered_and_reset(in_front: InFront) -> None:
    """With NO_ERROR, and the connection serves other requests."""
    refuses_one = Policy(requestheaders=lambda flow: refuses(flow) if flow.request.path == "/up" else None)
    async with in_front(refuses_one, mode=HTTP) as (upstream, address), asyncio.timeout(WITHIN_S):
        reader, writer = await asyncio.open_connection(*address)
        side = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        side.initiate_connection()
        head = [(":scheme", "http"), (":authority", "target")]
        side.send_headers(1, [(":method", "POST"), (":path", "/up"), *head])
        side.send_data(1, b"x" * 10_000)
        happened: list[h2.events.Event] = []

        async def until(kind: type[h2.events.Event]) -> Any:
            while not (found := [event for event in happened if isinstance(event, kind)]):
                writer.write(side.data_to_send())
                happened.extend(side.receive_data(await reader.read(65_536)))
            return found[0]

        reset = await until(h2.events.StreamReset)
        assert (reset.stream_id, reset.error_code) == (1, h2.errors.ErrorCodes.NO_ERROR)
        body = b"".join(event.data for event in happened if isinstance(event, h2.events.DataReceived))
        assert b"nothing comes in here" in body
        # It was on its way.
        frame = (10_000).to_bytes(3) + b"\0\0" + (1).to_bytes(4) + b"x" * 10_000
        writer.write(frame * 3)
        happened.clear()
        side.send_headers(3, [(":method", "GET"), (":path", "/fine"), *head], end_stream=True)
        await until(h2.events.StreamEnded)
        assert b"".join(e.data for e in happened if isinstance(e, h2.events.DataReceived)) == SECRET
        writer.close()
    assert b"/up" not in upstream.seen


async def test_a_refusal_of_a_whole_body_keeps_the_connection(in_front: InFront) -> None:
    async with in_front(Policy(request=refuses), mode=HTTP) as (_, address):
        both = upload(3) + b"abc" + get()
        assert (await exchange(address, both)).count(b"HTTP/1.1 403 ") == 2
