"""TLS that begins in the middle of a stream, on either side."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from demo.certificates import Authority
from hoopaddon.relay.channel import Channel, ConnectionEnded, connect
from hoopaddon.relay.tls import client_context, target_context

HOST = "127.0.0.1"
WITHIN_S = 10


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@asynccontextmanager
async def pair() -> AsyncIterator[tuple[Channel, Channel]]:
    """The two ends of one connection: the one that accepted it, and the one that asked."""
    loop = asyncio.get_running_loop()
    made: asyncio.Future[Channel] = loop.create_future()
    server = await loop.create_server(lambda: Channel("client", made.set_result), HOST, 0)
    asked = await connect(HOST, server.sockets[0].getsockname()[1], WITHIN_S)
    accepted = await made
    try:
        yield accepted, asked
    finally:
        accepted.abort()
        asked.abort()
        server.close()


def contexts(authority: Authority, mode: str = "verify-full", **how: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    own = authority.issue("gateway", HOST)
    return (
        client_context(str(own.cert_file), str(own.key_file), alpn=("postgresql",)),
        target_context(mode, root_certificate=str(authority.ca_file), alpn=("postgresql",), **how),
    )


async def shake(accepted: Channel, asked: Channel, ours: ssl.SSLContext, theirs: ssl.SSLContext) -> None:
    async with asyncio.timeout(WITHIN_S):
        await asyncio.gather(
            accepted.start_tls(ours, server_side=True),
            asked.start_tls(theirs, server_side=False, server_hostname=HOST),
        )


async def test_plain_bytes_then_encrypted_ones(authority: Authority) -> None:
    async with pair() as (accepted, asked):
        asked.write(b"plain")
        assert await accepted.read_exactly(5) == b"plain"
        await shake(accepted, asked, *contexts(authority))
        large = b"x" * 3_000_000
        asked.write(large)
        accepted.write(b"hello")
        async with asyncio.timeout(WITHIN_S):
            assert await accepted.read_exactly(len(large)) == large
            assert await asked.read_exactly(5) == b"hello"
        assert accepted.tls is not None
        assert asked.tls is not None
        assert (accepted.tls.alpn, asked.tls.alpn) == ("postgresql", "postgresql")
        assert asked.tls.server_end_point is not None


async def test_the_end_of_the_stream_is_told(authority: Authority) -> None:
    async with pair() as (accepted, asked):
        await shake(accepted, asked, *contexts(authority))
        asked.write(b"bye")
        asked.close()
        assert await accepted.read_exactly(3) == b"bye"
        with pytest.raises(ConnectionEnded):
            await accepted.read_exactly(1)


async def test_a_stream_that_is_cut_is_at_its_end(authority: Authority) -> None:
    async with pair() as (accepted, asked):
        await shake(accepted, asked, *contexts(authority))
        asked.abort()
        with pytest.raises(ConnectionEnded):
            await accepted.read_exactly(1)


async def test_a_certificate_of_somebody_elses(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other")
    ours, _ = contexts(authority)
    for mode in ("verify-ca", "verify-full"):
        theirs = target_context(mode, root_certificate=str(other.ca_file))
        async with pair() as (accepted, asked):
            with pytest.raises(ssl.SSLCertVerificationError):
                await shake(accepted, asked, ours, theirs)


async def test_a_certificate_for_another_name(authority: Authority) -> None:
    elsewhere = authority.issue("elsewhere", "elsewhere.example")
    ours = client_context(str(elsewhere.cert_file), str(elsewhere.key_file))
    for mode, good in (("verify-full", False), ("verify-ca", True), ("require", True)):
        _, theirs = contexts(authority, mode)
        async with pair() as (accepted, asked):
            if good:
                await shake(accepted, asked, ours, theirs)
            else:
                with pytest.raises(ssl.SSLCertVerificationError):
                    await shake(accepted, asked, ours, theirs)


async def test_noise_in_the_place_of_a_handshake(authority: Authority) -> None:
    ours, _ = contexts(authority)
    async with pair() as (accepted, asked):
        asked.write(b"GET / HTTP/1.1\r\n\r\n")
        with pytest.raises(ssl.SSLError):
            await accepted.start_tls(ours, server_side=True)


async def test_a_peer_that_leaves_in_the_handshake(authority: Authority) -> None:
    ours, _ = contexts(authority)
    async with pair() as (accepted, asked):
        asked.write(b"\x16\x03\x01")
        asked.close()
        with pytest.raises(ConnectionEnded):
            await accepted.start_tls(ours, server_side=True)
