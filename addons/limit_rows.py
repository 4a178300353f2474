"""End a result that is longer than anybody reads with an error that says so, wherever its rows are fetched.

`--set limit_rows=1000` is for everybody, `--set limit_rows_for=analysts=100000,dba=0` for members of these groups;
0 is no limit.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from mitmproxy.exceptions import OptionsError

from hoopaddon import Addon, Command, Loader, Refused, Rows, Session, SqlCommand, ctx

KEY = "limit_rows"
MOST_UNFINISHED = 1000
_ENDS = frozenset({"commit", "rollback"})

type Source = tuple[str, object]
"""What rows are fetched from, time after time: a cursor by its name, a portal by its text and values."""


@dataclass(slots=True)
class Counts:
    """How many rows of what a session has been given."""

    running: dict[int, int] = field(default_factory=dict)
    """By the number of the command that brings them, those of earlier fetches from the same source included."""
    unfinished: OrderedDict[Source, int] = field(default_factory=OrderedDict)
    floor: int = 0
    """The most that any source has given which there was no room to remember."""

    def before(self, sources: Iterable[Source]) -> int:
        return max((self.unfinished.get(source, self.floor) for source in sources), default=0)

    def keep(self, source: Source, count: int) -> None:
        self.unfinished[source] = count
        self.unfinished.move_to_end(source)
        if len(self.unfinished) > MOST_UNFINISHED:
            _, forgotten = self.unfinished.popitem(last=False)
            self.floor = max(self.floor, forgotten)

    def forget_portals(self) -> None:
        for source in [source for source in self.unfinished if source[0] == "portal"]:
            del self.unfinished[source]


class LimitRows(Addon):
    """Counts over batches, over the fetches from a cursor or a portal, and over COPY."""

    def __init__(self) -> None:
        self._limit = 0
        self._by_group: dict[str, int] = {}
        self._labels: dict[str, str] = {}

    def load(self, loader: Loader) -> None:
        add = loader.add_option
        add("limit_rows", int, 10_000, "How many rows one statement may bring; 0 is no limit.")
        add("limit_rows_for", Sequence[str], [], "The same for members of a group, as `analysts=100000`.")
        add("limit_rows_labels", Sequence[str], [], "Only on targets with all of these labels, as `env=prod`.")

    def configure(self, updated: set[str]) -> None:
        options = ctx.options
        if options.limit_rows < 0:
            raise OptionsError("limit_rows: write how many rows, or 0 for no limit")
        by_group = {}
        for group, text in _pairs("limit_rows_for", options.limit_rows_for, "analysts=100000"):
            if not (text.isascii() and text.isdigit()):
                raise OptionsError(f"limit_rows_for: {text!r} is no number of rows; write for example {group}=100000")
            by_group[group] = int(text)
        self._labels = dict(_pairs("limit_rows_labels", options.limit_rows_labels, "env=prod"))
        self._limit, self._by_group = options.limit_rows, by_group

    def _limit_of(self, session: Session) -> int:
        """The most generous of the limits that are set for the user's groups; 0 is none."""
        if not self._labels.items() <= session.target.labels.items():
            return 0
        found = [self._by_group[group] for group in session.user.groups if group in self._by_group]
        if not found:
            return self._limit
        return 0 if 0 in found else max(found)

    def rows(self, rows: Rows) -> None:
        command = rows.command
        limit = self._limit_of(command.session)
        if not isinstance(command, SqlCommand):
            return
        counts = _counts(command.session)
        count = counts.running.get(command.number)
        if count is None:
            count = counts.before(_sources(command))
        counts.running[command.number] = count + len(rows)
        if limit and count + len(rows) > limit:
            raise Refused(f"more than {limit} rows: add a LIMIT or a narrower WHERE")

    def command_end(self, command: Command) -> None:
        if not isinstance(command, SqlCommand) or not command.verdict.passes:
            return
        counts = _counts(command.session)
        brought = counts.running.pop(command.number, None)
        portal, cursors = _portal(command), _cursors(command, "FetchStmt")
        if command.tag and not command.error:
            # Another portal with the same text may still be open, so one that is at its end forgets nothing.
            if _ends_transaction(command):
                counts.forget_portals()
            # A cursor that is declared anew is another one.
            for cursor in _cursors(command, "DeclareCursorStmt"):
                counts.unfinished.pop(cursor, None)
        elif brought is not None:
            counts.keep(portal, brought)
        if brought is not None:
            for cursor in cursors:
                counts.keep(cursor, brought)


def _ends_transaction(command: SqlCommand) -> bool:
    """Whether a command, and nothing else, ends the transaction, and with it its portals."""
    if not command.verbs <= _ENDS or len(command.parsed) != 1:
        return False
    (raw,) = command.parsed
    return raw.stmt.kind.name in ("TRANS_STMT_COMMIT", "TRANS_STMT_ROLLBACK")


def _counts(session: Session) -> Counts:
    found: Counts = session.vars.setdefault(KEY, Counts())
    return found


def _portal(command: SqlCommand) -> Source:
    # Executed again, a portal that was left unfinished is a command with the same text and values.
    return "portal", hash((command.text, tuple(command.parameters)))


def _sources(command: SqlCommand) -> list[Source]:
    return [_portal(command), *_cursors(command, "FetchStmt")]


def _cursors(command: SqlCommand, statement: str) -> list[Source]:
    """The cursors that a command names in statements of this kind."""
    if not command.verbs & {"fetch", "declare"}:
        return []
    found: list[Any] = [raw.stmt for raw in command.parsed if type(raw.stmt).__name__ == statement]
    return [("cursor", node.portalname) for node in found]


def _pairs(option: str, values: Iterable[str], example: str) -> Iterable[tuple[str, str]]:
    """The pairs `name=value` of an option that may be given several times, with commas, or both."""
    for pair in [item.strip() for value in values for item in value.split(",") if item.strip()]:
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or not name:
            raise OptionsError(f"{option}: {pair!r} is no pair; write for example {example}")
        yield name, value


addons = [LimitRows()]
