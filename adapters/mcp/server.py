"""A listener for MCP clients on HTTP."""

from dataclasses import replace

from hoopaddon.adapters.mcp.mode import McpMode
from hoopaddon.web.mode import WebTarget
from hoopaddon.web.routes import Route
from hoopaddon.web.server import WebInstance


class McpInstance(WebInstance[McpMode]):
    """Serves one `mcp` mode."""

    def _route(self, target: WebTarget) -> Route:
        # A server has one path, and clients ask for the same at the gateway.
        return replace(super()._route(target), prefix=target.path)
