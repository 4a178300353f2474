"""`hoopaddon targets`: list, add, remove and test what the configuration file names."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hoopaddon.config.draft import Draft, FileTarget
from hoopaddon.config.layers import FILE
from hoopaddon.errors import ConfigError, raise_all

_EXAMPLES = """examples:
  hoopaddon targets add orders postgres db.internal:5432 --listen 15432 --set user=app --set password=env:PGPASSWORD
  hoopaddon targets test orders
"""


def main(argv: Sequence[str]) -> int:
    """Run one of the commands; returns the exit code. Raises `ConfigError`."""
    arguments = _parser().parse_args(argv)
    code: int = arguments.run(arguments)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hoopaddon targets",
        description="List, change and test the targets of the configuration file, whose comments and order stay.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="print the targets")
    listing.add_argument("--json", action="store_true", help="print them as JSON")
    listing.set_defaults(run=_list)
    add = commands.add_parser("add", help="write a target; the file is made where there is none")
    add.add_argument("name", metavar="NAME")
    add.add_argument("protocol", metavar="PROTOCOL", help="postgres, ssh, http, kubernetes, mcp")
    add.add_argument("address", metavar="ADDRESS", help="where it is, as in a mode: db.internal:5432")
    add.add_argument("--listen", metavar="PORT", help="PORT or HOST:PORT for its clients")
    add.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a key of the protocol's own")
    add.add_argument("--label", action="append", default=[], metavar="NAME=TEXT", help="something for policies")
    add.add_argument("--allow", action="append", default=[], metavar="WORD", help="what is off otherwise")
    add.set_defaults(run=_add)
    remove = commands.add_parser("remove", help="take a target out of the file")
    remove.add_argument("name", metavar="NAME")
    remove.set_defaults(run=_remove)
    test = commands.add_parser("test", help="read the targets' secrets and files, and connect to them")
    test.add_argument("names", nargs="*", metavar="NAME", help="which; all of them without any")
    test.set_defaults(run=_test)
    for command in (listing, add, remove, test):
        command.add_argument("--config", default=FILE, metavar="FILE", help=f"the file ({FILE})")
    return parser


def _read(arguments: argparse.Namespace) -> Draft:
    from hoopaddon.config.sections import read_file

    draft = read_file(Path(arguments.config), arguments.config)
    raise_all(draft.problems)
    return draft


def _list(arguments: argparse.Namespace) -> int:
    draft = _read(arguments)
    shown: list[dict[str, Any]] = [
        {"name": t.name, "protocol": t.protocol, "address": t.items["address"].text, "listen": t.listen}
        for t in draft.targets
    ]
    if arguments.json:
        print(json.dumps(shown, indent=2, ensure_ascii=False))
        return 0
    heads = ("name", "protocol", "address", "listen")
    rows: list[dict[str, Any]] = [dict(zip(heads, heads, strict=True)), *shown]
    widths = {head: max(len(str(row[head])) for row in rows) for head in heads}
    for row in rows:
        print("  ".join(f"{row[head]!s:<{widths[head]}}" for head in heads).rstrip())
    return 0


def _add(arguments: argparse.Namespace) -> int:
    from hoopaddon.config.edit import FileEditor

    target: dict[str, Any] = {"protocol": arguments.protocol, "address": arguments.address}
    if arguments.listen:
        target["listen"] = int(arguments.listen) if arguments.listen.isdecimal() else arguments.listen
    for pair in arguments.set:
        key, value = _pair("--set", pair)
        if key in target:
            raise ConfigError(f"--set {key}: is given twice")
        target[key] = int(value) if value.isdecimal() and str(int(value)) == value else value
    if arguments.label:
        target["labels"] = dict(_pair("--label", pair) for pair in arguments.label)
    if arguments.allow:
        target["allow"] = arguments.allow
    FileEditor(Path(arguments.config), arguments.config).add(arguments.name, target)
    print(f"{arguments.config}: {arguments.name} is written")
    return 0


def _pair(option: str, text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not key:
        # What stands there is not shown: it may be a secret.
        raise ConfigError(f"{option} takes NAME=VALUE")
    return key, value


def _remove(arguments: argparse.Namespace) -> int:
    from hoopaddon.config.edit import FileEditor

    FileEditor(Path(arguments.config), arguments.config).remove(arguments.name)
    print(f"{arguments.config}: {arguments.name} is taken out")
    return 0


def _test(arguments: argparse.Namespace) -> int:
    from hoopaddon import event_loop
    from hoopaddon.config.check import check_targets

    draft = _read(arguments)
    names = [target.name for target in draft.targets]
    if missing := next((name for name in arguments.names if name not in names), None):
        raise ConfigError(f"there is no target {missing}", file=draft.file, hint=f"targets are {', '.join(names)}")
    wanted = [target for target in draft.targets if not arguments.names or target.name in arguments.names]
    problems = event_loop.run(check_targets(wanted))
    for target in wanted:
        wrong = [problem for problem in problems if _is_of(problem, target)]
        print(f"{'✗' if wrong else '✓'} {target.name}  {target.items['address'].text}")
        for problem in wrong:
            print(f"  {str(problem).replace(chr(10), chr(10) + '  ')}")
    sys.stdout.flush()
    return 1 if problems else 0


def _is_of(problem: ConfigError, target: FileTarget) -> bool:
    return f"{problem.key}.".startswith(f"{target.item.key}.")
