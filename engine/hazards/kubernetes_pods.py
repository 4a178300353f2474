"""Pods that are more than a container: what in them, or in any template for them, reaches into the node."""

from typing import Any

from hoopaddon.hazards.kubernetes_objects import COMPUTED, found, is_on, part
from hoopaddon.web.commands import KubeCommand

HARMLESS_CAPABILITIES = frozenset(
    {
        *(
            "AUDIT_WRITE",
            "CHOWN",
            "DAC_OVERRIDE",
            "FOWNER",
            "FSETID",
            "KILL",
            "MKNOD",
            "NET_BIND_SERVICE",
            "SETFCAP",
            "SETGID",
        ),
        *("SETPCAP", "SETUID", "SYS_CHROOT"),
    }
)
"""Those that the baseline of the Pod Security Standards lets a container add."""

ENFORCE = "pod-security.kubernetes.io/enforce"

_WRITES = frozenset({"create", "update", "patch"})
_HOST_FLAGS = {"hostPID": "processes", "hostIPC": "shared memory", "hostNetwork": "network"}
_KEYS = ("privileged", "hostPath", "capabilities", "procMount", "hostProcess", *_HOST_FLAGS)
_NOT_PODS = frozenset(
    {
        "customresourcedefinitions",
        "configmaps",
        "secrets",
        "podsecuritypolicies",
        "securitycontextconstraints",
        "events",
    }
)
_SPECS = (("spec",), ("spec", "template"), ("spec", "template", "spec"), ("spec", "jobTemplate"))
_WORKLOADS = frozenset(
    {
        *("pods", "deployments", "replicasets", "daemonsets", "statefulsets", "jobs", "cronjobs"),
        *("replicationcontrollers", "podtemplates"),
    }
)


def escapes(c: KubeCommand) -> str:
    """Custom resources have templates of pods anywhere, so the keys are looked for everywhere."""
    if c.verb not in _WRITES or c.resource in _NOT_PODS or c.subresource in ("status", "scale"):
        return ""
    for change in c.changes:
        if c.resource in _WORKLOADS and (change == COMPUTED or any(part(change, *s) == COMPUTED for s in _SPECS)):
            return "a pod that a patch copies from elsewhere is refused: write it out"
        for key, value in found(change, *_KEYS):
            if reason := _reason(key, value):
                return reason
    return ""


def _reason(key: str, value: Any) -> str:
    if key in _HOST_FLAGS:
        return f"{key}: a pod in the {_HOST_FLAGS[key]} of its node is refused" if is_on(value) else ""
    if key in ("privileged", "hostProcess"):
        return f"{key}: a container with the rights of its node is refused" if is_on(value) else ""
    if key == "hostPath":
        return f"hostPath: a folder of the node in a pod is refused{_path(value)}" if value is not None else ""
    if key == "procMount":
        return "procMount: an unmasked /proc is refused" if value in ("Unmasked", COMPUTED) else ""
    added = part(value, "add")
    if added is None:
        return ""
    names = {str(name).upper().removeprefix("CAP_") for name in added} if added != COMPUTED else {"…"}
    risky = sorted(names - HARMLESS_CAPABILITIES)
    return f"capabilities: {', '.join(risky[:3])} is refused" if risky else ""


def _path(value: Any) -> str:
    path = part(value, "path")
    return f" ({path[:60]})" if isinstance(path, str) and path.isprintable() else ""


def lowers_guard(c: KubeCommand) -> str:
    """What keeps privileged pods out of a namespace is a label of it."""
    if c.resource != "namespaces" or c.verb not in _WRITES:
        return ""
    reason = f"{ENFORCE}: a namespace for privileged pods is refused"
    if any(path == "metadata.labels" or path == f"metadata.labels.{ENFORCE}" for path in c.removes):
        return reason
    for change in c.changes:
        labels = part(change, "metadata", "labels")
        if labels == COMPUTED or part(labels, ENFORCE) in ("privileged", COMPUTED):
            return reason
    return ""
