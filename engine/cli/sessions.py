"""`hoopaddon sessions`: list, show, replay, search, check and export what was recorded."""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from hoopaddon.cli import sessions_play
from hoopaddon.cli.place import Place, add_place
from hoopaddon.cli.show import Show, events
from hoopaddon.cli.takes import NothingToPlay
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
    verdict_text,
)
from hoopaddon.command import Outcome
from hoopaddon.errors import HoopaddonError
from hoopaddon.store import queries
from hoopaddon.store.index import Index, IndexUnusable, forget
from hoopaddon.store.keys import PUBLIC_NAME, PublicKeys, SigningKey
from hoopaddon.store.layout import Layout
from hoopaddon.store.verify import Status, Verification, verify

PROGRAM = "hoopaddon sessions"
_ID_CHARS = 13
"""Enough of an id to tell sessions apart that began a thousandth of a second apart."""

_TO_THE_MINUTE = len("2026-11-22 14:30")
_ROOMY_WIDTH = 100

_EPILOG = """examples:
  hoopaddon sessions list --since 1d --verdict refused
  hoopaddon sessions show 0198a2c4d5e61
  hoopaddon sessions replay 0198a2c4d5e61 --speed 4 --max-idle 2s
  hoopaddon sessions export 0198a2c4d5e61 --format asciicast --out session.cast
  hoopaddon sessions search "delete orders" --user agent-7
  hoopaddon sessions verify --all

exit code: 0, or 1 where a session is missing or does not verify, or 2 for an error
"""


def main(argv: list[str]) -> int:
    """Run one subcommand; the exit code."""
    args = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace, Index], int] = args.run
    try:
        args.place = Place.of(args)
        layout: Layout = args.place.layout
        if command is _rebuild:
            return _rebuild_from(args, layout)
        with Index(layout) as index:
            index.refresh()
            return command(args, index)
    except (queries.NoSuchSession, NothingToPlay) as e:
        print_error(PROGRAM, e)
        return 1
    except HoopaddonError as e:
        print_error(PROGRAM, e)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="List, show, replay, search, check and export what was recorded.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    common, filters, keys = _common()
    add = commands.add_parser("list", parents=[common, filters], help="the sessions, newest first")
    add.set_defaults(run=_list)
    add = commands.add_parser("show", parents=[common], help="what happened in one session")
    add.add_argument("id", metavar="ID", help="the session's id, or the beginning of it")
    add.add_argument("--rows", type=int, default=10, metavar="N", help="show so many rows of a result (default 10)")
    add.set_defaults(run=_show)
    add = commands.add_parser("replay", parents=[common], help="play a session in this terminal, as it was seen")
    sessions_play.add_replay(add)
    add.set_defaults(run=_replay)
    add = commands.add_parser("search", parents=[common, filters], help="the commands with these words in them")
    add.add_argument(
        "words", metavar="TEXT", help="words of a command, its user, or what came back; `ord*` begins so"
    )
    add.set_defaults(run=_search)
    add = commands.add_parser("verify", parents=[common, keys], help="check that nothing was changed or taken away")
    add.add_argument("id", metavar="ID", nargs="?", help="the session's id, or the beginning of it")
    add.add_argument("--all", action="store_true", help="every session")
    add.set_defaults(run=_verify)
    add = commands.add_parser("export", parents=[common, keys], help="a session in another format")
    sessions_play.add_export(add)
    add.set_defaults(run=_export)
    add = commands.add_parser("rebuild", parents=[common], help="make the index anew from the session files")
    add.add_argument("--forget", action="store_true", help="even where it then forgets sessions that have no file")
    add.set_defaults(run=_rebuild)
    return parser


def _common() -> tuple[argparse.ArgumentParser, ...]:
    """What several subcommands take: the store, which sessions are meant, whose signatures are believed."""
    common = argparse.ArgumentParser(add_help=False)
    add_place(common)
    common.add_argument("--json", action="store_true", help="print JSON, one object a line")
    filters = argparse.ArgumentParser(add_help=False)
    filters.add_argument("--user", default="", metavar="NAME", help="only this user's")
    filters.add_argument("--target", default="", metavar="NAME", help="only on this target")
    filters.add_argument("--since", default="", metavar="TIME", help="not older: 15m, 8h, 7d, 2026-11-22")
    filters.add_argument("--verdict", default="", choices=[str(o) for o in Outcome], help="only with this verdict")
    filters.add_argument("--limit", type=int, default=100, metavar="N", help="at most so many (default 100)")
    keys = argparse.ArgumentParser(add_help=False)
    keys.add_argument(
        "--public-key", metavar="FILE", help=f"the keys to believe (default: {PUBLIC_NAME} in the confdir)"
    )
    return common, filters, keys


def _filter(args: argparse.Namespace) -> queries.Filter:
    begin = since(args.since) if args.since else 0.0
    return queries.Filter(args.user, args.target, args.verdict, begin, max(args.limit, 0))


