"""`hoopaddon token`: sign a short-lived token with the gateway's own key, list what was signed, take it back."""

import argparse
import json
import re
import sys
from datetime import datetime
from typing import Any

from hoopaddon.cli.place import Place, add_place
from hoopaddon.errors import ConfigError, HoopaddonError
from hoopaddon.identity.issue import note
from hoopaddon.identity.tokens import sign
from hoopaddon.kubeconfig import exec_credential
from hoopaddon.session import User
from hoopaddon.store.keys import SigningKey

_DURATION = re.compile(r"(?P<number>[1-9][0-9]{0,5})(?P<unit>[smh])")
_UNIT_S = {"s": 1, "m": 60, "h": 3600}

_EPILOG = """examples:
  hoopaddon token --user agent-7 --groups dev --ttl 15m
  PGPASSWORD=$(hoopaddon token --user agent-7) psql -h 127.0.0.1 -p 15432 -U agent-7
  hoopaddon token --user ada --agent agent-7
  hoopaddon token list
  hoopaddon token revoke --user agent-7

`hoopaddon token list` and `hoopaddon token revoke` have their own --help.
"""


def duration_s(text: str) -> int:
    """The seconds in `90s`, `15m` or `8h`. Raises ConfigError."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ConfigError(f"{text!r} is no duration", key="--ttl", hint="write for example 90s, 15m or 8h")
    return int(found["number"]) * _UNIT_S[found["unit"]]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hoopaddon token",
        description="Sign a short-lived token. The client sends it where its protocol has a password.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--user", required=True, metavar="NAME", help="whom the token speaks for")
    parser.add_argument("--agent", metavar="NAME", help="whose the token is, where an agent acts for the user")
    parser.add_argument("--groups", default="", metavar="A,B", help="the user's groups, which policies read")
    parser.add_argument(
        "--ttl", default="15m", metavar="TIME", help="how long it is good: 90s, 15m, 8h (default 15m)"
    )
    parser.add_argument("--target", metavar="NAME", help="make it good for this target alone")
    add_place(parser)
    parser.add_argument(
        "--exec-credential", action="store_true", help="print it as kubectl wants it of a credential plugin"
    )
    parser.add_argument("--json", action="store_true", help="print the token and what it says as JSON")
    return parser


def signed(place: Place, **said: Any) -> tuple[str, User]:
    """A token of the gateway's own key that says this, and the user of it. Raises `HoopaddonError`."""
    key = SigningKey.load_or_create(place.confdir)
    token = sign(key, **said)
    return token, note(token, key, place.layout.folder, target=said.get("target"))


def main(argv: list[str]) -> int:
    """Print the token alone on stdout, so that `$(hoopaddon token …)` works."""
    if argv and argv[0] in ("list", "revoke"):
        from hoopaddon.cli import token_list

        return (token_list.list_tokens if argv[0] == "list" else token_list.revoke)(argv[1:])
    args = _parser().parse_args(argv)
    try:
        # Clients run it as their plugin in whatever folder they are in.
        place = Place.of(args, looks_here=not args.exec_credential)
        groups = [group.strip() for group in args.groups.split(",") if group.strip()]
        ttl_s = duration_s(args.ttl)
        token, user = signed(
            place, subject=args.user, groups=groups, ttl_s=ttl_s, target=args.target, agent=args.agent
        )
    except HoopaddonError as e:
        print(f"hoopaddon token: {e}", file=sys.stderr)
        return 2
    expires = datetime.fromtimestamp(user.claims["exp"]).astimezone().isoformat(sep=" ")
    if args.exec_credential:
        print(exec_credential(token, user.claims["exp"]))
        return 0
    if args.json:
        said = {"token": token, "user": user.subject, "groups": sorted(user.groups), "expires": expires}
        more = {name: value for name in ("target", "agent") if (value := getattr(args, name))}
        print(json.dumps(said | more))
        return 0
    print(token)
    if sys.stderr.isatty():
        print(f"good for {args.ttl}, until {expires}", file=sys.stderr)
    return 0
