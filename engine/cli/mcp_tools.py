"""`hoopaddon mcp tools`: the tools of MCP servers as they were accepted; accept those that have changed."""

import argparse
import difflib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from hoopaddon.errors import ConfigError, HoopaddonError
from hoopaddon.options import DEFAULT_CONFDIR

DIGEST_CHARS = 12
CHANGED = 3
"""The exit code where something waits for a person."""


class Changed(Protocol):
    """A tool that is not as it was accepted."""

    @property
    def name(self) -> str: ...
    @property
    def accepted(self) -> Mapping[str, Any]: ...
    @property
    def now(self) -> Mapping[str, Any]: ...
    @property
    def digest(self) -> str: ...


class Pins(Protocol):
    """What is kept of one server's tools."""

    @property
    def server(self) -> str: ...
    @property
    def address(self) -> str: ...
    def tools(self) -> dict[str, Mapping[str, Any]]: ...
    def changed(self) -> list[Changed]: ...
    def accept(self, name: str, digest: str) -> bool: ...


class Keeper(Protocol):
    """Who has them: the adapter for MCP."""

    def pins(self, confdir: Path) -> Iterator[Pins]: ...


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hoopaddon mcp tools",
        description="A tool whose description, schema or annotations change after it was first seen is held.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="what")
    listing = commands.add_parser("list", help="show the servers' tools, and how those that changed differ")
    listing.add_argument("server", nargs="?", default="", metavar="SERVER")
    accept = commands.add_parser("accept", help="let a tool that has changed be called again, as it is now")
    accept.add_argument("server", metavar="SERVER")
    accept.add_argument("tool", metavar="TOOL")
    accept.add_argument(
        "digest", nargs="?", default="", metavar="DIGEST", help="as `list` shows it; without it you are asked"
    )
    for one in (listing, accept):
        one.add_argument("--confdir", default=DEFAULT_CONFDIR, metavar="FOLDER", help="configuration, keys and store")
    return parser


def main(argv: Sequence[str]) -> int:
    """Show or accept; returns the exit code."""
    from hoopaddon.adapter import adapters

    arguments = _parser().parse_args(argv)
    keeper = cast(Keeper, adapters()["mcp"])
    try:
        servers = list(keeper.pins(Path(arguments.confdir).expanduser()))
        if arguments.what == "list":
            return _list([pins for pins in servers if arguments.server in ("", pins.server)])
        return _accept([pins for pins in servers if pins.server == arguments.server], arguments)
    except HoopaddonError as e:
        raise ConfigError(str(e)) from None


def _list(servers: list[Pins]) -> int:
    waiting = False
    for pins in servers:
        changed = {change.name: change for change in pins.changed()}
        waiting = waiting or bool(changed)
        print(f"{pins.server}  ({pins.address})")
        for name, tool in sorted(pins.tools().items()):
            if name in changed:
                print(f"  ! {_safe(name)}  changed: {changed[name].digest[:DIGEST_CHARS]}")
                print("\n".join(f"      {line}" for line in _difference(changed[name])))
            else:
                print(f"    {_safe(name)}  {_short(tool)}")
    if not servers:
        print("no MCP server has been seen yet", file=sys.stderr)
    return CHANGED if waiting else 0


def _accept(servers: list[Pins], arguments: argparse.Namespace) -> int:
    found = [(pins, change) for pins in servers for change in pins.changed() if change.name == arguments.tool]
    if len(found) != 1:
        print(f"hoopaddon mcp tools: no tool of that name waits at {arguments.server}", file=sys.stderr)
        return 1
    ((pins, change),) = found
    if arguments.digest:
        if len(arguments.digest) < DIGEST_CHARS or not change.digest.startswith(arguments.digest):
            print("hoopaddon mcp tools: it has changed again; look at it with list", file=sys.stderr)
            return 1
    elif not _asked(change):
        return 1
    if not pins.accept(change.name, change.digest):
        print("hoopaddon mcp tools: it has changed again; look at it with list", file=sys.stderr)
        return 1
    print(f"{_safe(change.name)} of {pins.server} is accepted as it is now")
    return 0


def _asked(change: Changed) -> bool:
    if not sys.stdin.isatty():
        print("hoopaddon mcp tools: name the digest that list shows", file=sys.stderr)
        return False
    print("\n".join(_difference(change)))
    return input("Accept it as it is now? [y/N] ").strip().lower() in ("y", "yes")


def _difference(change: Changed) -> list[str]:
    before, after = (_lines(tool) for tool in (change.accepted, change.now))
    return [line for line in difflib.unified_diff(before, after, lineterm="", n=1) if line[:3] not in ("---", "+++")]


def _lines(tool: Mapping[str, Any]) -> list[str]:
    # ASCII with escapes: what hides in a description is seen here.
    return json.dumps(tool, indent=1, sort_keys=True).splitlines()


def _short(tool: Mapping[str, Any]) -> str:
    words = _safe(" ".join(str(tool.get("description", "")).split()))
    return words if len(words) <= 70 else f"{words[:69]}…"


def _safe(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)
