"""A policy ends a session on HTTP: what is not answered yet is refused, what streams breaks off, the next is anew."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hoopaddon import Command, Session
from hoopaddon.gateway import Gateway, serving
from tests.engine.web.test_holds import WITHIN_S, People
from tests.servers.http import SECRET, Address, Respond, Upstream, chunks, exchange, exchange_h2, get, plain

REASON = "your grant has ended"


class Ends:
    """Ends the session of what a request says."""

    def __init__(self) -> None:
        self.started: list[Session] = []
        self.ended: list[Session] = []
        self.commands: list[Command] = []

    def session_start(self, session: Session) -> None:
        self.started.append(session)

    async def command(self, command: Command) -> None:
        if "/end-now" in command.text:
            command.session.end(REASON)
        if "/hold" in command.text:
            await command.approve("somebody has to")

    def command_end(self, command: Command) -> None:
        self.commands.append(command)

    def session_end(self, session: Session) -> None:
        self.ended.append(session)


@asynccontextmanager
async def ending(
    confdir: str, respond: Respond | None = None
) -> AsyncIterator[tuple[Upstream, Address, Ends, People, Gateway]]:
    people, policy = People(), Ends()
    async with Upstream(respond or plain()) as upstream:
        modes = [f"http:http://127.0.0.1:{upstream.port}@0"]
        async with (
            serving(modes=modes, addons=[policy], confdir=confdir) as gateway,
            asyncio.timeout(WITHIN_S),
        ):
            gateway.approver = people
            host, port, *_ = gateway.servers.listen_addrs()[0]
            yield upstream, (host, port), policy, people, gateway


def refused(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.startswith(b"HTTP/1.1 403") and REASON in json.loads(body)["detail"]


async def test_the_request_that_ends_it_is_refused_and_the_next_begins_another(confdir: str) -> None:
    async with ending(confdir) as (upstream, address, policy, _, _):
        assert refused(await exchange(address, get("/end-now")))
        assert not upstream.seen
        assert (await exchange(address, get("/again"))).endswith(SECRET)
        assert len(policy.started) == 2
        assert policy.ended == policy.started[:1]


async def test_what_is_held_is_refused(confdir: str) -> None:
    async with ending(confdir) as (upstream, address, policy, people, _):
        asking = asyncio.ensure_future(exchange(address, get("/hold")))
        await people.asked.wait()
        policy.started[0].end(REASON)
        assert refused(await asking)
        assert people.gave_up == 1
        assert not upstream.seen


async def test_what_waits_for_its_answer_is_refused(confdir: str) -> None:
    asked = asyncio.Event()

    async def never(_upstream: Upstream, _writer: asyncio.StreamWriter) -> None:
        asked.set()
        await asyncio.sleep(WITHIN_S)

    async with ending(confdir, never) as (_, address, policy, _, _):
        asking = asyncio.ensure_future(exchange(address, get("/slow")))
        await asked.wait()
        policy.started[0].end(REASON)
        assert refused(await asking)
        assert policy.commands[0].tag == "403"


@pytest.mark.parametrize("version", [1, 2])
async def test_what_streams_breaks_off(confdir: str, version: int) -> None:
    async with ending(confdir, chunks(*[b"data: one\n\n"] * 100)) as (_, address, policy, _, gateway):
        gateway.options.update(stream_large_bodies="1")
        if version == 1:
            asking = asyncio.ensure_future(exchange(address, get("/stream")))
            while not policy.started:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.5)
            policy.started[0].end(REASON)
            answer = await asking
            assert b"data: one" in answer
            assert not answer.endswith(b"0\r\n\r\n")
            assert answer.count(b"data: one") < 100
        else:
            waiting = asyncio.ensure_future(exchange_h2(address))
            while not policy.started:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.5)
            policy.started[0].end(REASON)
            (reply,) = await waiting
            assert reply.reset
        assert policy.commands[0].error


async def test_a_session_that_nobody_uses_ends_at_once(confdir: str) -> None:
    async with ending(confdir) as (_, address, policy, _, _):
        await exchange(address, get("/"))
        policy.started[0].end(REASON)
        while not policy.ended:
            await asyncio.sleep(0.01)
        assert policy.ended == policy.started


async def test_who_did_not_wait_cannot_ask_again(confdir: str) -> None:
    async with ending(confdir) as (upstream, address, policy, people, _):
        answer = await exchange(address, get("/hold", b"Prefer: respond-async\r\n"))
        place = json.loads(answer.partition(b"\r\n\r\n")[2])["ask_again_at"]
        policy.started[0].end(REASON)
        while not people.gave_up:
            await asyncio.sleep(0.01)
        path = "/" + place.partition("//")[2].partition("/")[2]
        assert b" 404 " in (await exchange(address, get(path))).partition(b"\r\n")[0]
        assert not upstream.seen
