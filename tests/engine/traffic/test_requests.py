"""A request that a policy refuses, or breaks on, does not reach the target: not one byte of it."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from mitmproxy import exceptions, http

from hoopaddon import Refused
from tests.engine.traffic.breaking import BREAKS, DATA, TIMEOUT, Policy, raises
from tests.servers.http import SECRET, exchange, exchange_h2, get, post
from tests.servers.in_front import InFront

BODY = b"upload" * 1000


def streams(flow: http.HTTPFlow) -> None:
    flow.request.stream = True


def refuses(_flow: http.HTTPFlow) -> None:
    raise Refused("not on a Friday")


async def test_without_a_policy_everything_passes(in_front: InFront) -> None:
    async with in_front() as (upstream, address):
        assert (await exchange(address, post(BODY))).endswith(SECRET)
        assert BODY in upstream.seen


@pytest.mark.parametrize("breaks", BREAKS)
@pytest.mark.parametrize("hook", ["requestheaders", "request"])
async def test_a_broken_hook(in_front: InFront, hook: str, breaks: Callable[[Any], Any]) -> None:
    async with in_front(Policy(**{hook: breaks}), policy_timeout=TIMEOUT) as (upstream, address):
        answer = await exchange(address, post(BODY))
        assert answer.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
        assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {
            "type": "about:blank",
            "title": "Bad Gateway",
            "status": 502,
        }
        assert upstream.seen == b""


@pytest.mark.parametrize("hook", ["requestheaders", "request"])
@pytest.mark.parametrize("chunked", [False, True])
async def test_streaming_is_no_way_around(in_front: InFront, hook: str, chunked: bool) -> None:
    policies = (Policy(requestheaders=streams), Policy(**{hook: raises}))
    async with in_front(*policies) as (upstream, address):
        assert (await exchange(address, post(BODY, chunked=chunked))).startswith(b"HTTP/1.1 502 ")
        assert upstream.seen == b""


@pytest.mark.parametrize("hook", ["requestheaders", "request"])
@pytest.mark.parametrize("chunked", [False, True])
async def test_streaming_of_large_bodies_is_none_either(in_front: InFront, hook: str, chunked: bool) -> None:
    # With a chunked body, mitmproxy only begins to stream when it has seen enough of it.
    async with in_front(Policy(**{hook: raises}), stream_large_bodies="1k") as (upstream, address):
        assert (await exchange(address, post(BODY, chunked=chunked))).startswith(b"HTTP/1.1 502 ")
        assert upstream.seen == b""


@pytest.mark.parametrize("hook", ["requestheaders", "request"])
async def test_streaming_set_by_the_hook_that_breaks(in_front: InFront, hook: str) -> None:
    def sets_and_breaks(flow: http.HTTPFlow) -> None:
        flow.request.stream = True
        flow.response = None
        raise ValueError(DATA)

    async with in_front(Policy(**{hook: sets_and_breaks})) as (upstream, address):
        assert (await exchange(address, post(BODY))).startswith(b"HTTP/1.1 502 ")
        assert upstream.seen == b""


async def test_a_streamed_request_is_judged_once_and_before_its_first_byte(in_front: InFront) -> None:
    calls: list[tuple[bytes | None, int]] = []

    async with in_front(Policy(requestheaders=streams)) as (upstream, address):

        def notes(flow: http.HTTPFlow) -> None:
            calls.append((flow.request.raw_content, len(upstream.seen)))

        from mitmproxy import ctx

        ctx.master.addons.add(Policy(request=notes))
        assert (await exchange(address, post(BODY, chunked=True))).endswith(SECRET)
        assert calls == [(None, 0)]
        assert upstream.seen.count(b"upload") == 1000


async def test_a_streamed_request_that_a_policy_answers_is_not_sent(in_front: InFront) -> None:
    def answers(flow: http.HTTPFlow) -> None:
        flow.response = http.Response.make(418, b"no")

    async with in_front(Policy(requestheaders=streams), Policy(request=answers)) as (upstream, address):
        assert (await exchange(address, post(BODY))).startswith(b"HTTP/1.1 418 ")
        assert upstream.seen == b""


async def test_a_failing_stream_function_ends_the_connection(in_front: InFront) -> None:
    """mitmproxy would lose the chunk and send the next one."""
    passed: list[bytes] = []

    def through(chunk: bytes) -> bytes:
        if passed:
            raise ValueError(DATA)
        passed.append(chunk)
        return b""

    def sets(flow: http.HTTPFlow) -> None:
        flow.request.stream = through

    async with in_front(Policy(requestheaders=sets)) as (upstream, address):
        assert await exchange(address, post(BODY, chunked=True)) == b""
        assert b"upload" not in upstream.seen


@pytest.mark.parametrize("later", ["requestheaders", "request"])
async def test_an_addon_after_the_broken_one_cannot_let_it_through(in_front: InFront, later: str) -> None:
    def forgives(flow: http.HTTPFlow) -> None:
        flow.response = None
        flow.error = None
        flow.request.stream = True

    policies = (Policy(requestheaders=raises), Policy(**{later: forgives}))
    async with in_front(*policies) as (upstream, address):
        assert (await exchange(address, post(BODY))).startswith(b"HTTP/1.1 502 ")
        assert upstream.seen == b""


@pytest.mark.parametrize("hook", ["requestheaders", "request"])
async def test_a_refusal_says_why(in_front: InFront, hook: str) -> None:
    async with in_front(Policy(**{hook: refuses})) as (upstream, address):
        head, _, body = (await exchange(address, get())).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 403 Forbidden")
        assert b"content-type: application/problem+json" in head
        assert json.loads(body) == {
            "type": "about:blank",
            "title": "Forbidden",
            "status": 403,
            "detail": "not on a Friday",
            "policy": "Policy",
        }
        assert upstream.seen == b""


async def test_the_answer_to_head_has_no_body(in_front: InFront) -> None:
    async with in_front(Policy(request=raises)) as (_, address):
        answer = await exchange(address, b"HEAD / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 502 ")
        assert answer.endswith(b"\r\n\r\n")


async def test_the_connection_serves_the_next_request(in_front: InFront) -> None:
    def breaks_on_one(flow: http.HTTPFlow) -> None:
        if flow.request.path == "/bad":
            raise ValueError(DATA)

    async with in_front(Policy(request=breaks_on_one)) as (upstream, address):
        answer = await exchange(address, b"GET /bad HTTP/1.1\r\nHost: t\r\n\r\n" + get("/good"))
        assert answer.startswith(b"HTTP/1.1 502 ")
        assert answer.endswith(SECRET)
        assert b"/bad" not in upstream.seen


@pytest.mark.parametrize("hook", ["requestheaders", "request"])
async def test_http2_refuses_one_stream_and_serves_the_others(in_front: InFront, hook: str) -> None:
    def breaks_on_one(flow: http.HTTPFlow) -> None:
        if flow.request.path == "/1":
            raise ValueError(DATA)

    async with in_front(Policy(**{hook: breaks_on_one})) as (upstream, address):
        replies = await exchange_h2(address, count=3, body=BODY)
        assert [reply.status for reply in replies] == [200, 502, 200]
        assert b"/1 " not in upstream.seen
        assert upstream.seen.count(b"POST") == 2


async def test_http2_with_streaming(in_front: InFront) -> None:
    policies = (Policy(requestheaders=streams), Policy(request=raises))
    async with in_front(*policies) as (upstream, address):
        (reply,) = await exchange_h2(address, body=BODY)
        assert reply.status == 502
        assert upstream.seen == b""


async def test_halt_keeps_its_meaning(in_front: InFront) -> None:
    def halts(_flow: http.HTTPFlow) -> None:
        raise exceptions.AddonHalt

    async with in_front(Policy(request=halts), Policy(request=raises)) as (_, address):
        assert (await exchange(address, get())).endswith(SECRET)


async def test_a_proxy_does_not_connect(in_front: InFront) -> None:
    policy = Policy(http_connect=raises)
    async with in_front(policy, mode="regular@0") as (upstream, address):
        request = b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n\r\n" % upstream.port
        answer = await exchange(address, request + get())
        assert answer.startswith(b"HTTP/1.1 502 ")
        assert upstream.seen == b""


async def test_the_log_names_the_place_and_not_the_data(in_front: InFront, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with in_front(Policy(request=raises)) as (_, address):
        await exchange(address, get())
    (line,) = [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]
    assert line.startswith("Policy: request raised ValueError at ")
    assert "breaking.py:" in line
    assert DATA not in caplog.text