def _list(args: argparse.Namespace, index: Index) -> int:
    found = queries.sessions(index.db, _filter(args))
    if args.json:
        for summary in found:
            print_json(asdict(summary))
        return 0
    out = console()
    roomy = out.width >= _ROOMY_WIDTH
    origin = ("from",) if roomy else ()
    shown = table("session", "started", "user", "target", *origin, "lasted", "cmds", "refused", "")
    for s in found:
        state = f"damaged: {one_line(s.damage)}" if s.damage else "" if s.ended else "not closed"
        shown.add_row(
            s.id[:_ID_CHARS],
            moment(s.started)[:_TO_THE_MINUTE],
            one_line(s.user, 40),
            one_line(s.target, 30),
            *((one_line(s.address, 40),) if roomy else ()),
            length(max(s.ended - s.started, 0.0)) if s.ended else "",
            str(s.commands),
            str(s.refused or ""),
            state,
        )
    out.print(shown if found else "no sessions")
    return 0


def _show(args: argparse.Namespace, index: Index) -> int:
    path = _file(args, index)
    if args.json:
        for found in events(path):
            print_json(found)
    else:
        Show(console(), max(args.rows, 0)).show(path)
    return 0


def _replay(args: argparse.Namespace, index: Index) -> int:
    return sessions_play.replay(args, _file(args, index), PROGRAM)


def _export(args: argparse.Namespace, index: Index) -> int:
    path = _file(args, index)
    known = index.known(path.stem)
    return sessions_play.export(args, path, lambda: verify(path, _public_keys(args), known[1] if known else None))


def _file(args: argparse.Namespace, index: Index) -> Path:
    """The session's file. Raises `NoSuchSession`."""
    path = _path(index, queries.session_id(index.db, args.id))
    if not path.is_file():
        raise queries.NoSuchSession(f"the file of session {path.stem} is not there any more: {path}")
    return path


def _search(args: argparse.Namespace, index: Index) -> int:
    found = queries.search(index.db, args.words, _filter(args))
    if args.json:
        for hit in found:
            print_json(asdict(hit))
        return 0
    shown = table("session", "#", "started", "user", "target", "verdict", "command")
    for hit in found:
        what = one_line(hit.text, 300) + (f"\n→ {one_line(hit.rows, 200)}" if hit.rows else "")
        who = one_line(hit.user, 40), one_line(hit.target, 30)
        began = moment(hit.started)
        shown.add_row(hit.session[:_ID_CHARS], str(hit.number), began, *who, verdict_text(hit.verdict), what)
    console().print(shown if found else "nothing found")
    return 0


def _verify(args: argparse.Namespace, index: Index) -> int:
    if bool(args.id) == args.all:
        print_error(PROGRAM, "verify: name one session, or --all")
        return 2
    keys = _public_keys(args)
    ids = _all_ids(index) if args.all else iter([queries.session_id(index.db, args.id)])
    count, unsound = 0, 0
    out = console()
    for result in _verified(index, ids, keys):
        count += 1
        unsound += not result.status.sound
        if args.json:
            print_json({**asdict(result), "path": str(result.path), "session": result.path.stem})
        elif not args.all or result.status is not Status.OK:
            out.print(_described(result), style="" if result.status.sound else "red", soft_wrap=True)
    if args.all and not args.json:
        bad = f", {unsound} not as they were written" if unsound else ""
        out.print(f"{plural(count, 'session')} checked{bad}")
    return 1 if unsound else 0


def _verified(index: Index, ids: Iterator[str], keys: PublicKeys) -> Iterator[Verification]:
    for session in ids:
        found = index.known(session)
        yield verify(_path(index, session), keys, found[1] if found else None)


def _described(result: Verification) -> str:
    place = f", line {result.line}" if result.line else ""
    detail = (
        f": {result.detail}"
        if result.detail
        else f": {plural(result.lines, 'event')}, signed"
        if result.lines
        else ""
    )
    return one_line(f"{result.path.stem}  {result.status}{place}{detail}")


def _all_ids(index: Index) -> Iterator[str]:
    return (row["session"] for row in index.db.execute("SELECT session FROM files ORDER BY path").fetchall())


def _path(index: Index, session: str) -> Path:
    found = index.known(session)
    if found is None:
        raise queries.NoSuchSession(f"session {session} has no file")
    return found[0]


def _public_keys(args: argparse.Namespace) -> PublicKeys:
    if args.public_key:
        return PublicKeys.load(args.public_key)
    public: Path = args.place.confdir / PUBLIC_NAME
    return PublicKeys.load(public) if public.exists() else SigningKey.load(args.place.confdir).public_keys


def _rebuild(args: argparse.Namespace, index: Index) -> int:
    index.refresh()
    count = index.db.execute("SELECT count(*) FROM sessions").fetchone()[0]
    print(f"{plural(count, 'session')} in the index")
    return 0


def _rebuild_from(args: argparse.Namespace, layout: Layout) -> int:
    """Drop the index first, unless it is the only one to know of sessions that are gone."""
    if missing := [] if args.forget else _missing(layout):
        names = joined(missing[:3]) + (" …" if len(missing) > 3 else "")
        have = "session has" if len(missing) == 1 else "sessions have"
        print_error(PROGRAM, f"{len(missing)} {have} no file any more ({names}); to forget that, add --forget")
        return 1
    forget(layout)
    with Index(layout) as index:
        return _rebuild(args, index)


def _missing(layout: Layout) -> list[str]:
    """The sessions that the index knows and that have no file any more. An index that cannot be read knows none."""
    if not layout.index.exists():
        return []
    try:
        with Index(layout) as index:
            return [session for session in _all_ids(index) if not _path(index, session).exists()]
    except IndexUnusable:
        return []
