"""`hoopaddon access`: ask for access to a target, and grant, extend or end it."""

import argparse
import sys
import time
from collections.abc import Collection
from dataclasses import asdict

from rich.panel import Panel
from rich.text import Text

from hoopaddon.access.scope import Scope, read_scope
from hoopaddon.cli import asked
from hoopaddon.cli.access_parser import PROGRAM, parser
from hoopaddon.cli.person import person
from hoopaddon.cli.terminal import (
    console,
    length,
    moment,
    one_line,
    print_json,
    since,
    table,
)
from hoopaddon.store.approvals import NotCounted
from hoopaddon.store.grants import Grant, Grants, GrantStatus
from hoopaddon.store.person import Person

_STYLES = {GrantStatus.PENDING: "yellow", GrantStatus.ACTIVE: "green", GrantStatus.DENIED: "red"}
_EMERGENCY = "bold white on red"


def main(argv: list[str]) -> int:
    """Run one subcommand; the exit code."""
    return asked.run(PROGRAM, parser(_COMMANDS).parse_args(argv), lambda layout: Grants(layout.grants))


def _request(args: argparse.Namespace, grants: Grants) -> int:
    grant = grants.ask(person(args), args.target, _scope(args), args.seconds, args.reason)
    _print(args, grant, f"asked for {grant.id}: {asked.who_answers(grant)}")
    return _await(args, grants, grant) if args.wait else 0


def _break_glass(args: argparse.Namespace, grants: Grants) -> int:
    grant = grants.break_glass(person(args), args.target, _scope(args), args.seconds, args.reason)
    _print(args, grant, f"EMERGENCY access {grant.id} to {one_line(grant.target)}, until {moment(grant.ends or 0)}")
    return 0


def _await(args: argparse.Namespace, grants: Grants, grant: Grant) -> int:
    while grant.status is GrantStatus.PENDING:
        time.sleep(asked.POLL_S)
        grant = grants.get(grant.id) or grant
    _print(args, grant, _news(grant))
    return 0 if grant.status is GrantStatus.ACTIVE else 1


def _answer(args: argparse.Namespace, grants: Grants, *, approve: bool) -> int:
    who = person(args)
    grant = grants.answer(_find(grants, args.id).id, who, approve=approve, reason=args.reason)
    _print(args, grant, asked.answered(grant, who, approve=approve))
    return 0


def _approve(args: argparse.Namespace, grants: Grants) -> int:
    return _answer(args, grants, approve=True)


def _deny(args: argparse.Namespace, grants: Grants) -> int:
    return _answer(args, grants, approve=False)


def _revoke(args: argparse.Namespace, grants: Grants) -> int:
    who: Person = person(args)
    grant = grants.revoke(_find(grants, args.id).id, who, args.reason)
    _print(args, grant, f"{grant.status} {grant.id} as {one_line(who.name)} ({who.via})")
    return 0


def _extend(args: argparse.Namespace, grants: Grants) -> int:
    more = grants.extend(_find(grants, args.id).id, person(args), args.seconds, args.reason)
    if more.status is GrantStatus.EXTENDED and more.extends and (grant := grants.get(more.extends)):
        _print(args, grant, f"{grant.id} is extended, until {moment(grant.ends or 0)}")
    else:
        _print(args, more, f"asked for {more.id}, more time for {more.extends}: {asked.who_answers(more)}")
    return 0


def _list(args: argparse.Namespace, grants: Grants) -> int:
    found = grants.list(open_only=not args.all, since=since(args.since) if args.since else 0.0)
    if args.json:
        for grant in found:
            print_json(asdict(grant))
        return 0
    shown = table("id", "status", "left", "user", "target", "scope", "reason")
    for grant in found:
        shown.add_row(
            grant.id,
            _status(grant),
            _left(grant),
            one_line(grant.user, 40),
            one_line(grant.target, 30),
            one_line(grant.scope, 50),
            one_line(grant.reason, 200),
        )
    console().print(shown if found else "nobody has access, and nobody asks for it")
    return 0


def _show(args: argparse.Namespace, grants: Grants) -> int:
    grant = _find(grants, args.id)
    if args.json:
        print_json(asdict(grant))
    else:
        console().print(_card(grant))
    return 0


