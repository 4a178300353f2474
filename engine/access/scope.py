"""What somebody may do at a target: a level, or verbs with the objects that they may be about."""

import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from hoopaddon.access.level import Level, level_of
from hoopaddon.command import Command
from hoopaddon.commands import FileOperation, ShellCommand, SqlCommand, SqlStatement
from hoopaddon.hazards.functions import FUNCTIONS, PREFIXES
from hoopaddon.web.commands import ContextCommand, HttpCommand, KubeCommand

LEVELS = {level.name.lower(): level for level in Level}
_ANY = ("*",)
# What clients of MCP do before and beside all else.
_HOUSEKEEPING = frozenset({"initialize", "ping", "list", "discover", "listen", "complete", "set", "result", "end"})
# What SQL's clients do around their statements; none of it touches an object.
_AROUND = frozenset(
    {
        *("begin", "commit", "rollback", "savepoint", "release", "show", "set", "reset", "discard", "fetch", "move"),
        *("close", "declare", "prepare", "execute", "deallocate", "explain"),
    }
)
# With another search path, a name means another table.
_GUARDED_SETTINGS = frozenset({"role", "session_authorization", "session_replication_role", "search_path", "*"})


@dataclass(frozen=True, slots=True)
class Allowed:
    """Verbs in lower case, and patterns of objects: `*` stands for any text, slashes included."""

    verbs: tuple[str, ...]
    objects: tuple[str, ...] = _ANY

    def __str__(self) -> str:
        verbs = ",".join(self.verbs)
        return verbs if self.objects == _ANY else f"{verbs}:{','.join(self.objects)}"

    def does(self, verb: str) -> bool:
        return any(fnmatchcase(verb.lower(), pattern) for pattern in self.verbs)

    def may_touch(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self.objects)


@dataclass(frozen=True, slots=True)
class Scope:
    """A level, and what is allowed beside it."""

    level: Level | None = None
    allowed: tuple[Allowed, ...] = ()

    def __str__(self) -> str:
        words = [self.level.name.lower()] if self.level is not None else []
        return " ".join([*words, *map(str, self.allowed)])

    def joined(self, other: "Scope") -> "Scope":
        """What either of them allows."""
        levels = [level for level in (self.level, other.level) if level is not None]
        allowed = dict.fromkeys((*self.allowed, *other.allowed))
        return Scope(max(levels, default=None), tuple(allowed))

    @property
    def is_admin(self) -> bool:
        return self.level is Level.ADMIN

    def permits_on_table(self, verb: str, schema: str, table: str) -> bool:
        """Whether statements of this verb are within it on the table."""
        if self.level is not None and self.level >= (Level.READ if verb == "select" else Level.WRITE):
            return True
        # A name with a dot in it could stand for another schema's table.
        return "." not in schema + table and _table(self.allowed, verb, f"{schema}.{table}")

    def permits(self, command: Command) -> bool:
        """Whether all of the command is within it. Raises `Unparsable` where what it does cannot be read."""
        if self.level is Level.ADMIN:
            return True
        if self.level is not None:
            needed = level_of(command)
            if needed is None or needed <= self.level:
                return True
        return bool(self.allowed) and _permits(self.allowed, command)


NOTHING = Scope()


def read_scope(parts: Iterable[str]) -> Scope:
    """The scope of words such as `read` and `select,insert:orders,public.pay_*`. Raises `ValueError`."""
    scope = NOTHING
    for part in parts:
        word = part.strip()
        if word in LEVELS:
            scope = scope.joined(Scope(LEVELS[word]))
            continue
        if re.search(r"\s", word):
            # Written down, it would be read as two.
            raise ValueError(f"{word!r} has a space in it; write * in its place")
        verbs, colon, objects = word.partition(":")
        if not colon and "," not in verbs and verbs in ("readonly", "read-only", "rw", "all", "owner", "root"):
            raise ValueError(f"{verbs!r} is no level: write read, write or admin, or verbs and objects")
        scope = scope.joined(Scope(None, (allowed(verbs.split(","), objects.split(",") if colon else _ANY),)))
    if scope == NOTHING:
        raise ValueError("says nothing that is allowed")
    return scope


def allowed(verbs: Sequence[str], objects: Sequence[str]) -> Allowed:
    """Verbs and patterns of objects as people write them. Raises `ValueError`."""
    named = tuple(verb.strip().lower() for verb in verbs)
    touched = tuple(name.strip() for name in objects)
    if not named or not all(named) or any(re.search(r"\s", verb) for verb in named):
        raise ValueError("has no verb, or an empty one")
    if not touched or not all(touched):
        raise ValueError("has no object, or an empty one; leave objects out for any")
    if not all(name.isprintable() for name in (*named, *touched)):
        raise ValueError("has characters that cannot be shown")
    return Allowed(named, touched)


