"""`hoopaddon connect`: start a program for a target of the gateway, with all that it needs set."""

import argparse
import shutil
import sys
from collections.abc import Mapping, Sequence

from hoopaddon.cli.person import TOKEN_VARIABLE
from hoopaddon.cli.place import Place, add_place
from hoopaddon.cli.terminal import print_error
from hoopaddon.errors import ConfigError, HoopaddonError

PROGRAM = "hoopaddon connect"
WRONG, NOT_THERE = 2, 127

_EPILOG = f"""Without a command it is the usual client of the target's protocol: psql, ssh, kubectl, curl.

The token is that of --token-file, of the variable {TOKEN_VARIABLE}, of `hoopaddon login`, or, on the gateway's own
machine, one that is signed with its key as `hoopaddon token` does. It is on no command line. Files that a program
needs are for you alone, and gone when it ends.

examples:
  hoopaddon connect orders
  hoopaddon connect orders -- pg_dump --schema-only shop
  hoopaddon connect web -- scp report.pdf web:/tmp/
  hoopaddon connect api -- curl {{url}}/orders/1
  hoopaddon connect orders --gateway gateway.example.com:15432 --protocol postgres
  hoopaddon connect orders --print

exit code: that of the command; {WRONG} for an error before it, {NOT_THERE} where there is no such program
"""


def main(argv: Sequence[str]) -> int:
    """Run the command to its end; its exit code."""
    # What follows the first -- is the command's, dashes and all.
    end = argv.index("--") if "--" in argv else len(argv)
    args = _parser().parse_args(argv[:end])
    args.command = list(argv[end + 1 :])
    try:
        return _connect(args)
    except HoopaddonError as e:
        print_error(PROGRAM, e)
        return WRONG


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        usage=f"{PROGRAM} TARGET [option]... [-- COMMAND [ARGUMENT]...]",
        description="Start a program for a target of the gateway, with all that it needs set.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("target", metavar="TARGET", help="the target's name")
    parser.add_argument("--print", action="store_true", help="show what to connect by, and start nothing")
    where = parser.add_argument_group("where the gateway is, if not on this machine as its file says")
    where.add_argument("--gateway", metavar="HOST[:PORT]", help="where it listens")
    where.add_argument("--protocol", metavar="NAME", help="what the target speaks, where nothing else tells")
    where.add_argument("--ca", metavar="FILE", help="who vouches for the gateway")
    add_place(where)
    who = parser.add_argument_group("who you are")
    who.add_argument("--token-file", metavar="FILE", help="your token")
    who.add_argument("--user", metavar="NAME", help="whom a token that is signed here speaks for (you)")
    who.add_argument("--groups", default="", metavar="A,B", help="the groups that it names")
    who.add_argument("--ttl", default="1h", metavar="TIME", help="how long it is good (default 1h)")
    return parser


def _connect(args: argparse.Namespace) -> int:
    from hoopaddon.cli.child import Child
    from hoopaddon.cli.way import find_way
    from hoopaddon.clients import PrivateFolder

    way, clients = find_way(args, Place.of(args))
    if args.print:
        print(clients.string(way))
        if way.user:
            print("It holds no secret: the password is a token, as `hoopaddon token` prints one.", file=sys.stderr)
        return 0
    with Child() as child, PrivateFolder() as folder:
        client = clients.client(way, folder)
        command = _command(args.command or client.command, client.words, way.target)
        path = client.environment.get("PATH")
        if shutil.which(command[0], path=path) is None:
            print_error(PROGRAM, f"{command[0]} is not installed, or not in the PATH")
            return NOT_THERE
        return child.run(command, {**client.environment, TOKEN_VARIABLE: None})


def _command(command: Sequence[str], words: Mapping[str, str], target: str) -> list[str]:
    if not command:
        raise ConfigError(f"there is no usual client for {target}", hint="write the command after --")
    found = list(command)
    for word, meaning in words.items():
        found = [one.replace(word, meaning) for one in found]
    return found
