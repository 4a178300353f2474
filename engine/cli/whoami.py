"""`hoopaddon whoami`: what the token says that `hoopaddon login` has left, and whether it is good."""

import argparse
import asyncio
import time
from collections.abc import Sequence

from hoopaddon.cli.login import tls_of
from hoopaddon.cli.terminal import joined, moment, one_line, print_error, print_json
from hoopaddon.errors import ConfigError, HoopaddonError
from hoopaddon.identity.stored import StoredToken
from hoopaddon.login.client.gateway import GatewayClient
from hoopaddon.options import DEFAULT_CONFDIR

GOOD, NOT_GOOD, WRONG = 0, 1, 2


def main(argv: Sequence[str]) -> int:
    """Say who is logged in; returns 1 where nobody is, 2 for what cannot be read."""
    parser = argparse.ArgumentParser(prog="hoopaddon whoami", description="Who is logged in here, and until when.")
    parser.add_argument("--confdir", default=DEFAULT_CONFDIR, metavar="DIR", help="where the token is kept")
    parser.add_argument("--offline", action="store_true", help="do not ask the gateway whether the token is good")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--json", action="store_true", help="print it as JSON")
    what.add_argument("--token", action="store_true", help="print the token itself, for clients")
    args = parser.parse_args(argv)
    try:
        kept = StoredToken.find(args.confdir)
        if kept is None:
            print_error("hoopaddon whoami", "nobody is logged in\n  log in: hoopaddon login")
            return NOT_GOOD
        problem = _problem(kept, offline=args.offline or args.token)
    except ConfigError as e:
        print_error("hoopaddon whoami", e)
        return WRONG
    if args.token:
        if not problem:
            print(kept.token)
    elif args.json:
        print_json(_as_json(kept, good=not problem))
    else:
        _print(kept)
    if problem:
        print_error("hoopaddon whoami", problem)
    return NOT_GOOD if problem else GOOD


def _problem(kept: StoredToken, *, offline: bool) -> str:
    """Why the token is no good; empty where it is, as far as can be known. Raises `ConfigError`."""
    if kept.expires_at <= time.time():
        return "the login has expired\n  log in: hoopaddon login"
    if offline:
        return ""
    try:
        takes = asyncio.run(GatewayClient(kept.gateway, tls_of(kept.ca)).takes(kept.token))
    except ConfigError:
        raise
    except HoopaddonError as e:
        return f"whether the token is good cannot be known: {e}"
    return "" if takes else "the gateway does not take the token any more\n  log in: hoopaddon login"


def _as_json(kept: StoredToken, *, good: bool) -> dict[str, object]:
    user = kept.user
    return {
        "user": user.subject,
        "groups": sorted(user.groups),
        "agent": next(iter(user.actors), None),
        "target": kept.target or None,
        "expires": int(kept.expires_at),
        "gateway": kept.gateway,
        "good": good,
    }


def _print(kept: StoredToken) -> None:
    user = kept.user
    rows = {
        "user": one_line(user.subject),
        "groups": joined(sorted(user.groups)) or "none",
        "agent": joined(user.actors) or "none",
        "target": one_line(kept.target) or "every",
        "until": moment(kept.expires_at),
        "gateway": one_line(kept.gateway),
    }
    for name, value in rows.items():
        print(f"{name:<9}{value}")
