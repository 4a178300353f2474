"""A response that a policy refuses, or breaks on, does not reach the client: not one byte of it."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from mitmproxy import http

from hoopaddon import Refused
from tests.engine.traffic.breaking import BREAKS, DATA, TIMEOUT, Policy, raises
from tests.servers.http import SECRET, Upstream, chunks, exchange, exchange_h2, get, plain, post
from tests.servers.in_front import InFront

LARGE = SECRET * 1000


def streams(flow: http.HTTPFlow) -> None:
    assert flow.response
    flow.response.stream = True


@pytest.mark.parametrize("breaks", BREAKS)
@pytest.mark.parametrize("hook", ["responseheaders", "response"])
async def test_a_broken_hook(in_front: InFront, hook: str, breaks: Callable[[Any], Any]) -> None:
    async with in_front(Policy(**{hook: breaks}), policy_timeout=TIMEOUT) as (_, address):
        answer = await exchange(address, get())
        assert answer.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["status"] == 502
        assert SECRET not in answer


@pytest.mark.parametrize("respond", [plain(LARGE), chunks(LARGE, LARGE)])
@pytest.mark.parametrize("hook", ["responseheaders", "response"])
async def test_streaming_is_no_way_around(in_front: InFront, hook: str, respond: Any) -> None:
    policies = (Policy(responseheaders=streams), Policy(**{hook: raises}))
    async with in_front(*policies, respond=respond) as (_, address):
        answer = await exchange(address, get())
        assert answer.startswith(b"HTTP/1.1 502 ")
        assert SECRET not in answer


@pytest.mark.parametrize("respond", [plain(LARGE), chunks(LARGE, LARGE)])
@pytest.mark.parametrize("hook", ["responseheaders", "response"])
async def test_streaming_of_large_bodies_is_none_either(in_front: InFront, hook: str, respond: Any) -> None:
    policy = Policy(**{hook: raises})
    async with in_front(policy, respond=respond, stream_large_bodies="1k") as (_, address):
        answer = await exchange(address, get())
        assert answer.startswith(b"HTTP/1.1 502 ")
        assert SECRET not in answer


async def test_an_endless_response_is_answered_at_once(in_front: InFront) -> None:
    endless = chunks(*[SECRET] * 1000, pause_s=0.1)
    async with in_front(Policy(responseheaders=raises), respond=endless) as (_, address):
        async with asyncio.timeout(5):
            answer = await exchange(address, get())
        assert answer.startswith(b"HTTP/1.1 502 ")


async def test_a_streamed_response_is_judged_once_and_before_its_first_byte(in_front: InFront) -> None:
    calls: list[bytes | None] = []

    def notes(flow: http.HTTPFlow) -> None:
        assert flow.response
        calls.append(flow.response.raw_content)
        flow.response.headers["judged"] = "yes"

    policies = (Policy(responseheaders=streams), Policy(response=notes))
    async with in_front(*policies, respond=chunks(LARGE, LARGE)) as (_, address):
        answer = await exchange(address, get())
        assert calls == [None]
        assert b"judged: yes" in answer
        assert answer.count(SECRET) == 2000


async def test_a_policy_can_put_something_else_in_place_of_a_streamed_response(in_front: InFront) -> None:
    def replaces(flow: http.HTTPFlow) -> None:
        flow.response = http.Response.make(451, b"not for you")

    policies = (Policy(responseheaders=streams), Policy(response=replaces))
    async with in_front(*policies, respond=chunks(LARGE, LARGE)) as (_, address):
        answer = await exchange(address, get())
        assert answer.startswith(b"HTTP/1.1 451 ")
        assert answer.endswith(b"not for you")
        assert SECRET not in answer


async def test_a_failing_stream_function_ends_the_connection(in_front: InFront) -> None:
    """mitmproxy would lose the chunk that a mask broke on, and send the next one unmasked."""

    def mask(chunk: bytes) -> bytes:
        if SECRET in chunk:
            raise ValueError(DATA)
        return chunk

    def sets(flow: http.HTTPFlow) -> None:
        assert flow.response
        flow.response.stream = mask

    respond = chunks(b"before", SECRET, b"after")
    async with in_front(Policy(responseheaders=sets), respond=respond) as (_, address):
        answer = await exchange(address, get())
        assert b"before" in answer
        assert b"after" not in answer
        assert SECRET not in answer
        assert not answer.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("hook", ["responseheaders", "response"])
async def test_a_refusal_says_why(in_front: InFront, hook: str) -> None:
    def refuses(_flow: http.HTTPFlow) -> None:
        raise Refused("the answer is classified")

    async with in_front(Policy(**{hook: refuses})) as (_, address):
        head, _, body = (await exchange(address, get())).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 403 ")
        assert json.loads(body)["detail"] == "the answer is classified"


async def test_an_early_response_to_an_unfinished_request(in_front: InFront) -> None:
    """The target answers while the client is still sending a streamed body."""

    async def early(upstream: Upstream, writer: asyncio.StreamWriter) -> None:
        raise AssertionError("the request never ends")

    def streams_request(flow: http.HTTPFlow) -> None:
        flow.request.stream = True

    policies = (Policy(requestheaders=streams_request, responseheaders=raises),)
    async with in_front(*policies, respond=early) as (upstream, address):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1000\r\n\r\nfirst part")
        while b"first part" not in upstream.seen:
            await asyncio.sleep(0.01)
        for target in upstream.writers:
            target.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(SECRET), SECRET))
        assert SECRET not in await asyncio.wait_for(reader.read(), 5)
        writer.close()


@pytest.mark.parametrize("hook", ["responseheaders", "response"])
@pytest.mark.parametrize("streamed", [False, True])
async def test_http2_withholds_one_response_and_serves_the_others(
    in_front: InFront, hook: str, streamed: bool
) -> None:
    def breaks_on_one(flow: http.HTTPFlow) -> None:
        if flow.request.path == "/1":
            raise ValueError(DATA)

    policies = (Policy(responseheaders=streams),) if streamed else ()
    async with in_front(*policies, Policy(**{hook: breaks_on_one})) as (_, address):
        replies = await exchange_h2(address, count=3)
        assert [reply.status for reply in replies] == [200, 502, 200]
        assert [SECRET in reply.body for reply in replies] == [True, False, True]


async def test_an_addon_after_the_broken_one_cannot_let_it_through(in_front: InFront) -> None:
    seen: list[http.Response | None] = []

    def keeps(flow: http.HTTPFlow) -> None:
        seen.append(flow.response)

    def restores(flow: http.HTTPFlow) -> None:
        flow.response = seen[0]

    policies = (Policy(responseheaders=keeps), Policy(responseheaders=raises), Policy(response=restores))
    async with in_front(*policies, respond=plain(headers=b"X-Key: %s\r\n" % SECRET)) as (_, address):
        answer = await exchange(address, get())
        assert answer.startswith(b"HTTP/1.1 502 ")
        assert SECRET not in answer


async def test_a_request_body_passes_when_only_the_response_is_withheld(in_front: InFront) -> None:
    async with in_front(Policy(response=raises)) as (upstream, address):
        assert (await exchange(address, post(b"upload"))).startswith(b"HTTP/1.1 502 ")
        assert b"upload" in upstream.seen
