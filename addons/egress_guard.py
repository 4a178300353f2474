"""Once somebody has read what is marked as sensitive, hold what they send by HTTP to hosts that are not listed.

    hoopaddon -s egress_guard.py --set egress_columns=customers.card --set egress_hosts=*.example.org

What was read in a database, on a machine or in a cluster counts for all that the same user sends, in any session.
"""

import json
import os
import posixpath
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from mitmproxy.exceptions import OptionsError

from hoopaddon import (
    Addon,
    Column,
    Command,
    Decision,
    FileOperation,
    HttpCommand,
    KubeCommand,
    Loader,
    Refused,
    Rows,
    ShellCommand,
    ShellProgram,
    SqlCommand,
    ctx,
)

FILE = "egress_guard.json"
MOST_USERS = 10_000
LIMIT_BYTES = 16 << 20
MAX_NAME_CHARS = 200
KEPT_EXACT_TO_S = 60
_PLAIN = frozenset({"select", "begin", "commit", "rollback", "savepoint", "release", "set", "show"})
_READS = frozenset({"read", "copy", "rename", "link", "symlink"})
"""Of files; what is moved or linked is read under another name."""
_LOOKS = frozenset({"cd", "ls", "stat", "test", "[", "pwd", "du", "df", "mkdir", "touch", "true", ":", "echo"})
"""Programs that show nothing of what is in a file."""
_DURATION = re.compile(r"([0-9]{1,6})(s|m|h|d)")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Mark:
    """What somebody has read, and until when (seconds since 1970) that counts."""

    until: float
    what: str


