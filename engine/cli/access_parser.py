"""How `hoopaddon access` is called."""

import argparse
import re
from collections.abc import Callable, Mapping
from typing import Any

from hoopaddon.cli import asked
from hoopaddon.cli.person import TOKEN_VARIABLE

PROGRAM = "hoopaddon access"
_DURATION = re.compile(r"([0-9]{1,6})(s|m|h)")
_UNIT_S = {"s": 1, "m": 60, "h": 3600}

_EPILOG = f"""You are the user of a gateway's token, from --token-file, the variable {TOKEN_VARIABLE} or
`hoopaddon login`; without one, the user that you are to the operating system. Nobody can answer their own requests.

A scope is read, write or admin, or verbs and what they may be done to: select,insert:orders,public.pay_*

examples:
  hoopaddon access request orders-db --for 30m --scope read --reason "ticket 1234"
  hoopaddon access approve k7m2qx
  hoopaddon access extend k7m2qx --for 15m --reason "it takes longer"
  hoopaddon access revoke k7m2qx --reason "done"

exit code: 0, or 1 where it does not count or was not granted, or 2 for an error
"""


def parser(commands: Mapping[str, Callable[..., int]]) -> argparse.ArgumentParser:
    """The parser, which leaves the function of the chosen one of `commands` as `run`."""
    made = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Ask for access to a target, and grant, extend or end it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    chosen = made.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, help: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        one = chosen.add_parser(name, parents=[asked.common(), *parents], help=help)
        one.set_defaults(run=commands[name])
        return one

    request = add("request", "ask for access; it holds once enough people have said yes", _asking(), asked.who())
    request.add_argument("--wait", action="store_true", help="return when it is answered")
    listed = add("list", "who has access, and who asks for it")
    listed.add_argument("--all", action="store_true", help="what is over as well")
    listed.add_argument("--since", default="", metavar="TIME", help="not older: 15m, 8h, 7d, 2026-11-22")
    add("show", "one grant or request, with its answers and sessions", asked.one("grant"))
    add("approve", "say yes", asked.one("grant"), asked.who(), asked.why())
    add("deny", "say no", asked.one("grant"), asked.who(), asked.why())
    add("revoke", "end a grant now, or withdraw a request", asked.one("grant"), asked.who(), asked.why())
    add("extend", "give a grant more time, or ask for it", asked.one("grant"), asked.who(), asked.why(), _for())
    add("watch", "show each request and emergency as it comes, until Ctrl-C")
    add("break-glass", "take access at once, in an emergency: everybody is told", _asking(), asked.who())
    return made


def _for() -> argparse.ArgumentParser:
    how_long = argparse.ArgumentParser(add_help=False)
    how_long.add_argument(
        "--for", dest="seconds", type=_seconds, required=True, metavar="TIME", help="how long, as 45s, 30m or 2h"
    )
    return how_long


def _asking() -> argparse.ArgumentParser:
    asking = argparse.ArgumentParser(add_help=False, parents=[_for()])
    asking.add_argument("target", metavar="TARGET", help="the target's name")
    asking.add_argument(
        "--scope", action="append", required=True, metavar="SCOPE", help="read, write, admin, or VERBS:OBJECTS"
    )
    asking.add_argument("--reason", required=True, metavar="TEXT", help="why; approvers see it")
    return asking


def _seconds(text: str) -> Any:
    found = _DURATION.fullmatch(text)
    if found is None or not int(found[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is no length of time: write 45s, 30m or 2h")
    return float(int(found[1]) * _UNIT_S[found[2]])
