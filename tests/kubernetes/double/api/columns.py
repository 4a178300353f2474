"""The columns that kube-apiserver prints of its own kinds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.kubernetes.double.api.age import age, human, seconds_since

type Json = dict[str, Any]
type Cells = list[Any]

_NONE = "<none>"


@dataclass(frozen=True, slots=True)
class Column:
    """One column; those of a priority above 0 are for `-o wide`."""

    name: str
    type: str = "string"
    priority: int = 0

    def json(self) -> Json:
        """As a Table defines it."""
        return {
            "name": self.name,
            "type": self.type,
            "format": "name" if self.name == "Name" else "",
            "description": f"{self.name} of the object",
            "priority": self.priority,
        }


def _columns(names: str, wide: str = "", numbers: Sequence[str] = ()) -> list[Column]:
    plain = [Column(name, "integer" if name in numbers else "string") for name in names.split("|")]
    return [*plain, *(Column(name, priority=1) for name in wide.split("|") if name)]


def name(obj: Json) -> str:
    """The object's name."""
    return str(obj["metadata"]["name"])


def old(obj: Json) -> str:
    """The object's age."""
    return age(obj["metadata"].get("creationTimestamp"))


def at(obj: Json, path: str, default: Any = "") -> Any:
    """A field, or what stands for it."""
    found: Any = obj
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return default if found is None else found


def _containers(spec: Json) -> Cells:
    found = at(spec, "containers", [])
    return [",".join(c["name"] for c in found) or _NONE, ",".join(c.get("image", "") for c in found) or _NONE]


def _selector(obj: Json, path: str = "spec.selector.matchLabels") -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(at(obj, path, {}).items())) or _NONE


def _pod(obj: Json) -> Cells:
    containers = at(obj, "spec.containers", [])
    statuses = at(obj, "status.containerStatuses", [])
    ready = sum(bool(one.get("ready")) for one in statuses)
    restarts = sum(one.get("restartCount", 0) for one in statuses)
    wide = [at(obj, "status.podIP", _NONE), at(obj, "spec.nodeName", _NONE), _NONE, _NONE]
    return [name(obj), f"{ready}/{len(containers)}", _pod_status(obj, statuses), str(restarts), old(obj), *wide]


def _pod_status(obj: Json, statuses: list[Json]) -> str:
    if "deletionTimestamp" in obj["metadata"]:
        return "Terminating"
    reason = at(obj, "status.reason") or at(obj, "status.phase", "Unknown")
    for one in reversed(statuses):
        state = one.get("state", {})
        for kind in ("waiting", "terminated"):
            if said := state.get(kind, {}).get("reason"):
                reason = said
    return str(reason)


def _deployment(obj: Json) -> Cells:
    status = obj.get("status", {})
    ready = f"{status.get('readyReplicas', 0)}/{at(obj, 'spec.replicas', 1)}"
    counts = [status.get("updatedReplicas", 0), status.get("availableReplicas", 0)]
    return [name(obj), ready, *counts, old(obj), *_containers(at(obj, "spec.template.spec", {})), _selector(obj)]


def _replica_set(obj: Json) -> Cells:
    status = obj.get("status", {})
    counts = [at(obj, "spec.replicas", 1), status.get("replicas", 0), status.get("readyReplicas", 0)]
    path = "spec.selector" if obj["kind"] == "ReplicationController" else "spec.selector.matchLabels"
    return [name(obj), *counts, old(obj), *_containers(at(obj, "spec.template.spec", {})), _selector(obj, path)]


def _daemon_set(obj: Json) -> Cells:
    names = "desiredNumberScheduled currentNumberScheduled numberReady updatedNumberScheduled numberAvailable"
    counts = [at(obj, f"status.{one}", 0) for one in names.split()]
    nodes = _selector(obj, "spec.template.spec.nodeSelector")
    return [name(obj), *counts, nodes, old(obj), *_containers(at(obj, "spec.template.spec", {})), _selector(obj)]


def _stateful_set(obj: Json) -> Cells:
    ready = f"{at(obj, 'status.readyReplicas', 0)}/{at(obj, 'spec.replicas', 1)}"
    return [name(obj), ready, old(obj), *_containers(at(obj, "spec.template.spec", {}))]


