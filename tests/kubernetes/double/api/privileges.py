"""Nobody may give away permissions that they do not have, unless they may `escalate` or `bind`."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tests.kubernetes.double.api.identity import RBAC, Rules, User
from tests.kubernetes.double.api.route import Route
from tests.kubernetes.double.api.status import forbidden
from tests.kubernetes.double.objects.kinds import Kind

type Json = dict[str, Any]


def guard(rules: Rules, user: User) -> Callable[[Kind, Json], None]:
    """What looks at each object that this user writes."""

    def look(kind: Kind, obj: Json) -> None:
        if kind.group != RBAC:
            return
        namespace = obj["metadata"].get("namespace", "")
        if reference := obj.get("roleRef"):
            plural = "clusterroles" if reference["kind"] == "ClusterRole" else "roles"
            verb, name, wanted = "bind", reference["name"], rules.role(reference, namespace)
        else:
            verb, plural, name, wanted = "escalate", kind.plural, obj["metadata"]["name"], obj.get("rules") or []
        if rules.allows(user, Route(verb, "", RBAC, "v1", namespace, plural, name)):
            return
        if lacking := _lacking(rules, user, wanted, namespace):
            groups = ", ".join(f'"{group}"' for group in user.groups)
            who = f'user "{user.name}" (groups=[{groups}])'
            why = f"{who} is attempting to grant RBAC permissions not currently held:\n" + "\n".join(lacking)
            raise forbidden(kind.group, kind.plural, obj["metadata"]["name"], why)

    return look


def _lacking(rules: Rules, user: User, wanted: Sequence[Json], namespace: str) -> list[str]:
    lines = []
    for rule in wanted:
        for asked in _permissions(rule, namespace):
            if not rules.allows(user, asked):
                what = f'APIGroups:["{asked.group}"], Resources:["{asked.resource}"]'
                if not asked.plural:
                    what = f'NonResourceURLs:["{asked.path}"]'
                lines.append(f'{{{what}, Verbs:["{asked.verb}"]}}')
    return lines


def _permissions(rule: Json, namespace: str) -> Iterator[Route]:
    for verb in rule.get("verbs") or ():
        for path in rule.get("nonResourceURLs") or ():
            yield Route(verb, path)
        for group in rule.get("apiGroups") or ():
            for resource in rule.get("resources") or ():
                plural, _, sub = resource.partition("/")
                for name in rule.get("resourceNames") or [""]:
                    yield Route(verb, "", group, "v1", namespace, plural, name, sub)
