"""What the subcommands print on a terminal: recorded text made harmless, times, lengths of time."""

import json
import os
import re
import sys
import time
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hoopaddon.errors import ConfigError

_DURATION = re.compile(r"([0-9]{1,6})\s*(s|m|h|d)")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_PIPED_WIDTH = 160
_LAST_COLUMN = 20
VERDICT_STYLES = {
    "allowed": "green",
    "approved": "cyan",
    "refused": "red",
    "denied": "red",
    "failed": "bold red",
    "pending": "yellow",
}


def harmless(text: str) -> str:
    """The text with everything that a terminal would obey, or that would not be seen, spelt out.

    Those are control characters (escape sequences begin with one), marks that turn the writing direction, what has
    no width, and lone surrogates; only line feeds and tabs stay.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char in "\n\t" or not _is_obeyed(char) else _spelt_out(char) for char in text)


def one_line(text: str, limit: int = 0) -> str:
    """The harmless text in a single line, cut to `limit` characters where one is given."""
    line = " ".join(harmless(text).split())
    return line if not limit or len(line) <= limit else f"{line[: limit - 1]}…"


def _is_obeyed(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def _spelt_out(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def console() -> Console:
    """A console that takes nothing in its text for markup; wide where its output goes to a file or a pipe.

    `COLUMNS` in the environment says otherwise.
    """
    width = None if sys.stdout.isatty() or os.environ.get("COLUMNS") else _PIPED_WIDTH
    return Console(width=width, markup=False, emoji=False, highlight=False)


def table(*columns: str) -> Table:
    """An empty table; its last column takes what is left of the width.

    On a narrow terminal the middle gives way: the first column may be an id, which is of no use in part.
    """
    empty = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True, show_edge=False, header_style="bold")
    for column in columns[:-1]:
        empty.add_column(column, no_wrap=column == columns[0], overflow="fold", min_width=len(column))
    ratio, least = (1, _LAST_COLUMN) if columns[-1] else (None, None)
    empty.add_column(columns[-1], ratio=ratio, overflow="fold", min_width=least)
    return empty


def verdict_text(verdict: str) -> Text:
    """A verdict in its colour. An empty one means that how the command ended is not recorded."""
    return Text(verdict or "not ended", VERDICT_STYLES.get(verdict, "yellow"))


def print_json(value: Any) -> None:
    """One line of JSON in ASCII: whatever is in it, a terminal obeys none of it."""
    print(json.dumps(value, ensure_ascii=True, separators=(",", ":")))


def print_error(program: str, error: object) -> None:
    """One clear message on stderr."""
    print(f"{program}: {harmless(str(error))}", file=sys.stderr)


def moment(at: float) -> str:
    """A time as the reader's clock shows it."""
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def length(seconds: float) -> str:
    """A length of time in two figures or so: `850 µs`, `12 ms`, `3.4 s`, `12 min`, `5 h`."""
    for unit, per_unit, limit in (("µs", 1e6, 1e-3), ("ms", 1e3, 1.0), ("s", 1.0, 120.0), ("min", 1 / 60, 7200.0)):
        if seconds < limit:
            return (
                f"{seconds * per_unit:.2g} {unit}" if seconds * per_unit < 10 else f"{seconds * per_unit:.0f} {unit}"
            )
    return f"{seconds / 3600:.0f} h"


def since(text: str) -> float:
    """The time that `--since` means: `90s`, `15m`, `8h`, `7d` ago, or a date, or a date and time.

    Raises `ConfigError`.
    """
    if found := _DURATION.fullmatch(text.strip()):
        return time.time() - int(found[1]) * _UNIT_S[found[2]]
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        hint = "write for example 15m, 8h, 7d, 2026-11-22 or 2026-11-22T14:30"
        raise ConfigError(f"{text!r} is no time", key="--since", hint=hint) from None


def plural(count: int, one: str, many: str = "") -> str:
    """`1 command`, `2 commands`."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def joined(names: Iterable[str]) -> str:
    """Names in one line, made harmless."""
    return one_line(", ".join(names))