def _service(obj: Json) -> Cells:
    ports = ",".join(
        f"{p['port']}{':' + str(p['nodePort']) if p.get('nodePort') else ''}/{p.get('protocol', 'TCP')}"
        for p in at(obj, "spec.ports", [])
    )
    kind = at(obj, "spec.type", "ClusterIP")
    outside = "<pending>" if kind == "LoadBalancer" else _NONE
    address = at(obj, "spec.clusterIP", _NONE) or _NONE
    return [name(obj), kind, address, outside, ports or _NONE, old(obj), _selector(obj, "spec.selector")]


def _job(obj: Json) -> Cells:
    status, wanted = obj.get("status", {}), at(obj, "spec.completions", 1)
    kinds = [one["type"] for one in status.get("conditions", []) if one.get("status") == "True"]
    said = next((kind for kind in ("Complete", "Failed", "Suspended") if kind in kinds), "Running")
    took = ""
    if begun := status.get("startTime"):
        ended = status.get("completionTime")
        took = human(int(seconds_since(begun) - (seconds_since(ended) if ended else 0)))
    done = f"{status.get('succeeded', 0)}/{wanted}"
    return [name(obj), said, done, took, old(obj), *_containers(at(obj, "spec.template.spec", {})), _selector(obj)]


def _cron_job(obj: Json) -> Cells:
    spec = at(obj, "spec.jobTemplate.spec.template.spec", {})
    last = at(obj, "status.lastScheduleTime", None)
    state = [str(at(obj, "spec.suspend", False)), len(at(obj, "status.active", [])), age(last) if last else _NONE]
    zone = at(obj, "spec.timeZone", _NONE)
    return [name(obj), at(obj, "spec.schedule"), zone, *state, old(obj), *_containers(spec), _NONE]


def _event(obj: Json) -> Cells:
    about = at(obj, "involvedObject", {})
    seen = age(obj.get("lastTimestamp") or obj["metadata"].get("creationTimestamp"))
    said = str(obj.get("message", "")).strip()
    return [
        seen,
        obj.get("type", ""),
        obj.get("reason", ""),
        f"{about.get('kind', '').lower()}/{about.get('name', '')}",
        said,
    ]


def _node(obj: Json) -> Cells:
    ready = [one for one in at(obj, "status.conditions", []) if one["type"] == "Ready"]
    state = "Ready" if ready and ready[0]["status"] == "True" else "NotReady"
    if at(obj, "spec.unschedulable", False):
        state += ",SchedulingDisabled"
    return [name(obj), state, _NONE, old(obj), at(obj, "status.nodeInfo.kubeletVersion")]


def _claim(obj: Json) -> Cells:
    modes = ",".join("".join(c for c in mode if c.isupper()) for mode in at(obj, "spec.accessModes", []))
    bound = [at(obj, "status.phase"), at(obj, "spec.volumeName"), at(obj, "status.capacity.storage"), modes]
    kind = [at(obj, "spec.storageClassName"), "<unset>"]
    return [name(obj), *bound, *kind, old(obj), at(obj, "spec.volumeMode", "Filesystem")]


def _volume(obj: Json) -> Cells:
    modes = ",".join("".join(c for c in mode if c.isupper()) for mode in at(obj, "spec.accessModes", []))
    claim = at(obj, "spec.claimRef", {})
    held = f"{claim.get('namespace')}/{claim.get('name')}" if claim else ""
    policy, phase = at(obj, "spec.persistentVolumeReclaimPolicy"), at(obj, "status.phase")
    end = [at(obj, "spec.storageClassName"), "<unset>", at(obj, "status.reason"), old(obj)]
    return [name(obj), at(obj, "spec.capacity.storage"), modes, policy, phase, held, *end]


def _binding(obj: Json) -> Cells:
    role = f"{obj['roleRef']['kind']}/{obj['roleRef']['name']}"
    subjects = obj.get("subjects") or []
    by_kind = {kind: ", ".join(_subject(s) for s in subjects if s["kind"] == kind) for kind in _SUBJECTS}
    return [name(obj), role, old(obj), *by_kind.values()]


_SUBJECTS = ("User", "Group", "ServiceAccount")


def _subject(subject: Json) -> str:
    return (
        f"{subject['namespace']}/{subject['name']}" if subject["kind"] == "ServiceAccount" else str(subject["name"])
    )


