"""`hoopaddon approvals`: see what waits for a person, and answer it."""

import argparse
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from hoopaddon.cli import asked
from hoopaddon.cli.person import TOKEN_VARIABLE, person
from hoopaddon.cli.terminal import (
    console,
    harmless,
    length,
    moment,
    one_line,
    print_json,
    since,
    table,
)
from hoopaddon.store.approvals import Approvals, Request, Status

PROGRAM = "hoopaddon approvals"
_LATELY_S = 60.0
_STATUS_STYLES = {
    Status.PENDING: "yellow",
    Status.APPROVED: "green",
    Status.DENIED: "red",
    Status.EXPIRED: "dim",
    Status.WITHDRAWN: "dim",
}

_EPILOG = f"""You answer as the user of a gateway's token, from --token-file, the variable {TOKEN_VARIABLE} or
`hoopaddon login`; without one, as the user that you are to the operating system, with its groups. Nobody can answer
their own requests.

examples:
  hoopaddon approvals list
  hoopaddon approvals approve k7m2qx --reason "ticket 1234"
  hoopaddon approvals deny k7m2qx --reason "not on a Friday"
  hoopaddon approvals watch

exit code: 0, or 1 where the answer does not count, or 2 for an error
"""


def main(argv: list[str]) -> int:
    """Run one subcommand; the exit code."""
    return asked.run(PROGRAM, _parser().parse_args(argv), lambda layout: Approvals(layout.approvals))


def _parser() -> argparse.ArgumentParser:
    common, one = asked.common(), asked.one("request")
    answer = argparse.ArgumentParser(add_help=False, parents=[asked.why(), asked.who()])
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="See what waits for a person, and answer it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add = commands.add_parser("list", parents=[common], help="what waits, the newest first")
    add.add_argument("--all", action="store_true", help="what is settled as well")
    add.add_argument("--since", default="", metavar="TIME", help="not older: 15m, 8h, 7d, 2026-11-22")
    add.set_defaults(run=_list)
    commands.add_parser("show", parents=[common, one], help="one request").set_defaults(run=_show)
    add = commands.add_parser("approve", parents=[common, one, answer], help="let the command go on")
    add.set_defaults(run=lambda args, approvals: _answer(args, approvals, approve=True))
    add = commands.add_parser("deny", parents=[common, one, answer], help="refuse the command")
    add.set_defaults(run=lambda args, approvals: _answer(args, approvals, approve=False))
    add = commands.add_parser("watch", parents=[common], help="show each request as it comes, until Ctrl-C")
    add.set_defaults(run=_watch)
    return parser


def _list(args: argparse.Namespace, approvals: Approvals) -> int:
    found = approvals.list(pending=not args.all, since=since(args.since) if args.since else 0.0)
    if args.json:
        for request in found:
            print_json(asdict(request))
        return 0
    shown = table("id", "status", "left", "user", "target", "effect", "command")
    for request in found:
        shown.add_row(
            request.id,
            Text(request.status, _STATUS_STYLES[request.status]),
            _left(request),
            one_line(", by ".join((request.user, *request.actors[:1])), 40),
            one_line(request.target, 30),
            one_line(_effect(request), 50),
            one_line(request.text, 300),
        )
    console().print(shown if found else "nothing waits for an approval")
    return 0


def _show(args: argparse.Namespace, approvals: Approvals) -> int:
    request = _find(approvals, args.id)
    if args.json:
        print_json(asdict(request))
    else:
        console().print(_card(request))
    return 0


def _answer(args: argparse.Namespace, approvals: Approvals, *, approve: bool) -> int:
    who = person(args)
    request = approvals.answer(_find(approvals, args.id).id, who, approve=approve, reason=args.reason)
    if args.json:
        print_json(asdict(request))
    else:
        print(asked.answered(request, who, approve=approve))
    return 0


def _watch(args: argparse.Namespace, approvals: Approvals) -> int:
    """Print every request when it comes, and what becomes of it."""
    out, begin = console(), time.time()
    asked.watch(
        lambda told: _watched(approvals, told, begin),
        lambda request: (request.status, len(request.answers)),
        lambda request, is_new: _print_news(out, request, is_new=is_new, as_json=args.json),
    )


def _watched(approvals: Approvals, shown: Iterable[str], begin: float) -> list[Request]:
    """What waits, what came lately, and what is on the screen; what was settled before the watch is history."""
    lately = approvals.list(since=max(begin, time.time() - _LATELY_S), limit=1000)
    found = {request.id: request for request in [*lately, *approvals.list(pending=True, limit=1000)]}
    for id in set(shown) - set(found):
        request = approvals.get(id)
        if request is not None and (request.settled or request.expires) > time.time() - _LATELY_S:
            found[id] = request
    return list(found.values())


def _print_news(out: Console, request: Request, *, is_new: bool, as_json: bool) -> None:
    if as_json:
        print_json(asdict(request))
        sys.stdout.flush()
    elif is_new:
        out.print(_card(request))
    else:
        by = asked.names_of(request)
        line = f"{request.id} {request.status}" + (f" by {by}" if by else "")
        out.print(Text(line, _STATUS_STYLES[request.status]))


def _card(request: Request) -> Panel:
    """Who, what, where, and to what effect, in the order in which one decides."""
    grid = asked.grid()
    groups = f" ({', '.join(request.groups)})" if request.groups else ""
    labels = "".join(f" {name}={value}" for name, value in request.labels.items())
    by = f", by {', for '.join(request.actors)}" if request.actors else ""
    grid.add_row("who", one_line(f"{request.user}{groups}{by}, from {request.address or 'an unknown address'}"))
    grid.add_row("where", one_line(f"{request.target} ({request.protocol}, {request.server}){labels}"))
    grid.add_row("effect", Text(one_line(_effect(request)), "bold yellow"))
    grid.add_row("what", Text(harmless(request.text), "bold"))
    if request.parameters:
        values = (f"${i}={'NULL' if v is None else one_line(v, 80)}" for i, v in enumerate(request.parameters, 1))
        grid.add_row("with", Text(", ".join(values), "cyan"))
    grid.add_row("why", one_line(f"{request.reason or 'no reason was given'} ({request.policy})"))
    grid.add_row("needs", asked.who_answers(request))
    grid.add_row("asked", f"{moment(request.created)}, {_left(request)}")
    asked.add_answers(grid, request)
    return asked.card(grid, Text(f"{request.id} · {request.status}"), _STATUS_STYLES[request.status])


def _effect(request: Request) -> str:
    if not request.verbs and not request.objects:
        return "not known"
    return " ".join(part for part in (", ".join(request.verbs), ", ".join(request.objects)) if part)


def _left(request: Request) -> str:
    if request.status is not Status.PENDING:
        return f"{request.status} {moment(request.settled or request.expires)}"
    return f"{length(max(request.expires - time.time(), 0.0))} left"


def _find(approvals: Approvals, beginning: str) -> Request:
    none = f"there is no request {one_line(beginning)}; `{PROGRAM} list` shows those that wait"
    return asked.only(approvals.find(beginning), beginning, none)
