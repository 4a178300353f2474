"""Scripts as mitmproxy's users write them, unchanged, before a target of mitmproxy's kind and one of ours."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from mitmproxy import contentviews, io

from hoopaddon.gateway import serving
from tests.servers.http import SECRET, Address, Upstream, chunks, exchange, get, plain, post
from tests.servers.in_front import InFront
from tests.servers.web_service import web_service

MODES = ["reverse:http://127.0.0.1:{}@127.0.0.1:0", "http:http://127.0.0.1:{}@127.0.0.1:0"]
WITHIN_S = 15

pytestmark = pytest.mark.parametrize("mode", MODES, ids=["reverse", "http"])


@pytest.fixture
def script(tmp_path: Path) -> Any:
    """A file with this text, as an option."""

    def written(text: str) -> dict[str, Any]:
        path = tmp_path / "script.py"
        path.write_text(text)
        return {"scripts": [str(path)]}

    return written


async def test_headers_of_answers(in_front: InFront, script: Any, mode: str) -> None:
    text = """
class AddHeader:
    def __init__(self):
        self.num = 0

    def response(self, flow):
        self.num += 1
        flow.response.headers["count"] = str(self.num)

addons = [AddHeader()]
"""
    async with in_front(mode=mode, **script(text)) as (_, address):
        for n in ("1", "2"):
            assert f"count: {n}\r\n".encode() in await exchange(address, get())


async def test_queries_and_forms(in_front: InFront, script: Any, mode: str) -> None:
    text = """
from mitmproxy import http

def request(flow: http.HTTPFlow) -> None:
    flow.request.query["mitmproxy"] = "rocks"
    if flow.request.urlencoded_form:
        flow.request.urlencoded_form["mitmproxy"] = "rocks"
    elif flow.request.method == "POST":
        flow.request.urlencoded_form = [("foo", "bar")]
"""
    form = post(b"a=1").replace(b"\r\n\r\n", b"\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n", 1)
    async with in_front(mode=mode, **script(text)) as (upstream, address):
        await exchange(address, get("/x?a=1"))
        await exchange(address, form)
        await exchange(address, post(b"whatever"))
    assert b"GET /x?a=1&mitmproxy=rocks HTTP/1.1" in upstream.seen
    assert b"\r\n\r\na=1&mitmproxy=rocks" in upstream.seen
    assert upstream.seen.endswith(b"\r\n\r\nfoo=bar")


async def test_answers_in_the_targets_place(in_front: InFront, script: Any, mode: str) -> None:
    text = """
from mitmproxy import http

def request(flow: http.HTTPFlow) -> None:
    if flow.request.path == "/path":
        flow.response = http.Response.make(200, b"Hello World", {"Content-Type": "text/html"})
"""
    async with in_front(mode=mode, **script(text)) as (upstream, address):
        assert (await exchange(address, get("/path"))).endswith(b"Hello World")
        assert not upstream.seen
        assert (await exchange(address, get("/other"))).endswith(SECRET)


async def test_another_target(in_front: InFront, script: Any, mode: str) -> None:
    async with Upstream(plain(b"the other")) as other:
        text = f"""
def request(flow):
    flow.request.host = "127.0.0.1"
    flow.request.port = {other.port}
"""
        async with in_front(mode=mode, **script(text)) as (upstream, address):
            assert (await exchange(address, get())).endswith(b"the other")
            assert not upstream.seen


async def test_bodies_of_answers(in_front: InFront, script: Any, mode: str) -> None:
    text = """
def response(flow):
    if flow.response and flow.response.content:
        flow.response.content = flow.response.content.replace(b"</head>", b"<style></style></head>")
"""
    async with in_front(mode=mode, respond=plain(b"<head></head>"), **script(text)) as (_, address):
        assert (await exchange(address, get())).endswith(b"<head><style></style></head>")


async def test_streams(in_front: InFront, script: Any, mode: str) -> None:
    text = """
def modify(data):
    return data.replace(b"foo", b"bar")

def responseheaders(flow):
    flow.response.stream = modify
"""
    async with in_front(mode=mode, respond=chunks(b"a foo", b"b foo"), **script(text)) as (_, address):
        answer = await exchange(address, get())
    assert b"a bar" in answer
    assert b"b bar" in answer


IN_A_THREAD = """
import time
from mitmproxy.script import concurrent

