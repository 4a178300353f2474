"""Roles, bindings and impersonation that give more rights than whoever asks for them should have."""

from collections.abc import Iterable, Mapping
from typing import Any

from hoopaddon.hazards.kubernetes_objects import COMPUTED, found, part
from hoopaddon.web.commands import KubeCommand

POWERFUL_ROLES = frozenset({"cluster-admin", "admin", "system:aggregate-to-admin", "system:masters"})
EVERYBODY = frozenset(
    {
        *("system:masters", "system:authenticated", "system:unauthenticated", "system:serviceaccounts"),
        *("system:anonymous", "system:nodes", "kubeadm:cluster-admins"),
    }
)
"""Groups and users that are everything, or everybody."""

_ROLES = frozenset({"roles", "clusterroles"})
_BINDINGS = frozenset({"rolebindings", "clusterrolebindings"})
_GIVING = frozenset({"bind", "escalate", "impersonate"})
_READING = frozenset({"get", "list", "watch"})
_GUARDED = frozenset(
    {
        *(
            "*",
            "*/*",
            "roles",
            "clusterroles",
            "rolebindings",
            "clusterrolebindings",
            "secrets",
            "serviceaccounts/token",
        ),
        *("nodes/proxy", "pods/exec", "pods/attach", "pods/*", "*/exec", "certificatesigningrequests/approval"),
    }
)
_WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
_IDENTITY_MAPS = frozenset({"aws-auth", "extension-apiserver-authentication", "kubeadm-config"})
_AGGREGATE = "rbac.authorization.k8s.io/aggregate-to-"


def escalates(c: KubeCommand) -> str:
    taken = {name.partition("/")[2] for name in c.objects if name.startswith(("groups/", "users/"))} & EVERYBODY
    if taken and "impersonate" in c.verbs:
        return f"impersonating {', '.join(sorted(taken))} is refused"
    if c.verb not in _WRITES:
        return ""
    if c.resource in _ROLES | _BINDINGS and (c.name.startswith("system:") or c.name in POWERFUL_ROLES):
        return f"{c.resource} {c.name} is the cluster's own: {c.verb} is refused"
    if c.resource == "configmaps" and c.namespace == "kube-system" and c.name in _IDENTITY_MAPS:
        return f"the ConfigMap {c.name} says who is who in this cluster: {c.verb} is refused"
    if c.resource in _BINDINGS:
        return _first(_binding(change) for change in c.changes)
    if c.resource in _ROLES:
        return _first(_role(change) for change in c.changes)
    return ""


def _first(reasons: Iterable[str]) -> str:
    return next((reason for reason in reasons if reason), "")


def _binding(change: Any) -> str:
    role, subjects = part(change, "roleRef", "name"), part(change, "subjects")
    if COMPUTED in (role, subjects, change):
        return "a binding that a patch copies from elsewhere is refused: write it out"
    if isinstance(role, str) and (role in POWERFUL_ROLES or role.startswith("system:")):
        return f"a binding to {role} is refused"
    names = {value for _, value in found(subjects, "name") if isinstance(value, str)}
    wide = {name for name in names if name in EVERYBODY or name.startswith("system:serviceaccounts")}
    return f"a binding of {', '.join(sorted(wide))} is refused" if wide else ""


def _role(change: Any) -> str:
    if change == COMPUTED or part(change, "rules") == COMPUTED or part(change, "aggregationRule") is not None:
        return "a role whose rules come from elsewhere is refused: write them out"
    labels = part(change, "metadata", "labels")
    if labels == COMPUTED or (isinstance(labels, Mapping) and any(key.startswith(_AGGREGATE) for key in labels)):
        return "a role that becomes a part of admin, edit or view is refused"
    rules = part(change, "rules")
    return _first(_rule(rule) for rule in rules) if isinstance(rules, list | tuple) else ""


def _rule(rule: Any) -> str:
    if rule == COMPUTED:
        return "a role whose rules come from elsewhere is refused: write them out"
    verbs, resources = _words(rule, "verbs"), _words(rule, "resources")
    if COMPUTED in verbs | resources:
        return "a role whose rules come from elsewhere is refused: write them out"
    if given := verbs & _GIVING:
        return f"a role with {', '.join(sorted(given))} can take any right"
    if resources & {"*", "*/*"} and not verbs <= _READING:
        return "a role for every resource is refused: name them"
    if "*" in verbs and (resources & _GUARDED or "*" in _words(rule, "nonResourceURLs")):
        return "a role with every verb on roles, secrets, tokens or exec is refused: name them"
    if resources & {"*", "*/*"} and _words(rule, "apiGroups") & {"", "*"}:
        return "a role that reads every resource reads the secrets too: name them"
    return ""


def _words(rule: Any, key: str) -> frozenset[str]:
    value = part(rule, key)
    if value == COMPUTED:
        return frozenset({COMPUTED})
    return (
        frozenset(word for word in value if isinstance(word, str)) if isinstance(value, list | tuple) else frozenset()
    )
