"""MCP over HTTP in the suite that every adapter passes: the SDK's client and server, and requests by hand."""

import contextlib
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from anyio.from_thread import start_blocking_portal
from mcp import Client as SdkClient
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, TextContent

from tests.adapters.mcp.talk import MODERN, MODERN_META, request
from tests.adapters.mcp.test_http import Gateway, serving
from tests.conformance.cutter import Cutter
from tests.conformance.suite import POLICY, Client, Conformance, RefusedByGateway, Word

WITHIN_S = 30
QUIET_S = 0.7
SCRIPTS = [POLICY, "record.py"]
OPTIONS = {"shutdown_timeout": 2, "login_timeout": 5}


class Agent(Client):
    """The SDK's client, in a thread with an event loop of its own."""

    def __init__(self, port: int) -> None:
        self._stack = contextlib.ExitStack()
        self._portal = self._stack.enter_context(start_blocking_portal())
        agent = SdkClient(f"http://127.0.0.1:{port}/mcp", read_timeout_seconds=WITHIN_S)
        with _gone():
            self._agent = self._stack.enter_context(self._portal.wrap_async_context_manager(agent))

    def ask(self, command: str) -> str:
        word, _, mark = command.partition(" ")
        with _gone():
            result: CallToolResult = self._portal.call(self._agent.call_tool, "conform", {"word": word, "mark": mark})
        text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
        if result.is_error:
            assert text.startswith("hoopaddon ")
            raise RefusedByGateway(text)
        return text

    def close(self) -> None:
        self._stack.close()


@contextlib.contextmanager
def _gone() -> Iterator[None]:
    try:
        yield
    except (httpx2.HTTPError, MCPError, ExceptionGroup) as e:
        raise OSError(e) from None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The target's own, with its log."""
    return tmp_path_factory.mktemp("target")


@pytest.fixture(scope="module")
def target(folder: Path) -> Iterator[int]:
    with serving(folder) as port:
        yield port


@pytest.fixture(scope="module")
def gateway(target: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with Gateway(target, tmp_path_factory.mktemp("gateway"), scripts=SCRIPTS, options=OPTIONS) as gateway:
        yield gateway


@pytest.fixture
def fragile(target: int, tmp_path: Path) -> Iterator[tuple[Gateway, Cutter]]:
    with Cutter(target) as wire, Gateway(wire.port, tmp_path, scripts=SCRIPTS, options=OPTIONS) as gateway:
        yield gateway, wire


class TestMcp(Conformance):
    """One session of the SDK's."""

    answered_bytes = 700
    folder: Path

    @pytest.fixture(autouse=True)
    def _where(self, folder: Path) -> None:
        self.folder = folder

    def command(self, word: Word, mark: str = "") -> str:
        return f"{word} {mark}"

    def connect(self, port: int) -> Client:
        return Agent(port)

    def arrived(self, text: str) -> bool:
        return text in (self.folder / "calls").read_text()

    def exchanges(self) -> dict[str, bytes]:
        secret, last = posted(call(Word.SECRET)), posted(call(Word.SECRET), last=True)
        return {
            "one": last,
            "two": secret + last,
            "refused": posted(call(Word.REFUSED)) + last,
            "listed": posted(request("tools/list", {"_meta": MODERN_META}), last=True),
            "unreadable": posted(b"{") + last,
        }

    def raw(self, port: int, sent: bytes) -> bytes:
        received = b""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), QUIET_S) as wire:
            wire.sendall(sent)
            while data := wire.recv(65_536):
                received += data
        return received

    def nonsense(self) -> list[bytes]:
        deep = b'{"jsonrpc":"2.0","id":1,"method":"ping","params":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001
        messages: list[object] = [
            b"\xff" * 64,
            b"\0" * 64,
            b"[" * 100_000,
            deep,
            b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}',
            b'{"jsonrpc":"2.0","id":"\\ud800","method":"ping"}',
            b'{"jsonrpc":"2.0","id":1,"method":"ping"}' * 2,
            [],
            [call(Word.SECRET)] * 3,
            {"jsonrpc": "2.0", "id": None, "method": "ping"},
            {"jsonrpc": "2.0", "id": 1, "result": {}},
            {"jsonrpc": "2.0", "id": 1.5, "method": "tools/call", "params": {"name": "conform"}},
            request("tools/call", {"name": ["conform"], "_meta": MODERN_META}),
            request("tools/call", {"name": "x" * 100_000, "_meta": MODERN_META}),
            request("no/such/method", {}),
        ]
        return [
            *(posted(message, last=True) for message in messages),
            posted(call(Word.SECRET), last=True, headers=b"Mcp-Session-Id: \xff\xfe\r\n"),
            posted(call(Word.SECRET), last=True, headers=b"Last-Event-ID: " + b"9" * 10_000 + b"\r\n"),
            b"GET /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}",
            b"DELETE /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nMcp-Session-Id: x\r\n\r\n",
        ]

    def lazily(self, port: int) -> Callable[[], None]:
        wire = socket.create_connection(("127.0.0.1", port), WITHIN_S)
        wire.sendall(posted(call(Word.LARGE)))
        return wire.close


def call(word: Word, mark: str = "") -> dict[str, Any]:
    """In the version that has no handshake."""
    params = {"name": "conform", "arguments": {"word": word, "mark": mark}}
    return request("tools/call", {**params, "_meta": {**MODERN_META, "progressToken": "p"}})


def posted(message: object, *, last: bool = False, headers: bytes = b"") -> bytes:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    close = b"Connection: close\r\n" if last else b""
    kinds = b"Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
    said = b"Mcp-Protocol-Version: " + MODERN.encode() + b"\r\n"
    if isinstance(message, dict) and "method" in message:
        said += b"Mcp-Method: " + message["method"].encode() + b"\r\n"
        name = message.get("params", {}).get("name")
        said += b"Mcp-Name: " + name.encode()[:100] + b"\r\n" if isinstance(name, str) else b""
    head = b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n" + kinds + said + close + headers
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body