class Marks:
    """Who has read what, in a file: a reload or a restart forgets nothing, and gateways that share it know it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._marks: dict[str, Mark] = {}
        self._seen: tuple[int, ...] = ()
        try:
            self._refresh()
        except (OSError, ValueError, TypeError, AttributeError):
            raise OptionsError(f"{path}: cannot be read; mend it, or remove it to forget who has read what") from None

    @property
    def path(self) -> Path:
        return self._path

    def of(self, who: str, now: float) -> Mark | None:
        """Raises `Refused` where the file is there and says nothing."""
        try:
            self._refresh()
        except (OSError, ValueError, TypeError, AttributeError):
            raise Refused("who has read sensitive data is not known, so nothing is sent or read") from None
        mark = self._marks.get(who.casefold())
        return mark if mark is not None and mark.until > now else None

    def _refresh(self) -> None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._seen, self._marks = (), {}
            return
        seen = (status.st_ino, status.st_mtime_ns, status.st_size)
        if seen == self._seen:
            return
        with self._path.open("rb") as stream:
            found = json.loads(stream.read(LIMIT_BYTES))
        self._marks = {str(who): Mark(float(until), str(what)) for who, (until, what) in found.items()}
        self._seen = seen

    def add(self, who: str, mark: Mark, now: float) -> None:
        """Raises `Refused` where it cannot be kept: then nothing is read."""
        before = self.of(who, now)
        if before is not None and before.until >= mark.until - KEPT_EXACT_TO_S:
            return
        kept = {name: old for name, old in self._marks.items() if old.until > now}
        kept[who.casefold()] = mark
        if len(kept) > MOST_USERS:
            raise Refused("too many users have read sensitive data: try again later")
        try:
            self._write(kept)
        except OSError:
            raise Refused("that sensitive data was read cannot be kept, so it is not read") from None

    def _write(self, marks: dict[str, Mark]) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = self._path.with_suffix(f".{os.getpid()}.new")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w") as stream:
            json.dump({who: (mark.until, mark.what) for who, mark in marks.items()}, stream)
        beside.replace(self._path)


class EgressGuard(Addon):
    """Marks a user who reads what is sensitive; holds requests of a user who is marked."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._marks: Marks | None = None
        self._sensitive: tuple[str, ...] = ()
        self._columns: tuple[tuple[str, str], ...] = ()
        self._hosts: tuple[str, ...] = ()
        self._for_s = 0
        self._approvers: frozenset[str] = frozenset()
        self._within_s = 0

    def load(self, loader: Loader) -> None:
        add = loader.add_option
        add(
            "egress_sensitive",
            Sequence[str],
            [],
            "Sensitive tables, paths and objects: `hr.*`, `/etc/ssl/private/*`.",
        )
        add("egress_columns", Sequence[str], [], "Sensitive columns: `customers.card`, or `card` in any table.")
        add("egress_hosts", Sequence[str], [], "Hosts that requests may go to all the same, as `*.example.org`.")
        add("egress_for", str, "1h", "How long somebody who has read something is held to that, as `30m` or `1d`.")
        add("egress_approvers", Sequence[str], [], "Groups whose members may let a request go. Empty: anyone else.")
        add("egress_within", str, "5m", "How long to wait for them, as `30s` or `10m`; then it is denied.")

    def configure(self, updated: set[str]) -> None:
        options = ctx.options
        sensitive = tuple(name.lower() for name in _listed(options.egress_sensitive))
        columns = tuple(_column(name.lower()) for name in _listed(options.egress_columns))
        if not sensitive and not columns:
            raise OptionsError("egress_sensitive: nothing is; write tables, paths or objects, or set egress_columns")
        for_s, within_s = _seconds("egress_for", options.egress_for), _seconds("egress_within", options.egress_within)
        path = Path(options.confdir).expanduser() / FILE
        if self._marks is None or self._marks.path != path:
            self._marks = Marks(path)
        self._sensitive, self._columns, self._for_s, self._within_s = sensitive, columns, for_s, within_s
        self._hosts = tuple(_host(name) for name in _listed(options.egress_hosts))
        self._approvers = frozenset(_listed(options.egress_approvers))

    # -- what is read

    def command(self, command: Command) -> Awaitable[Decision] | None:
        if command.hook == "http_message":
            return self._hold(command, command.session.target.address)
        for name in sorted(_read_by(command)):
            if any(_may_be(command, name.lower(), pattern) for pattern in self._sensitive):
                self._mark(command, name)
                break
        return None

    def postgres_query(self, command: SqlCommand) -> None:
        for table in sorted(command.tables):
            if any(_is_table(table, pattern) for pattern in self._sensitive):
                self._mark(command, table)
        text = ""
        for table, column in self._columns:
            if table:
                # What is declared, prepared or copied is read elsewhere.
                if not command.verbs <= _PLAIN and self._names(command, table):
                    self._mark(command, f"{table}.{column}")
                continue
            text = text or command.text.lower()
            if re.search(rf"(?<!\w){re.escape(column)}(?!\w)", text):
                self._mark(command, column)

    def rows(self, rows: Rows) -> None:
        command = rows.command
        for seen in rows.columns:
            for table, column in self._columns:
                if self._shows(command, seen, table, column):
                    self._mark(command, f"{table}.{column}" if table else column)
            if seen.table and any(_is_table(seen.table, pattern) for pattern in self._sensitive):
                self._mark(command, seen.table)

    def _shows(self, command: Command, seen: Column, table: str, column: str) -> bool:
        if seen.table and seen.settled:
            return seen.source.lower() == column and (not table or _is_table(seen.table, table))
        # An expression, over what nobody knows.
        return seen.name.lower() == column or bool(table and self._names(command, table))

    @staticmethod
    def _names(command: Command, table: str) -> bool:
        return isinstance(command, SqlCommand) and any(_is_table(name, table) for name in command.tables)

    def _mark(self, command: Command, what: str) -> None:
        now = self._clock()
        if self._marks is None:
            raise Refused("the egress guard is not configured")
        self._marks.add(command.session.user.subject, Mark(now + self._for_s, what[:MAX_NAME_CHARS]), now)

    # -- what is sent

    def http_request(self, command: HttpCommand) -> Awaitable[Decision] | None:
        held = self._hold(command, command.host)
        if held is None:
            self.command(command)
        return held

    def _hold(self, command: Command, address: str) -> Awaitable[Decision] | None:
        host = _host(address)
        mark = self._marks.of(command.session.user.subject, self._clock()) if self._marks else None
        if mark is None or any(fnmatchcase(host, pattern) for pattern in self._hosts):
            return None
        reason = f"goes to {host}, and {command.session.user.subject} has read {mark.what}"
        return command.approve(reason, by=self._approvers, within_s=self._within_s)


