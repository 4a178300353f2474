"""The modes that are proxies: the client names its target, and nothing gets there when a hook breaks."""

import struct

import pytest
from mitmproxy import http

from tests.engine.traffic.breaking import Policy, raises
from tests.servers.http import SECRET, Address, Upstream, exchange, get
from tests.servers.in_front import InFront

BEFORE = ["client_connected", "next_layer", "server_connect", "server_connected", "requestheaders", "request"]


def _tunnel(upstream: Upstream) -> bytes:
    return b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n\r\n" % upstream.port


async def through_tunnel(upstream: Upstream, address: Address) -> bytes:
    return await exchange(address, _tunnel(upstream) + get())


async def by_absolute_form(upstream: Upstream, address: Address) -> bytes:
    return await exchange(address, get(f"http://127.0.0.1:{upstream.port}/"))


async def through_socks(upstream: Upstream, address: Address) -> bytes:
    hello = b"\x05\x01\x00"
    connect = b"\x05\x01\x00\x01\x7f\x00\x00\x01" + struct.pack("!H", upstream.port)
    return await exchange(address, hello + connect + get())


WAYS = {
    "tunnel": ("regular@0", through_tunnel, [*BEFORE, "http_connect", "http_connected"]),
    "absolute": ("regular@0", by_absolute_form, BEFORE),
    "socks": ("socks5@0", through_socks, BEFORE),
}


@pytest.mark.parametrize("way", WAYS)
async def test_without_a_policy_everything_passes(in_front: InFront, way: str) -> None:
    mode, ask, _ = WAYS[way]
    async with in_front(mode=mode) as (upstream, address):
        assert (await ask(upstream, address)).endswith(SECRET)


@pytest.mark.parametrize(("way", "hook"), [(way, hook) for way, (_, _, hooks) in WAYS.items() for hook in hooks])
async def test_a_broken_hook(in_front: InFront, way: str, hook: str) -> None:
    mode, ask, _ = WAYS[way]
    async with in_front(Policy(**{hook: raises}), mode=mode) as (upstream, address):
        assert SECRET not in await ask(upstream, address)
        assert upstream.seen == b""


@pytest.mark.parametrize("hook", ["responseheaders", "response"])
@pytest.mark.parametrize("way", WAYS)
async def test_a_broken_hook_on_what_comes_back(in_front: InFront, way: str, hook: str) -> None:
    mode, ask, _ = WAYS[way]
    async with in_front(Policy(**{hook: raises}), mode=mode) as (upstream, address):
        assert SECRET not in await ask(upstream, address)
        assert b"GET / " in upstream.seen


@pytest.mark.parametrize("hook", [*BEFORE, "http_connect_upstream", "tls_start_server"])
async def test_a_proxy_behind_the_proxy(in_front: InFront, hook: str) -> None:
    """The target stands for the other proxy; a request for TLS makes a tunnel through it."""

    def wants_tls(flow: http.HTTPFlow) -> None:
        flow.request.scheme = "https"
        flow.request.port = 443

    policies = (Policy(requestheaders=wants_tls), Policy(**{hook: raises}))
    async with in_front(*policies, mode="upstream:http://127.0.0.1:{}@0") as (upstream, address):
        assert SECRET not in await exchange(address, get("http://target.example/"))
        assert b"GET" not in upstream.seen
        assert (b"CONNECT" in upstream.seen) == (hook == "tls_start_server")
