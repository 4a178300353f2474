"""mitmproxy's own example addons, as Debian's package publishes them, run unchanged."""

import asyncio
import random
import socket
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from mitmproxy import ctx, exceptions, io
from mitmproxy.test import tflow

from hoopaddon.gateway import serving
from tests.servers.http import SECRET, exchange, get, plain, post
from tests.servers.in_front import InFront
from tests.servers.missing import missing
from tests.servers.web_service import web_service

EXAMPLES = Path(__file__).parents[3] / "build/mitmproxy-examples/addons"
HTTP, PROXY = "http:http://127.0.0.1:{}@127.0.0.1:0", "regular@127.0.0.1:0"
WITHIN_S = 15

# They are of an older mitmproxy, whose names its successors still know.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

TRIED = {
    *("anatomy", "anatomy2", "http-add-header", "http-modify-form", "http-modify-query-string"),
    *("http-redirect-requests", "http-reply-from-proxy", "http-stream-modify", "http-stream-simple"),
    *("http-trailers", "internet-in-mirror", "duplicate-modify-replay", "nonblocking", "shutdown", "wsgi-flask-app"),
    *("options-configure", "options-simple", "filter-flows", "log-events"),
    *("commands-flows", "commands-paths", "commands-simple", "io-write-flow-file", "io-read-saved-flows"),
    *("websocket-inject-message", "websocket-simple", "tcp-simple", "contentview", "contentview-custom-grpc"),
}


