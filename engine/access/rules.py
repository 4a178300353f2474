"""On which terms access is granted: how long, by whom, and who may take it in an emergency."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any

from hoopaddon.access.level import Level
from hoopaddon.access.scope import LEVELS, Scope

_RULE = re.compile(
    r"(?P<target>\S+)\s+(?P<level>read|write|admin)\s+(?P<groups>[^\s]+)(?:\s+(?P<count>[1-9][0-9]?))?"
)


@dataclass(frozen=True, slots=True)
class Rule:
    """For targets of this pattern, from this level on: the groups that answer, and how many people of them."""

    target: str
    level: str
    groups: tuple[str, ...]
    count: int = 1

    def concerns(self, target: str, scope: Scope) -> bool:
        return fnmatchcase(target, self.target) and _level(scope) >= LEVELS[self.level]


@dataclass(frozen=True, slots=True)
class Terms:
    """Those of one gateway. The first rule that concerns a request says who answers it."""

    rules: tuple[Rule, ...] = ()
    approvers: tuple[str, ...] = ()
    """Where no rule does; empty: anyone but who asks."""
    count: int = 1
    longest_s: float = 8 * 3600.0
    within_s: float = 3600.0
    emergency: tuple[str, ...] = ()
    """The groups that may break the glass."""
    emergency_longest_s: float = 3600.0

    def rule(self, target: str, scope: Scope) -> Rule:
        """Who answers a request for this."""
        default = Rule("*", "read", self.approvers, self.count)
        return next((rule for rule in self.rules if rule.concerns(target, scope)), default)

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    @classmethod
    def of(cls, found: dict[str, Any]) -> "Terms":
        """The way back of `as_dict`. Raises `KeyError`, `TypeError` and `ValueError`."""
        rules = tuple(Rule(**{**rule, "groups": tuple(rule["groups"])}) for rule in found["rules"])
        lists = {name: tuple(found[name]) for name in ("approvers", "emergency")}
        return cls(**{**found, **lists, "rules": rules})


def _level(scope: Scope) -> Level:
    """Verbs and objects that are listed may be anything: they count as `write` at least."""
    level = scope.level or Level.READ
    return max(level, Level.WRITE) if scope.allowed else level


def read_rules(texts: Sequence[str]) -> tuple[Rule, ...]:
    """Rules such as `prod-* write dba,security 2`. Raises `ValueError`, with what to write instead."""
    rules = []
    for text in texts:
        found = _RULE.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"{text!r} is no rule: write TARGET read|write|admin GROUP,GROUP [PEOPLE]")
        groups = tuple(group for group in found["groups"].split(",") if group)
        rules.append(Rule(found["target"], found["level"], groups, int(found["count"] or 1)))
    return tuple(rules)
