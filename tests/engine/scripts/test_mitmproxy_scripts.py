"""Scripts written for mitmproxy run as they are, on HTTP targets."""

import asyncio
from pathlib import Path

import pytest

from hoopaddon.gateway import serving
from hoopaddon.scripts import loader
from tests.engine.scripts.conftest import write
from tests.servers.http import SECRET, Upstream, exchange, get

SCRIPT = '''
import logging
import time
from mitmproxy import command, ctx, http
from mitmproxy.script import concurrent

class Counter:
    """mitmproxy's own first example, with an option and a command."""

    def __init__(self):
        self.num = 0

    def load(self, loader):
        loader.add_option("counter_header", str, "x-count", "The header's name.")

    @concurrent
    def request(self, flow: http.HTTPFlow) -> None:
        time.sleep(0.05)
        self.num += 1

    async def response(self, flow: http.HTTPFlow) -> None:
        flow.response.headers[ctx.options.counter_header] = str(self.num)

    @command.command("counter.value")
    def value(self) -> int:
        return self.num

def request(flow):
    if flow.request.path == "/answered":
        flow.response = http.Response.make(200, b"by the script")

addons = [Counter()]
'''


async def test_hooks_options_commands_and_threads(tmp_path: Path) -> None:
    write(tmp_path / "counter.py", SCRIPT)
    async with (
        Upstream() as upstream,
        serving(
            modes=[f"reverse:http://127.0.0.1:{upstream.port}@0"],
            scripts=[tmp_path / "counter.py"],
            confdir=str(tmp_path / "conf"),
        ) as gateway,
    ):
        host, port, *_ = gateway.servers.listen_addrs()[0]
        answer = await exchange((host, port), get())
        assert b"x-count: 1" in answer
        assert answer.endswith(SECRET)
        gateway.options.set("counter_header=x-total")
        answer = await exchange((host, port), get("/answered"))
        assert b"x-total: 2" in answer
        assert answer.endswith(b"by the script")
        assert gateway.commands.call("counter.value") == 2
        assert upstream.seen.count(b"GET") == 1


async def test_a_reload_is_in_force_for_http_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "LOOK_EVERY_S", 0.02)
    text = "from mitmproxy import http\ndef request(flow):\n    flow.response = http.Response.make(200, b'one')\n"
    write(tmp_path / "p.py", text)
    async with (
        Upstream() as upstream,
        serving(
            modes=[f"reverse:http://127.0.0.1:{upstream.port}@0"],
            scripts=[tmp_path / "p.py"],
            confdir=str(tmp_path / "conf"),
        ) as gateway,
    ):
        host, port, *_ = gateway.servers.listen_addrs()[0]
        write(tmp_path / "p.py", "def request(flow:")
        await asyncio.sleep(0.1)
        assert (await exchange((host, port), get())).endswith(b"one")
        write(tmp_path / "p.py", text.replace("one", "two"))
        for _ in range(500):
            answer = await exchange((host, port), get())
            assert answer.endswith((b"one", b"two"))
            if answer.endswith(b"two"):
                break
        assert answer.endswith(b"two")
        assert upstream.seen == b""


SHADOW = """
from hoopaddon import Refused

def requestheaders(flow):
    raise Refused("no requests today")

def request(flow):
    raise ValueError

def response(flow):
    flow.response.content = b"masked"

def client_connected(client):
    client.error = "never"
"""


async def test_a_script_in_shadow_shows_what_it_would_do(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    write(tmp_path / "s.py", SHADOW)
    async with (
        Upstream() as upstream,
        serving(
            modes=[f"reverse:http://127.0.0.1:{upstream.port}@0"],
            shadow=[str(tmp_path / "s.py")],
            confdir=str(tmp_path / "conf"),
        ) as gateway,
    ):
        host, port, *_ = gateway.servers.listen_addrs()[0]
        assert (await exchange((host, port), get())).endswith(SECRET)
    said = [r.getMessage() for r in caplog.records if "(shadow): " in r.getMessage()]
    assert said == [
        "s.py (shadow): requestheaders would have refused: no requests today",
        "s.py (shadow): request would have failed",
        "s.py (shadow): response would have edited it",
    ]
    assert "Policies, in order: s.py (shadow)." in caplog.text
