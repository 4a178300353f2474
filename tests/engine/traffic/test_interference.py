"""Hooks that break in the middle of something else: a kill, a hold, a swap of the flow's parts, a replay."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import ctx, http
from mitmproxy.addons import clientplayback

from hoopaddon.gateway import serving
from tests.engine.traffic.breaking import DATA, TIMEOUT, Policy, raises
from tests.servers.http import SECRET, Upstream, chunks, exchange, exchange_h2, get, plain, post
from tests.servers.in_front import InFront

BODY = b"upload" * 1000

# -- what a hook may raise that is no Exception, and how it may return


class Unheard(BaseException):
    """Not an Exception, so `except Exception` does not see it."""


def interrupts(_subject: object) -> None:
    raise KeyboardInterrupt


async def interrupts_later(_subject: object) -> None:
    await asyncio.sleep(0)
    raise KeyboardInterrupt


def ends_like_a_generator(_subject: object) -> None:
    raise GeneratorExit


def raises_unheard(_subject: object) -> None:
    raise Unheard(DATA)


def stops(_subject: object) -> None:
    raise StopIteration


def yields(_subject: object) -> Any:
    return (DATA for _ in range(3))


async def _yields() -> AsyncIterator[None]:
    yield


def yields_later(_subject: object) -> Any:
    return _yields()


async def swallows_its_timeout(_subject: object) -> None:
    try:
        await asyncio.sleep(30)
    except BaseException:
        return


async def swallows_its_timeout_and_goes_on(_subject: object) -> None:
    while True:
        try:
            await asyncio.sleep(30)
        except BaseException:
            await asyncio.sleep(0.1)
            return


async def cancels_its_own_task(_subject: object) -> None:
    task = asyncio.current_task()
    assert task
    task.cancel()
    await asyncio.sleep(0)


BREAKS = [
    interrupts,
    interrupts_later,
    ends_like_a_generator,
    raises_unheard,
    stops,
    yields,
    yields_later,
    swallows_its_timeout,
    swallows_its_timeout_and_goes_on,
    cancels_its_own_task,
]


@pytest.mark.parametrize("breaks", BREAKS)
@pytest.mark.parametrize("hook", ["requestheaders", "request"])
async def test_no_request_passes(in_front: InFront, hook: str, breaks: Callable[[Any], Any]) -> None:
    async with in_front(Policy(**{hook: breaks}), policy_timeout=TIMEOUT) as (upstream, address):
        answer = await exchange(address, post(BODY))
        assert answer == b"" or answer.startswith(b"HTTP/1.1 502 ")
        assert upstream.seen == b""


@pytest.mark.parametrize("breaks", BREAKS)
@pytest.mark.parametrize("hook", ["responseheaders", "response"])
async def test_no_response_passes(in_front: InFront, hook: str, breaks: Callable[[Any], Any]) -> None:
    async with in_front(Policy(**{hook: breaks}), policy_timeout=TIMEOUT) as (_, address):
        assert SECRET not in await exchange(address, get())


async def test_the_gateway_outlives_all_of_them(in_front: InFront) -> None:
    breaks = iter(BREAKS)

    def request(flow: http.HTTPFlow) -> Any:
        if flow.request.path == "/bad":
            return next(breaks)(flow)
        return None

    async with in_front(Policy(request=request), policy_timeout=TIMEOUT) as (upstream, address):
        for _ in BREAKS:
            await exchange(address, get("/bad"))
        assert (await exchange(address, get())).endswith(SECRET)
        assert b"/bad" not in upstream.seen


# -- functions that a body is streamed through


def exits(_chunk: bytes) -> bytes:
    raise SystemExit(3)


def interrupted(_chunk: bytes) -> bytes:
    raise KeyboardInterrupt


def cancelled(_chunk: bytes) -> bytes:
    raise asyncio.CancelledError


def takes_too_long(_chunk: bytes) -> bytes:
    while True:
        pass


def breaks_off(chunk: bytes) -> Any:
    yield b"masked"
    raise ValueError(DATA)


def loops_in_its_generator(chunk: bytes) -> Any:
    yield b"masked"
    while True:
        pass


async def is_async(chunk: bytes) -> bytes:
    return chunk


def returns_text(_chunk: bytes) -> Any:
    return "text"


def returns_nothing(_chunk: bytes) -> Any:
    return None


STREAMS = [
    exits,
    interrupted,
    cancelled,
    takes_too_long,
    breaks_off,
    loops_in_its_generator,
    is_async,
    returns_text,
    returns_nothing,
]


@pytest.mark.filterwarnings("ignore:coroutine 'is_async' was never awaited:RuntimeWarning")
@pytest.mark.parametrize("stream", STREAMS)
async def test_a_function_that_breaks_on_a_streamed_response(in_front: InFront, stream: Any) -> None:
    def mask(chunk: bytes) -> Any:
        return stream(chunk) if SECRET in chunk else chunk

    def sets(flow: http.HTTPFlow) -> None:
        assert flow.response
        flow.response.stream = mask

    respond = chunks(b"before", SECRET, b"after")
    async with in_front(Policy(responseheaders=sets), respond=respond, policy_timeout=TIMEOUT) as (_, address):
        answer = await exchange(address, get())
        assert SECRET not in answer
        assert b"after" not in answer
        assert not answer.endswith(b"0\r\n\r\n")


@pytest.mark.filterwarnings("ignore:coroutine 'is_async' was never awaited:RuntimeWarning")
@pytest.mark.parametrize("stream", STREAMS)
async def test_a_function_that_breaks_on_a_streamed_request(in_front: InFront, stream: Any) -> None:
    def sets(flow: http.HTTPFlow) -> None:
        flow.request.stream = stream

    async with in_front(Policy(requestheaders=sets), policy_timeout=TIMEOUT) as (upstream, address):
        assert await exchange(address, post(BODY, chunked=True)) == b""
        assert b"upload" not in upstream.seen
        assert not upstream.seen.endswith(b"0\r\n\r\n")


async def test_http2_ends_with_a_function_that_breaks(in_front: InFront) -> None:
    def sets(flow: http.HTTPFlow) -> None:
        assert flow.response
        flow.response.stream = exits

    async with in_front(Policy(responseheaders=sets)) as (_, address):
        replies = await exchange_h2(address, count=3)
        assert not any(SECRET in reply.body for reply in replies)


# -- a flow that is held, killed, or taken apart


@pytest.mark.parametrize("hook", ["requestheaders", "request", "responseheaders", "response"])
async def test_a_hook_that_holds_the_flow_and_breaks(in_front: InFront, hook: str) -> None:
    """Nobody has to let it go for its answer to be sent, and whoever does cannot let it through."""
    released: list[asyncio.Task[None]] = []

    async def lets_go(flow: http.HTTPFlow) -> None:
        await asyncio.sleep(0.05)
        flow.response = None
        flow.error = None
        flow.resume()

    def holds(flow: http.HTTPFlow) -> None:
        flow.intercept()
        released.append(asyncio.ensure_future(lets_go(flow)))
        raise ValueError(DATA)

    async with in_front(Policy(**{hook: holds})) as (upstream, address):
        answer = await exchange(address, post(BODY))
        assert answer.startswith(b"HTTP/1.1 502 ")
        assert SECRET not in answer
        assert (b"upload" in upstream.seen) == hook.startswith("response")


@pytest.mark.parametrize("hook", ["requestheaders", "request", "responseheaders", "response"])
async def test_a_hook_that_kills_the_flow_and_breaks(in_front: InFront, hook: str) -> None:
    def kills(flow: http.HTTPFlow) -> None:
        flow.kill()
        raise ValueError(DATA)

    async with in_front(Policy(**{hook: kills})) as (upstream, address):
        assert SECRET not in await exchange(address, post(BODY))
        assert (b"upload" in upstream.seen) == hook.startswith("response")


async def test_a_hook_that_answers_and_breaks(in_front: InFront) -> None:
    def answers(flow: http.HTTPFlow) -> None:
        flow.response = http.Response.make(200, DATA)
        raise ValueError(DATA)

    async with in_front(Policy(request=answers)) as (upstream, address):
        answer = await exchange(address, get())
        assert answer.startswith(b"HTTP/1.1 502 ")
        assert DATA.encode() not in answer
        assert upstream.seen == b""


@pytest.mark.parametrize("part", ["request", "response", "server_conn", "client_conn", "websocket", "error"])
@pytest.mark.parametrize("hook", ["requestheaders", "request", "responseheaders", "response"])
async def test_a_hook_that_takes_the_flow_apart_and_breaks(in_front: InFront, hook: str, part: str) -> None:
    def takes_apart(flow: http.HTTPFlow) -> None:
        setattr(flow, part, DATA)
        raise ValueError(DATA)

    async with in_front(Policy(**{hook: takes_apart})) as (upstream, address):
        answer = await exchange(address, post(BODY))
        assert answer == b"" or answer.startswith(b"HTTP/1.1 502 ")
        assert SECRET not in answer
        assert DATA.encode() not in answer
        assert (b"upload" in upstream.seen) == hook.startswith("response")


async def test_a_later_policy_cannot_write_into_the_answer(in_front: InFront) -> None:
    kept: list[bytes] = []

    def keeps(flow: http.HTTPFlow) -> None:
        assert flow.response
        kept.append(flow.response.headers["x-key"].encode())

    def writes(flow: http.HTTPFlow) -> None:
        assert flow.response
        flow.response.content = b"".join(kept)
        flow.response.headers["x-key"] = kept[0].decode()

    policies = (Policy(responseheaders=keeps), Policy(responseheaders=raises), Policy(response=writes))
    async with in_front(*policies, respond=plain(headers=b"X-Key: %s\r\n" % SECRET)) as (_, address):
        assert SECRET not in await exchange(address, get())


@pytest.mark.parametrize("hook", ["requestheaders", "request"])
async def test_a_policy_that_is_taken_away_while_it_judges(in_front: InFront, hook: str) -> None:
    async def leaves_and_breaks(_flow: http.HTTPFlow) -> None:
        ctx.master.addons.remove(policy)
        await asyncio.sleep(0.01)
        raise ValueError(DATA)

    policy = Policy(**{hook: leaves_and_breaks})
    async with in_front(policy) as (upstream, address):
        assert (await exchange(address, post(BODY))).startswith(b"HTTP/1.1 502 ")
        assert upstream.seen == b""
        assert (await exchange(address, get())).endswith(SECRET)


# -- replay


@pytest.mark.parametrize("hook", ["requestheaders", "request", "server_connect", "server_connected"])
async def test_a_replayed_request_is_judged_too(in_front: InFront, hook: str) -> None:
    seen: list[http.HTTPFlow] = []
    async with in_front(clientplayback.ClientPlayback(), Policy(response=seen.append)) as (upstream, address):
        await exchange(address, post(BODY))
        upstream.seen.clear()
        ctx.master.addons.add(Policy(**{hook: raises}))
        ctx.master.commands.call("replay.client", [seen[0].copy()])
        await asyncio.sleep(0.3)
        assert upstream.seen == b""


# -- shadow


@pytest.mark.parametrize("breaks", ["raise KeyboardInterrupt", "raise asyncio.CancelledError", "raise SystemExit"])
@pytest.mark.parametrize("hook", ["request", "response"])
async def test_a_script_in_shadow_breaks_without_effect(tmp_path: Path, confdir: str, hook: str, breaks: str) -> None:
    script = tmp_path / "breaks.py"
    script.write_text(f"import asyncio\n\ndef {hook}(flow):\n    {breaks}\n")
    async with (
        Upstream() as upstream,
        serving(
            modes=[f"reverse:http://127.0.0.1:{upstream.port}@0"], shadow=[str(script)], confdir=confdir
        ) as gateway,
    ):
        host, port, *_ = gateway.servers.listen_addrs()[0]
        assert (await exchange((host, port), get())).endswith(SECRET)