def _read_by(command: Command) -> frozenset[str]:
    """What a command reads, or may read: `/*` is any path."""
    if isinstance(command, FileOperation):
        return command.objects if command.verbs & _READS else frozenset()
    if isinstance(command, ShellCommand):
        if command.verbs and command.verbs <= _LOOKS and not any(p.opaque or not p.name for p in command.programs):
            return frozenset()
        return command.objects | _computed(command.programs)
    return command.objects | (_computed(command.programs) if isinstance(command, KubeCommand) else frozenset())


def _computed(programs: Iterable[ShellProgram]) -> frozenset[str]:
    return frozenset({"/*"}) if any(p.opaque or not p.name or None in p.words for p in programs) else frozenset()


def _may_be(command: Command, name: str, pattern: str) -> bool:
    """Whether what a command names is what a pattern means; of paths, also what holds it or may be it."""
    if fnmatchcase(name, pattern):
        return True
    if not pattern.startswith(("/", "~")) or not isinstance(command, ShellCommand | FileOperation | KubeCommand):
        return False
    path = posixpath.normpath(name)
    if path.startswith(("/", "~")):
        known, whole = _literal(path), _literal(pattern)
        if known != path:
            # A pattern of the shell's, or a part that is computed: it may be whatever begins so.
            return known.startswith(whole) or whole.startswith(known)
        return fnmatchcase(path, pattern) or pattern.startswith(f"{path.rstrip('/')}/")
    # Nobody knows from where it is meant, and objects of Kubernetes are no paths.
    last = posixpath.basename(path)
    relative = not isinstance(command, KubeCommand)
    return relative and (
        last in (".", "..") or fnmatchcase(last, posixpath.basename(pattern)) or _literal(last) != last
    )


def _literal(pattern: str) -> str:
    """What stands before the first part that could be anything."""
    return re.split(r"[*?\[…{]", pattern, maxsplit=1)[0]


def _is_table(table: str, pattern: str) -> bool:
    """Whether a table is one of those; a pattern without a schema means the table in any schema."""
    name = table.lower().replace('"', "")
    return fnmatchcase(name, pattern) or ("." not in pattern and fnmatchcase(name.rpartition(".")[2], pattern))


def _column(name: str) -> tuple[str, str]:
    table, _, column = name.rpartition(".")
    if not column or name.startswith("."):
        raise OptionsError(f"egress_columns: {name!r} is no column; write for example customers.card")
    return table, column


def _host(address: str) -> str:
    """A host's name without its port, in the form that is compared."""
    name, colon, port = address.rpartition(":")
    host = name if colon and port.isdigit() and (":" not in name or name.endswith("]")) else address
    return host.strip("[]").rstrip(".").lower()


def _seconds(option: str, text: str) -> int:
    found = _DURATION.fullmatch(text.strip())
    seconds = int(found[1]) * _UNIT_S[found[2]] if found else 0
    if not seconds:
        raise OptionsError(f"{option}: {text!r} is no length of time; write for example 30m, 1h or 1d")
    return seconds


def _listed(values: Iterable[str]) -> list[str]:
    """The items of an option that may be given several times, with commas, or both."""
    return [item.strip() for value in values for item in value.split(",") if item.strip()]


addons = [EgressGuard()]
