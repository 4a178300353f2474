"""What HTTP/1 says between its messages, and how much of it before there is one."""

import asyncio
import time

import pytest

from hoopaddon import Command
from tests.servers.http import SECRET, Respond, Upstream, exchange, get, post
from tests.servers.in_front import InFront

MODE = "http:http://127.0.0.1:{}@127.0.0.1:0"
WITHIN_S = 15


def says(*parts: bytes) -> Respond:
    """Respond with these bytes."""

    async def respond(_upstream: Upstream, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.02)

    return respond


FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"


@pytest.mark.parametrize("parts", [(HINTS, FINE), (HINTS + FINE,), (b"HTTP/1.1 100 Continue\r\n\r\n", HINTS, FINE)])
async def test_informational_answers_are_not_the_answer(in_front: InFront, parts: tuple[bytes, ...]) -> None:
    async with in_front(mode=MODE, respond=says(*parts)) as (_, address):
        answers = [await exchange(address, get()) for _ in range(2)]
    assert all(answer.startswith(b"HTTP/1.1 200 ") and answer.endswith(b"fine") for answer in answers)


async def test_trailers_of_an_answer_are_left_out(in_front: InFront) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-After\r\n\r\n"
    async with in_front(mode=MODE, respond=says(head, b"4\r\nfine\r\n", b"0\r\nX-After: secret\r\n\r\n")) as (
        _,
        address,
    ):
        answer = await exchange(address, get())
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"fine" in answer
    assert b"secret" not in answer


async def test_trailers_of_a_request_are_left_out(in_front: InFront) -> None:
    request = post(b"amount=5", chunked=True).replace(b"0\r\n\r\n", b"0\r\nX-After: unseen\r\n\r\n")
    async with in_front(mode=MODE) as (upstream, address):
        assert (await exchange(address, request)).endswith(SECRET)
    assert b"unseen" not in upstream.seen


@pytest.mark.parametrize("head", [b"GET /" + b"a" * 400_000, b"GET / HTTP/1.1\r\nX: " + b"y" * 400_000])
async def test_a_head_has_a_size(in_front: InFront, head: bytes) -> None:
    async with in_front(mode=MODE) as (upstream, address):
        answer = await exchange(address, head)
    assert answer.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 414 "))
    assert not upstream.seen


async def test_the_head_of_an_answer_has_a_size(in_front: InFront) -> None:
    async with in_front(mode=MODE, respond=says(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 400_000)) as (_, address):
        answer = await exchange(address, get())
    assert answer.startswith(b"HTTP/1.1 502 ")
    assert b"yyyy" not in answer


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n", b"\x16\x03\x01", b"\x16"])
async def test_a_head_has_a_time(in_front: InFront, sent: bytes) -> None:
    async with in_front(mode=MODE, login_timeout=1) as (upstream, address), asyncio.timeout(WITHIN_S):
        began = time.monotonic()
        answer = await exchange(address, sent)
        assert time.monotonic() - began >= 0.9
        assert not answer or answer.startswith(b"HTTP/1.1 408 ")
        assert bool(answer) is sent.startswith(b"GET")
        # A connection that is kept may be quiet for longer.
        reader, writer = await asyncio.open_connection(*address)
        for _ in range(2):
            writer.write(get().replace(b"Connection: close\r\n", b""))
            await reader.readuntil(SECRET)
            await asyncio.sleep(1.2)
        writer.close()
    assert upstream.seen


async def test_there_is_room_for_so_many(in_front: InFront) -> None:
    async with in_front(mode=MODE, max_connections=2) as (upstream, address), asyncio.timeout(WITHIN_S):
        kept = [await asyncio.open_connection(*address) for _ in range(2)]
        for reader, writer in kept:
            writer.write(get("/kept").replace(b"Connection: close\r\n", b""))
            await reader.readuntil(SECRET)
        refused = await exchange(address, get("/refused").replace(b"Connection: close\r\n", b""))
        assert refused.startswith(b"HTTP/1.1 503 ")
        assert b"too many connections" in refused
        assert b"/refused" not in upstream.seen
        for _, writer in kept:
            writer.close()
        while not (await exchange(address, get("/again"))).endswith(SECRET):
            await asyncio.sleep(0.05)


async def test_a_held_request_outlasts_a_quiet_connection(in_front: InFront) -> None:
    class Slow:
        async def command(self, command: Command) -> None:
            await asyncio.sleep(2.5)

    async with in_front(Slow(), mode=MODE, tcp_timeout=1) as (_, address):
        assert (await exchange(address, get())).endswith(SECRET)
