"""Ways to reach what only the gateway can, through its forward modes: spellings, names, forms, and time."""

import asyncio
import socket
from typing import Any

import pytest

from hoopaddon.gateway import serving
from tests.servers.http import SECRET, Address, Upstream, exchange
from tests.servers.in_front import InFront, confdir, in_front

__all__ = ["confdir", "in_front"]

SPELLINGS = """
127.0.0.1 localhost localhost. LOCALHOST 127.1 2130706433 0x7f000001 0x7f.1 0177.0.0.1 017700000001 0 0.0.0.0
[::1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1] [0:0:0:0:0:ffff:7f00:0001] [::127.0.0.1] [64:ff9b::7f00:1]
[64:ff9b::127.0.0.1] [2002:7f00:1::1] [::ffff:0:127.0.0.1] 169.254.169.254 [fd00:ec2::254] [::ffff:169.254.169.254]
127.0.0.1. [64:ff9b::a9fe:a9fe] 168.63.129.16 100.100.100.200 10.0.0.1 1.1.1.1@127.0.0.1 127.0.0.1#@1.1.1.1
"""
HOSTS = SPELLINGS.split()
FORMS = {
    "absolute": "GET http://{host}:{port}/ HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n",
    "another Host": "GET http://{host}:{port}/ HTTP/1.1\r\nHost: 1.1.1.1\r\nConnection: close\r\n\r\n",
    "Host": "GET / HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n",
    "https": "GET https://{host}:{port}/ HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n",
    "tunnel": "CONNECT {host}:{port} HTTP/1.1\r\nHost: 1.1.1.1\r\n\r\n"
    "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "upgrade": "GET http://{host}:{port}/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\n"
    "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
}  # fmt: skip


async def asked(at: Address, sent: str) -> bytes:
    reader, writer = await asyncio.open_connection(*at)
    writer.write(sent.encode())
    answer = b""
    try:
        async with asyncio.timeout(5):
            answer = await reader.readuntil(b"\r\n\r\n")
    except (TimeoutError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()
    return answer


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("mode", ["regular@127.0.0.1:0", "upstream:http://127.0.0.1:{}@127.0.0.1:0"])
async def test_nothing_inside_is_reached(in_front: InFront, mode: str, form: str) -> None:
    async with in_front(mode=mode, forward_allow=[]) as (inside, at):
        # In `upstream:` it is the operator's next proxy, which would go where it is asked to.
        for host in HOSTS:
            answer = await asked(at, FORMS[form].format(host=host, port=inside.port))
            assert answer.split(b" ")[1:2] in ([b"400"], [b"403"], [b"502"], []), host
            assert not inside.seen, host


async def test_the_next_proxy_is_asked_for_what_is_outside(in_front: InFront) -> None:
    async with in_front(mode="upstream:http://127.0.0.1:{}@127.0.0.1:0", forward_allow=[]) as (inside, at):
        answer = await exchange(at, FORMS["absolute"].format(host="1.1.1.1", port=80).encode())
        assert SECRET in answer
        assert inside.seen.startswith(b"GET http://1.1.1.1")


@pytest.mark.parametrize("host", [*HOSTS[:3], "[::1]"])
async def test_socks_leads_nowhere_else(host: str, tmp_path: Any) -> None:
    async with (
        Upstream() as inside,
        serving(modes=["socks5@127.0.0.1:0"], confdir=str(tmp_path)) as gateway,
    ):
        name = host.strip("[]").encode()
        reader, writer = await asyncio.open_connection(*gateway.servers.listen_addrs()[0][:2])
        writer.write(b"\x05\x01\x00")
        assert await reader.readexactly(2) == b"\x05\x00"
        writer.write(b"\x05\x01\x00\x03" + bytes([len(name)]) + name + inside.port.to_bytes(2, "big"))
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        async with asyncio.timeout(10):
            answer = await reader.read()
        writer.close()
        assert SECRET not in answer
        assert not inside.seen


@pytest.mark.parametrize("form", ["absolute", "tunnel"])
async def test_a_name_that_leads_elsewhere_the_second_time(
    in_front: InFront, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the outside where it is looked up, this machine once a connection is opened."""
    asked_for: list[str] = []
    really = socket.getaddrinfo

    def rebinding(host: Any, port: Any, *rest: Any, **how: Any) -> Any:
        if host not in ("rebind.example", b"rebind.example"):
            return really(host, port, *rest, **how)
        asked_for.append(str(host))
        # The lookups of the request and of its connection are checked; the third is the system's own.
        address = "1.1.1.1" if len(asked_for) <= 2 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    async with in_front(mode="regular@127.0.0.1:0", forward_allow=[]) as (inside, at):
        answer = await asked(at, FORMS[form].format(host="rebind.example", port=inside.port))
        assert len(asked_for) >= 3
        assert SECRET not in answer
        assert not inside.seen
