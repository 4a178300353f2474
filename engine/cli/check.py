"""`hoopaddon check`: what is wrong with a configuration file, without starting by it."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from hoopaddon.config.draft import Draft
from hoopaddon.config.layers import FILE
from hoopaddon.errors import ConfigError

RIGHT, WRONG = 0, 1


def main(argv: Sequence[str]) -> int:
    """Print what is wrong; returns 0 where nothing is, 1 where something is."""
    arguments = _parser().parse_args(argv)
    from hoopaddon import event_loop
    from hoopaddon.config.check import check_file

    shown = arguments.file
    draft, problems = event_loop.run(check_file(Path(shown), shown, offline=arguments.offline))
    if arguments.json:
        print(json.dumps(_as_json(shown, problems), indent=2, ensure_ascii=False))
    else:
        for problem in problems:
            print(problem)
        print(_summary(shown, draft, problems), file=sys.stderr if problems else sys.stdout)
    return WRONG if problems else RIGHT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hoopaddon check",
        description="Check a configuration file: keys and types, scripts, secrets, and whether the targets answer.",
        epilog="It exits with 0 where nothing is wrong, 1 where something is, 2 for wrong arguments.",
    )
    parser.add_argument("file", nargs="?", default=FILE, metavar="FILE", help=f"the file ({FILE})")
    parser.add_argument("--offline", action="store_true", help="connect to no target")
    parser.add_argument("--json", action="store_true", help="print what is wrong as JSON")
    return parser


def _as_json(shown: str, problems: Sequence[ConfigError]) -> dict[str, object]:
    listed = [
        {"file": p.file or shown, "line": p.line, "key": p.key, "message": p.message, "hint": p.hint}
        for p in problems
    ]
    return {"file": shown, "right": not problems, "problems": listed}


def _summary(shown: str, draft: Draft | None, problems: Sequence[ConfigError]) -> str:
    if problems or draft is None:
        return f"{shown}: {_number(len(problems), 'problem')}"
    listeners, addons = _number(len(draft.modes), "listener"), _number(len(draft.addons), "policy", "policies")
    return f"{shown} is right: {_number(len(draft.targets), 'target')} behind {listeners}, {addons}"


def _number(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or f'{one}s'}"
