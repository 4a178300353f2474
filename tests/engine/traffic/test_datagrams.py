"""What comes in datagrams: UDP, DNS, and HTTP/3 over QUIC."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import serve
from aioquic.h3 import events as h3
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, QuicEvent
from mitmproxy import certs, dns, http
from mitmproxy.net.dns import response_codes

from hoopaddon.gateway import serving
from tests.engine.traffic.breaking import BREAKS, DATA, TIMEOUT, Policy, raises
from tests.servers.http import SECRET, Address

QUESTION = b"the-question"
A_MOMENT_S = 0.5

# -- UDP


class Echo(asyncio.DatagramProtocol):
    """Answers every datagram, or collects what comes back."""

    def __init__(self, answer: bytes = b"") -> None:
        self.answer = answer
        self.seen: list[bytes] = []
        self.transport: Any = None
        self.got_some = asyncio.Event()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        self.seen.append(data)
        self.got_some.set()
        if self.answer:
            self.transport.sendto(self.answer, address)


@asynccontextmanager
async def datagrams(answer: bytes = b"", remote: Address | None = None) -> AsyncIterator[Echo]:
    local = None if remote else ("127.0.0.1", 0)
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Echo(answer), local_addr=local, remote_addr=remote
    )
    try:
        yield protocol
    finally:
        transport.close()


@asynccontextmanager
async def in_front_of_udp(confdir: str, *policies: object, **options: Any) -> AsyncIterator[tuple[Echo, Address]]:
    async with datagrams(SECRET) as target:
        port = target.transport.get_extra_info("sockname")[1]
        mode = f"reverse:udp://127.0.0.1:{port}@127.0.0.1:0"
        async with serving(modes=[mode], addons=policies, confdir=confdir, **options) as gateway:
            yield target, gateway.servers.listen_addrs()[0][:2]


async def ask(address: Address, *datagrams_sent: bytes, within_s: float = A_MOMENT_S) -> list[bytes]:
    async with datagrams(remote=address) as client:
        for data in datagrams_sent:
            client.transport.sendto(data)
            with suppress(TimeoutError):
                await asyncio.wait_for(client.got_some.wait(), within_s)
        return client.seen


async def test_datagrams_pass_without_a_policy(confdir: str) -> None:
    async with in_front_of_udp(confdir) as (target, address):
        assert await ask(address, QUESTION, within_s=5) == [SECRET]
        assert target.seen == [QUESTION]


@pytest.mark.parametrize(
    "hook", ["client_connected", "next_layer", "server_connect", "server_connected", "udp_start", "udp_message"]
)
async def test_a_broken_hook_of_udp(confdir: str, hook: str) -> None:
    async with in_front_of_udp(confdir, Policy(**{hook: raises})) as (target, address):
        assert await ask(address, QUESTION, QUESTION) == []
        assert target.seen == []


@pytest.mark.parametrize("breaks", BREAKS)
async def test_every_way_to_break(confdir: str, breaks: Any) -> None:
    policy = Policy(udp_message=breaks)
    async with in_front_of_udp(confdir, policy, policy_timeout=TIMEOUT) as (target, address):
        assert await ask(address, QUESTION) == []
        assert target.seen == []


async def test_a_broken_hook_on_what_a_target_says(confdir: str) -> None:
    def breaks_on_answers(flow: Any) -> None:
        if not flow.messages[-1].from_client:
            raise ValueError(DATA)

    async with in_front_of_udp(confdir, Policy(udp_message=breaks_on_answers)) as (target, address):
        assert await ask(address, QUESTION, QUESTION) == []
        assert QUESTION in target.seen


# -- DNS


def _query(name: str, number: int = 7) -> dns.DNSMessage:
    return dns.DNSMessage(
        id=number,
        query=True,
        op_code=0,
        authoritative_answer=False,
        truncation=False,
        recursion_desired=True,
        recursion_available=False,
        reserved=0,
        response_code=0,
        questions=[dns.Question(name, 1, 1)],
        answers=[],
        authorities=[],
        additionals=[],
        timestamp=0,
    )


@pytest.mark.parametrize("hook", ["dns_request", "dns_response"])
async def test_a_refused_name_is_not_asked_for(confdir: str, hook: str) -> None:
    answer = _query("secret.example").succeed([]).packed
    async with datagrams(answer) as target:
        port = target.transport.get_extra_info("sockname")[1]

        def allows(flow: dns.DNSFlow) -> None:
            flow.response = flow.request.succeed([])

        policies = (Policy(**{hook: raises}), Policy(dns_response=allows))
        mode = f"reverse:dns://127.0.0.1:{port}@127.0.0.1:0"
        async with serving(modes=[mode], addons=policies, confdir=confdir) as gateway:
            (received,) = await ask(
                gateway.servers.listen_addrs()[0][:2], _query("secret.example").packed, within_s=5
            )
        assert dns.DNSMessage.unpack(received).response_code == response_codes.REFUSED
        assert bool(target.seen) == (hook == "dns_response")


async def test_a_name_is_not_looked_up_before_it_is_judged(confdir: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from mitmproxy.addons import dns_resolver

    looked_up: list[str] = []

    async def notes(_resolver: object, flow: dns.DNSFlow) -> None:
        looked_up.append(flow.request.questions[0].name)

    monkeypatch.setattr(dns_resolver.DnsResolver, "dns_request", notes)
    async with serving(modes=["dns@127.0.0.1:0"], addons=[Policy(dns_request=raises)], confdir=confdir) as gateway:
        await ask(gateway.servers.listen_addrs()[0][:2], _query("secret.example").packed, within_s=5)
    assert looked_up == []


# -- HTTP/3


class Target(QuicConnectionProtocol):
    """A target that speaks HTTP/3."""

    seen: list[str]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._http = H3Connection(self._quic)

    def quic_event_received(self, event: QuicEvent) -> None:
        for one in self._http.handle_event(event):
            if isinstance(one, h3.HeadersReceived):
                self.seen.append(dict(one.headers).get(b":path", b"").decode())
                self._http.send_headers(one.stream_id, [(b":status", b"200"), (b"x-key", SECRET)])
                self._http.send_data(one.stream_id, SECRET, end_stream=False)
                self._http.send_headers(one.stream_id, [(b"x-trailer", SECRET)], end_stream=True)
                self.transmit()


class Client(QuicConnectionProtocol):
    """A client that shows what it got on the stream of its only request."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._http = H3Connection(self._quic)
        self.status = 0
        self.received = b""
        self.is_over = asyncio.Event()

    async def ask(self, path: str) -> None:
        stream = self._quic.get_next_available_stream_id()
        head = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"target"), (b":path", path.encode())]
        self._http.send_headers(stream, head, end_stream=True)
        self.transmit()
        with suppress(TimeoutError):
            await asyncio.wait_for(self.is_over.wait(), 5)

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, ConnectionTerminated):
            self.is_over.set()
        for one in self._http.handle_event(event):
            if isinstance(one, h3.HeadersReceived):
                self.status = self.status or int(dict(one.headers).get(b":status", b"0"))
                self.received += repr(one.headers).encode()
            elif isinstance(one, h3.DataReceived):
                self.received += one.data
            if getattr(one, "stream_ended", False):
                self.is_over.set()


