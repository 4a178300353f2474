"""`hoopaddon mcp -- COMMAND`, as its arguments say it."""

import argparse
from types import MappingProxyType

from hoopaddon.adapters.mcp.stdio import Wrapped, named, wrap
from hoopaddon.adapters.mcp.toolbox import Offer
from hoopaddon.errors import ConfigError
from hoopaddon.gateway import Gateway
from hoopaddon.session import Target, User


async def run(gateway: Gateway, arguments: argparse.Namespace) -> int:
    """Serve until either end is done; the exit code. Raises `ConfigError`."""
    name = arguments.name or named(arguments.command)
    allowed = frozenset(arguments.allow)
    return await wrap(
        gateway,
        Wrapped(
            command=arguments.command,
            # The command line itself may hold a secret, and this is shown and recorded.
            target=Target(name, "mcp", f"stdio:{name}", MappingProxyType(_labels(arguments.label))),
            user=User(arguments.user, frozenset(_listed([arguments.groups]))),
            offer=Offer(tuple(_listed(arguments.tools)), tuple(_listed(arguments.no_tools))),
            binary="binary" in allowed,
            methods=_methods(allowed),
            limit_bytes=arguments.limit_mb << 20,
        ),
    )


def _methods(allowed: frozenset[str]) -> frozenset[str]:
    methods = allowed - {"binary"}
    if wrong := next((name for name in sorted(methods) if "/" not in name), ""):
        raise ConfigError(f"{wrong!r} is nothing to allow", key="--allow", hint="binary, or a method: tasks/get")
    return methods


def _labels(pairs: list[str]) -> dict[str, str]:
    labels = {}
    for pair in pairs:
        name, colon, value = pair.partition(":")
        if not colon or not name:
            raise ConfigError(f"{pair!r} is no label", key="--label", hint="write KEY:VALUE, for example env:prod")
        labels[name] = value
    return labels


def _listed(values: list[str]) -> list[str]:
    return [part.strip() for value in values for part in value.split(",") if part.strip()]
