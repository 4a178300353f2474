"""What mitmproxy sends on without having asked any hook: none of it passes."""

import asyncio
import logging
import ssl
from contextlib import suppress
from typing import Any

import pytest
from mitmproxy.tls import ClientHelloData
from wsproto import events as ws
from wsproto.connection import Connection, ConnectionType

from tests.engine.traffic.breaking import Policy, raises
from tests.servers.http import SECRET, Address, Respond, Upstream, exchange, exchange_h2, get
from tests.servers.in_front import InFront


def says(*parts: bytes, ends: bool = False) -> Respond:
    """Respond with just these bytes."""

    async def respond(_upstream: Upstream, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await asyncio.sleep(0.01)
        if ends:
            writer.close()

    return respond


# -- responses that cannot be read


UNREADABLE = {
    "no status": says(SECRET + b" OK\r\n\r\n"),
    "no head": says(SECRET, ends=True),
    "bad length": says(b"HTTP/1.1 200 OK\r\nContent-Length: " + SECRET + b"\r\n\r\n"),
    "bad name": says(b"HTTP/1.1 200 OK\r\n" + SECRET + b"\x00: 1\r\n\r\n"),
    "bad value": says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + SECRET + b"\r\n\r\n"),
    "bad chunk": says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + SECRET + b"\r\n\r\n"),
    "trailers": says(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Key: " + SECRET + b"\r\n\r\n", ends=True
    ),
    "two responses": says(b"HTTP/1.1 204 No\r\n\r\nHTTP/1.1 200 OK\r\nX-Key: " + SECRET + b"\r\n\r\n"),
}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_an_unreadable_response(in_front: InFront, name: str, caplog: pytest.LogCaptureFixture) -> None:
    """mitmproxy would quote it in its error page, and in its log."""
    caplog.set_level(logging.DEBUG)
    async with in_front(Policy(response=raises), respond=UNREADABLE[name]) as (_, address):
        answer = await exchange(address, get())
        assert SECRET not in answer
        assert answer == b"" or answer.startswith(b"HTTP/1.1 502 ")
        assert SECRET.decode() not in caplog.text


@pytest.mark.parametrize("name", UNREADABLE)
async def test_an_unreadable_response_over_http2(in_front: InFront, name: str) -> None:
    async with in_front(respond=UNREADABLE[name]) as (_, address):
        (reply,) = await exchange_h2(address)
        assert SECRET not in reply.body


async def test_a_target_that_is_down(in_front: InFront, caplog: pytest.LogCaptureFixture) -> None:
    async with in_front(mode="reverse:http://127.0.0.1:1@0", connection_strategy="lazy") as (_, address):
        answer = await exchange(address, get())
        assert answer.startswith(b"HTTP/1.1 502 ")
        assert b"127.0.0.1" not in answer
    assert "error establishing server connection" in caplog.text


@pytest.mark.parametrize("status", [b"100 Continue", b"102 Processing", b"103 Early Hints"])
async def test_an_interim_response_is_a_response(in_front: InFront, status: bytes) -> None:
    hint = b"HTTP/1.1 " + status + b"\r\nLink: " + SECRET + b"\r\n\r\n"
    respond = says(hint, b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n" + SECRET)
    for hook in ("responseheaders", "response"):
        async with in_front(Policy(**{hook: raises}), respond=respond) as (_, address):
            assert SECRET not in await exchange(address, get())


# -- protocols that HTTP is switched to


UPGRADE = get(headers=b"Upgrade: spdy/3.1\r\n").replace(b"Connection: close", b"Connection: Upgrade, close")
SWITCHES = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: spdy/3.1\r\n\r\n" + SECRET


async def test_a_protocol_that_no_hook_sees_into(in_front: InFront) -> None:
    async with in_front(Policy(request=lambda _flow: None), respond=says(SWITCHES)) as (upstream, address):
        answer = await exchange(address, UPGRADE + b"the-question")
        assert answer.startswith(b"HTTP/1.1 502 ")
        assert SECRET not in answer
        assert b"the-question" not in upstream.seen


async def test_an_operator_can_turn_it_on(in_front: InFront) -> None:
    async with in_front(respond=says(SWITCHES), rawtcp=True) as (_, address):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(UPGRADE)
        answer = await asyncio.wait_for(reader.readuntil(SECRET), 5)
        assert answer.startswith(b"HTTP/1.1 101 ")
        writer.close()


async def test_a_tunnel_with_something_that_is_no_http(in_front: InFront) -> None:
    async with in_front(mode="regular@0", respond=says(SECRET)) as (upstream, address):
        request = b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n\r\n" % upstream.port
        answer = await exchange(address, request + b"\x00\x01the-question\r\n\r\n")
        assert SECRET not in answer
        assert upstream.seen == b""


def client_hello() -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    side = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="target")
    with suppress(ssl.SSLWantReadError):
        side.do_handshake()
    return outgoing.read()


def passes_on_unread(data: ClientHelloData) -> None:
    data.ignore_connection = True


