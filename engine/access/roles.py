"""Roles: which users may do what at which targets.

```yaml
dba:
  groups: [dba]
  targets: ["*"]
  may: admin
agents:
  users: ["agent-*"]
  targets: [orders, {env: staging}]      # names by pattern, or labels
  may:
    - read
    - verbs: [insert, update]
      objects: [orders, "shop.*"]
```

Once there is a role, who has none for a target has no business there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from hoopaddon.access.scope import LEVELS, NOTHING, Scope, allowed
from hoopaddon.errors import ConfigError
from hoopaddon.private_file import read_guarded
from hoopaddon.session import Target, User

_KEYS = frozenset({"users", "groups", "targets", "may"})
_ITEM_KEYS = frozenset({"verbs", "objects"})
_MAY_HINT = "read, write, admin, or a list of those and of {verbs: [select], objects: [orders]}"
_TARGETS_HINT = 'names or patterns, and labels: [orders, "prod-*", {env: staging}]'

type Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Role:
    """Whom it is for, where, and what they may do there."""

    name: str
    users: tuple[str, ...]
    groups: frozenset[str]
    targets: tuple[str | Labels, ...]
    scope: Scope

    def is_for(self, user: User, target: Target) -> bool:
        """Whether this user has it at this target."""
        if not user.groups & self.groups and not any(fnmatchcase(user.subject, name) for name in self.users):
            return False
        return any(_names(pattern, target) for pattern in self.targets)


def _names(pattern: str | Labels, target: Target) -> bool:
    if isinstance(pattern, str):
        return fnmatchcase(target.name, pattern)
    return all(
        fnmatchcase(target.labels.get(label, ""), value) and label in target.labels for label, value in pattern
    )


@dataclass(frozen=True, slots=True)
class Roles:
    """All roles. Without any, nothing is asked of anybody."""

    roles: tuple[Role, ...] = ()

    def of(self, user: User, target: Target) -> tuple[Role, ...]:
        """Those that this user has at this target."""
        return tuple(role for role in self.roles if role.is_for(user, target))

    def scope(self, user: User, target: Target) -> Scope:
        """What all of them allow together."""
        scope = NOTHING
        for role in self.of(user, target):
            scope = scope.joined(role.scope)
        return scope


def load_roles(path: str | Path) -> Roles:
    """Read a file of roles that nobody else can write. Raises `ConfigError` with file and line."""
    file = Path(path).expanduser()
    try:
        document = YAML(typ="rt").load(read_guarded(file, key="roles").decode())
    except FileNotFoundError:
        raise ConfigError("there is no such file", file=str(file), key="roles") from None
    except UnicodeDecodeError:
        raise ConfigError("not UTF-8", file=str(file)) from None
    except MarkedYAMLError as e:
        line = e.problem_mark.line + 1 if e.problem_mark else None
        raise ConfigError("not valid YAML, or a name that occurs twice", file=str(file), line=line) from None
    except YAMLError:
        raise ConfigError("not valid YAML", file=str(file)) from None
    if document is None:
        # An editor that empties a file before it writes it would else let everybody do everything.
        raise ConfigError("has no roles", file=str(file), hint="to do without roles, do not name the file")
    return read_roles(str(file), document)


def read_roles(file: str, document: Any, *, line: int = 1) -> Roles:
    """The roles of a mapping in `file`, which begins at `line`. Raises `ConfigError` with file and line."""
    if not isinstance(document, CommentedMap) or not document:
        raise ConfigError(
            "must map each role's name to users or groups, targets, and what they may", file=file, line=line
        )
    return Roles(tuple(_Reader(file, document, name).role() for name in document))


class _Reader:
    """Reads one role, and knows where it stands."""

    def __init__(self, file: str, document: CommentedMap, name: object) -> None:
        self._file = file
        self._name = name
        self._line = document.lc.key(name)[0] + 1
        self._value: Any = document[name]

    def _error(self, message: str, *, key: str = "", hint: str = "", line: int | None = None) -> ConfigError:
        if line is None:
            line = self._line
            if key and isinstance(self._value, CommentedMap) and key in self._value:
                line = self._value.lc.key(key)[0] + 1
        place = f"{self._name}.{key}" if key else str(self._name)
        return ConfigError(message, file=self._file, line=line, key=place, hint=hint)

    def role(self) -> Role:
        if not isinstance(self._name, str) or not self._name.isprintable() or not self._name:
            raise self._error("a role's name must be text", hint="put it in quotes")
        if not isinstance(self._value, CommentedMap):
            raise self._error("must have users or groups, targets, and what they may")
        for key in self._value:
            if key not in _KEYS:
                raise self._error("unknown key", key=str(key), hint="known are users, groups, targets and may")
        users, groups = self._strings("users"), self._strings("groups")
        if not users and not groups:
            raise self._error("is for nobody", hint='name users, as [ann, "agent-*"], or groups')
        return Role(self._name, users, frozenset(groups), self._targets(), self._may())

    def _strings(self, key: str) -> tuple[str, ...]:
        return self._texts(self._value.get(key, CommentedSeq()), key, "must be a list of names")

    def _texts(self, found: Any, key: str, message: str, line: int | None = None) -> tuple[str, ...]:
        if not isinstance(found, CommentedSeq) or not all(isinstance(one, str) and one.strip() for one in found):
            raise self._error(message, key=key, hint="for example [dev, ops]; put numbers in quotes", line=line)
        return tuple(found)

    def _targets(self) -> tuple[str | Labels, ...]:
        found = self._value.get("targets")
        if not isinstance(found, CommentedSeq) or not found:
            raise self._error("must be a list of targets", key="targets", hint=_TARGETS_HINT)
        return tuple(self._target(found, position) for position in range(len(found)))

    def _target(self, found: CommentedSeq, position: int) -> str | Labels:
        one = found[position]
        if isinstance(one, str) and one.strip():
            return one
        if (
            isinstance(one, CommentedMap)
            and one
            and all(isinstance(label, str) and isinstance(value, str) for label, value in one.items())
        ):
            return tuple(one.items())
        line = found.lc.item(position)[0] + 1
        raise self._error("a target is a name, or labels with texts", key="targets", hint=_TARGETS_HINT, line=line)

    def _may(self) -> Scope:
        found = self._value.get("may")
        if isinstance(found, str):
            found = CommentedSeq([found])
            found.lc.data = {0: [*self._value.lc.key("may"), *self._value.lc.key("may")]}
        if not isinstance(found, CommentedSeq) or not found:
            raise self._error("must say what is allowed", key="may", hint=_MAY_HINT)
        scope = NOTHING
        for position, item in enumerate(found):
            scope = scope.joined(self._item(item, found.lc.item(position)[0] + 1))
        return scope

    def _item(self, item: Any, line: int) -> Scope:
        if isinstance(item, str):
            if item not in LEVELS:
                raise self._error(f"{item!r} is no level", key="may", hint=_MAY_HINT, line=line)
            return Scope(LEVELS[item])
        if not isinstance(item, CommentedMap) or "verbs" not in item:
            raise self._error("must be a level, or verbs and objects", key="may", hint=_MAY_HINT, line=line)
        for key in item:
            if key not in _ITEM_KEYS:
                at = item.lc.key(key)[0] + 1
                raise self._error("unknown key", key=f"may.{key}", hint="known are verbs and objects", line=at)
        verbs = self._texts(item["verbs"], "may.verbs", "must be a list of verbs", line)
        objects: Sequence[str] = ("*",)
        if "objects" in item:
            objects = self._texts(item["objects"], "may.objects", "must be a list of objects", line)
        try:
            return Scope(None, (allowed(verbs, objects),))
        except ValueError as e:
            raise self._error(str(e), key="may", hint=_MAY_HINT, line=line) from None
