"""`hoopaddon serve-mcp`: an MCP server that gives agents SQL, shells and kubectl, through the policies."""

import argparse
import getpass
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

from hoopaddon.cli.arguments import add_policies, add_settings
from hoopaddon.cli.beside import beside_gateway

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway

_EPILOG = """examples:
  hoopaddon serve-mcp -s record.py -s mask_pii.py -s block_destructive.py \\
      --target shop=postgres:db.internal:5432/shop?user=agent&password=env:SHOP_PASSWORD \\
      --target web1=ssh:web1.internal:22?user=deploy&key=~/.ssh/deploy \\
      --target prod=kubernetes:prod-cluster
      what an agent's configuration has as `command` and `args`; it gets run_sql, run_shell, run_kubectl, list_targets
      and result_of
"""


class McpServing(Protocol):
    """What the adapter for MCP has for this."""

    def served(self, text: str) -> Any:
        """A target as the command line names it. Raises `ConfigError`."""
        ...

    async def serve(self, gateway: "Gateway", targets: Sequence[Any], arguments: argparse.Namespace) -> int:
        """Serve the client at standard input and output; the exit code."""
        ...


def main(argv: Sequence[str]) -> int:
    """Serve until the client has gone; returns the exit code."""
    from hoopaddon.adapter import adapters

    arguments = _parser().parse_args(argv)
    arguments.user = arguments.user or getpass.getuser()
    serving = cast(McpServing, adapters()["mcp"])
    targets = [serving.served(text) for text in arguments.target]
    modes = [target.mode for target in targets]
    code = beside_gateway(arguments, modes, lambda gateway: serving.serve(gateway, targets, arguments))
    # A thread may still wait for what the client would say next.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hoopaddon serve-mcp",
        description="An MCP server, at standard input and output, with tools for SQL, shell commands and kubectl.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    group = parser.add_argument_group("what the tools reach")
    group.add_argument(
        "--target",
        action="append",
        required=True,
        metavar="NAME=TARGET",
        help="postgres:HOST:PORT/DATABASE?user=…&password=env:…, ssh:HOST:PORT?user=…&key=…, kubernetes:CONTEXT or"
        " kubernetes:https://HOST:PORT?bearer=env:…; again for more",
    )
    group.add_argument(
        "--kubectl", metavar="PROGRAM", default="kubectl", help="the kubectl that run_kubectl starts (found by PATH)"
    )
    group.add_argument("--user", metavar="NAME", default="", help="whom the client works for or is (your own name)")
    group.add_argument("--groups", metavar="A,B", default="", help="the groups that policies go by")
    add_policies(parser)
    add_settings(parser)
    parser.set_defaults(options=False, commands=False, mode=None, listen_host=None, listen_port=None)
    return parser
