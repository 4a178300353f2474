"""Hooks that are about connections and messages rather than HTTP: nothing passes when one breaks."""

import asyncio
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from mitmproxy import certs, dns, hooks
from mitmproxy.net.dns import response_codes

from hoopaddon.gateway import serving
from hoopaddon.traffic.failures import FAILURES, LIFECYCLE
from tests.engine.traffic.breaking import BREAKS, DATA, TIMEOUT, Policy, raises
from tests.servers.http import SECRET, Address, Upstream, exchange, exchange_h2, get
from tests.servers.in_front import InFront

QUESTION = b"the-question"


def test_every_hook_of_mitmproxy_has_its_failure() -> None:
    assert set(FAILURES) | LIFECYCLE == set(hooks.all_hooks)
    assert not set(FAILURES) & LIFECYCLE


async def _answers(_upstream: Upstream, writer: asyncio.StreamWriter) -> None:
    writer.write(SECRET)


TCP_HOOKS = ["client_connected", "server_connect", "server_connected", "next_layer", "tcp_start", "tcp_message"]
TCP = "reverse:tcp://127.0.0.1:{}@0"


async def _ask(address: Address) -> bytes:
    return await exchange(address, QUESTION + b"\r\n\r\n")


async def test_tcp_passes_without_a_policy(in_front: InFront) -> None:
    async with in_front(respond=_closes_after_answer, mode=TCP) as (upstream, address):
        assert await _ask(address) == SECRET
        assert QUESTION in upstream.seen


async def _closes_after_answer(_upstream: Upstream, writer: asyncio.StreamWriter) -> None:
    writer.write(SECRET)
    writer.close()


@pytest.mark.parametrize("hook", TCP_HOOKS)
async def test_a_broken_hook_of_a_tcp_connection(in_front: InFront, hook: str) -> None:
    async with in_front(Policy(**{hook: raises}), respond=_answers, mode=TCP) as (upstream, address):
        assert await _ask(address) == b""
        assert upstream.seen == b""


@pytest.mark.parametrize("breaks", BREAKS)
@pytest.mark.parametrize("hook", ["client_connected", "tcp_message"])
async def test_every_way_to_break(in_front: InFront, hook: str, breaks: Any) -> None:
    policy = Policy(**{hook: breaks})
    async with in_front(policy, respond=_answers, mode=TCP, policy_timeout=TIMEOUT) as (upstream, address):
        assert await _ask(address) == b""
        assert upstream.seen == b""


async def test_a_broken_hook_on_what_a_tcp_target_says(in_front: InFront) -> None:
    def breaks_on_answers(flow: Any) -> None:
        if not flow.messages[-1].from_client:
            raise ValueError(DATA)

    policy = Policy(tcp_message=breaks_on_answers)
    async with in_front(policy, respond=_answers, mode=TCP) as (upstream, address):
        assert await _ask(address) == b""
        assert QUESTION in upstream.seen


# -- TLS


@pytest.mark.parametrize("hook", ["tls_clienthello", "tls_start_client", "tls_established_client"])
async def test_a_broken_hook_of_a_clients_tls(in_front: InFront, hook: str) -> None:
    async with in_front(Policy(**{hook: raises})) as (upstream, address):
        replies = []
        with suppress(OSError):
            replies = await exchange_h2(address)
        assert [reply.status for reply in replies if reply.status] == []
        assert upstream.seen == b""


@pytest.mark.parametrize("hook", ["", "tls_start_server", "tls_established_server"])
async def test_a_broken_hook_of_a_targets_tls(in_front: InFront, hook: str, tmp_path: Path) -> None:
    store = certs.CertStore.from_store(tmp_path, "upstream", 2048)
    entry = store.get_cert("target", [])
    pem = tmp_path / "target.pem"
    key = entry.privatekey.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    pem.write_bytes(entry.cert.to_pem() + key)
    policies = [Policy(**{hook: raises})] if hook else []
    mode = "reverse:https://127.0.0.1:{}@0"
    async with in_front(*policies, mode=mode, ssl_insecure=True, tls=pem) as (upstream, address):
        answer = await exchange(address, get())
        assert (SECRET in answer) == (not hook)
        assert (b"GET" in upstream.seen) == (not hook)


# -- WebSocket

HANDSHAKE = get(
    headers=b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)
HANDSHAKE = HANDSHAKE.replace(b"Connection: close", b"Connection: Upgrade")


async def _upgrades(_upstream: Upstream, writer: asyncio.StreamWriter) -> None:
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        + bytes([0x81, len(SECRET)])
        + SECRET
    )


async def _websocket(address: Address) -> bytes:
    """Upgrade, send a masked frame with the question, and return all that comes within a moment."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(HANDSHAKE + bytes([0x81, 0x80 | len(QUESTION), 0, 0, 0, 0]) + QUESTION)
    received = b""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(0.5):
            while data := await reader.read(65536):
                received += data
    writer.close()
    return received


async def test_websockets_pass_without_a_policy(in_front: InFront) -> None:
    async with in_front(respond=_upgrades) as (_, address):
        assert SECRET in await _websocket(address)


@pytest.mark.parametrize("hook", ["responseheaders", "response", "websocket_start", "websocket_message"])
async def test_a_broken_hook_of_a_websocket(in_front: InFront, hook: str) -> None:
    async with in_front(Policy(**{hook: raises}), respond=_upgrades) as (upstream, address):
        assert SECRET not in await _websocket(address)
        assert QUESTION not in upstream.seen


# -- DNS

DNS_SCRIPT = """
from mitmproxy import dns

class Answers:
    def dns_request(self, flow):
        flow.response = flow.request.succeed([])

class Breaks:
    def {}(self, flow):
        raise ValueError

addons = [Answers(), Breaks()]
"""


@pytest.mark.parametrize(
    ("hook", "code"), [("dns_request", "REFUSED"), ("dns_response", "REFUSED"), ("unused", "NOERROR")]
)
async def test_a_broken_hook_of_a_dns_query(tmp_path: Path, hook: str, code: str, confdir: str) -> None:
    script = tmp_path / "names.py"
    script.write_text(DNS_SCRIPT.format(hook))
    async with serving(modes=["dns@127.0.0.1:0"], scripts=[script], confdir=confdir) as gateway:
        reader, writer = await asyncio.open_connection(*gateway.servers.listen_addrs()[0][:2])
        query = dns.DNSMessage(
            id=7,
            query=True,
            op_code=0,
            authoritative_answer=False,
            truncation=False,
            recursion_desired=True,
            recursion_available=False,
            reserved=0,
            response_code=0,
            questions=[dns.Question("example.com", 1, 1)],
            answers=[],
            authorities=[],
            additionals=[],
            timestamp=0,
        ).packed
        writer.write(struct.pack("!H", len(query)) + query)
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        answer = dns.DNSMessage.unpack(await reader.readexactly(length))
        assert response_codes.to_str(answer.response_code) == code
        writer.close()


# -- the layers themselves


async def test_a_crash_in_a_layer_cuts_the_connection(in_front: InFront, caplog: pytest.LogCaptureFixture) -> None:
    def confuses(flow: Any) -> None:
        flow.response = DATA

    async with in_front(Policy(request=confuses)) as (upstream, address):
        assert await exchange(address, get()) == b""
        assert upstream.seen == b""
    assert DATA not in caplog.text
    assert "Traceback" not in caplog.text
    assert "connection cut: " in caplog.text
