"""Ways to something else at the target's host than its MCP server, with the gateway's credential, that were tried."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.server import free_port
from hoopaddon import Command, Refused
from hoopaddon.adapters.mcp.mode import McpMode
from hoopaddon.adapters.mcp.web.owners import OWNERS
from hoopaddon.errors import ConfigError
from hoopaddon.gateway import Gateway, serving
from hoopaddon.identity.tokens import sign
from hoopaddon.store.keys import SigningKey
from tests.adapters.mcp.talk import request
from tests.servers.http import Address, Upstream, exchange

KEY = "the-key-of-the-target"
CALL = json.dumps(request("tools/call", {"name": "a", "arguments": {}})).encode()
PING = b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"role":"root"}}'
PONG = b'{"jsonrpc":"2.0","id":1,"result":{}}'
EVENT = b"event: endpoint\ndata: /messages?session_id=a1\n\n"


class Watch:
    """Notes what is judged and what has ended; refuses calls of tools."""

    def __init__(self) -> None:
        self.judged: list[str] = []
        self.ended: list[str] = []

    def command(self, command: Command) -> None:
        self.judged.append(command.text)
        if command.text.startswith("a "):
            raise Refused("not today")

    def command_end(self, command: Command) -> None:
        self.ended.append(f"{command.verdict.outcome} {command.text}")


async def respond(upstream: Upstream, writer: asyncio.StreamWriter) -> None:
    """A stream that stays open to whoever listens, and an answer to everything else."""
    if upstream.seen.rpartition(b"GET /sse")[1]:
        upstream.seen.clear()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head + b"%x\r\n%s\r\n" % (len(EVENT), EVENT))
        return
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(PONG), PONG)
    )


@dataclass
class Place:
    """A gateway in front of a target."""

    gateway: Gateway
    upstream: Upstream
    watch: Watch

    @property
    def address(self) -> Address:
        host, port, *_ = self.gateway.servers.listen_addrs()[0]
        return host, port

    def wire(self, line: str, body: bytes = b"", headers: str = "", subject: str = "ann") -> bytes:
        token = sign(SigningKey.load_or_create(Path(self.gateway.confdir)), subject=subject, ttl_s=60)
        length = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        head = f"{line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{length}{headers}"
        return head.encode() + b"Connection: close\r\n\r\n" + body

    async def ask(self, line: str, body: bytes = b"", headers: str = "", subject: str = "ann") -> int:
        """The status of what it is answered."""
        answer = await exchange(self.address, self.wire(line, body, headers, subject))
        return int(answer.split(b" ", 2)[1])

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[asyncio.StreamReader]:
        """While a client waits for events, and has been told where to post."""
        reader, writer = await asyncio.open_connection(*self.address)
        writer.write(self.wire("GET /sse"))
        await asyncio.wait_for(reader.readuntil(b"session_id=a1\n\n"), 10)
        yield reader
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


@asynccontextmanager
async def place(folder: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    monkeypatch.setenv("TARGET_KEY", KEY)
    # Nothing here is turned away for its session alone.
    monkeypatch.setattr(OWNERS, "has", lambda *_: True)
    watch = Watch()
    async with Upstream(respond) as upstream:
        mode = f"mcp:http://127.0.0.1:{upstream.port}{path}?bearer=env:TARGET_KEY@0"
        async with serving(modes=[mode], addons=[watch], confdir=str(folder)) as gateway:
            yield Place(gateway, upstream, watch)


ELSEWHERE = ["/v1/users/42", "/v1/users/42?x=1", "/", "/mcp/x", "/mcpx", "/MCP", "/mcp?x=1", "/mcp;x", "/%6dcp",
             "/mcp%2f",
             "/mcp/", "//mcp", "/./mcp", "/mcp/.", "/mcp/..", "/mcp/../v1/users/42", "/mcp/%2e%2e/v1/users/42",
             "/mcp/..%2fv1", "/mcp/..;/v1", "/mcp\\..\\v1", "/mcp%00", "/mcp#x", "http://x/v1/users/42", "*",
             "/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"]  # fmt: skip


async def test_nothing_but_the_server_is_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with place(tmp_path, "/mcp", monkeypatch) as here:
        for path in ELSEWHERE:
            for method, body in (("GET", b""), ("POST", PING), ("DELETE", b""), ("PUT", PING), ("OPTIONS", b"")):
                status = await here.ask(f"{method} {path}", body, "Mcp-Session-Id: s\r\n")
                assert 400 <= status < 500, (method, path, status)
        assert not here.upstream.seen
        assert not here.watch.judged
        assert await here.ask("POST /mcp", PING) == 200
        assert b"POST /mcp HTTP/1.1" in here.upstream.seen


async def test_nor_at_the_host_of_the_older_transport(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with place(tmp_path, "/sse", monkeypatch) as here, here.listening():
        here.upstream.seen.clear()
        for path in [
            *ELSEWHERE,
            "/sse?x=1",
            "/sse/",
            "/sse/../v1",
            "/messages",
            "/messages?session_id=b",
            "/messages/",
        ]:
            for method, body in (("GET", b""), ("POST", PING), ("DELETE", b""), ("PUT", PING)):
                status = await here.ask(f"{method} {path}", body, "Mcp-Session-Id: s\r\n")
                assert 400 <= status < 500, (method, path, status)
        for line in ("POST /sse", "DELETE /sse", "GET /messages?session_id=a1", "DELETE /messages?session_id=a1"):
            body = PING if line.startswith("POST") else b""
            assert 400 <= await here.ask(line, body, "Mcp-Session-Id: s\r\n") < 500
        for path in ("/messages?session_id=a1&x", "/messages?session_id=%61", "/m/../messages?session_id=a1"):
            assert await here.ask(f"POST {path}", PING) == 404
        assert not here.upstream.seen
        assert here.watch.judged == ['http/listen {"path": "/sse"}']
        assert await here.ask("POST /messages?session_id=a1", PING) == 200
        assert b"POST /messages?session_id=a1" in here.upstream.seen


async def test_what_a_server_has_named_is_for_one_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with place(tmp_path, "/sse", monkeypatch) as here, here.listening() as events:
        for body in (PING, CALL):
            assert await here.ask("POST /messages?session_id=a1", body, subject="bob") == 404
        assert not here.upstream.seen
        # A refusal is told where its own session listens: nothing of bob's has come here.
        assert await here.ask("POST /messages?session_id=a1", CALL) == 202
        heard = await asyncio.wait_for(events.readuntil(b"isError"), 10)
        assert heard.count(b"event: message") == 1
        assert b"not today" in heard


WRONG = [
    ("DELETE /mcp", b"", "", 400),
    ("DELETE /mcp", b"", "Mcp-Session-Id: s\r\nMcp-Session-Id: t\r\n", 400),
    ("DELETE /mcp", PING, "Mcp-Session-Id: s\r\n", 400),
    ("GET /mcp", PING, "", 400),
    ("GET /mcp", b"", "Connection: upgrade\r\nUpgrade: websocket\r\n", 400),
    ("POST /mcp", PING, "X-HTTP-Method-Override: DELETE\r\n", 400),
    ("POST /mcp", PING, "X_HTTP_Method: DELETE\r\n", 400),
    ("PUT /mcp", PING, "", 405),
    ("PATCH /mcp", PING, "", 405),
    ("OPTIONS /mcp", b"", "", 405),
    ("HEAD /mcp", b"", "", 405),
    ("TRACE /mcp", b"", "", 405),
    ("GET /mcp", b"", "Origin: http://evil.example\r\n", 403),
]


@pytest.mark.parametrize(("line", "body", "headers", "status"), WRONG)
async def test_what_is_no_request_of_mcp(
    line: str, body: bytes, headers: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with place(tmp_path, "/mcp", monkeypatch) as here:
        assert await here.ask(line, body, headers) == status
        assert not here.upstream.seen
        method = line.partition(" ")[0]
        about = f'refused http/unreadable {{"method": "{method}", "path": "/mcp", "query": ""}}'
        assert here.watch.ended == [about]


async def test_streams_and_ends_say_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with place(tmp_path, "/mcp", monkeypatch) as here:
        await here.ask("GET /mcp")
        await here.ask("DELETE /mcp", b"", "Mcp-Session-Id: s\r\n")
        assert here.watch.judged == ['http/listen {"path": "/mcp"}', 'http/end {"path": "/mcp"}']


async def test_a_slash_at_the_end_belongs_to_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with place(tmp_path, "/mcp/", monkeypatch) as here:
        assert await here.ask("POST /mcp", PING) == 404
        assert await here.ask("POST /mcp/x", PING) == 404
        assert await here.ask("POST /mcp/", PING) == 200
        assert b"POST /mcp/ HTTP" in here.upstream.seen


async def test_a_mode_without_a_path_is_for_the_root_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with place(tmp_path, "", monkeypatch) as here:
        assert await here.ask("GET /v1/users") == 404
        assert await here.ask("POST /v1/users", PING) == 404
        assert await here.ask("POST /", PING) == 200


async def test_two_modes_do_not_call_two_offers_one_server(tmp_path: Path) -> None:
    one = "mcp:http://127.0.0.1:9/mcp?tools=read_*&name=a@0"
    other = f"mcp:http://127.0.0.1:9/mcp?tools=write_*&name=a@{free_port()}"
    with pytest.raises(ConfigError, match="in two ways"):
        async with serving(modes=[one, other], confdir=str(tmp_path)):
            raise AssertionError("it serves")
    async with serving(modes=[one, other.replace("=a", "=b")], confdir=str(tmp_path)) as gateway:
        assert len(gateway.servers.listen_addrs()) == 2


def test_modes_keep_their_paths_as_they_are_written() -> None:
    mode = McpMode.parse("mcp:http://a/mcp/?name=a|https://b/sse?name=b|http://c?name=c@8082")
    assert isinstance(mode, McpMode)
    assert [target.address for target in mode.targets] == ["http://a/mcp/", "https://b/sse", "http://c"]
