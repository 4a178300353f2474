"""Channels and SPDY streams through the gateway's middle, without a socket."""

import asyncio
import json
import struct
import zlib
from typing import Any

import pytest
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping

from hoopaddon import Command, KubeCommand, Output, Refused, ShellCommand
from hoopaddon.adapters.kubernetes import ADAPTER
from hoopaddon.adapters.kubernetes.remote.spdy import DICTIONARY, FIN, FrameReader, data_frame
from hoopaddon.adapters.kubernetes.remote.tunnel import tunnel
from hoopaddon.adapters.kubernetes.typed import keys_of
from hoopaddon.errors import HoopaddonError, PeerError
from hoopaddon.testing import session
from hoopaddon.web.answer import WebAnswer
from hoopaddon.web.request import Headers
from hoopaddon.web.tunnel import TunnelSides
from tests.engine.policy.addons import Hooks, chain

EXEC = "GET /api/v1/namespaces/shop/pods/web/exec?command={}&stdin=true"


def hide(output: Output) -> None:
    if output.kind == "binary":
        raise Refused("no archives")
    output.text = output.text.replace("secret", "[secret]")


def only_8080(command: Command) -> None:
    if isinstance(command, ShellCommand) and "rm" in command.verbs:
        raise Refused("no rm")
    if isinstance(command, KubeCommand) and command.options.get("ports", "8080") != "8080":
        raise Refused("8080 only")


class Both:
    """A tunnel, and what has left on either side of it."""

    def __init__(self, headers: dict[str, str], command: str = "ls", text: str = EXEC, *, keys: bool = False) -> None:
        self.chain = chain(Hooks(output=hide, command=only_8080))
        self.to_client = self.to_target = b""
        self.errors: list[HoopaddonError] = []
        self.is_over = False
        request = ADAPTER.command(session(protocol="kubernetes"), text.format(command))
        answer = WebAnswer(101, Headers(tuple(headers.items())))
        gateway: Any = self
        sides = TunnelSides(self._client, self._target, self.errors.append, lambda held: None, self._over)
        self.tunnel = tunnel(request, answer, gateway, keys_of if keys else None, sides)

    def _client(self, data: bytes) -> None:
        self.to_client += data

    def _target(self, data: bytes) -> None:
        self.to_target += data

    def _over(self) -> None:
        self.is_over = True


async def until_over(both: Both) -> None:
    async with asyncio.timeout(5):
        while not both.is_over:
            await asyncio.sleep(0.01)


# -- WebSockets


class Channels(Both):
    def __init__(
        self, protocol: str = "v5.channel.k8s.io", command: str = "ls", text: str = EXEC, *, keys: bool = False
    ) -> None:
        super().__init__({"upgrade": "websocket", "sec-websocket-protocol": protocol}, command, text, keys=keys)
        self.client, self.target = Connection(ConnectionType.CLIENT), Connection(ConnectionType.SERVER)

    def client_says(self, message: bytes) -> None:
        self.tunnel.client_data(self.client.send(BytesMessage(message)))

    def target_says(self, message: bytes) -> None:
        self.tunnel.target_data(self.target.send(BytesMessage(message)))

    def got(self, peer: Connection, data: bytes) -> list[bytes]:
        peer.receive_data(data)
        return [bytes(event.data) for event in peer.events() if isinstance(event, BytesMessage)]


async def test_channels_are_masked_and_end_in_order() -> None:
    both = Channels()
    both.client_says(b"\x00typed")
    both.client_says(b"\xff\x00")
    both.target_says(b"\x01a sec")
    both.target_says(b"\x01ret\n")
    both.target_says(b'\x03{"status":"Success"}')
    both.tunnel.target_data(both.target.send(CloseConnection(1000, "secret")))
    await until_over(both)
    assert both.got(both.target, both.to_target) == [b"\x00typed", b"\xff\x00"]
    messages = both.got(both.client, both.to_client)
    assert b"".join(m[1:] for m in messages if m[0] == 1) == b"a [secret]\n"
    assert messages[-1] == b'\x03{"status":"Success"}'
    assert b"secret" not in both.to_client.replace(b"[secret]", b"")


async def test_pings_are_answered_here() -> None:
    both = Channels("v4.channel.k8s.io")
    both.tunnel.target_data(both.target.send(Ping(b"secret")))
    assert both.to_client == b""
    assert both.to_target != b""


