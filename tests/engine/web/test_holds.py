"""Requests that wait for people: the client waits too, or leaves, or is told where to ask again."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hoopaddon import Command
from hoopaddon.approval import ApprovalRequest, Decision
from hoopaddon.gateway import serving
from tests.servers.http import SECRET, Address, Upstream, exchange, exchange_h2, get, post

WITHIN_S = 10
ASYNC = b"Prefer: respond-async\r\n"


class People:
    """Answers when the test says so."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.answer: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        self.requests: list[ApprovalRequest] = []
        self.gave_up = 0

    async def ask(self, request: ApprovalRequest) -> Decision:
        self.requests.append(request)
        self.asked.set()
        try:
            return await asyncio.shield(self.answer)
        except asyncio.CancelledError:
            self.gave_up += 1
            raise


class Ask:
    """Holds everything but `/free`."""

    def __init__(self) -> None:
        self.ended: list[Command] = []

    async def command(self, command: Command) -> None:
        if "/free" not in command.text and "/1" not in command.text:
            await command.approve("needs a second pair of eyes")

    def command_end(self, command: Command) -> None:
        self.ended.append(command)


@asynccontextmanager
async def held(confdir: str, query: str = "") -> AsyncIterator[tuple[Upstream, Address, People, Ask]]:
    people, policy = People(), Ask()
    async with Upstream() as upstream:
        modes = [f"http:http://127.0.0.1:{upstream.port}{query}@0"]
        async with serving(modes=modes, addons=[policy], confdir=confdir) as gateway:
            gateway.approver = people
            host, port, *_ = gateway.servers.listen_addrs()[0]
            yield upstream, (host, port), people, policy


APPROVED = Decision(True, ("ann",))
DENIED = Decision(False, ("ann",), reason="not today")


@pytest.mark.parametrize("decision", [APPROVED, DENIED])
async def test_the_client_waits(confdir: str, decision: Decision) -> None:
    async with held(confdir) as (upstream, address, people, policy), asyncio.timeout(WITHIN_S):
        asking = asyncio.ensure_future(exchange(address, post(b"amount=5")))
        await people.asked.wait()
        assert not upstream.seen
        assert people.requests[0].command.text.startswith("POST /")
        people.answer.set_result(decision)
        answer = await asking
    assert answer.endswith(SECRET) is decision.approved
    assert (b"not today" in answer) is not decision.approved
    assert [c.verdict.outcome for c in policy.ended] == ["approved" if decision.approved else "denied"]


async def test_a_client_that_leaves_ends_the_hold(confdir: str) -> None:
    async with held(confdir) as (upstream, address, people, policy), asyncio.timeout(WITHIN_S):
        _, writer = await asyncio.open_connection(*address)
        writer.write(get("/"))
        await people.asked.wait()
        writer.close()
        while not policy.ended:
            await asyncio.sleep(0.01)
        assert people.gave_up == 1
        assert not upstream.seen


async def test_a_held_stream_does_not_hold_the_others(confdir: str) -> None:
    async with held(confdir) as (_, address, people, _policy), asyncio.timeout(WITHIN_S):
        asking = asyncio.ensure_future(exchange_h2(address, 2))
        await people.asked.wait()
        while not _policy.ended:
            await asyncio.sleep(0.01)
        assert not asking.done()
        people.answer.set_result(APPROVED)
        assert [reply.status for reply in await asking] == [200, 200]


async def ask_again(address: Address, answer: bytes) -> bytes:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 202 ")
    place = json.loads(body)["ask_again_at"].removeprefix("http://target")
    assert f"location: http://target{place}".encode() in head
    return await exchange(address, get(place))


@pytest.mark.parametrize("decision", [APPROVED, DENIED])
@pytest.mark.parametrize("query", ["", "?path=/api"])
async def test_the_client_asks_again(confdir: str, decision: Decision, query: str) -> None:
    request = post(b'{"a": 1}').replace(b"POST /", b"POST /api/refunds" if query else b"POST /refunds", 1)
    request = request.replace(b"\r\n\r\n", b"\r\n" + ASYNC + b"Content-Type: application/json\r\n\r\n", 1)
    async with held(confdir, query) as (upstream, address, people, policy), asyncio.timeout(WITHIN_S):
        first = await exchange(address, request)
        assert b"retry-after: 2" in first
        assert (await ask_again(address, first)).startswith(b"HTTP/1.1 202 ")
        assert not upstream.seen
        people.answer.set_result(decision)
        await asyncio.sleep(0.05)
        second = await ask_again(address, first)
        assert second.endswith(SECRET) is decision.approved
        assert (b"not today" in second) is not decision.approved
        assert (b"POST /refunds HTTP/1.1" in upstream.seen) is decision.approved
        assert upstream.seen.endswith(b'{"a": 1}') is decision.approved
        # Once is once.
        seen = bytes(upstream.seen)
        assert (await ask_again(address, first)).startswith(b"HTTP/1.1 404 ")
        assert bytes(upstream.seen) == seen
        assert len(people.requests) == 1
    assert [c.tag for c in policy.ended] == (["202", "200"] if decision.approved else ["202"])


async def test_nobody_else_gets_the_answer(confdir: str) -> None:
    """Another client's session is another one, whatever address it asks at."""
    async with held(confdir) as (upstream, address, people, _), asyncio.timeout(WITHIN_S):
        first = await exchange(address, get("/x", ASYNC))
        people.answer.set_result(APPROVED)
        await asyncio.sleep(0.05)
        for place in ("", "nonsense", "../x", "%2e%2e/x"):
            answer = await exchange(address, get(f"/.well-known/hoopaddon/held/{place}"))
            assert answer.startswith(b"HTTP/1.1 404 ")
        assert not upstream.seen
        assert (await ask_again(address, first)).endswith(SECRET)


async def test_what_is_not_held_is_answered_at_once(confdir: str) -> None:
    async with held(confdir) as (_, address, people, _policy), asyncio.timeout(WITHIN_S):
        assert (await exchange(address, get("/free", ASYNC))).endswith(SECRET)
        assert not people.requests