@asynccontextmanager
async def http3_target(folder: Path) -> AsyncIterator[tuple[type[Target], int]]:
    store = certs.CertStore.from_store(folder, "upstream", 2048)
    entry = store.get_cert("target", [])
    configuration = QuicConfiguration(is_client=False, alpn_protocols=H3_ALPN)
    configuration.certificate, configuration.private_key = entry.cert.to_cryptography(), entry.privatekey

    class Listening(Target):
        seen: list[str] = []  # noqa: RUF012 - this target's own

    server = await serve("127.0.0.1", 0, configuration=configuration, create_protocol=Listening)
    try:
        yield Listening, server._transport.get_extra_info("sockname")[1]  # type: ignore[union-attr]
    finally:
        server.close()  # type: ignore[no-untyped-call]


async def exchange_h3(address: Address, path: str = "/", *, within_s: float = 10) -> Client | None:
    """What a client got; None where it got no connection."""
    configuration = QuicConfiguration(alpn_protocols=H3_ALPN, verify_mode=ssl.CERT_NONE, server_name="target")
    made: list[Client] = []

    def make(*arguments: Any, **named: Any) -> Client:
        made.append(Client(*arguments, **named))
        return made[0]

    with suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(within_s), connect(*address, configuration=configuration, create_protocol=make):
            await made[0].ask(path)
            return made[0]
    return None


@asynccontextmanager
async def in_front_of_h3(
    folder: Path, confdir: str, *policies: object
) -> AsyncIterator[tuple[type[Target], Address]]:
    async with http3_target(folder) as (target, port):
        mode = f"reverse:http3://127.0.0.1:{port}@127.0.0.1:0"
        async with serving(modes=[mode], addons=policies, confdir=confdir, ssl_insecure=True) as gateway:
            yield target, gateway.servers.listen_addrs()[0][:2]


async def test_http3_passes_without_a_policy(tmp_path: Path, confdir: str) -> None:
    async with in_front_of_h3(tmp_path, confdir) as (target, address):
        client = await exchange_h3(address, "/path")
        assert client
        assert client.status == 200
        assert client.received.count(SECRET) == 3
        assert target.seen == ["/path"]


@pytest.mark.parametrize("hook", ["requestheaders", "request"])
async def test_a_broken_hook_of_an_http3_request(tmp_path: Path, confdir: str, hook: str) -> None:
    async with in_front_of_h3(tmp_path, confdir, Policy(**{hook: raises})) as (target, address):
        client = await exchange_h3(address)
        assert client
        assert client.status == 502
        assert target.seen == []


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("hook", ["responseheaders", "response"])
async def test_a_broken_hook_of_an_http3_response(tmp_path: Path, confdir: str, hook: str, streamed: bool) -> None:
    def streams(flow: http.HTTPFlow) -> None:
        assert flow.response
        flow.response.stream = streamed

    policies = (Policy(responseheaders=streams), Policy(**{hook: raises}))
    async with in_front_of_h3(tmp_path, confdir, *policies) as (_, address):
        client = await exchange_h3(address)
        assert client
        assert client.status == 502
        assert SECRET not in client.received


@pytest.mark.parametrize(
    "hook",
    ["client_connected", "tls_clienthello", "quic_start_client", "quic_start_server", "tls_established_client"],
)
async def test_a_broken_hook_of_quic(tmp_path: Path, confdir: str, hook: str) -> None:
    async with in_front_of_h3(tmp_path, confdir, Policy(**{hook: raises})) as (target, address):
        client = await exchange_h3(address, within_s=1)
        assert client is None or client.status != 200
        assert target.seen == []
