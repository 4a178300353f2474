"""`hoopaddon token list` and `hoopaddon token revoke`: what the gateway's key has signed, and taking it back."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import asdict

from rich.text import Text

from hoopaddon.cli.place import Place, add_place
from hoopaddon.cli.terminal import console, moment, one_line, plural, print_error, print_json, table
from hoopaddon.errors import ConfigError, HoopaddonError
from hoopaddon.store.tokens import Issued, NoSuchToken, Tokens

_REVOKE_EPILOG = """A running gateway notices within a second: the token lets nobody in any more, and the sessions
that it has opened are ended. `--user` takes back all that was issued to a user until now, the tokens of the OIDC
provider included, and those of agents that act for this user.

examples:
  hoopaddon token revoke k3Jx
  hoopaddon token revoke --user agent-7
"""


def list_tokens(argv: Sequence[str]) -> int:
    """Show the tokens that were signed here."""
    parser = _parser(
        "list", "The tokens that are good now, the newest first. What is listed is not the token itself."
    )
    parser.add_argument("--all", action="store_true", help="those that are over or revoked as well")
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")
    args = parser.parse_args(argv)
    return _run("list", args, lambda tokens: _list(tokens, args))


def revoke(argv: Sequence[str]) -> int:
    """Take back a token, or all of a user's."""
    parser = _parser("revoke", "Take back a token, or all of a user's, at once.", _REVOKE_EPILOG)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("id", nargs="?", metavar="ID", help="the token's id, or the beginning of it")
    which.add_argument("--user", metavar="NAME", help="all that was issued to this user until now")
    args = parser.parse_args(argv)
    return _run("revoke", args, lambda tokens: _revoke(tokens, args))


def _parser(command: str, description: str, epilog: str = "") -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"hoopaddon token {command}",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_place(parser)
    return parser


def _run(command: str, args: argparse.Namespace, task: Callable[[Tokens], int]) -> int:
    program = f"hoopaddon token {command}"
    try:
        layout = Place.of(args).layout
        if not layout.tokens.exists():
            # To make one here would look as if it had an effect on the gateway.
            hint = "name the gateway's store with --store DIR, or its folder with --confdir DIR"
            raise ConfigError("no token was ever taken or signed there", file=str(layout.folder), hint=hint)
        tokens = Tokens(layout.tokens)
        try:
            return task(tokens)
        finally:
            tokens.close()
    except NoSuchToken as e:
        print_error(program, e)
        return 1
    except HoopaddonError as e:
        print_error(program, e)
        return 2


def _list(tokens: Tokens, args: argparse.Namespace) -> int:
    found = tokens.list(everything=args.all)
    if args.json:
        for token in found:
            print_json(asdict(token))
        return 0
    shown = table("id", "user", "groups", "target", "issued", "until")
    for token in found:
        shown.add_row(
            token.id,
            one_line(token.user, 40),
            one_line(", ".join(token.groups), 40),
            one_line(token.target or "every", 30),
            moment(token.issued),
            Text("revoked", "red") if token.revoked else moment(token.expires),
        )
    console().print(shown if found else "no token is good now")
    return 0


def _revoke(tokens: Tokens, args: argparse.Namespace) -> int:
    if args.user is not None:
        if not args.user:
            raise ConfigError("is the name of a user", key="--user")
        number = tokens.revoke_user(args.user)
        listed = plural(number, "token of it is", "tokens of it are")
        print(f"revoked what was issued to {one_line(args.user)} until now; {listed} listed")
        return 0
    token: Issued = tokens.revoke(args.id)
    print(f"revoked {token.id} of {one_line(token.user)}")
    return 0