@pytest.fixture(autouse=True)
def everywhere_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name is this machine's, so that what examples ask for on the internet stays here."""
    real = socket.getaddrinfo

    def resolve(host: Any, *arguments: Any, **named: Any) -> Any:
        return real("127.0.0.1", *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def example(name: str) -> dict[str, Any]:
    """An example, as an option."""
    if not EXAMPLES.is_dir():
        missing("mitmproxy's examples")
    return {"scripts": [str(EXAMPLES / f"{name}.py")]}


def test_all_of_them_are_tried() -> None:
    if not EXAMPLES.is_dir():
        missing("mitmproxy's examples")
    assert {path.stem for path in EXAMPLES.glob("*.py")} == TRIED


# -- requests and answers


async def test_anatomy(in_front: InFront, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with in_front(mode=HTTP, **example("anatomy")) as (_, address):
        await exchange(address, get())
        await exchange(address, get())
    assert "We've seen 2 flows" in caplog.text


async def test_a_field_of_the_request(in_front: InFront) -> None:
    async with in_front(mode=HTTP, **example("anatomy2")) as (upstream, address):
        await exchange(address, get())
    assert b"\r\nmyheader: value\r\n" in upstream.seen


async def test_a_field_of_the_answer(in_front: InFront) -> None:
    async with in_front(mode=HTTP, **example("http-add-header")) as (_, address):
        for count in (b"1", b"2"):
            assert b"\r\ncount: %s\r\n" % count in await exchange(address, get())


async def test_forms(in_front: InFront) -> None:
    form = post(b"a=1").replace(b"\r\n\r\n", b"\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n", 1)
    async with in_front(mode=HTTP, **example("http-modify-form")) as (upstream, address):
        await exchange(address, form)
        assert upstream.seen.endswith(b"\r\n\r\na=1&mitmproxy=rocks")
        await exchange(address, get())
        assert upstream.seen.endswith(b"\r\n\r\nfoo=bar")


async def test_queries(in_front: InFront) -> None:
    async with in_front(mode=HTTP, **example("http-modify-query-string")) as (upstream, address):
        await exchange(address, get("/x?a=1"))
    assert upstream.seen.startswith(b"GET /x?a=1&mitmproxy=rocks HTTP/1.1\r\n")


async def test_another_host(in_front: InFront) -> None:
    async with in_front(mode=PROXY, **example("http-redirect-requests")) as (upstream, address):
        answer = await exchange(address, get(f"http://example.org:{upstream.port}/"))
        assert answer.endswith(SECRET)
    assert b"\r\nHost: mitmproxy.org:%d\r\n" % upstream.port in upstream.seen


async def test_an_answer_of_its_own(in_front: InFront) -> None:
    async with in_front(mode=PROXY, **example("http-reply-from-proxy")) as (upstream, address):
        assert (await exchange(address, get("http://example.com/path"))).endswith(b"\r\n\r\nHello World")
    assert not upstream.seen


@pytest.mark.parametrize("mode", [HTTP, PROXY])
async def test_a_web_application(in_front: InFront, mode: str) -> None:
    async with in_front(mode=mode, **example("wsgi-flask-app")) as (upstream, address):
        path = "/" if mode == HTTP else "http://example.com/"
        answer = await exchange(address, get(path))
        # Only a proxy is asked for example.com.
        assert answer.endswith(SECRET if mode == HTTP else b"Hello World!")
    assert bool(upstream.seen) is (mode == HTTP)


@pytest.mark.parametrize(("name", "body"), [("http-stream-modify", b"a bar"), ("http-stream-simple", b"a foo")])
async def test_streams(in_front: InFront, name: str, body: bytes) -> None:
    async with in_front(mode=HTTP, respond=plain(b"a foo"), **example(name)) as (_, address):
        assert body in await exchange(address, get())


async def test_trailers_of_http_1_do_not_pass(in_front: InFront) -> None:
    inject = post(b"x", chunked=True).replace(b"POST /", b"POST /inject_trailers", 1)
    async with in_front(mode=HTTP, **example("http-trailers")) as (upstream, address):
        answer = await exchange(address, inject)
    assert SECRET in answer
    assert b"foobar" not in answer
    assert b"POST /inject_trailers" in upstream.seen
    assert b"foobar" not in upstream.seen


async def test_bodies(in_front: InFront) -> None:
    async with in_front(mode=HTTP, respond=plain(b"<head></head>"), **example("internet-in-mirror")) as (_, address):
        answer = await exchange(address, get())
    assert answer.endswith(b"<style>body {transform: scaleX(-1);}</style></head>")


async def test_a_request_sent_once_more(in_front: InFront) -> None:
    async with (
        in_front(mode=HTTP, **example("duplicate-modify-replay")) as (upstream, address),
        asyncio.timeout(WITHIN_S),
    ):
        assert (await exchange(address, get("/first"))).endswith(SECRET)
        while b"GET /changed " not in upstream.seen:
            await asyncio.sleep(0.01)
    assert b"GET /first " in upstream.seen


async def test_a_thread_for_what_is_no_hook(in_front: InFront) -> None:
    # mitmproxy 12 refuses it in the same words; its own version of the example is in `test_mitmproxy_scripts`.
    with pytest.raises(exceptions.OptionsError, match="Concurrent decorator not supported"):
        async with in_front(mode=HTTP, **example("nonblocking")):
            pass


async def test_the_end(in_front: InFront) -> None:
    async with (
        in_front(mode=PROXY, shutdown_timeout=2, **example("shutdown")) as (_, address),
        asyncio.timeout(WITHIN_S),
    ):
        await exchange(address, get("http://example.com/path"))
        while True:
            try:
                _, writer = await asyncio.open_connection(*address)
            except OSError:
                break
            writer.close()
            await asyncio.sleep(0.01)


# -- options, filters, commands, files


class Set:
    """`--set`, for an option that a script brings."""

    def __init__(self, spec: str) -> None:
        self.spec = spec

    def load(self, _loader: object) -> None:
        ctx.options.set(self.spec, defer=True)


@pytest.mark.parametrize(
    ("name", "spec", "field"),
    [
        ("options-simple", "addheader=true", b"\r\ncount: 1\r\n"),
        ("options-configure", "addheader=7", b"\r\naddheader: 7\r\n"),
    ],
)
async def test_options(in_front: InFront, name: str, spec: str, field: bytes) -> None:
    async with in_front(mode=HTTP, **example(name)) as (_, address):
        assert field not in await exchange(address, get())
    async with in_front(Set(spec), mode=HTTP, **example(name)) as (_, address):
        assert field in await exchange(address, get())


async def test_an_option_that_does_not_fit(in_front: InFront) -> None:
    with pytest.raises(exceptions.OptionsError, match="addheader must be <= 100"):
        async with in_front(Set("addheader=101"), mode=HTTP, **example("options-configure")):
            pass


async def test_filters(in_front: InFront, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    # Its own default is no filter to mitmproxy 12 either.
    with pytest.raises(exceptions.OptionsError, match="Empty filter expression"):
        async with in_front(mode=HTTP, **example("filter-flows")):
            pass
    async with in_front(Set("flowfilter=~m POST"), mode=HTTP, **example("filter-flows")) as (_, address):
        await exchange(address, get())
        assert "Flow matches filter:" not in caplog.text
        await exchange(address, post(b"x"))
        assert "Flow matches filter:" in caplog.text


async def test_words_in_the_log(in_front: InFront, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with in_front(mode=HTTP, **example("log-events")):
        pass
    said = {(record.levelname, record.getMessage()) for record in caplog.records}
    assert {("INFO", "This is some informative text."), ("ERROR", "This is an error.")} <= said


async def commands(confdir: str, name: str, *call: Any) -> None:
    """Call a command of an example's, as another script would."""
    async with serving(modes=["http:http://127.0.0.1:1@127.0.0.1:0"], confdir=confdir, **example(name)) as gateway:
        gateway.commands.call(*call)


async def test_commands(confdir: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    flow = tflow.tflow()
    await commands(confdir, "commands-simple", "myaddon.inc")
    assert "num = 1" in caplog.text
    assert "only scripts can call myaddon.inc" in caplog.text
    await commands(confdir, "commands-flows", "myaddon.addheader", [flow])
    assert flow.request.headers["myheader"] == "value"
    await commands(confdir, "commands-paths", "myaddon.histogram", [flow], str(tmp_path / "hosts"))
    assert (tmp_path / "hosts").read_text() == "1: address\n"


async def test_flows_in_a_file(
    in_front: InFront, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "flows"
    monkeypatch.setattr(sys, "argv", ["hoopaddon", str(path)])
    monkeypatch.setattr(random, "choice", lambda _: True)
    async with in_front(mode=HTTP, **example("io-write-flow-file")) as (_, address):
        await exchange(address, get("/kept"))
    with path.open("rb") as kept:
        assert [flow.request.path for flow in io.FlowReader(kept).stream()] == ["/kept"]  # type: ignore[attr-defined]
    async with in_front(mode=HTTP, **example("io-read-saved-flows")):
        assert "'path': b'/kept'" in capsys.readouterr().out


# -- WebSockets


async def test_messages(tmp_path: Path, confdir: str) -> None:
    async with web_service(tmp_path) as service, asyncio.timeout(WITHIN_S):
        options = example("websocket-simple")
        async with serving(modes=[HTTP.format(service.port)], confdir=confdir, **options) as gateway:
            url = f"http://127.0.0.1:{gateway.servers.listen_addrs()[0][1]}/ws"
            async with aiohttp.ClientSession() as client, client.ws_connect(url) as opened:
                await opened.send_str("a FOOBAR")
                await opened.send_str("Hello there")
                assert await opened.receive_str() == "HAPPY there"
    assert service.seen == ["message of 11"]


async def test_messages_of_its_own(tmp_path: Path, confdir: str) -> None:
    async with web_service(tmp_path) as service, asyncio.timeout(WITHIN_S):
        options = example("websocket-inject-message")
        async with serving(modes=[HTTP.format(service.port)], confdir=confdir, **options) as gateway:
            url = f"http://127.0.0.1:{gateway.servers.listen_addrs()[0][1]}/ws"
            async with aiohttp.ClientSession() as client, client.ws_connect(url) as opened:
                assert await opened.receive_str() == "hello from mitmproxy! "
                await opened.send_str("a secret")
                heard = {await opened.receive_str(), await opened.receive_str()}
    assert "ssssssh" in heard
    assert "message of 8" not in service.seen


# -- what has no place here, and says so


@pytest.mark.parametrize("name", ["contentview", "contentview-custom-grpc"])
async def test_views_for_an_older_mitmproxy(in_front: InFront, name: str) -> None:
    with pytest.raises(exceptions.OptionsError, match=rf"{name}.py:\d+: \w+: .*contentviews"):
        async with in_front(mode=HTTP, **example(name)):
            pass


async def test_tcp(in_front: InFront, caplog: pytest.LogCaptureFixture) -> None:
    async with in_front(mode=HTTP, **example("tcp-simple")) as (_, address):
        assert (await exchange(address, get())).endswith(SECRET)
    assert "tcp-simple.py: tcp_message will never be called: no mode passes on TCP that is not read" in caplog.text
    caplog.clear()
    tcp = "reverse:tcp://127.0.0.1:{}@0"
    async with in_front(mode=tcp, respond=plain(b"a foo"), **example("tcp-simple")) as (_, address):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(get())
        async with asyncio.timeout(WITHIN_S):
            assert (await reader.readuntil(b"bar")).endswith(b"a bar")
        writer.close()
    assert "never be called" not in caplog.text