@concurrent
def request(flow):
    time.sleep(0.5)
"""
IN_A_TASK = """
import asyncio

async def request(flow):
    await asyncio.sleep(0.5)
"""


@pytest.mark.parametrize("text", [IN_A_THREAD, IN_A_TASK])
async def test_waiting_stops_nobody_else(in_front: InFront, script: Any, mode: str, text: str) -> None:
    async with in_front(mode=mode, **script(text)) as (_, address), asyncio.timeout(1.9):
        answers = await asyncio.gather(*(exchange(address, get(f"/{n}")) for n in range(4)))
    assert all(answer.endswith(SECRET) for answer in answers)


async def test_filters_options_and_commands(in_front: InFront, script: Any, mode: str) -> None:
    text = """
from mitmproxy import command, ctx, exceptions, flowfilter

class Filter:
    def __init__(self):
        self.filter = None
        self.num = 0

    def load(self, loader):
        loader.add_option("flowfilter", str, "~m POST", "Filter")

    def configure(self, updated):
        if "flowfilter" in updated:
            self.filter = flowfilter.parse(ctx.options.flowfilter)

    @command.command("myaddon.inc")
    def inc(self) -> int:
        self.num += 1
        return self.num

    def response(self, flow):
        if flowfilter.match(self.filter, flow):
            flow.response.headers["count"] = str(ctx.master.commands.call("myaddon.inc"))

addons = [Filter()]
"""
    async with in_front(mode=mode, **script(text)) as (_, address):
        assert b"count:" not in await exchange(address, get())
        assert b"count: 1\r\n" in await exchange(address, post(b"x"))


async def test_flows_in_a_file(in_front: InFront, script: Any, mode: str, tmp_path: Path) -> None:
    path = tmp_path / "flows"
    text = f"""
from mitmproxy import contentviews, io

class Writer:
    def __init__(self, path):
        self.f = open(path, "wb")
        self.w = io.FlowWriter(self.f)

    def response(self, flow):
        self.w.add(flow)

    def done(self):
        self.f.close()

addons = [Writer({str(path)!r})]
"""
    async with in_front(mode=mode, **script(text)) as (_, address):
        await exchange(address, get("/kept"))
    with path.open("rb") as kept:
        assert [flow.request.path for flow in io.FlowReader(kept).stream()] == ["/kept"]  # type: ignore[attr-defined]


async def test_a_web_application(in_front: InFront, script: Any, mode: str) -> None:
    text = """
from flask import Flask
from mitmproxy.addons import asgiapp

app = Flask("proxapp")

@app.route("/")
def hello_world() -> str:
    return "Hello World!"

addons = [asgiapp.WSGIApp(app, "127.0.0.1", PORT)]
"""
    async with Upstream() as other:
        modes = [mode.format(other.port)]
        options = script(text.replace("PORT", str(other.port)))
        async with serving(modes=modes, confdir=str(Path(options["scripts"][0]).parent / "c"), **options) as gateway:
            host, port, *_ = gateway.servers.listen_addrs()[0]
            assert (await exchange((host, port), get())).endswith(b"Hello World!")
            assert not other.seen


async def test_a_request_sent_once_more(in_front: InFront, script: Any, mode: str) -> None:
    text = """
from mitmproxy import ctx

def request(flow):
    if flow.is_replay == "request":
        return
    flow = flow.copy()
    if "view" in ctx.master.addons:
        ctx.master.commands.call("view.flows.duplicate", [flow])
    flow.request.path = "/changed"
    ctx.master.commands.call("replay.client", [flow])
"""
    async with in_front(mode=mode, **script(text)) as (upstream, address), asyncio.timeout(WITHIN_S):
        assert (await exchange(address, get("/first"))).endswith(SECRET)
        while b"GET /changed " not in upstream.seen:
            await asyncio.sleep(0.01)
    assert b"GET /first " in upstream.seen


async def test_messages_of_websockets(script: Any, mode: str, tmp_path: Path, confdir: str) -> None:
    text = """
import asyncio, re
from mitmproxy import ctx

async def inject(flow):
    await asyncio.sleep(0.1)
    ctx.master.commands.call("inject.websocket", flow, True, b"injected")