def _permits(items: Sequence[Allowed], command: Command) -> bool:
    match command:
        case SqlCommand():
            return all(_statement(items, statement) for statement in command.statements)
        case ShellCommand():
            return _shell(items, command)
        case FileOperation():
            paths = {path for path in (command.path, command.new_path, *command.objects) if path}
            return any(all(map(item.does, command.verbs)) and all(_path(item, p) for p in paths) for item in items)
        case HttpCommand():
            return _http(items, command)
        case KubeCommand():
            return _kube(items, command)
        case ContextCommand() if command.verbs & _HOUSEKEEPING and not command.verbs & {"read", "get"}:
            return True
    if command.only_opens:
        return True
    verbs, objects = command.verbs - {"destructive"}, command.objects
    return bool(verbs) and any(
        all(map(item.does, verbs)) and all(_path(item, name) for name in objects) for item in items
    )


def _statement(items: Sequence[Allowed], s: SqlStatement) -> bool:
    if s.dynamic or s.opaque or s.roles or s.settings.keys() & _GUARDED_SETTINGS:
        return False
    if s.clauses & {"file", "program", "two-phase"}:
        return False
    for name in s.functions | s.attributes:
        dangerous = name in FUNCTIONS or name.startswith((*PREFIXES, "set_config", "pg_catalog.set_config"))
        if dangerous and not any(name in item.objects for item in items):
            return False
    if s.verb in _AROUND and not s.writes:
        return all(_table(items, "select", name) for name in s.tables)
    changed = (s.writes or s.objects) if s.verb != "select" else s.tables
    if not any(item.does(s.verb) for item in items):
        return False
    if not all(_table(items, s.verb, name) for name in changed):
        return False
    return all(_table(items, "select", name) or _table(items, s.verb, name) for name in s.tables - s.writes)


def _table(items: Sequence[Allowed], verb: str, name: str) -> bool:
    """A pattern without a schema means what is written without one, or in `public`."""
    plain = name.lower().replace('"', "")
    names = {plain, plain.removeprefix("public.")} if "." in plain else {plain, f"public.{plain}"}
    return any(item.does(verb) and any(item.may_touch(n) for n in names) for item in items)


def _shell(items: Sequence[Allowed], command: ShellCommand) -> bool:
    if any("=" in str(text) for text in command.parameters):
        return False
    programs = command.programs
    for program in programs:
        folder = program.path.rpartition("/")[0] if "/" in program.path else ""
        if not program.name or program.opaque or program.sets or folder not in ("", "/bin", "/usr/bin"):
            return False
        if not any(
            item.does(program.name) and (item.objects == _ANY or not program.dynamic) and _paths(item, command)
            for item in items
        ):
            return False
    return bool(programs)


def _paths(item: Allowed, command: ShellCommand) -> bool:
    return item.objects == _ANY or all(_path(item, path) for path in command.objects)


def _path(item: Allowed, path: str) -> bool:
    """A path that climbs is judged by where it leads, and one that begins nowhere only fits patterns like it."""
    if item.objects == _ANY:
        return True
    straight = posixpath.normpath(path) if "/" in path and "://" not in path else path
    if straight.startswith("//"):
        straight = straight[1:]
    climbs = path != straight and ".." in path.split("/")
    return item.may_touch(straight) and (not climbs or item.may_touch(path))


def _http(items: Sequence[Allowed], command: HttpCommand) -> bool:
    extra = {verb for verb in command.verbs if ":" in verb or "/" in verb}
    if not command.body_seen and command.body_kind:
        return False
    return all(
        any(item.does(method) and item.may_touch(path) and all(map(item.does, extra)) for item in items)
        for method, path in command.calls
    )


def _kube(items: Sequence[Allowed], command: KubeCommand) -> bool:
    if not command.body_seen:
        return False
    if not command.resource:
        forms = {command.path}
    else:
        kinds = {command.resource, f"{command.resource}.{command.group}" if command.group else command.resource}
        forms = set(kinds)
        for kind in kinds:
            if command.namespace:
                forms.add(f"{command.namespace}/{kind}")
            if command.name:
                forms.add(f"{kind}/{command.name}")
                if command.namespace:
                    forms.add(f"{command.namespace}/{kind}/{command.name}")
    return any(all(map(item.does, command.verbs)) and any(map(item.may_touch, forms)) for item in items)
