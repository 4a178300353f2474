"""MCP, the Model Context Protocol: tools, resources and prompts that servers offer to agents."""

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hoopaddon.adapters.mcp.commands import WORDS, McpRequest, McpToolCall
from hoopaddon.adapters.mcp.mode import FORM, McpMode
from hoopaddon.adapters.mcp.pins import Pins
from hoopaddon.adapters.mcp.server import McpInstance
from hoopaddon.adapters.mcp.wording import parts_of
from hoopaddon.command import Command
from hoopaddon.errors import HoopaddonError, Unparsable
from hoopaddon.rows import Column, Rows
from hoopaddon.session import Session
from hoopaddon.web.answer import WebAnswer
from hoopaddon.web.body import BodyEditor
from hoopaddon.web.clients import WebClients
from hoopaddon.web.protocol import WebProtocol
from hoopaddon.web.request import WebRequest

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway

__all__ = ["ADAPTER", "McpAdapter", "McpInstance", "McpMode", "McpProtocol", "McpRequest", "McpToolCall"]


class McpProtocol(WebProtocol):
    """How requests on HTTP are read, refused and answered."""

    edits_always = True
    """Lists, and what servers ask, are gone through whatever policies there are."""

    def command(self, session: Session, request: WebRequest) -> Command:
        """The message that a request posts."""
        from hoopaddon.adapters.mcp.web import protocol

        return protocol.command(session, request)

    def objection(self, command: Command) -> Unparsable | None:
        """Why the request goes no further, whatever the policies say."""
        from hoopaddon.adapters.mcp.web import protocol

        return protocol.objection(command)

    def sent(self, command: Command) -> WebRequest:
        """The request with its message written anew, as the policies have left it."""
        from hoopaddon.adapters.mcp.web import protocol

        return protocol.sent(command)

    sends_always = True
    """Messages are written anew."""

    def instead(self, command: Command) -> WebRequest | None:
        """What a server is told that would else wait for an answer."""
        from hoopaddon.adapters.mcp.web import protocol

        return protocol.instead(command)

    def message(self, session: Session, opened_by: Command, data: str | bytes) -> Command:
        """MCP has no WebSockets."""
        raise Unparsable("MCP has no WebSockets")

    refuses_early = False
    """Whoever is not let in hears it by the status: clients log in then."""

    def refusal(self, request: WebRequest, status: int, reason: str, policy: str) -> WebAnswer:
        """A result that models read, or an error of JSON-RPC."""
        from hoopaddon.adapters.mcp.web import protocol

        return protocol.refusal(request, status, reason, policy)

    def editor(
        self,
        command: Command,
        answer: WebAnswer,
        gateway: "Gateway",
        write: Callable[[bytes], None],
        fail: Callable[[HoopaddonError], None],
        hold: Callable[[bool], None],
    ) -> BodyEditor:
        """Message by message."""
        from hoopaddon.adapters.mcp.web import protocol

        return protocol.editor(command, answer, gateway, write, fail, hold)


class McpAdapter:
    """What the engine knows of this adapter."""

    name = "mcp"
    mode = McpMode
    form = FORM.settings
    clients = WebClients(usual=())
    web = McpProtocol()

    def command(self, session: Session, text: str, parameters: Sequence[Any] = ()) -> Command:
        """`NAME {"argument": …}` is the call of a tool, `resources/read {"uri": …}` another request."""
        name, value = parts_of(text)
        if name in WORDS:
            return McpRequest(session, name, value)
        return McpToolCall(session, name, value, parameters=tuple(parameters))

    def rows(self, command: Command, columns: Sequence[Column], cells: Sequence[Sequence[str | None]]) -> Rows:
        """Rows as they are: what MCP answers has none."""
        return Rows(command, columns, cells)

    # -- what the command line does with it

    async def wrap(self, gateway: "Gateway", arguments: argparse.Namespace) -> int:
        """Run a server, and serve the client at our standard input and output; the exit code."""
        # Not before it is needed: the types of the protocol take a while to import.
        from hoopaddon.adapters.mcp.program import run

        return await run(gateway, arguments)

    def served(self, text: str) -> Any:
        """A target of `serve-mcp`. Raises `ConfigError`."""
        from hoopaddon.adapters.mcp.serve.targets import served

        return served(text)

    async def serve(self, gateway: "Gateway", targets: Sequence[Any], arguments: argparse.Namespace) -> int:
        """Be a server with tools for these targets; the exit code."""
        from hoopaddon.adapters.mcp.serve.program import serve

        return await serve(gateway, targets, arguments)

    def pins(self, confdir: Path) -> Iterator[Pins]:
        """What is kept of the tools of each server."""
        return Pins.all(confdir)


ADAPTER = McpAdapter()