@pytest.mark.parametrize("mode", ["http:http://127.0.0.1:{}?login=token@127.0.0.1:0", "regular@0"])
async def test_a_script_that_passes_tls_on_unread(
    in_front: InFront, caplog: pytest.LogCaptureFixture, mode: str
) -> None:
    async with in_front(Policy(tls_clienthello=passes_on_unread), respond=says(SECRET), mode=mode) as (
        upstream,
        address,
    ):
        tunnel = b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n\r\n" % upstream.port if mode.startswith("regular") else b""
        assert SECRET not in await exchange(address, tunnel + client_hello())
        assert upstream.seen == b""
    assert "a script passes TLS on unread" in caplog.text


async def test_an_operator_can_let_tls_pass_unread(in_front: InFront) -> None:
    policy = Policy(tls_clienthello=passes_on_unread)
    async with in_front(policy, mode="regular@0", rawtcp=True) as (upstream, address):
        reader, writer = await asyncio.open_connection(*address)
        hello = client_hello()
        writer.write(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n\r\n" % upstream.port + hello)
        await reader.readuntil(b"\r\n\r\n")
        async with asyncio.timeout(5):
            while not upstream.seen.endswith(hello):
                await asyncio.sleep(0.01)
        writer.close()


# -- WebSockets

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


async def _talk(
    address: Address, frames: bytes, received: list[ws.Event] | None = None, seconds: float = 0.3
) -> list[ws.Event]:
    """Upgrade, send these frames, and return what comes within a moment."""
    received = [] if received is None else received
    reader, writer = await asyncio.open_connection(*address)
    writer.write(HANDSHAKE)
    await reader.readuntil(b"\r\n\r\n")
    writer.write(frames)
    side = Connection(ConnectionType.CLIENT)
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(seconds):
            while data := await reader.read(65536):
                side.receive_data(data)
                received.extend(side.events())
    writer.close()
    return received


def _switches(*after: bytes) -> Respond:
    return says(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", *after)


def _frames(side: ConnectionType, *sent: Any) -> bytes:
    connection = Connection(side)
    return b"".join(connection.send(event) for event in sent)


FROM_CLIENT = ConnectionType.CLIENT
FROM_SERVER = ConnectionType.SERVER


def _unmasked(data: bytes) -> list[ws.Event]:
    side = Connection(FROM_SERVER)
    side.receive_data(data)
    return list(side.events())


async def _frames_at(upstream: Upstream, count: int) -> bytes:
    """What the target has got after the upgrade: these many events, once they are there."""
    frames = b""
    async with asyncio.timeout(5):
        while len(_unmasked(frames)) < count:
            await asyncio.sleep(0.01)
            _, _, frames = bytes(upstream.seen).partition(b"\r\n\r\n")
    return frames


async def test_what_a_client_says_in_control_frames(in_front: InFront, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    sent = _frames(FROM_CLIENT, ws.Ping(b"exfiltrated-1"), ws.Pong(b"exfiltrated-2"))
    sent += _frames(FROM_CLIENT, ws.CloseConnection(1000, "exfiltrated-3"))
    async with in_front(respond=_switches()) as (upstream, address):
        got = await _talk(address, sent)
        assert ws.Pong(b"exfiltrated-1") in got
        assert _unmasked(await _frames_at(upstream, 2)) == [ws.Ping(b""), ws.CloseConnection(1000, "")]
    assert "exfiltrated" not in caplog.text


async def test_what_a_target_says_in_control_frames(in_front: InFront, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = SECRET.decode()
    sent = _frames(FROM_SERVER, ws.Ping(SECRET), ws.Pong(SECRET), ws.TextMessage("hello"))
    sent += _frames(FROM_SERVER, ws.CloseConnection(1008, secret))
    async with in_front(respond=_switches(sent)) as (upstream, address):
        got = await _talk(address, b"")
        assert got == [ws.Ping(b""), ws.TextMessage("hello"), ws.CloseConnection(1008, "")]
        assert _unmasked(await _frames_at(upstream, 1))[0] == ws.Pong(SECRET)
    assert secret not in caplog.text


async def test_pings_between_the_frames_of_a_message(in_front: InFront) -> None:
    sent = _frames(
        FROM_CLIENT,
        ws.TextMessage("one ", message_finished=False),
        ws.Ping(b"now"),
        ws.TextMessage("two"),
    )
    async with in_front(respond=_switches()) as (upstream, address):
        assert await _talk(address, sent) == [ws.Pong(b"now")]
        texts = [e.data for e in _unmasked(await _frames_at(upstream, 3)) if isinstance(e, ws.TextMessage)]
        assert "".join(texts) == "one two"


@pytest.mark.parametrize("version", [b"8", b"13, 8", b""])
async def test_a_websocket_that_mitmproxy_would_not_take_for_one(in_front: InFront, version: bytes) -> None:
    """It would become a tunnel: a target may not look at the version."""
    request = HANDSHAKE.replace(b"Version: 13", b"Version: " + version).replace(b": Upgrade\r", b": Upgrade, close\r")
    sent = _frames(FROM_CLIENT, ws.TextMessage("the-question"))
    respond = _switches(_frames(FROM_SERVER, ws.TextMessage(SECRET.decode())))
    async with in_front(Policy(websocket_message=raises), respond=respond) as (upstream, address):
        assert SECRET not in await exchange(address, request + sent)
        assert _unmasked(bytes(upstream.seen).partition(b"\r\n\r\n")[2]) == []
