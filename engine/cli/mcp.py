"""`hoopaddon mcp`: stand between an agent and an MCP server that it starts, and look after the tools of servers."""

import argparse
import getpass
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, cast

from hoopaddon.cli.arguments import add_policies, add_settings
from hoopaddon.cli.beside import beside_gateway

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway

_EPILOG = """examples:
  hoopaddon mcp -s record.py -s block_destructive.py -- npx -y @modelcontextprotocol/server-filesystem /srv
      what an agent's configuration has as `command` and `args`, in the place of npx itself
  hoopaddon mcp -s require_approval.py --set approval_verbs=write_file --user agent-7 -- uvx some-server
      calls of write_file wait until a person has approved them (hoopaddon approvals)
  hoopaddon mcp tools list
      the tools of each server as they were accepted, and which have changed since

Standard output is the protocol's; what the gateway has to say goes to standard error.
"""


class McpPrograms(Protocol):
    """What the adapter for MCP has beside its modes."""

    async def wrap(self, gateway: "Gateway", arguments: argparse.Namespace) -> int:
        """Serve the client at standard input and output; the exit code."""
        ...


def main(argv: Sequence[str]) -> int:
    """Wrap a server, or look after what is kept of its tools; returns the exit code."""
    if argv and argv[0] == "tools":
        from hoopaddon.cli.mcp_tools import main as tools

        return tools(argv[1:])
    arguments = _parse(argv)
    from hoopaddon.adapter import adapters

    programs = cast(McpPrograms, adapters()["mcp"])
    return beside_gateway(arguments, (), lambda gateway: programs.wrap(gateway, arguments))


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="hoopaddon mcp",
        usage="hoopaddon mcp [option]... -- COMMAND [ARGUMENT]...\n       hoopaddon mcp tools list|accept ...",
        description="Run an MCP server, and stand between it and the client at standard input and output.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_server(parser)
    add_policies(parser)
    add_settings(parser)
    parser.set_defaults(options=False, commands=False, mode=None, listen_host=None, listen_port=None)
    ours, _, server = _split(argv)
    arguments = parser.parse_args(ours)
    if not server:
        parser.error("name the server's command line after --")
    if arguments.limit_mb < 1:
        parser.error("--limit-mb is at least 1")
    arguments.command = tuple(server)
    arguments.user = arguments.user or getpass.getuser()
    return arguments


def _add_server(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the server")
    group.add_argument("--name", metavar="NAME", default="", help="what policies and people call it")
    group.add_argument(
        "--label", action="append", default=[], metavar="KEY:VALUE", help="a label that policies can go by"
    )
    group.add_argument(
        "--tools", action="append", default=[], metavar="PATTERN", help="offer these tools only, as read_*"
    )
    group.add_argument("--no-tools", action="append", default=[], metavar="PATTERN", help="do not offer these tools")
    group.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="WHAT",
        help="let through what nobody can look into: binary (images, audio …), or a method of the protocol by name",
    )
    group.add_argument(
        "--limit-mb", type=int, default=16, metavar="MB", help="refuse messages that are longer than this (16)"
    )
    group.add_argument("--user", metavar="NAME", default="", help="whom the client works for or is (your own name)")
    group.add_argument("--groups", metavar="A,B", default="", help="the groups that policies go by")


def _split(argv: Sequence[str]) -> tuple[list[str], str, list[str]]:
    words = list(argv)
    at = words.index("--") if "--" in words else len(words)
    return words[:at], "--", words[at + 1 :]
