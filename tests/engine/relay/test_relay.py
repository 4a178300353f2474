"""The relay holds two connections together: brakes, ends and waits, with a conversation that only passes bytes on."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest
import uvloop

from hoopaddon.errors import PeerError
from hoopaddon.relay.channel import Channel, ConnectionEnded, connect
from hoopaddon.relay.relay import BACKLOG_BYTES, MAX_HELD_BACKLOGS, Relay

WITHIN_S = 10
GOODBYE = b"goodbye: "


@dataclass
class Passing:
    """Passes everything on; a line of its client's that begins with a word does more."""

    to_client: list[bytes] = field(default_factory=list)
    to_server: list[bytes] = field(default_factory=list)
    client_wait: Awaitable[None] | None = None
    server_wait: Awaitable[None] | None = None
    finished: bool = False
    idle: bool = True
    client_backlog: int = 0
    holding: bool = False
    was_closed: int = 0
    release: asyncio.Event = field(default_factory=asyncio.Event)
    held: list[bytes] = field(default_factory=list)

    def client_data(self, data: bytes) -> None:
        if data.startswith(b"peer"):
            raise PeerError("client", "nonsense")
        if data.startswith(b"bug"):
            raise KeyError("secret 4711")
        if self.client_wait is not None or data.startswith(b"hold"):
            self.held.append(data)
            self.client_backlog += len(data)
            self.holding |= data.startswith(b"hold for a verdict")
            self.client_wait = self.client_wait or self._released()
            return
        self.idle = False
        self.to_server.append(data)

    async def _released(self) -> None:
        await self.release.wait()

    def server_data(self, data: bytes) -> None:
        if data.startswith(b"bug"):
            raise KeyError("secret 4711")
        self.idle = True
        self.to_client.append(data)

    def resume_client(self) -> None:
        self.client_wait = None
        self.client_backlog = 0
        self.holding = False
        self.to_server += self.held
        self.held.clear()

    def resume_server(self) -> None:
        self.server_wait = None

    def end(self, reason: str, *, code: str = "") -> None:
        self.to_client.append(GOODBYE + reason.encode() + b" " + code.encode())
        self.finished = True

    def closed(self) -> None:
        self.was_closed += 1
        if asyncio.iscoroutine(self.client_wait):
            self.client_wait.close()


@dataclass
class Setting:
    """A client, a relay and a target."""

    talk: Passing
    relay: Relay
    running: "asyncio.Task[None]"
    client: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    target: tuple[asyncio.StreamReader, asyncio.StreamWriter]

    async def ended(self) -> None:
        async with asyncio.timeout(WITHIN_S):
            await self.running
        assert self.talk.was_closed == 1


@asynccontextmanager
async def setting(*, idle_timeout_s: float = 0) -> AsyncIterator[Setting]:
    loop = asyncio.get_running_loop()
    arrived: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = loop.create_future()
    made: asyncio.Future[Channel] = loop.create_future()
    target = await asyncio.start_server(lambda r, w: arrived.set_result((r, w)), "127.0.0.1", 0)
    gateway = await loop.create_server(lambda: Channel("client", made.set_result), "127.0.0.1", 0)
    client = await asyncio.open_connection(*gateway.sockets[0].getsockname())
    server = await connect("127.0.0.1", target.sockets[0].getsockname()[1], WITHIN_S)
    talk = Passing()
    relay = Relay(await made, server, talk, idle_timeout_s=idle_timeout_s)
    running = loop.create_task(relay.run())
    found = Setting(talk, relay, running, client, await arrived)
    try:
        yield found
    finally:
        for _, writer in (found.client, found.target):
            writer.close()
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        gateway.close()
        target.close()


