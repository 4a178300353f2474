"""MCP, the Model Context Protocol: tools, resources and prompts that servers offer to agents."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hoopaddon.adapters.mcp.commands import WORDS, McpRequest, McpToolCall
from hoopaddon.adapters.mcp.pins import Pins
from hoopaddon.adapters.mcp.wording import parts_of
from hoopaddon.command import Command
from hoopaddon.rows import Column, Rows
from hoopaddon.session import Session

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway

__all__ = ["ADAPTER", "McpAdapter", "McpRequest", "McpToolCall"]


class McpAdapter:
    """What the engine knows of this adapter."""

    name = "mcp"

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

    def pins(self, confdir: Path) -> Iterator[Pins]:
        """What is kept of the tools of each server."""
        return Pins.all(confdir)


ADAPTER = McpAdapter()