def websocket_start(flow):
    global task
    task = asyncio.create_task(inject(flow))

def websocket_message(flow):
    message = flow.websocket.messages[-1]
    if message.from_client:
        message.content = re.sub(rb"^Hello", b"HAPPY", message.content)
    if b"FOOBAR" in message.content:
        message.drop()
"""
    async with web_service(tmp_path) as service, asyncio.timeout(WITHIN_S):
        modes = [mode.format(service.port)]
        async with serving(modes=modes, confdir=confdir, **script(text)) as gateway:
            url = f"http://127.0.0.1:{gateway.servers.listen_addrs()[0][1]}/ws"
            async with aiohttp.ClientSession() as client, client.ws_connect(url) as socket:
                await socket.send_str("FOOBAR")
                await socket.send_str("Hello there")
                heard = {await socket.receive_str(), await socket.receive_str()}
            assert heard == {"HAPPY there", "injected"}


async def test_trailers_of_a_scripts_own(in_front: InFront, script: Any, mode: str) -> None:
    """HTTP/1 has none here; the message passes without."""
    text = """
from mitmproxy.http import Headers

def request(flow):
    flow.request.headers["transfer-encoding"] = "chunked"
    flow.request.trailers = Headers([(b"x-after", b"one")])

def response(flow):
    flow.response.headers["transfer-encoding"] = "chunked"
    flow.response.trailers = Headers([(b"x-after", b"one")])
"""
    async with in_front(mode=mode, **script(text)) as (upstream, address):
        assert SECRET in await exchange(address, post(b"x"))
    assert b"x-after" not in upstream.seen


async def listens(address: Address) -> bool:
    try:
        _, writer = await asyncio.open_connection(*address)
    except OSError:
        return False
    writer.close()
    return True


async def test_the_end(in_front: InFront, script: Any, mode: str) -> None:
    text = """
from mitmproxy import ctx

def request(flow):
    if flow.request.path == "/path":
        ctx.master.shutdown()
"""
    async with in_front(mode=mode, shutdown_timeout=2, **script(text)) as (_, address), asyncio.timeout(WITHIN_S):
        assert (await exchange(address, get("/path"))).endswith(SECRET)
        while await listens(address):
            await asyncio.sleep(0.01)


VIEWS = """
from mitmproxy import contentviews
from mitmproxy.contentviews import Contentview, InteractiveContentview, Metadata

class Swapped(InteractiveContentview):
    name = "test-swapped"

    def prettify(self, data: bytes, metadata: Metadata) -> str:
        return data.decode().swapcase()

    def reencode(self, prettified: str, metadata: Metadata) -> bytes:
        return prettified.swapcase().encode()

view = Swapped()

def load(loader):
    contentviews.add(view)
"""


async def test_views_say_that_nobody_sees_them(
    in_front: InFront, script: Any, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    try:
        async with in_front(mode=mode, **script(VIEWS)) as (_, address):
            assert (await exchange(address, get())).endswith(SECRET)
    finally:
        contentviews.registry._by_name.pop("test-swapped", None)
    assert "script.py: test-swapped is a content view, and nothing here shows one" in caplog.text


DEAF = """
def tcp_start(flow): pass
def udp_message(flow): pass
def dns_request(flow): pass
def socks5_auth(data): pass
def http_connect(flow): pass
def request(flow): pass
"""


async def test_hooks_that_no_mode_calls(
    in_front: InFront, script: Any, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with in_front(mode=mode, **script(DEAF)):
        pass
    for hook in ("tcp_start", "udp_message", "dns_request", "socks5_auth", "http_connect"):
        assert f"script.py: {hook} will never be called: no mode " in caplog.text
    assert ": request will never" not in caplog.text


@pytest.mark.parametrize(
    ("heard_by", "hook"), [("socks5@localhost:0", "socks5_auth"), ("dns@127.0.0.2:0", "dns_request")]
)
async def test_hooks_that_another_mode_calls(
    confdir: str, script: Any, mode: str, heard_by: str, hook: str, caplog: pytest.LogCaptureFixture
) -> None:
    modes = [mode.format(1), heard_by]
    async with serving(modes=modes, confdir=confdir, **script(DEAF)):
        pass
    assert f"{hook} will never be called" not in caplog.text
