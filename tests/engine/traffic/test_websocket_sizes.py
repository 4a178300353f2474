"""WebSockets whose messages are larger than they look, or come in many pieces."""

import asyncio
import time
import zlib
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import pytest
from wsproto.frame_protocol import CloseReason

from hoopaddon.gateway import serving
from hoopaddon.traffic.websockets import MAX_MESSAGE_BYTES, BoundedDeflate
from tests.servers.web_service import web_service

WITHIN_S = 30
BOMB_BYTES = 300 << 20


def deflated(body: bytes, times: int) -> bytes:
    """What RFC 7692 section 7.2.1 makes of it."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    made = b"".join(deflate.compress(body) for _ in range(times)) + deflate.flush(zlib.Z_SYNC_FLUSH)
    return made.removesuffix(b"\0\0\xff\xff")


def inbound() -> BoundedDeflate:
    extension = BoundedDeflate()
    extension._inbound_compressed = extension._inbound_is_compressible = True
    extension._decompressor = zlib.decompressobj(-15)
    return extension


@pytest.mark.parametrize("piece_bytes", [1000, 65_536, 1 << 20])
def test_a_bomb_is_not_undone(piece_bytes: int) -> None:
    bomb, extension = deflated(bytes(1 << 20), BOMB_BYTES >> 20), inbound()
    assert len(bomb) < 400_000
    made = 0
    for at in range(0, len(bomb), piece_bytes):
        part = extension.frame_inbound_payload_data(None, bomb[at : at + piece_bytes])
        if isinstance(part, CloseReason):
            assert part is CloseReason.MESSAGE_TOO_BIG
            break
        made += len(part)
    else:
        raise AssertionError("all of it was undone")
    assert made <= MAX_MESSAGE_BYTES + 1


def test_each_message_has_its_own_measure() -> None:
    extension = inbound()
    message = deflated(bytes(MAX_MESSAGE_BYTES // 2), 1)
    for _ in range(4):
        extension._inbound_compressed = extension._inbound_is_compressible = True
        part = extension.frame_inbound_payload_data(None, message)
        assert isinstance(part, bytes)
        assert len(part) == MAX_MESSAGE_BYTES // 2
        assert extension.frame_inbound_complete(SimpleNamespace(client=True), True) == b""


async def test_compressed_messages(tmp_path: Path, confdir: str) -> None:
    """Those that fit pass whole; a bomb ends the WebSocket soon, with the code for that."""
    async with web_service(tmp_path) as service, asyncio.timeout(WITHIN_S):
        modes = [f"http:http://127.0.0.1:{service.port}@127.0.0.1:0"]
        async with serving(modes=modes, confdir=confdir) as gateway, aiohttp.ClientSession() as client:
            url = f"http://127.0.0.1:{gateway.servers.listen_addrs()[0][1]}/ws"
            async with client.ws_connect(url, compress=15, max_msg_size=64 << 20) as opened:
                assert opened.compress
                for text in ("hello", "x" * 3_000_000, "bye"):
                    await opened.send_str(text)
                    assert await opened.receive_str() == text
                began = time.process_time()
                await opened.send_bytes(bytes(64 << 20))
                message = await opened.receive()
                assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
                assert opened.close_code == CloseReason.MESSAGE_TOO_BIG
    assert time.process_time() - began < WITHIN_S
    assert service.seen[-1] == "message of 3"