async def soon(check: Callable[[], object]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not check():
            await asyncio.sleep(0.005)


async def test_bytes_pass_both_ways() -> None:
    async with setting() as at:
        at.client[1].write(b"ping")
        assert await at.target[0].readexactly(4) == b"ping"
        at.target[1].write(b"pong")
        assert await at.client[0].readexactly(4) == b"pong"


# -- brakes


async def accepted(writer: asyncio.StreamWriter, limit_bytes: int) -> int:
    """How many bytes the other side takes before it lets one wait."""
    taken = 0
    with suppress(TimeoutError):
        while taken < limit_bytes:
            async with asyncio.timeout(0.5):
                writer.write(b"x" * 65_536)
                await writer.drain()
            taken += 65_536
    return taken


@pytest.mark.parametrize("direction", ["to the client", "to the target"])
async def test_who_reads_slowly_slows_the_other_down(direction: str) -> None:
    async with setting() as at:
        sender, reader = (at.target, at.client) if direction == "to the client" else (at.client, at.target)
        taken = await accepted(sender[1], 256 << 20)
        assert taken < 64 << 20
        total = taken + 65_536
        async with asyncio.timeout(WITHIN_S):
            await reader[0].readexactly(total)
        sender[1].write(b"end")
        assert await reader[0].readexactly(3) == b"end"


async def test_a_client_may_write_ahead_of_a_held_command_only_so_far() -> None:
    async with setting() as at:
        at.client[1].write(b"hold")
        await soon(lambda: at.talk.client_wait)
        taken = await accepted(at.client[1], 256 << 20)
        assert taken < 64 << 20
        assert at.talk.client_backlog < BACKLOG_BYTES * 8
        at.talk.release.set()
        async with asyncio.timeout(WITHIN_S):
            assert (await at.target[0].readexactly(4 + taken))[:4] == b"hold"


async def test_the_targets_bytes_flow_while_a_command_is_held() -> None:
    async with setting() as at:
        at.client[1].write(b"hold")
        await soon(lambda: at.talk.client_wait)
        at.target[1].write(b"news")
        assert await at.client[0].readexactly(4) == b"news"


# -- ends


@pytest.mark.parametrize("how", ["close", "reset"])
async def test_a_client_that_leaves_ends_the_session(how: str) -> None:
    async with setting() as at:
        at.client[1].write(b"x")
        await at.target[0].readexactly(1)
        if how == "reset":
            at.client[1].get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        at.talk.idle = True
        at.client[1].close()
        assert await at.target[0].read() == b""
        await at.ended()


async def test_a_client_that_leaves_while_its_command_is_held() -> None:
    async with setting() as at:
        at.client[1].write(b"hold")
        await soon(lambda: at.talk.client_wait)
        at.client[1].close()
        await at.ended()
        assert await at.target[0].read() == b""
        at.talk.release.set()


LEAVING = b"hold for a verdict" + b"x" * (BACKLOG_BYTES * 4)


@pytest.fixture(params=["ahead", "paused"])
def paused(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the client is not read any more, because too many others are that far ahead."""
    if request.param == "paused":
        monkeypatch.setattr("hoopaddon.relay.relay.MAX_HELD_BACKLOGS", 0)
    return bool(request.param == "paused")


async def leaving(at: Setting, paused: bool) -> None:
    at.client[1].write(LEAVING[: BACKLOG_BYTES + 1000] if paused else LEAVING)
    await soon(lambda: at.talk.client_backlog > BACKLOG_BYTES)
    # Where the client is not read, this stays in the system's buffers, and so would the end behind it.
    at.client[1].write(b"x" * 20_000)
    await asyncio.sleep(0.05)
    assert not at.running.done()


async def test_a_client_that_leaves_with_much_behind_its_held_command(paused: bool) -> None:
    async with setting() as at:
        await leaving(at, paused)
        assert (at.talk.client_backlog < BACKLOG_BYTES + 10_000) is paused
        at.client[1].close()
        await at.ended()
        assert await at.target[0].read() == b""


async def test_a_reset_is_noticed_too(paused: bool) -> None:
    async with setting() as at:
        await leaving(at, paused)
        at.client[1].get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        at.client[1].close()
        await at.ended()


async def test_a_client_that_stays_is_read_again_after_the_hold(paused: bool) -> None:
    descriptors = len(os.listdir("/proc/self/fd"))
    async with setting() as at:
        await leaving(at, paused)
        at.talk.release.set()
        async with asyncio.timeout(WITHIN_S):
            assert await at.target[0].readexactly(BACKLOG_BYTES + 21_000 if paused else len(LEAVING) + 20_000)
        at.talk.idle = True
        at.client[1].close()
        await at.ended()
    await soon(lambda: len(os.listdir("/proc/self/fd")) <= descriptors)


async def test_a_half_close_behind_what_waits_for_the_target_is_no_leaving() -> None:
    async with setting() as at:
        at.client[1].write(b"hold" + LEAVING)
        await soon(lambda: at.talk.client_backlog > BACKLOG_BYTES)
        at.client[1].write_eof()
        await asyncio.sleep(0.1)
        assert not at.running.done()


def test_the_gateways_own_loop_notices_it_too(paused: bool) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(test_a_client_that_leaves_with_much_behind_its_held_command(paused))


async def test_only_so_many_clients_are_far_ahead() -> None:
    async with AsyncExitStack() as stack:
        held = [await stack.enter_async_context(setting()) for _ in range(MAX_HELD_BACKLOGS + 2)]
        for at in held:
            at.client[1].write(LEAVING)
            await soon(lambda at=at: at.talk.client_backlog > BACKLOG_BYTES)  # type: ignore[misc]
        await soon(lambda: held[0].talk.client_backlog == len(LEAVING))
        for at in held[MAX_HELD_BACKLOGS:]:
            assert at.talk.client_backlog < BACKLOG_BYTES * 3
        # Who leaves makes room for another.
        held[0].client[1].close()
        await held[0].ended()
        held[-1].talk.release.set()
        async with asyncio.timeout(WITHIN_S):
            await held[-1].target[0].readexactly(len(LEAVING))
        held[-1].talk.release.clear()
        held[-1].client[1].write(LEAVING)
        await soon(lambda: held[-1].talk.client_backlog == len(LEAVING))


async def test_a_client_that_only_stops_sending_gets_its_answer() -> None:
    async with setting() as at:
        at.client[1].write(b"question")
        await at.target[0].readexactly(8)
        at.client[1].write_eof()
        assert await at.target[0].read() == b""
        at.target[1].write(b"answer")
        at.target[1].close()
        assert (await at.client[0].read()).startswith(b"answer")
        await at.ended()


async def test_a_target_that_leaves_is_explained() -> None:
    async with setting() as at:
        at.target[1].write(b"last words")
        at.target[1].close()
        assert await at.client[0].read() == b"last words" + GOODBYE + b"the target closed the connection 57P01"
        await at.ended()


@pytest.mark.parametrize(("sent", "said"), [(b"peer", b"nonsense"), (b"bug", b"internal error of the gateway")])
async def test_a_conversation_that_breaks_ends_the_session(sent: bytes, said: bytes) -> None:
    async with setting() as at:
        at.client[1].write(sent)
        received = await at.client[0].read()
        assert received.startswith(GOODBYE)
        assert said in received
        assert b"4711" not in received
        assert await at.target[0].read() == b""
        await at.ended()


async def test_what_breaks_on_the_targets_side_does_not_reach_the_client() -> None:
    async with setting() as at:
        at.target[1].write(b"bug 4711")
        received = await at.client[0].read()
        assert received.startswith(GOODBYE)
        assert b"4711" not in received
        await at.ended()


# -- drain and idleness


async def test_a_drain_ends_idle_sessions_at_once_and_busy_ones_after_their_answer() -> None:
    async with setting() as idle, setting() as busy:
        busy.client[1].write(b"question")
        await busy.target[0].readexactly(8)
        for one in (idle, busy):
            one.relay.drain()
        assert await idle.client[0].read() == GOODBYE + b"the gateway is shutting down 57P01"
        await idle.ended()
        assert not busy.running.done()
        busy.target[1].write(b"answer")
        assert await busy.client[0].read() == b"answer" + GOODBYE + b"the gateway is shutting down 57P01"
        await busy.ended()


async def test_a_busy_session_can_be_cut() -> None:
    async with setting() as at:
        at.client[1].write(b"question")
        await at.target[0].readexactly(8)
        at.relay.drain()
        at.relay.cut()
        assert (await at.client[0].read()).startswith(GOODBYE)
        await at.ended()


async def test_an_idle_session_ends_and_a_busy_one_does_not() -> None:
    async with setting(idle_timeout_s=0.1) as idle, setting(idle_timeout_s=0.1) as busy:
        busy.client[1].write(b"question")
        assert (await idle.client[0].read()) == GOODBYE + b"idle for 0.1 seconds 57P05"
        await idle.ended()
        await asyncio.sleep(0.3)
        assert not busy.running.done()


# -- the channel, for those who await


async def test_a_channel_reads_what_it_is_asked_for() -> None:
    loop = asyncio.get_running_loop()
    made: asyncio.Future[Channel] = loop.create_future()
    server = await loop.create_server(lambda: Channel("client", made.set_result), "127.0.0.1", 0)
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    channel = await made
    writer.write(b"abcdef")
    assert await channel.peek() == ord("a")
    assert await channel.read_exactly(2) == b"ab"
    assert channel.from_loopback
    writer.write_eof()
    assert await channel.read_exactly(4) == b"cdef"
    with pytest.raises(ConnectionEnded):
        await channel.read_exactly(1)
    channel.close()
    writer.close()
    server.close()


async def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
    with pytest.raises(OSError, match=r"refused|Connect"):
        await connect("127.0.0.1", port, 1)
