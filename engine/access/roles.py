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

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from hoopaddon.access.scope import LEVELS, NOTHING, Scope, allowed
from hoopaddon.config.document import Item, compose
from hoopaddon.config.fields import Field, read_fields, schema_of
from hoopaddon.config.kinds import Schema, Text, TextList, TextMapping
from hoopaddon.errors import ConfigError, raise_all
from hoopaddon.private_file import read_guarded
from hoopaddon.session import Target, User

_MAY_HINT = "write read, write, admin, or a list of those and of {verbs: [select], objects: [orders]}"
_TARGETS_HINT = 'write names or patterns, and labels: [orders, "prod-*", {env: staging}]'
_ROLE_HINT = "each role's name, and under it users: or groups:, targets: and may:"

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
        document = compose(read_guarded(file, key="roles").decode(), str(file))
    except FileNotFoundError:
        raise ConfigError("there is no such file", file=str(file), key="roles") from None
    except UnicodeDecodeError:
        raise ConfigError("is not UTF-8 text", file=str(file)) from None
    if document is None:
        # An editor that empties a file before it writes it would else let everybody do everything.
        raise ConfigError("has no roles", file=str(file), hint="to do without roles, do not name the file")
    problems: list[ConfigError] = []
    roles = read_roles(document, problems)
    raise_all(problems)
    return roles


def read_roles(item: Item, problems: list[ConfigError]) -> Roles:
    """The roles of a mapping; what is wrong with one of them becomes a problem. Raises `ConfigError`."""
    if not item.is_mapping:
        raise item.is_no("a mapping of names to roles", _ROLE_HINT)
    if not item.node.value:
        raise item.wrong("has no roles", "to do without roles, leave them out")
    read = (_read_one(name, one, problems) for name, one in item.entries(problems))
    return Roles(tuple(role for role in read if role is not None))


def _read_one(name: str, item: Item, problems: list[ConfigError]) -> Role | None:
    before = len(problems)
    if not name.isprintable():
        problems.append(item.wrong("a role's name has to be text that can be printed"))
    elif not item.is_mapping:
        problems.append(item.is_no("a mapping", "users: or groups:, targets: and may: are what it needs"))
    else:
        found = read_fields(item, _FIELDS, problems).values
        users, groups = tuple(found.get("users", ())), frozenset(found.get("groups", ()))
        if len(problems) == before and (users or groups):
            return Role(name, users, groups, found["targets"], found["may"])
        if len(problems) == before:
            problems.append(item.wrong("is for nobody", 'name users, as [ann, "agent-*"], or groups'))
    return None


@dataclass(frozen=True, slots=True)
class _Targets:
    """A list of targets: patterns of names, and labels."""

    def read(self, item: Item) -> tuple[str | Labels, ...]:
        if item.text is not None:
            return (Text().read(item),)
        if item.tag != "seq" or not item.members():
            raise item.wrong("has to be a list of targets", _TARGETS_HINT)
        return tuple(self._one(member) for member in item.members())

    def _one(self, item: Item) -> str | Labels:
        if not item.is_mapping:
            return Text().read(item)
        labels = TextMapping().read(item)
        if not labels:
            raise item.wrong("has no labels", _TARGETS_HINT)
        return tuple(labels.items())

    def schema(self) -> Schema:
        one: Schema = {"anyOf": [Text().schema(), {**TextMapping().schema(), "minProperties": 1}]}
        return {"anyOf": [Text().schema(), {"type": "array", "minItems": 1, "items": one}]}


@dataclass(frozen=True, slots=True)
class _May:
    """A level, or a list of levels and of verbs with their objects."""

    def read(self, item: Item) -> Scope:
        scope = NOTHING
        for part in item.members() if item.tag == "seq" else [item]:
            scope = scope.joined(self._one(part))
        if scope == NOTHING:
            raise item.wrong("has to say what is allowed", _MAY_HINT)
        return scope

    def _one(self, item: Item) -> Scope:
        if not item.is_mapping:
            if item.text not in LEVELS:
                raise item.wrong("has to be a level, or verbs and objects", _MAY_HINT)
            return Scope(LEVELS[item.text])
        problems: list[ConfigError] = []
        found = read_fields(item, _VERBS, problems).values
        if problems:
            raise problems[0]
        try:
            return Scope(None, (allowed(found["verbs"], found.get("objects", ["*"])),))
        except ValueError as e:
            raise item.wrong(str(e), _MAY_HINT) from None

    def schema(self) -> Schema:
        level = Text(tuple(LEVELS)).schema()
        return {"anyOf": [level, {"type": "array", "minItems": 1, "items": {"anyOf": [level, schema_of(_VERBS)]}}]}


_VERBS: Mapping[str, Field] = {
    "verbs": Field(TextList(), "The verbs, as policies see them; * stands for any text.", required=True),
    "objects": Field(TextList(), "What they may be about, as patterns; anything without it."),
}
_FIELDS: Mapping[str, Field] = {
    "users": Field(TextList(), "Whom it is for, by name or pattern."),
    "groups": Field(TextList(), "Whom it is for, by group."),
    "targets": Field(_Targets(), "The targets, by name or pattern, or by labels.", required=True),
    "may": Field(_May(), "Read, write, admin, or a list of these and of verbs with objects.", required=True),
}


def schema() -> Schema:
    """A mapping of roles in JSON Schema's words."""
    one = {**schema_of(_FIELDS), "anyOf": [{"required": ["users"]}, {"required": ["groups"]}]}
    return {"type": "object", "minProperties": 1, "additionalProperties": one}
