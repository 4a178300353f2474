"""`hoopaddon logout`: the end of a login, here and at the gateway."""

import argparse
import asyncio
import time
from collections.abc import Sequence

from hoopaddon.cli.login import tls_of
from hoopaddon.cli.terminal import moment, one_line, print_error
from hoopaddon.errors import ConfigError, HoopaddonError
from hoopaddon.identity.stored import StoredToken
from hoopaddon.login.client.gateway import GatewayClient
from hoopaddon.options import DEFAULT_CONFDIR

_PROGRAM = "hoopaddon logout"


def main(argv: Sequence[str]) -> int:
    """Remove the token, and revoke it; returns 1 where it could not be revoked, 2 where it is still there."""
    parser = argparse.ArgumentParser(
        prog=_PROGRAM, description="Remove the token that a login has left, and revoke it at the gateway."
    )
    parser.add_argument("--confdir", default=DEFAULT_CONFDIR, metavar="DIR", help="where the token is kept")
    args = parser.parse_args(argv)
    try:
        kept = _removed(args.confdir)
    except ConfigError as e:
        print_error(_PROGRAM, e)
        return 2
    if kept is None:
        print("nobody was logged in")
        return 0
    try:
        if kept.expires_at > time.time():
            asyncio.run(GatewayClient(kept.gateway, tls_of(kept.ca)).revoke(kept.token))
    except HoopaddonError as e:
        until = f"whoever has a copy of the token can use it until {moment(kept.expires_at)}"
        print_error(_PROGRAM, f"the token is removed here, and not revoked: {e}\n  {until}")
        return 1
    print(f"{one_line(kept.user.subject)} is logged out")
    return 0


def _removed(confdir: str) -> StoredToken | None:
    """What was kept, which is gone now; also where it cannot be read. Raises `ConfigError`."""
    try:
        kept = StoredToken.find(confdir)
    except ConfigError as e:
        print_error(_PROGRAM, e)
        kept = None
    StoredToken.remove(confdir)
    return kept
