"""`hoopaddon try`: judge commands without any server."""

import argparse
import asyncio
import logging
import sys
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.text import Text

from hoopaddon.adapter import adapters
from hoopaddon.cli.terminal import console, harmless, one_line, print_error, print_json
from hoopaddon.cli.try_gateway import Judgement, Trial
from hoopaddon.cli.try_rows import read_rows
from hoopaddon.cli.try_show import as_json, show
from hoopaddon.command import Command
from hoopaddon.errors import ConfigError, Refused
from hoopaddon.policy.chain import PolicyFailed
from hoopaddon.session import Session
from hoopaddon.testing.events import session

ALLOWED, REFUSED, WRONG_USE, HELD = 0, 1, 2, 3
_ANY_ROWS = "SELECT"

_DESCRIPTION = """\
Judge commands with the policies of one or more scripts, as the gateway would, without any server: the same loading,
the same options, the same chain. Without -c, each line of standard input is a command; on a terminal there is a
prompt, and a script that is saved takes effect at once: the last command is judged again."""

_EPILOG = """\
examples:
  hoopaddon try -s rule.py
      a prompt: type SQL, see the verdict; edit rule.py in another window, save, see the new one
  hoopaddon try -s rule.py -c "DELETE FROM orders" --user agent-7 --groups dev --label env=prod
      one command, by somebody, on a production target
  hoopaddon try -s mask_pii.py --rows people.csv
      what a client would see of these rows; the first line has the columns, as name or name:type; \\N is NULL
  hoopaddon try -s block_destructive.py --json < commands.sql
      one command per line in, one JSON object per line out

exit codes: 0 allowed, 1 refused, 2 wrong use or a script that cannot be loaded, 3 would be held for approval;
of several commands, the most severe: refused, then held."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hoopaddon try",
        usage="hoopaddon try -s SCRIPT... [-c COMMAND] [--rows FILE] [option]...",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("-s", "--scripts", action="append", metavar="SCRIPT", help="a file, or the name of a shipped policy")
    add("--shadow", action="append", metavar="SCRIPT", help="a script that decides, and whose decisions do not count")
    add("--set", action="append", default=[], dest="settings", metavar="OPTION=VALUE", help="an option of a policy")
    add("-c", "--command", metavar="COMMAND", help="judge this and exit")
    add("-p", "--parameter", action="append", default=[], metavar="VALUE", help="a value bound to it; again for more")
    add("--rows", metavar="FILE", help="show these rows (CSV) as the answer to each command that passes")
    add("--json", action="store_true", help="print one JSON object per command")
    who = parser.add_argument_group("who, and where")
    who.add_argument("--user", default="alice", metavar="NAME", help="who sends it (alice)")
    who.add_argument("--groups", default="", metavar="A,B", help="the user's groups")
    who.add_argument("--target", default="try", metavar="NAME", help="the target's name (try)")
    who.add_argument("--label", action="append", default=[], metavar="KEY=VALUE", help="a label of the target")
    who.add_argument("--protocol", default="postgres", metavar="NAME", help="the target's protocol (postgres)")
    return parser


def main(argv: list[str]) -> int:
    """Returns the exit code that the verdicts mean."""
    args = _parser().parse_args(argv)
    handler = _ScriptLog()
    logging.getLogger().addHandler(handler)
    try:
        return asyncio.run(_run(args))
    except ConfigError as e:
        print_error("hoopaddon try", e)
        return WRONG_USE
    finally:
        logging.getLogger().removeHandler(handler)


async def _run(args: argparse.Namespace) -> int:
    trial = _trial(args)
    # Rows are worth a look even before there is a command that brings them.
    first = _ANY_ROWS if args.rows else None
    async with trial:
        judge = _Judge(trial, args).judge
        if args.command is not None:
            return await judge(args.command)
        if sys.stdin.isatty():
            from hoopaddon.cli.try_prompt import prompt

            return await prompt(trial, judge, args.protocol, first)
        texts = list(commands_of(sys.stdin)) or ([first] if first else [])
        codes = [await judge(text) for text in texts]
        return REFUSED if REFUSED in codes else max(codes, default=ALLOWED)


def _trial(args: argparse.Namespace) -> Trial:
    if not args.scripts and not args.shadow:
        raise ConfigError("no policy to try", hint="name a script, for example: hoopaddon try -s rule.py")
    if args.protocol not in adapters():
        raise ConfigError("no such protocol", key=args.protocol, hint=f"there are {', '.join(sorted(adapters()))}")
    labels = {}
    for label in args.label:
        key, equals, value = label.partition("=")
        if not key or not equals:
            raise ConfigError(f"{label!r} is no label", key="--label", hint="for example --label env=prod")
        labels[key] = value
    groups = [group.strip() for group in args.groups.split(",") if group.strip()]

    def make() -> Session:
        return session(args.user, groups, protocol=args.protocol, target=args.target, labels=labels)

    scripts = {name: value for name in ("scripts", "shadow") if (value := getattr(args, name))}
    return Trial(make, args.settings, scripts, read_rows(args.rows) if args.rows else None)


class _Judge:
    """Judges a text and prints what came of it, in the form that was asked for."""

    def __init__(self, trial: Trial, args: argparse.Namespace) -> None:
        self._trial = trial
        self._json = args.json
        self._parameters = args.parameter
        self._adapter = adapters()[args.protocol]
        self._console = console()

    async def judge(self, text: str) -> int:
        """The exit code that this one verdict means."""

        def make(session: Session) -> Command:
            return self._adapter.command(session, text, self._parameters)

        try:
            judgement = await self._trial.judge(make)
        except (Refused, PolicyFailed) as e:
            self._no_session(text, e)
            return REFUSED
        if self._json:
            print_json(as_json(judgement))
        else:
            show(self._console, judgement)
        return _code(judgement)

    def _no_session(self, text: str, error: Refused | PolicyFailed) -> None:
        if self._json:
            print_json(
                {"command": text, "verdict": "refused", "passes": False, "reason": str(error), "session": False}
            )
            return
        self._console.print(Text(f"✗ no session: {one_line(str(error))}", "bold red"))
        for cause in self._trial.gateway.errors:
            self._console.print(Text(f"  {type(cause).__name__}: {harmless(str(cause))}", "red"))


def _code(judgement: Judgement) -> int:
    if not judgement.passes:
        return REFUSED
    return HELD if judgement.held else ALLOWED


def commands_of(lines: Iterator[str]) -> Iterator[str]:
    r"""A command per line; one that ends with `\` goes on in the next. Blank lines are none."""
    command = ""
    for line in lines:
        command += line.rstrip("\r\n")
        if command.endswith("\\"):
            command = command[:-1] + "\n"
            continue
        if command.strip():
            yield command
        command = ""
    if command.strip():
        yield command


class _ScriptLog(logging.Handler):
    """Shows what scripts say, and the loader about them. Errors of policies are shown with the verdict."""

    _SHOWN_ELSEWHERE = ("hoopaddon.policy.chain", "hoopaddon.testing.recording")

    def __init__(
        self, make: Callable[[], Console] = lambda: Console(stderr=True, markup=False, highlight=False)
    ) -> None:
        super().__init__(logging.WARNING)
        self._make = make

    def emit(self, record: logging.LogRecord) -> None:
        if record.name in self._SHOWN_ELSEWHERE:
            return
        style = "bold red" if record.levelno >= logging.ERROR else "yellow"
        self._make().print(Text(harmless(record.getMessage()), style), soft_wrap=True)
