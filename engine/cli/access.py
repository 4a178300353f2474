"""`hoopaddon access`: ask for access to a target, and grant, extend or end it."""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import asdict

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from hoopaddon.access.scope import Scope, read_scope
from hoopaddon.cli.access_parser import PROGRAM, parser
from hoopaddon.cli.person import person
from hoopaddon.cli.terminal import (
    console,
    joined,
    length,
    moment,
    one_line,
    plural,
    print_error,
    print_json,
    since,
    table,
)
from hoopaddon.errors import ConfigError, HoopaddonError
from hoopaddon.store.approvals import NotCounted
from hoopaddon.store.grants import Grant, Grants, GrantStatus
from hoopaddon.store.layout import Layout, store_folder
from hoopaddon.store.person import Person

_POLL_S = 0.2
_STYLES = {GrantStatus.PENDING: "yellow", GrantStatus.ACTIVE: "green", GrantStatus.DENIED: "red"}
_EMERGENCY = "bold white on red"


def main(argv: list[str]) -> int:
    """Run one subcommand; the exit code."""
    args = parser(_COMMANDS).parse_args(argv)
    layout = Layout(store_folder(args.store, args.confdir))
    command: Callable[[argparse.Namespace, Grants], int] = args.run
    try:
        if not layout.folder.is_dir():
            raise ConfigError("there is no store there", file=str(layout.folder), hint="name it with --store DIR")
        grants = Grants(layout.grants)
        try:
            return command(args, grants)
        finally:
            grants.close()
    except NotCounted as e:
        print_error(PROGRAM, e)
        return 1
    except HoopaddonError as e:
        print_error(PROGRAM, e)
        return 2
    except KeyboardInterrupt:
        return 0


def _request(args: argparse.Namespace, grants: Grants) -> int:
    grant = grants.ask(person(args), args.target, _scope(args), args.seconds, args.reason)
    _print(args, grant, f"asked for {grant.id}: {_who_answers(grant)}")
    return _await(args, grants, grant) if args.wait else 0


def _break_glass(args: argparse.Namespace, grants: Grants) -> int:
    grant = grants.break_glass(person(args), args.target, _scope(args), args.seconds, args.reason)
    _print(args, grant, f"EMERGENCY access {grant.id} to {one_line(grant.target)}, until {moment(grant.ends or 0)}")
    return 0


def _await(args: argparse.Namespace, grants: Grants, grant: Grant) -> int:
    while grant.status is GrantStatus.PENDING:
        time.sleep(_POLL_S)
        grant = grants.get(grant.id) or grant
    _print(args, grant, _news(grant))
    return 0 if grant.status is GrantStatus.ACTIVE else 1


def _answer(args: argparse.Namespace, grants: Grants, *, approve: bool) -> int:
    who = person(args)
    grant = grants.answer(_find(grants, args.id).id, who, approve=approve, reason=args.reason)
    missing = grant.needed - sum(answer.approved for answer in grant.answers)
    waits = f"; {plural(missing, 'more approval is', 'more approvals are')} needed" if approve and missing > 0 else ""
    said = "approved" if approve else "denied"
    _print(args, grant, f"{said} {grant.id} as {one_line(who.name)} ({who.via}){waits}")
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
    asked = grants.extend(_find(grants, args.id).id, person(args), args.seconds, args.reason)
    if asked.status is GrantStatus.EXTENDED and asked.extends and (grant := grants.get(asked.extends)):
        _print(args, grant, f"{grant.id} is extended, until {moment(grant.ends or 0)}")
    else:
        _print(args, asked, f"asked for {asked.id}, more time for {asked.extends}: {_who_answers(asked)}")
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
    shown: dict[str, tuple[GrantStatus, int, float | None]] = {}
    while True:
        for grant in reversed(grants.list(open_only=False, since=begin - 24 * 3600)):
            state = (grant.status, len(grant.answers), grant.ends)
            is_open = grant.status in (GrantStatus.PENDING, GrantStatus.ACTIVE)
            if shown.get(grant.id) == state or (grant.id not in shown and not is_open and grant.created < begin):
                continue
            if args.json:
                print_json(asdict(grant))
                sys.stdout.flush()
            else:
                news = Text(_news(grant), _STYLES.get(grant.status, ""))
                out.print(news if grant.id in shown else _card(grant))
            shown[grant.id] = state
        time.sleep(_POLL_S)


def _card(grant: Grant) -> Panel:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("who", one_line(f"{grant.user} ({grant.via})"))
    grid.add_row("where", one_line(grant.target))
    grid.add_row("what", Text(one_line(grant.scope), "bold yellow"))
    grid.add_row("for", length(grant.seconds) + (f" more, for {grant.extends}" if grant.extends else ""))
    grid.add_row("why", one_line(grant.reason))
    if grant.emergency:
        grid.add_row("asked", Text("nobody: the glass was broken", "bold red"))
    else:
        grid.add_row("needs", one_line(_who_answers(grant)))
    grid.add_row("when", f"{moment(grant.created)}, {_left(grant)}")
    for answer in grant.answers:
        said = f"{'yes' if answer.approved else 'no'} from {answer.approver} ({answer.via})"
        grid.add_row("answer", one_line(said + (f": {answer.reason}" if answer.reason else "")))
    if grant.status is GrantStatus.REVOKED:
        grid.add_row("revoked", one_line(f"by {grant.settled_by}" + (f": {grant.said}" if grant.said else "")))
    for session in grant.sessions:
        grid.add_row("session", one_line(session))
    loud = grant.emergency and grant.status is GrantStatus.ACTIVE
    style = "red" if loud else _STYLES.get(grant.status, "dim")
    title = f"{grant.id} · {'EMERGENCY · ' if grant.emergency else ''}{grant.status}"
    return Panel(grid, title=Text(title, _EMERGENCY if loud else ""), title_align="left", border_style=style)


def _status(grant: Grant) -> Text:
    if grant.emergency and grant.status is GrantStatus.ACTIVE:
        return Text("EMERGENCY", _EMERGENCY)
    return Text(grant.status, _STYLES.get(grant.status, "dim"))


def _news(grant: Grant) -> str:
    by = joined(answer.approver for answer in grant.answers) or grant.settled_by
    until = f", until {moment(grant.ends)}" if grant.status is GrantStatus.ACTIVE and grant.ends else ""
    return one_line(f"{grant.id} {grant.status}" + (f" by {by}" if by else "") + until)


def _who_answers(grant: Grant) -> str:
    by = f" of {' or '.join(grant.approvers)}" if grant.approvers else ""
    return f"{plural(grant.needed, 'person', 'people')}{by}; the requester cannot"


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
    if exact := grants.get(beginning):
        return exact
    found = [grant for grant in grants.list(open_only=False) if grant.id.startswith(beginning.lower())]
    if not found:
        raise NotCounted(f"there is no grant {one_line(beginning)}; `{PROGRAM} list` shows those that there are")
    if len(found) > 1:
        raise NotCounted(f"several ids begin with {beginning}: {joined(grant.id for grant in found)}")
    return found[0]


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