@pytest.mark.parametrize("message", [b"\x01out", b"\x02err", b"\x03{}", b"\x05", b"\xff\x09", b"\x04{}", b"\x04x"])
async def test_channels_that_are_not_the_clients(message: bytes) -> None:
    both = Channels()
    with pytest.raises(PeerError):
        both.client_says(message)
    assert both.to_target == b""


async def test_what_the_server_takes_for_yes_is_a_yes_here() -> None:
    for flag, has_input in (("1", True), ("", True), ("no", True), ("0", False), ("False", False)):
        both = Channels(text=EXEC.replace("stdin=true", f"stdin={flag}"))
        if has_input:
            both.client_says(b"\x00typed")
        else:
            with pytest.raises(PeerError):
                both.client_says(b"\x00typed")


async def test_what_is_typed_is_judged_however_a_terminal_is_asked_for() -> None:
    for flags in ("stdin=true&tty=true", "stdin=1&tty", "stdin&tty=yes"):
        both = Channels(text=EXEC.replace("stdin=true", flags), command="bash", keys=True)
        both.client_says(b"\x00rm -rf /\r")
        await asyncio.sleep(0.05)
        sent = both.got(both.target, both.to_target)
        assert b"\r" not in b"".join(sent)
        both.tunnel.client_gone()


async def test_what_is_piped_into_an_attach_is_judged_as_a_shells() -> None:
    attach = "POST /api/v1/namespaces/shop/pods/web/attach?stdin=true&stdout=true"
    both = Channels(text=attach, keys=True)
    both.client_says(b"\x00echo one\nrm -r")
    both.client_says(b"\x00f /\necho two\n")
    await asyncio.sleep(0.05)
    assert both.got(both.target, both.to_target) == [b"\x00echo one\n", b"\xff\x00"]
    said = b"".join(message[1:] for message in both.got(both.client, both.to_client))
    assert b"no rm" in said


@pytest.mark.parametrize("key", [b"\r", b"\x15", b"\x7f", b"\t", b"\x1b", b"\x00"])
async def test_keys_are_no_way_around_what_an_attach_is_judged_by(key: bytes) -> None:
    attach = "POST /api/v1/namespaces/shop/pods/web/attach?stdin=true&stdout=true"
    both = Channels(text=attach, keys=True)
    both.client_says(b"\x00echo one\n")
    both.client_says(b"\x00echo " + key + b"rm -rf /\n")
    both.client_says(b"\x00echo two\n")
    await asyncio.sleep(0.05)
    assert both.got(both.target, both.to_target) == [b"\x00echo one\n", b"\xff\x00"]
    said = b"".join(message[1:] for message in both.got(both.client, both.to_client))
    assert b"only be attached with a terminal" in said


async def test_sizes_pass() -> None:
    both = Channels()
    both.client_says(b'\x04{"Width":80,"Height":24}\n')
    assert both.got(both.target, both.to_target) == [b'\x04{"Width":80,"Height":24}\n']


@pytest.mark.parametrize(
    "headers",
    [
        {"upgrade": "websocket", "sec-websocket-protocol": "base64.channel.k8s.io"},
        {"upgrade": "websocket"},
        {"upgrade": "h2c"},
        {},
    ],
)
async def test_what_is_not_read_is_not_followed(headers: dict[str, str]) -> None:
    with pytest.raises(Refused):
        Both(headers)


async def test_an_archive_is_for_policies_to_refuse() -> None:
    both = Channels(command="tar&command=cf&command=-&command=srv")
    both.target_says(b"\x01archive")
    async with asyncio.timeout(5):
        while not both.errors:
            await asyncio.sleep(0.01)
    messages = both.got(both.client, both.to_client)
    assert json.loads(messages[0][1:])["message"] == "no archives"
    assert b"archive" not in b"".join(m[1:] for m in messages if m[0] == 1)


# -- SPDY


class Spdy(Both):
    def __init__(self, text: str = EXEC, headers: dict[str, str] | None = None) -> None:
        super().__init__(headers or {"upgrade": "SPDY/3.1"}, text=text)
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    def syn(self, stream: int, **headers: str) -> bytes:
        block = struct.pack(">I", len(headers))
        for name, value in headers.items():
            block += struct.pack(">I", len(name)) + name.encode() + struct.pack(">I", len(value)) + value.encode()
        packed = self._deflate.compress(block) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        payload = struct.pack(">IIH", stream, 0, 0) + packed
        return control(1, payload)


def control(kind: int, payload: bytes) -> bytes:
    return struct.pack(">HHI", 0x8003, kind, len(payload)) + payload


