"""Hold a command until people approve it, by what it does, to which tables or paths, where, and for whom."""

import posixpath
import re
from collections.abc import Awaitable, Iterable, Sequence
from fnmatch import fnmatchcase

from mitmproxy.exceptions import OptionsError

from hoopaddon import (
    Addon,
    Command,
    Decision,
    FileOperation,
    Loader,
    Session,
    ShellCommand,
    SqlCommand,
    ToolCommand,
    Unparsable,
    ctx,
)

_DURATION = re.compile(r"([0-9]{1,6})(s|m|h)")
_UNIT_S = {"s": 1, "m": 60, "h": 3600}
_SHOWN_OBJECTS = 3
_OF_STATEMENTS = frozenset({"delete", "update", "merge"})
"""The verbs where none are chosen. They are nobody's programs, so paths alone then say what is held of those."""


class RequireApproval(Addon):
    """A command is held when it meets every condition that is set. Without any, deletes, updates and merges are."""

    def __init__(self) -> None:
        self._verbs: frozenset[str] = frozenset()
        self._any_verb = False
        self._tables: tuple[str, ...] = ()
        self._paths: tuple[str, ...] = ()
        self._labels: dict[str, str] = {}
        self._groups: frozenset[str] = frozenset()
        self._approvers: frozenset[str] = frozenset()
        self._count = 1
        self._within_s = 0

    def load(self, loader: Loader) -> None:
        add = loader.add_option
        add(
            "approval_verbs",
            Sequence[str],
            sorted(_OF_STATEMENTS),
            "Hold commands with one of these verbs, or programs; * is any.",
        )
        add(
            "approval_tables",
            Sequence[str],
            [],
            "Of statements, hold only what touches one of these tables, as `orders` or `public.pay_*`.",
        )
        add(
            "approval_paths",
            Sequence[str],
            [],
            "Of command lines and file transfers, hold only what touches one of these paths, as `/etc/*`.",
        )
        add("approval_labels", Sequence[str], [], "Hold only on targets with all of these labels, as `env=prod`.")
        add("approval_groups", Sequence[str], [], "Hold only what users of one of these groups do.")
        add("approvers", Sequence[str], [], "Groups whose members may answer. Empty: anyone but the requester.")
        add("approval_count", int, 1, "How many different people have to approve.")
        add("approval_within", str, "5m", "How long to wait for them, as `30s`, `10m` or `1h`; then it is denied.")

    def configure(self, updated: set[str]) -> None:
        options = ctx.options
        verbs = frozenset(verb.lower() for verb in _listed(options.approval_verbs))
        if not verbs:
            raise OptionsError("approval_verbs: nothing would be held; name verbs, or * for any")
        if options.approval_count < 1:
            raise OptionsError("approval_count: at least one person has to approve")
        self._labels = _labels(_listed(options.approval_labels))
        self._within_s = _seconds(options.approval_within)
        self._verbs, self._any_verb = verbs, "*" in verbs
        self._tables = tuple(table.lower() for table in _listed(options.approval_tables))
        self._paths = tuple(_listed(options.approval_paths))
        self._groups = frozenset(_listed(options.approval_groups))
        self._approvers = frozenset(_listed(options.approvers))
        self._count = options.approval_count

    def command(self, command: Command) -> Awaitable[Decision] | None:
        # Not `async`: what is not held is judged without a task of its own.
        if not self._concerns(command.session):
            return None
        verbs = command.verbs if self._any_verb else command.verbs & self._verbs
        if isinstance(command, ShellCommand | FileOperation):
            return self._hold_at_paths(command, verbs)
        return self._hold_at_tables(command, verbs) if verbs or self._any_verb else None

    def postgres_query(self, command: SqlCommand) -> Awaitable[Decision] | None:
        # The same for the commands that come most often, most of which have none of the verbs.
        if not self._concerns(command.session):
            return None
        verbs = command.verbs if self._any_verb else command.verbs & self._verbs
        return self._hold_at_tables(command, verbs) if verbs or self._any_verb else None

    def mcp_tool_call(self, command: ToolCommand) -> Awaitable[Decision] | None:
        if not self._concerns(command.session):
            return None
        # SQL and command lines that a tool is given count as what they are.
        for inner in command.within:
            try:
                verbs = inner.verbs if self._any_verb else inner.verbs & self._verbs
                objects = [name for name in sorted(inner.objects) if self._is_listed(name)]
            except Unparsable:
                return self._hold(command, {"what cannot be read"}, [])
            if verbs and (objects or not self._tables or not isinstance(inner, SqlCommand)):
                return self._hold(command, verbs, objects)
        return self.command(command)

    def _hold_at_tables(self, command: Command, verbs: Iterable[str]) -> Awaitable[Decision] | None:
        facts = command.facts
        tables = [name for name in sorted(facts.objects) if self._is_listed(name)]
        if self._tables and not tables:
            return None
        return self._hold(command, verbs, tables)

    def _hold_at_paths(
        self, command: ShellCommand | FileOperation, verbs: frozenset[str]
    ) -> Awaitable[Decision] | None:
        any_verb = self._any_verb or self._verbs == _OF_STATEMENTS
        if any_verb and not (self._any_verb or self._paths):
            return None
        paths = [path for path in sorted(command.objects) if not self._paths or _touches(path, self._paths)]
        computed = somewhere = False
        if isinstance(command, ShellCommand):
            # What is computed when it runs may be any program, or any path.
            computed = any(not program.name for program in command.programs)
            somewhere = computed or any(p.dynamic and (any_verb or p.name in verbs) for p in command.programs)
        if not (verbs or computed or any_verb) or not (paths or somewhere or not self._paths):
            return None
        shown = command.verbs if any_verb else verbs
        return self._hold(command, shown or {"a program with a computed name"}, paths)

    def _hold(self, command: Command, verbs: Iterable[str], objects: list[str]) -> Awaitable[Decision]:
        reason = _reason(verbs, objects)
        return command.approve(reason, by=self._approvers, count=self._count, within_s=self._within_s)

    def _concerns(self, session: Session) -> bool:
        if self._labels and not self._labels.items() <= session.target.labels.items():
            return False
        return not self._groups or not self._groups.isdisjoint(session.user.groups)

    def _is_listed(self, table: str) -> bool:
        """Whether a table is one of those; a pattern without a schema means the table in any schema."""
        name = table.lower().replace('"', "")
        return not self._tables or any(
            fnmatchcase(name, pattern) or fnmatchcase(name.rpartition(".")[2], pattern) for pattern in self._tables
        )


