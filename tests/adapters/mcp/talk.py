"""A client, a server and the guard between them, without any of the three being real."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hoopaddon.adapters.mcp.guard import McpGuard
from hoopaddon.adapters.mcp.pins import Pins
from hoopaddon.adapters.mcp.toolbox import EVERYTHING, Offer, Toolbox
from hoopaddon.approval import Approver
from hoopaddon.policy.chain import Chain
from hoopaddon.policy.policies import Policy
from hoopaddon.session import Session
from hoopaddon.testing import session

VERSION = "2025-11-25"
MODERN = "2026-07-28"
MODERN_META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Policies:
    """Where the guard finds the chain in force."""

    def __init__(self, *addons: object, approver: Approver | None = None) -> None:
        self.chain = Chain([Policy(type(addon).__name__, addon) for addon in addons], approver=approver)


def mcp_session(**about: Any) -> Session:
    return session(protocol="mcp", target="files", **about)


class Talk:
    """`say` and `answer` feed the guard; `heard` and `reached` take what came out at either end."""

    def __init__(
        self,
        *addons: object,
        approver: Approver | None = None,
        chain: Chain | None = None,
        confdir: Path | None = None,
        offer: Offer = EVERYTHING,
        binary: bool = False,
        methods: frozenset[str] = frozenset(),
        limit_bytes: int = 1 << 20,
    ) -> None:
        self.session = mcp_session()
        self.policies = Policies(*addons, approver=approver)
        if chain is not None:
            self.policies.chain = chain
        self.to_client: list[dict[str, Any]] = []
        self.to_server: list[dict[str, Any]] = []
        pins = Pins(confdir, "files", "stdio:files") if confdir is not None else None
        self.guard = McpGuard(
            self.session,
            self.policies,
            self._to_client,
            self._to_server,
            toolbox=Toolbox(pins, offer),
            binary=binary,
            methods=methods,
            limit_bytes=limit_bytes,
        )

    async def _to_client(self, message: bytes) -> None:
        self.to_client.append(json.loads(message))

    async def _to_server(self, message: bytes) -> None:
        self.to_server.append(json.loads(message))

    async def say(self, message: object) -> None:
        await self.guard.from_client(message if isinstance(message, bytes) else json.dumps(message).encode())

    async def answer(self, message: object) -> None:
        await self.guard.from_server(message if isinstance(message, bytes) else json.dumps(message).encode())

    async def ask(self, method: str, params: Mapping[str, Any] | None = None, id: object = 1) -> None:
        await self.say(request(method, params, id))

    async def tell(self, method: str, params: Mapping[str, Any] | None = None) -> None:
        await self.answer(note(method, params))

    async def begin(self, version: str = VERSION) -> "Talk":
        """The handshake."""
        await self.ask("initialize", initialize(version), "hello")
        await self.answer(result(welcome(version), "hello"))
        await self.say(note("notifications/initialized"))
        self.to_client.clear()
        self.to_server.clear()
        return self

    async def list_tools(self, *tools: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What the client sees of these tools."""
        await self.ask("tools/list", None, "tools")
        await self.answer(result({"tools": list(tools)}, "tools"))
        self.to_server.clear()
        listed: list[dict[str, Any]] = self.heard()["result"]["tools"]
        return listed

    async def call(self, name: str, arguments: Mapping[str, Any] | None = None, id: object = 1, **more: Any) -> None:
        await self.ask("tools/call", {"name": name, "arguments": dict(arguments or {}), **more}, id)

    def heard(self) -> dict[str, Any]:
        """The one message that the client has got."""
        (message,) = self.to_client
        self.to_client.clear()
        return message

    def reached(self) -> dict[str, Any]:
        """The one message that the server has got."""
        (message,) = self.to_server
        self.to_server.clear()
        return message


def request(method: str, params: Mapping[str, Any] | None = None, id: object = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id, "method": method, **({} if params is None else {"params": dict(params)})}


def note(method: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": method, **({} if params is None else {"params": dict(params)})}


def result(value: Mapping[str, Any], id: object = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id, "result": dict(value)}


def texts(*lines: str, **more: Any) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": line} for line in lines], **more}


def initialize(version: str = VERSION) -> dict[str, Any]:
    return {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}


def welcome(version: str = VERSION, **more: Any) -> dict[str, Any]:
    about = {"name": "files", "version": "1"}
    return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": about, **more}


def tool(name: str = "read_file", description: str = "Reads a file.", **more: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"path": {"type": "string"}}}
    return {"name": name, "description": description, "inputSchema": schema, **more}
