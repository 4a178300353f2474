"""`hoopaddon seal`: encrypt a credential, to stand in the configuration itself."""

import argparse
import getpass
import sys

from hoopaddon.credential import MAX_SECRET_BYTES
from hoopaddon.credentials.sealed import add_key, keys, renew, seal
from hoopaddon.errors import ConfigError
from hoopaddon.options import DEFAULT_CONFDIR

_EPILOG = """The secret is read from a prompt, or from the first line of stdin; never from the command line.

  hoopaddon seal --new-key           make the key, or a newer one: what older keys have sealed still opens
  hoopaddon seal < password          print sealed:... for password= and its like
  hoopaddon seal --renew sealed:...  seal what was sealed with the newest key
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hoopaddon seal",
        description="Encrypt a credential, to stand in the configuration itself.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--new-key", action="store_true", help="make a key in the folder of the configuration")
    what.add_argument("--renew", metavar="SEALED", help="seal this with the newest key")
    parser.add_argument("--key", default="", metavar="REFERENCE", help="the key, where it is not in that folder")
    parser.add_argument("--confdir", default=DEFAULT_CONFDIR, metavar="DIR", help="where the gateway's key is")
    return parser


def _secret() -> str:
    if sys.stdin.isatty():
        secret = getpass.getpass("Secret: ")
        if getpass.getpass("Again: ") != secret:
            raise ConfigError("the two are not the same")
    else:
        secret = sys.stdin.readline(MAX_SECRET_BYTES + 1).rstrip("\r\n")
    if not secret or len(secret) > MAX_SECRET_BYTES:
        raise ConfigError("there is no secret to seal" if not secret else "that is longer than any secret")
    return secret


def main(argv: list[str]) -> int:
    """Print the reference alone on stdout, or the file of the key that was made."""
    args = _parser().parse_args(argv)
    try:
        if args.new_key:
            if args.key:
                raise ConfigError("goes to the folder of the configuration", key="--new-key", hint="leave out --key")
            print(f"a new key is in {add_key(args.confdir)}")
        elif args.renew:
            print(renew(args.renew, keys(args.confdir, args.key)))
        else:
            by = keys(args.confdir, args.key)
            print(seal(_secret(), by))
    except (ConfigError, EOFError) as e:
        print(f"hoopaddon seal: {e or 'there is no secret to seal'}", file=sys.stderr)
        return 2
    return 0
