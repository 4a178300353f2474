"""Refuse what MCP servers ask of an agent, and let only some of the agents read resources of other schemes than docs.

    hoopaddon -s quiet_servers.py --mode mcp:https://mcp.internal/mcp@8082
    hoopaddon mcp -s quiet_servers.py --set resource_schemes=docs,https -- uvx some-server

A server may ask for a model's answer, or put a question to a person; both are ways to get at more than it was given.
"""

from collections.abc import Sequence

from hoopaddon import Addon, ContextCommand, Loader, Refused, ctx

ASKING = frozenset({"sample", "elicit"})


class QuietServers(Addon):
    """Servers answer; they do not ask."""

    def load(self, loader: Loader) -> None:
        loader.add_option("resource_schemes", Sequence[str], ["docs"], "Schemes of the resources that agents read.")

    def mcp_request(self, command: ContextCommand) -> None:
        if command.to_client and command.verbs & ASKING:
            raise Refused("servers do not ask our agents for anything")
        if command.verbs & {"read", "subscribe"}:
            scheme = str(command.params.get("uri", "")).partition(":")[0].lower()
            allowed = {name for value in ctx.options.resource_schemes for name in value.split(",")}
            if scheme not in allowed:
                raise Refused(f"resources of {scheme or 'no scheme'} are not read here")


addons = [QuietServers()]
