"""Let agents call only tools of MCP servers that say they change nothing; others need somebody's approval.

    hoopaddon -s tools_read_only.py -s record.py --mode mcp:https://mcp.internal/mcp@8082
    hoopaddon mcp -s tools_read_only.py --user agent-7 -- npx -y @modelcontextprotocol/server-filesystem /srv

What a server says of its tools, nobody has checked: name with `--set trusted_servers=…` those whose word counts.
"""

from collections.abc import Sequence

from hoopaddon import Addon, Loader, Refused, ToolCommand, ctx


class ToolsReadOnly(Addon):
    """A call of a tool that may change something is held."""

    def load(self, loader: Loader) -> None:
        loader.add_option(
            "trusted_servers", Sequence[str], ["server-filesystem"], "Servers that tell the truth about their tools."
        )

    async def mcp_tool_call(self, command: ToolCommand) -> None:
        if not command.listed:
            raise Refused("ask for the list of tools first")
        if command.server in ctx.options.trusted_servers and command.annotations.get("read_only"):
            return
        await command.approve(f"{command.tool} of {command.server} may change something")


addons = [ToolsReadOnly()]
