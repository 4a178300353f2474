"""What the gateway understands on its command line."""

import argparse

from hoopaddon.cli.main import COMMANDS

DESCRIPTION = """\
A gateway on the data path to production: it speaks the target's protocol, and policies written in Python
record, mask, block, or hold for approval what passes."""

EXAMPLES = """\
examples:
  hoopaddon -s mask_pii.py --mode postgres:db.internal:5432@15432
      mask personal data in what a PostgreSQL server answers; connect to port 15432 of this machine
  hoopaddon -s record.py -s block_destructive.py --set record_rows=100 --mode postgres:127.0.0.1:5432@15432
      several policies, in this order, and an option of one of them
  hoopaddon
      all of that from the file hoopaddon.yaml of the working directory
  hoopaddon --shadow new_rule.py -s record.py --mode postgres:127.0.0.1:5432@15432
      see what a rule would do before it does it
  hoopaddon -s my_policy.py --mode reverse:http://127.0.0.1:8000@8080
      scripts written for mitmproxy, in front of an HTTP service
"""


def parser() -> argparse.ArgumentParser:
    """The gateway's own arguments; every other option is reached with `--set`."""
    commands = "\n".join(f"  {name:<10}{what}" for name, (_, what) in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="hoopaddon",
        usage="hoopaddon [-s SCRIPT]... --mode MODE [option]...\n       hoopaddon COMMAND ...",
        description=DESCRIPTION,
        epilog=f"{EXAMPLES}\ncommands (each has its own --help):\n{commands}\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    _add_targets(parser)
    add_policies(parser)
    add_settings(parser)
    _add_information(parser)
    return parser


def _add_targets(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what to stand in front of")
    group.add_argument(
        "-m",
        "--mode",
        action="append",
        metavar="MODE",
        help="PROTOCOL:TARGET@[HOST:]PORT, as in postgres:db.internal:5432@15432. Several make several listeners.",
    )
    group.add_argument("--listen-host", metavar="HOST", help="listen here unless the mode says where (127.0.0.1)")
    group.add_argument(
        "-p", "--listen-port", type=int, metavar="PORT", help="listen at this port unless the mode says where"
    )


def add_policies(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("policies")
    group.add_argument(
        "-s",
        "--scripts",
        action="append",
        metavar="SCRIPT",
        help="a file, or the name of a shipped policy; several apply in this order. Takes effect again when saved.",
    )
    group.add_argument(
        "--shadow",
        action="append",
        metavar="SCRIPT",
        help="load a script so that it decides and is traced, and nothing it decides takes effect",
    )


def add_settings(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("settings")
    group.add_argument(
        "--set",
        action="append",
        default=[],
        dest="settings",
        metavar="OPTION[=VALUE]",
        help="set any option; again for more values of a list. --options shows them all",
    )
    group.add_argument(
        "--config", metavar="FILE", help="targets, policies and options (hoopaddon.yaml of the working directory)"
    )
    group.add_argument("--confdir", metavar="FOLDER", help="configuration, keys and store (~/.hoopaddon)")
    group.add_argument("-q", "--quiet", action="store_true", help="log errors only")
    group.add_argument("-v", "--verbose", action="store_true", help="log everything")


def _add_information(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("information")
    group.add_argument("-h", "--help", action="help", help="show this")
    group.add_argument("--version", action="store_true", help="show the versions of hoopaddon, mitmproxy and Python")
    group.add_argument("--options", action="store_true", help="show all options, those of the scripts too")
    group.add_argument("--commands", action="store_true", help="show all commands that scripts can call")