@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_streams_are_masked_and_end_in_order(size: int) -> None:
    both = Spdy()
    opened = [both.syn(n, streamtype=name) for n, name in ((1, "error"), (3, "stdin"), (5, "stdout"))]
    sent = b"".join(opened) + data_frame(3, b"typed", fin=True)
    for start in range(0, len(sent), size):
        both.tunnel.client_data(sent[start : start + size])
    reply = control(2, struct.pack(">I", 5))
    said = reply + data_frame(5, b"a sec") + data_frame(5, b"ret\n", fin=True) + data_frame(1, b"{}", fin=True)
    for start in range(0, len(said), size):
        both.tunnel.target_data(said[start : start + size])
    both.tunnel.target_gone()
    await until_over(both)
    assert both.to_target == b"".join(opened) + data_frame(3, b"typed") + data_frame(3, b"", fin=True)
    frames = list(FrameReader("server").frames(both.to_client))
    assert both.to_client.startswith(reply)
    assert b"".join(frame.payload for frame in frames if frame.stream == 5 and not frame.kind) == b"a [secret]\n"
    assert {frame.stream for frame in frames if frame.flags & FIN and not frame.kind} == {1, 5}
    printed = [frame for frame in frames if frame.kind == 0 and frame.payload]
    assert printed[-1].stream == 1


@pytest.mark.parametrize(
    "frame",
    [
        data_frame(9, b"x"),
        control(10, b"1234"),
        struct.pack(">HHI", 0x8002, 1, 0),
        struct.pack(">HHI", 0x8003, 1, 1 << 21),
        control(1, b"1"),
        control(1, struct.pack(">IIH", 1, 0, 0) + b"garbage"),
    ],
)
async def test_frames_that_are_none(frame: bytes) -> None:
    with pytest.raises(PeerError):
        Spdy().tunnel.client_data(frame)


async def test_a_stream_has_one_name() -> None:
    both = Spdy()
    both.tunnel.client_data(both.syn(1, streamtype="stdin"))
    with pytest.raises(PeerError):
        both.tunnel.client_data(both.syn(1, streamtype="resize"))


async def test_streams_that_there_are_not() -> None:
    both = Spdy()
    with pytest.raises(PeerError):
        both.tunnel.client_data(both.syn(1, streamtype="secrets"))
    again = Spdy()
    again.tunnel.client_data(again.syn(1, streamtype="stdin"))
    with pytest.raises(PeerError):
        again.tunnel.client_data(again.syn(3, streamtype="stdin"))
    with pytest.raises(PeerError):
        Spdy().tunnel.target_data(both.syn(2, streamtype="stdout"))


# -- port-forward

FORWARD = "POST /api/v1/namespaces/shop/pods/web/portforward"


async def test_ports_are_judged_one_by_one() -> None:
    both = Spdy(FORWARD)
    allowed = both.syn(1, streamtype="error", port="8080") + both.syn(3, streamtype="data", port="8080")
    allowed += data_frame(3, b"secret")
    both.tunnel.client_data(allowed[:30])
    both.tunnel.client_data(allowed[30:])
    both.tunnel.target_data(data_frame(3, b"secret"))
    await asyncio.sleep(0.05)
    assert both.to_target == allowed
    assert both.to_client == data_frame(3, b"secret")
    both.tunnel.client_data(both.syn(5, streamtype="error", port="22"))
    await asyncio.sleep(0.05)
    assert [str(error) for error in both.errors] == ["8080 only"]
    assert both.to_target == allowed


async def test_ports_in_a_websocket_are_judged_too() -> None:
    both = Spdy(FORWARD, {"upgrade": "websocket", "sec-websocket-protocol": "SPDY/3.1+portforward.k8s.io"})
    client = Connection(ConnectionType.CLIENT)
    passes = client.send(BytesMessage(both.syn(1, streamtype="data", port="8080")))
    both.tunnel.client_data(passes)
    both.tunnel.client_data(client.send(BytesMessage(both.syn(3, streamtype="data", port="2375"))))
    await asyncio.sleep(0.05)
    assert both.to_target == passes
    assert [str(error) for error in both.errors] == ["8080 only"]


async def test_a_stream_to_no_port() -> None:
    both = Spdy(FORWARD)
    with pytest.raises(PeerError):
        both.tunnel.client_data(both.syn(1, streamtype="data", port="http"))


def test_the_dictionary_is_the_one_of_the_specification() -> None:
    assert (len(DICTIONARY), zlib.adler32(DICTIONARY)) == (1423, 0xE3C6A7C2)
