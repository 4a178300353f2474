"""`hoopaddon sessions replay` and `export`: a recorded session in time, on a terminal or in a file."""

import argparse
import contextlib
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

from hoopaddon.cli import asciicast
from hoopaddon.cli.keyboard import Clock, Keyboard, NoClock
from hoopaddon.cli.player import Pace, Player
from hoopaddon.cli.show import events
from hoopaddon.cli.takes import Take, choose, frames
from hoopaddon.cli.terminal import length, plural, print_error
from hoopaddon.errors import ConfigError
from hoopaddon.store.verify import Verification

_UNIT_S = {"h": 3600, "m": 60, "s": 1}
_LENGTH = re.compile(r"(?:(\d{1,4})h)?(?:(\d{1,5})m)?(?:(\d{1,7}(?:\.\d{1,3})?)s?)?")
_CLOCK = re.compile(r"(?:(\d{1,4}):)?(\d{1,4}):(\d{1,2})")
FORMATS = ("asciicast", "json")


def add_replay(add: argparse.ArgumentParser) -> None:
    """The arguments of `replay`."""
    add.add_argument("id", metavar="ID", help="the session's id, or the beginning of it")
    add.add_argument("--speed", type=float, metavar="N", help="so many times as fast as it was (default 1)")
    add.add_argument("--max-idle", default="", metavar="TIME", help="no silence longer than this, as 2s")
    add.add_argument("--from", dest="start", default="", metavar="TIME", help="begin there, as 1m30s or 1:30")
    add.add_argument("--terminal", type=int, default=0, metavar="N", help="which one, where there are several")
    add.epilog = (
        "keys: space pauses, left and right jump 5 s, down and up a minute, + and - change the speed, q quits"
    )


def add_export(add: argparse.ArgumentParser) -> None:
    """The arguments of `export`."""
    add.add_argument("id", metavar="ID", help="the session's id, or the beginning of it")
    add.add_argument(
        "--format", choices=FORMATS, default=FORMATS[0], help="asciicast (default), or all of it as json"
    )
    add.add_argument("-o", "--out", default="", metavar="FILE", help="write there instead of printing it")
    add.add_argument("--terminal", type=int, default=0, metavar="N", help="which one, where there are several")
    add.add_argument(
        "--asciicast-version",
        type=int,
        choices=asciicast.VERSIONS,
        default=2,
        help="the format's version (default 2)",
    )
    add.add_argument("--raw", action="store_true", help="also what could do harm to the terminal that plays it")


def replay(args: argparse.Namespace, path: Path, program: str) -> int:
    """Play the session in this terminal; at once, where the output goes elsewhere and no speed is asked for."""
    if args.speed is not None and not 0 < args.speed <= 1000:
        raise ConfigError("has to be above 0, and 1000 at most", key="--speed")
    idle_s = seconds(args.max_idle, "--max-idle") if args.max_idle else None
    pace = Pace(args.speed or 1.0, idle_s, seconds(args.start, "--from") if args.start else 0.0)
    take, terminals = choose(path, args.terminal)
    screen = sys.stdout.isatty()
    if len(terminals) > 1 and not args.terminal:
        others = ", ".join(str(other.terminal) for other in terminals if other is not take)
        print_error(program, f"this is terminal {take.terminal}; play {others} with --terminal N")
    if screen:
        _compare(take, program)
    with _watcher(timed=screen or args.speed is not None, keys=screen and sys.stdin.isatty()) as watcher:
        player = Player(lambda: frames(path, take), _write, watcher, pace)
        player.play(tidy=screen)
    sys.stdout.flush()
    return 0


def export(args: argparse.Namespace, path: Path, check: Callable[[], Verification]) -> int:
    """Write the session in another format; `check` says whether it is what the gateway wrote."""
    if args.format == "json":
        lines = _document(path, check())
    else:
        take, _ = choose(path, args.terminal)
        lines = asciicast.lines(take, frames(path, take), version=args.asciicast_version, raw=args.raw)
    with _file(args.out) as file:
        count = sum(file.write(f"{line}\n") for line in lines)
    if args.out:
        print(f"wrote {args.out}, {plural(count, 'byte')}")
    return 0


def seconds(said: str, key: str) -> float:
    """A length of time as `90`, `90s`, `1m30s`, `1h`, `1:30`, `1:02:03`. Raises `ConfigError`."""
    if found := _CLOCK.fullmatch(said):
        return int(found[1] or 0) * 3600 + int(found[2]) * 60 + int(found[3])
    found = _LENGTH.fullmatch(said)
    if not said or found is None:
        raise ConfigError(f"{said!r} is no length of time", key=key, hint="write for example 2s, 1m30s or 1:30")
    return sum(float(part or 0) * unit for part, unit in zip(found.groups(), _UNIT_S.values(), strict=True))


def _document(path: Path, checked: Verification) -> Iterator[str]:
    """One JSON object, an event to a line."""
    verification = {"status": checked.status, "line": checked.line, "detail": checked.detail}
    yield '{"verification": ' + _json(verification) + ', "events": ['
    before = ""
    for found in events(path):
        if before:
            yield f"{before},"
        before = _json(found)
    yield f"{before}]}}"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=True)


def _compare(take: Take, program: str) -> None:
    here, there = shutil.get_terminal_size(), take.size
    if here.columns < there[0] or here.lines < there[1]:
        recorded, yours = f"{there[0]}x{there[1]}", f"{here.columns}x{here.lines}"
        print_error(program, f"recorded on {recorded}; on yours, {yours}, it may look torn")
    if take.seconds > 0:
        print(f"{length(take.seconds)}; space pauses, arrows jump, q quits", file=sys.stderr)


@contextlib.contextmanager
def _watcher(*, timed: bool, keys: bool) -> Iterator[Clock]:
    if keys:
        with Keyboard() as keyboard:
            yield keyboard
    else:
        yield Clock() if timed else NoClock()


@contextlib.contextmanager
def _file(name: str) -> Iterator[TextIO]:
    if not name:
        yield sys.stdout
        return
    try:
        with Path(name).open("w", encoding="ascii") as file:
            yield file
    except OSError as e:
        raise ConfigError(f"cannot be written: {e.strerror}", file=name, key="--out") from None


def _write(shown: str) -> None:
    sys.stdout.write(shown)