def _watch(args: argparse.Namespace, grants: Grants) -> int:
    """Print every request when it comes, and what becomes of it; emergencies loudest."""
    out, begin = console(), time.time()

    def look(told: Collection[str]) -> list[Grant]:
        open_ones = (GrantStatus.PENDING, GrantStatus.ACTIVE)
        lately = grants.list(open_only=False, since=begin - 24 * 3600)
        return [one for one in lately if one.id in told or one.status in open_ones or one.created >= begin]

    def tell(grant: Grant, is_new: bool) -> None:
        if args.json:
            print_json(asdict(grant))
            sys.stdout.flush()
        else:
            out.print(_card(grant) if is_new else Text(_news(grant), _STYLES.get(grant.status, "")))

    asked.watch(look, lambda grant: (grant.status, len(grant.answers), grant.ends), tell)


def _card(grant: Grant) -> Panel:
    grid = asked.grid()
    grid.add_row("who", one_line(f"{grant.user} ({grant.via})"))
    grid.add_row("where", one_line(grant.target))
    grid.add_row("what", Text(one_line(grant.scope), "bold yellow"))
    grid.add_row("for", length(grant.seconds) + (f" more, for {grant.extends}" if grant.extends else ""))
    grid.add_row("why", one_line(grant.reason))
    if grant.emergency:
        grid.add_row("asked", Text("nobody: the glass was broken", "bold red"))
    else:
        grid.add_row("needs", asked.who_answers(grant))
    grid.add_row("when", f"{moment(grant.created)}, {_left(grant)}")
    asked.add_answers(grid, grant)
    if grant.status is GrantStatus.REVOKED:
        grid.add_row("revoked", one_line(f"by {grant.settled_by}" + (f": {grant.said}" if grant.said else "")))
    for session in grant.sessions:
        grid.add_row("session", one_line(session))
    loud = grant.emergency and grant.status is GrantStatus.ACTIVE
    style = "red" if loud else _STYLES.get(grant.status, "dim")
    title = f"{grant.id} · {'EMERGENCY · ' if grant.emergency else ''}{grant.status}"
    return asked.card(grid, Text(title, _EMERGENCY if loud else ""), style)


def _status(grant: Grant) -> Text:
    if grant.emergency and grant.status is GrantStatus.ACTIVE:
        return Text("EMERGENCY", _EMERGENCY)
    return Text(grant.status, _STYLES.get(grant.status, "dim"))


def _news(grant: Grant) -> str:
    by = asked.names_of(grant) or grant.settled_by
    until = f", until {moment(grant.ends)}" if grant.status is GrantStatus.ACTIVE and grant.ends else ""
    return one_line(f"{grant.id} {grant.status}" + (f" by {by}" if by else "") + until)


def _left(grant: Grant) -> str:
    until = grant.expires if grant.status is GrantStatus.PENDING else grant.ends
    if grant.status not in (GrantStatus.PENDING, GrantStatus.ACTIVE) or until is None:
        return f"{grant.status} {moment(grant.settled or grant.created)}"
    return f"{length(max(until - time.time(), 0.0))} left"


def _scope(args: argparse.Namespace) -> Scope:
    try:
        return read_scope(args.scope)
    except ValueError as e:
        raise NotCounted(f"--scope: {e}") from None


def _print(args: argparse.Namespace, grant: Grant, said: str) -> None:
    if args.json:
        print_json(asdict(grant))
    else:
        print(said)
    sys.stdout.flush()


def _find(grants: Grants, beginning: str) -> Grant:
    exact = grants.get(beginning)
    found = [exact] if exact else grants.list(open_only=False)
    none = f"there is no grant {one_line(beginning)}; `{PROGRAM} list` shows those that there are"
    return asked.only([grant for grant in found if grant.id.startswith(beginning.lower())], beginning, none)


_COMMANDS = {
    "request": _request,
    "list": _list,
    "show": _show,
    "approve": _approve,
    "deny": _deny,
    "revoke": _revoke,
    "extend": _extend,
    "watch": _watch,
    "break-glass": _break_glass,
}