def _touches(path: str, patterns: Iterable[str]) -> bool:
    """Whether a path is, holds, or may be one of those. One that is not absolute may be anywhere."""
    if not path.startswith("/"):
        return any(fnmatchcase(posixpath.basename(path), posixpath.basename(pattern)) for pattern in patterns) or (
            ".." in path or path in (".", "~")
        )
    place = f"/{posixpath.normpath(path).lstrip('/')}"
    below = place if place == "/" else f"{place}/"
    return any(fnmatchcase(place, pattern) or pattern.startswith(below) for pattern in patterns)


def _reason(verbs: Iterable[str], objects: list[str]) -> str:
    what = ", ".join(sorted(verbs)) or "a command"
    if not objects:
        return f"{what} needs an approval"
    objects = _narrowest(objects)
    more = f" and {len(objects) - _SHOWN_OBJECTS} more" if len(objects) > _SHOWN_OBJECTS else ""
    return f"{what} on {', '.join(objects[:_SHOWN_OBJECTS])}{more} needs an approval"


def _narrowest(objects: list[str]) -> list[str]:
    """Without those that are parts of others: of `shop/pods/web` nobody needs to hear `pods` and `pods/web` too."""
    return [one for one in objects if not any(one != other and f"/{one}/" in f"/{other}/" for other in objects)]


def _listed(values: Iterable[str]) -> list[str]:
    """The items of an option that may be given several times, with commas, or both."""
    return [item.strip() for value in values for item in value.split(",") if item.strip()]


def _labels(pairs: Iterable[str]) -> dict[str, str]:
    labels = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise OptionsError(f"approval_labels: {pair!r} is no label; write name=value, for example env=prod")
        labels[name.strip()] = value.strip()
    return labels


def _seconds(text: str) -> int:
    found = _DURATION.fullmatch(text.strip())
    seconds = int(found[1]) * _UNIT_S[found[2]] if found else 0
    if not seconds:
        raise OptionsError(f"approval_within: {text!r} is no length of time; write for example 30s, 10m or 1h")
    return seconds


addons = [RequireApproval()]
