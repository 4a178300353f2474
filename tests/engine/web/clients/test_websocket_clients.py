"""The websockets package's client, against aiohttp's server, with the gateway between them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from hoopaddon import Command
from tests.engine.web.clients.conftest import EMAIL, MASK, Front, InFrontOf, Looks, Policies

WITHIN_S = 15


@asynccontextmanager
async def socket(at: Front, **how: Any) -> AsyncIterator[ClientConnection]:
    how.setdefault("compression", None)
    async with (
        asyncio.timeout(WITHIN_S),
        connect(f"ws://127.0.0.1:{at.port}/ws", max_size=1 << 26, proxy=None, **how) as opened,
    ):
        yield opened


@pytest.mark.parametrize("compression", [None, "deflate"])
@pytest.mark.parametrize("policies", [Looks, Policies])
async def test_messages(front: InFrontOf, policies: type, compression: str | None) -> None:
    watch = policies()
    async with front(watch) as at:
        async with socket(at, compression=compression) as client:
            await client.send(f"hello {EMAIL} é€😀")
            assert await client.recv() == f"hello {MASK if policies is Policies else EMAIL} é€😀"
            await client.send(bytes(range(256)))
            assert await client.recv() == bytes(range(256))
            await client.send(["in ", "four ", "frag", "ments é"])
            assert await client.recv() == "in four fragments é"
            large = "0123456789" * 200_000
            await client.send(large)
            assert await client.recv() == large
            await (await client.ping())
        assert "message of 2000000" in at.service.seen
    assert [command.text[:8] for command in watch.ended] == [
        "hello an",
        "(256 byt",
        "in four ",
        "01234567",
        "GET /ws",
    ]


class Ends:
    """Ends the session of a message that asks for it."""

    def command(self, command: Command) -> None:
        if command.text == "end soon":
            asyncio.get_running_loop().call_later(0.1, command.session.end, "your grant has ended")


async def test_a_session_that_ends_ends_it(front: InFrontOf) -> None:
    async with front(Ends()) as at, socket(at) as client:
        await client.send("end soon")
        assert await client.recv() == "end soon"
        with pytest.raises(ConnectionClosed) as caught:
            await client.recv()
        assert caught.value.rcvd is not None
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1008, "your grant has ended")


async def test_a_refused_message_ends_it(front: InFrontOf) -> None:
    async with front(Policies()) as at:
        async with socket(at) as client:
            await client.send("delete-me")
            with pytest.raises(ConnectionClosed) as caught:
                await client.recv()
        assert caught.value.rcvd is not None
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (1008, "nothing is deleted here")
        assert not any("message" in line for line in at.service.seen)


async def test_close_codes_pass(front: InFrontOf) -> None:
    async with front(Looks()) as at, socket(at) as client:
        await client.send("close:4001")
        with pytest.raises(ConnectionClosed) as caught:
            await client.recv()
        assert caught.value.rcvd is not None
        # What the target gives as a reason is seen by no policy, so it does not pass.
        assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (4001, "")


async def test_a_subprotocol(front: InFrontOf) -> None:
    async with front(Looks()) as at, socket(at, subprotocols=["chat"]) as client:
        assert client.subprotocol == "chat"


@pytest.mark.parametrize("pieces", [1, 64])
async def test_a_message_has_a_size(front: InFrontOf, pieces: int) -> None:
    async with front(Looks()) as at:
        async with socket(at) as client:
            size = (32 << 20) // pieces
            with suppress(ConnectionClosed):
                await client.send(["a" * size] * pieces if pieces > 1 else "a" * size)
            with pytest.raises(ConnectionClosed) as caught:
                await client.recv()
        assert caught.value.rcvd is None or caught.value.rcvd.code == 1009
        assert not any("message" in line for line in at.service.seen)
