"""A listener for MCP clients on HTTP."""

from dataclasses import replace
from importlib import import_module

from hoopaddon.adapters.mcp.mode import McpMode, whole_host
from hoopaddon.errors import ConfigError
from hoopaddon.web.mode import WebTarget
from hoopaddon.web.routes import Route
from hoopaddon.web.server import WebInstance


class McpInstance(WebInstance[McpMode]):
    """Serves one `mcp` mode."""

    def make_ready(self) -> None:
        """Whatever the other modes stand before has to be told apart from what this one does."""
        for mode in self.gateway.servers.wanted:
            if isinstance(mode, McpMode) and mode != self.mode:
                self._check_names(mode)
        # The types of the protocol take a while to import: the first request would keep all others waiting for that.
        import_module("hoopaddon.adapters.mcp.web.protocol")
        super().make_ready()

    def _check_names(self, other: McpMode) -> None:
        """Sessions know a server by its name and address: one of them has one set of tools."""
        for mine in self.mode.targets:
            for theirs in other.targets:
                if _known_as(mine) == _known_as(theirs) and _said(mine) != _said(theirs):
                    raise ConfigError(
                        f"two modes stand before {mine.address} in two ways, and both call it {mine.name}",
                        hint="give each a name: name=…",
                    )

    def _route(self, target: WebTarget) -> Route:
        # A server has one path, and clients ask for the same at the gateway.
        server = whole_host(target)
        route = super()._route(server)
        return replace(route, prefix=server.path, by_own_names=route.login is None)


def _known_as(target: WebTarget) -> tuple[str, str]:
    return target.name, whole_host(target).address


def _said(target: WebTarget) -> tuple[object, ...]:
    return target.path, dict(target.settings), target.allowed
