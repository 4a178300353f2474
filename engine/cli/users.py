"""`hoopaddon users`: make what the file of users keeps instead of a password."""

import argparse
import getpass
import sys

from hoopaddon.identity.scram import ScramVerifier

_EPILOG = """The file of users is YAML, readable by its owner alone:

  agent-7:
    password: SCRAM-SHA-256$4096:...
    groups: [dev]
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hoopaddon users", epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser(
        "hash",
        help="turn a password into a SCRAM-SHA-256 verifier",
        description="Read a password (from a prompt, or the first line of stdin) and print its verifier.",
    )
    return parser


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise ValueError("the two are not the same")
    return password


def main(argv: list[str]) -> int:
    """Print the verifier alone on stdout."""
    _parser().parse_args(argv)
    try:
        password = _password()
        if not password:
            raise ValueError("the password is empty")
    except (ValueError, EOFError) as e:
        print(f"hoopaddon users hash: {e or 'no password was given'}", file=sys.stderr)
        return 2
    print(ScramVerifier.from_password(password))
    return 0
