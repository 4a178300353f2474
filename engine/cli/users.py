"""`hoopaddon users`: make what the file of users keeps instead of a password, and list keys in it."""

import argparse
import getpass
import sys
from pathlib import Path

from hoopaddon.errors import ConfigError
from hoopaddon.identity.scram import ScramVerifier
from hoopaddon.identity.ssh_keys import MAX_LINE_CHARS
from hoopaddon.identity.users import add_key

_EPILOG = """The file of users is YAML, readable by its owner alone:

  agent-7:
    password: SCRAM-SHA-256$4096:...
    groups: [dev]
    ssh_keys:
      - ssh-ed25519 AAAA... laptop
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
    add = commands.add_parser(
        "add-key",
        help="list a public SSH key for a user",
        description="Add a public key, as in a .pub file, to a user of the file; what is missing is made.",
    )
    add.add_argument("--users", required=True, type=Path, metavar="FILE", help="the file of users")
    add.add_argument("--user", required=True, metavar="NAME", help="whom the key lets in")
    add.add_argument("key", metavar="KEY.pub", help="the file of the public key; - is stdin")
    return parser


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise ValueError("the two are not the same")
    return password


def _hash() -> int:
    try:
        password = _password()
        if not password:
            raise ValueError("the password is empty")
    except (ValueError, EOFError) as e:
        print(f"hoopaddon users hash: {e or 'no password was given'}", file=sys.stderr)
        return 2
    print(ScramVerifier.from_password(password))
    return 0


def _add_key(users: Path, user: str, source: str) -> int:
    try:
        if source == "-":
            text = sys.stdin.read(MAX_LINE_CHARS + 1)
        else:
            with Path(source).expanduser().open(encoding="utf-8", errors="replace") as file:
                text = file.read(MAX_LINE_CHARS + 1)
        fingerprint = add_key(users, user, text.strip())
    except OSError as e:
        print(f"hoopaddon users add-key: cannot read {source}: {e.strerror}", file=sys.stderr)
        return 2
    except ValueError as e:
        print(f"hoopaddon users add-key: {source} is {e}", file=sys.stderr)
        return 2
    except ConfigError as e:
        print(f"hoopaddon users add-key: {e}", file=sys.stderr)
        return 2
    print(f"{fingerprint} lets {user} in")
    return 0


def main(argv: list[str]) -> int:
    """Print the verifier alone on stdout, or the fingerprint of the key that was added."""
    args = _parser().parse_args(argv)
    return _add_key(args.users, args.user, args.key) if "key" in args else _hash()
