"""Whoever is not kept up with has to wait, and stops nobody else."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import h2.config
import h2.connection
import h2.events
import pytest

from hoopaddon import Command
from hoopaddon.approval import Decision
from hoopaddon.gateway import serving
from tests.conformance.cutter import RESET
from tests.engine.web.test_holds import People
from tests.servers.http import SECRET, Address, Upstream, exchange, get

WITHIN_S = 20
PLENTY = 128 << 20
MOST_TAKEN = 32 << 20
"""What the gateway may take of it, with all that fits into the system's buffers on the way."""
OCTETS = "application/octet-stream"


class HoldsUploads:
    def __init__(self) -> None:
        self.ended: list[Command] = []

    async def command(self, command: Command) -> None:
        if "/held" in command.text:
            await command.approve("is this right?")

    def command_end(self, command: Command) -> None:
        self.ended.append(command)


async def endless(_upstream: Upstream, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (OCTETS.encode(), PLENTY))
    for _ in range(PLENTY >> 16):
        writer.write(bytes(1 << 16))
        await writer.drain()
        _upstream.sent = getattr(_upstream, "sent", 0) + (1 << 16)  # type: ignore[attr-defined]


@asynccontextmanager
async def held(confdir: str) -> AsyncIterator[tuple[Upstream, Address, People, HoldsUploads]]:
    people, policy = People(), HoldsUploads()
    async with Upstream() as upstream:
        modes = [f"http:http://127.0.0.1:{upstream.port}@127.0.0.1:0"]
        async with serving(modes=modes, addons=[policy], confdir=confdir) as gateway:
            gateway.approver = people
            host, port, *_ = gateway.servers.listen_addrs()[0]
            yield upstream, (host, port), people, policy


async def push(writer: asyncio.StreamWriter, at_most: int) -> int:
    """Send zeros until nobody takes them any more; how many were taken."""
    writer.transport.set_write_buffer_limits(0)
    sent = 0
    try:
        while sent < at_most:
            writer.write(bytes(1 << 16))
            async with asyncio.timeout(1):
                await writer.drain()
            sent += 1 << 16
    except TimeoutError:
        pass
    return sent


UPLOAD = b"PUT /held HTTP/1.1\r\nHost: target\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (
    OCTETS.encode(),
    PLENTY,
)


@pytest.mark.parametrize("head", [UPLOAD, get("/held").replace(b"Connection: close\r\n", b"")])
async def test_nobody_is_read_from_far_behind_a_hold(confdir: str, head: bytes) -> None:
    """Neither the rest of a request that is held, nor requests that come before their turn."""
    async with held(confdir) as (upstream, address, people, policy), asyncio.timeout(WITHIN_S):
        _, writer = await asyncio.open_connection(*address)
        writer.write(head)
        await people.asked.wait()
        assert await push(writer, PLENTY) < MOST_TAKEN
        assert not upstream.seen
        # It is noticed all the same that nobody waits any more, unless that is said behind what nobody reads.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        writer.transport.abort()
        while not policy.ended:
            await asyncio.sleep(0.01)
        assert people.gave_up == 1
        assert not upstream.seen


async def test_a_held_upload_goes_on_where_it_stood(confdir: str) -> None:
    size = 9 << 20
    async with held(confdir) as (upstream, address, people, _), asyncio.timeout(WITHIN_S):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(UPLOAD.replace(str(PLENTY).encode(), str(size).encode()))
        writer.write(bytes(size))
        await people.asked.wait()
        await asyncio.sleep(0.2)
        assert not upstream.seen
        people.answer.set_result(Decision(True, ("ann",)))
        assert (await reader.readuntil(SECRET)).startswith(b"HTTP/1.1 200 ")
        assert upstream.seen.count(0) == size
        writer.close()


class H2:
    """A client of HTTP/2 by prior knowledge, that reads when the test says."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.conn = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="ascii"))
        self.bodies: dict[int, bytes] = {}
        self.ended: set[int] = set()
        self.conn.initiate_connection()

    def close(self) -> None:
        self._writer.close()

    def begin(self, method: str, path: str, **headers: str) -> int:
        stream: int = self.conn.get_next_available_stream_id()
        head = [(":method", method), (":scheme", "http"), (":authority", "target"), (":path", path)]
        fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
        self.conn.send_headers(stream, head + fields, end_stream=method == "GET")
        self._writer.write(self.conn.data_to_send())
        return stream

    async def listen(self, for_s: float, *, until: int = 0) -> None:
        """Take what comes; windows are never granted again."""
        try:
            async with asyncio.timeout(for_s):
                while until not in self.ended:
                    for event in self.conn.receive_data(await self._reader.read(65536)):
                        if isinstance(event, h2.events.DataReceived):
                            self.bodies[event.stream_id] = self.bodies.get(event.stream_id, b"") + event.data
                        elif isinstance(event, h2.events.StreamEnded):
                            self.ended.add(event.stream_id)
                    self._writer.write(self.conn.data_to_send())
        except TimeoutError:
            pass

    def send(self, stream: int) -> int:
        """As much as the windows let through; how much."""
        sent = 0
        while room := min(self.conn.local_flow_control_window(stream), self.conn.max_outbound_frame_size):
            self.conn.send_data(stream, bytes(room))
            sent += room
        self._writer.write(self.conn.data_to_send())
        return sent


async def test_a_held_stream_has_a_window_of_its_own(confdir: str) -> None:
    async with held(confdir) as (upstream, address, people, _), asyncio.timeout(WITHIN_S):
        client = H2(*await asyncio.open_connection(*address))
        await client.listen(0.3)
        stream = client.begin("PUT", "/held", content_type=OCTETS, content_length=str(9 << 20))
        await people.asked.wait()
        sent = 0
        for _ in range(10):
            sent += client.send(stream)
            await client.listen(0.05)
        assert sent < 4 << 20
        other = client.begin("GET", "/other")
        await client.listen(5, until=other)
        assert client.bodies[other] == SECRET
        assert b"held" not in upstream.seen
        people.answer.set_result(Decision(True, ("ann",)))
        while sent < 9 << 20:
            more = min(client.conn.local_flow_control_window(stream), 16_384, (9 << 20) - sent)
            if more > 0:
                client.conn.send_data(stream, bytes(more), end_stream=sent + more == 9 << 20)
                client._writer.write(client.conn.data_to_send())
                sent += more
            else:
                await client.listen(0.02)
        await client.listen(5, until=stream)
        assert client.bodies[stream] == SECRET
        client.close()


async def test_a_client_whose_window_is_closed_stops_the_target(confdir: str) -> None:
    async with Upstream(endless) as upstream:
        modes = [f"http:http://127.0.0.1:{upstream.port}@127.0.0.1:0"]
        async with serving(modes=modes, confdir=confdir) as gateway:
            host, port, *_ = gateway.servers.listen_addrs()[0]
            client = H2(*await asyncio.open_connection(host, port))
            client.begin("GET", "/")
            await client.listen(1.5)
            client.close()
            assert getattr(upstream, "sent", 0) < MOST_TAKEN
            # Others have their own windows, but all of a connection have one more.
            upstream.respond = Upstream().respond
            assert (await exchange((host, port), get("/other"))).endswith(SECRET)
