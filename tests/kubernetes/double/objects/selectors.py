"""Label and field selectors, as query parameters spell them and as objects carry them."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.kubernetes.double.api.status import bad_request

type Json = dict[str, Any]
type Matches = Callable[[Json], bool]

_LABEL = re.compile(
    r"\s*(?:(?P<absent>!)\s*)?(?P<key>[A-Za-z0-9][-A-Za-z0-9_./]*)\s*"
    r"(?:(?P<op>==|!=|=|<|>|\bin\b|\bnotin\b)\s*(?:\((?P<set>[^)]*)\)|(?P<value>[-A-Za-z0-9_.]*)))?\s*(?:,|$)"
)

# What each resource can be asked for beside metadata.name and metadata.namespace.
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "pods": (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    "secrets": ("type",),
    "namespaces": ("status.phase",),
    "nodes": ("spec.unschedulable",),
    "jobs": ("status.successful",),
    "events": (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    "replicasets": ("status.replicas",),
    "replicationcontrollers": ("status.replicas",),
    "services": ("spec.clusterIP", "spec.type"),
}


def labels(selector: str) -> Matches:
    """Whether an object's labels are as the selector says."""
    tests: list[Matches] = []
    at = 0
    while at < len(selector):
        found = _LABEL.match(selector, at)
        if not found or found.end() == at:
            raise bad_request(f"unable to parse requirement: found '{selector[at:]}'")
        tests.append(_requirement(found))
        at = found.end()
    return lambda obj: all(test(obj["metadata"].get("labels") or {}) for test in tests)


def _requirement(found: re.Match[str]) -> Matches:
    key, op = found["key"], found["op"]
    wanted = (
        {word.strip() for word in found["set"].split(",")} if found["set"] is not None else {found["value"] or ""}
    )
    match op:
        case None:
            present = not found["absent"]
            return lambda own: (key in own) is present
        case "!=" | "notin":
            return lambda own: own.get(key) not in wanted
        case "<" | ">":
            limit = int(found["value"] or 0)
            return lambda own: key in own and (int(own[key]) < limit if op == "<" else int(own[key]) > limit)
        case _:
            return lambda own: own.get(key) in wanted


def fields(selector: str, plural: str, kind: str) -> Matches:
    """Whether an object's fields are as the selector says; refuses fields that the resource is not asked for by."""
    tests: list[tuple[str, str, bool]] = []
    for part in filter(None, selector.split(",")):
        path, negated, value = _field(part)
        if path not in ("metadata.name", "metadata.namespace", *_FIELDS.get(plural, ())):
            raise bad_request(f"field label not supported: {path}" if kind else f"{path} is not a known field")
        tests.append((path, value, negated))
    return lambda obj: all((value_at(obj, path) == value) is not negated for path, value, negated in tests)


def _field(part: str) -> tuple[str, bool, str]:
    for sign, negated in (("!=", True), ("==", False), ("=", False)):
        path, found, value = part.partition(sign)
        if found:
            return path, negated, value
    raise bad_request(f"invalid selector: '{part}'; can't understand '{part}'")


def value_at(obj: Json, path: str) -> str:
    """The field as a selector sees it; empty where there is none."""
    found: Any = obj
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    if isinstance(found, bool):
        return str(found).lower()
    return "" if found is None or isinstance(found, dict) else str(found)


def selects(selector: Json | None, own: Mapping[str, str]) -> bool:
    """Whether a LabelSelector (`matchLabels`, `matchExpressions`) is of these labels; an empty one is of all."""
    selector = selector or {}
    if any(own.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    for rule in selector.get("matchExpressions") or ():
        value = own.get(rule["key"])
        holds = {
            "In": value in (rule.get("values") or ()),
            "NotIn": value not in (rule.get("values") or ()),
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }[rule["operator"]]
        if not holds:
            return False
    return True