_WORKLOAD = "Containers|Images"
_TABLES: Mapping[str, tuple[list[Column], Callable[[Json], Cells]]] = {
    " Pod": (
        _columns("Name|Ready|Status|Restarts|Age", "IP|Node|Nominated Node|Readiness Gates"), _pod),
    "apps Deployment": (
        _columns("Name|Ready|Up-to-date|Available|Age", f"{_WORKLOAD}|Selector", ("Up-to-date", "Available")),
        _deployment),
    "apps ReplicaSet": (
        _columns("Name|Desired|Current|Ready|Age", f"{_WORKLOAD}|Selector", ("Desired", "Current", "Ready")),
        _replica_set),
    " ReplicationController": (
        _columns("Name|Desired|Current|Ready|Age", f"{_WORKLOAD}|Selector", ("Desired", "Current", "Ready")),
        _replica_set),
    "apps DaemonSet": (
        _columns("Name|Desired|Current|Ready|Up-to-date|Available|Node Selector|Age", f"{_WORKLOAD}|Selector",
                 ("Desired", "Current", "Ready", "Up-to-date", "Available")), _daemon_set),
    "apps StatefulSet": (_columns("Name|Ready|Age", _WORKLOAD), _stateful_set),
    " Service": (_columns("Name|Type|Cluster-IP|External-IP|Port(s)|Age", "Selector"), _service),
    "batch Job": (_columns("Name|Status|Completions|Duration|Age", f"{_WORKLOAD}|Selector"), _job),
    "batch CronJob": (
        _columns("Name|Schedule|Timezone|Suspend|Active|Last Schedule|Age", f"{_WORKLOAD}|Selector", ("Active",)),
        _cron_job),
    " ConfigMap": (
        _columns("Name|Data|Age", numbers=("Data",)),
        lambda o: [name(o), len(o.get("data") or {}) + len(o.get("binaryData") or {}), old(o)]),
    " Secret": (
        _columns("Name|Type|Data|Age", numbers=("Data",)),
        lambda o: [name(o), o.get("type", ""), len(o.get("data") or {}), old(o)]),
    " ServiceAccount": (
        _columns("Name|Secrets|Age", numbers=("Secrets",)), lambda o: [name(o), len(o.get("secrets") or []), old(o)]),
    " Namespace": (_columns("Name|Status|Age"), lambda o: [name(o), at(o, "status.phase"), old(o)]),
    " Node": (_columns("Name|Status|Roles|Age|Version"), _node),
    " Event": (_columns("Last Seen|Type|Reason|Object|Message"), _event),
    " PersistentVolumeClaim": (
        _columns("Name|Status|Volume|Capacity|Access Modes|StorageClass|VolumeAttributesClass|Age", "VolumeMode"),
        _claim),
    " PersistentVolume": (
        _columns("Name|Capacity|Access Modes|Reclaim Policy|Status|Claim|StorageClass|"
                 "VolumeAttributesClass|Reason|Age"),
        _volume),
    "rbac.authorization.k8s.io RoleBinding": (_columns("Name|Role|Age", "Users|Groups|ServiceAccounts"), _binding),
    "rbac.authorization.k8s.io ClusterRoleBinding": (
        _columns("Name|Role|Age", "Users|Groups|ServiceAccounts"), _binding),
    "rbac.authorization.k8s.io Role": (
        _columns("Name|Created At"), lambda o: [name(o), o["metadata"]["creationTimestamp"]]),
    "rbac.authorization.k8s.io ClusterRole": (
        _columns("Name|Created At"), lambda o: [name(o), o["metadata"]["creationTimestamp"]]),
    "coordination.k8s.io Lease": (
        _columns("Name|Holder|Age"), lambda o: [name(o), at(o, "spec.holderIdentity"), old(o)]),
    "apiextensions.k8s.io CustomResourceDefinition": (
        _columns("Name|Created At"), lambda o: [name(o), o["metadata"]["creationTimestamp"]]),
}  # fmt: skip


def built_in(group: str, kind: str) -> tuple[list[Column], Callable[[Json], Cells]]:
    """The columns of a kind, and what makes an object's cells; a name and an age where nothing is known."""
    return _TABLES.get(f"{group} {kind}", (_columns("Name|Age"), lambda obj: [name(obj), old(obj)]))
