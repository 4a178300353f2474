"""Workloads: what becomes of deployments, sets and jobs."""

import copy
import hashlib
import json
from collections.abc import Callable
from typing import Any

from tests.kubernetes.double.objects.bootstrap import NODE
from tests.kubernetes.double.objects.cluster import Cluster, Writing
from tests.kubernetes.double.objects.deletion import Deleting, deleted
from tests.kubernetes.double.objects.kinds import Kind
from tests.kubernetes.double.objects.metadata import now

type Json = dict[str, Any]

_REVISION = "deployment.kubernetes.io/revision"
_HASH = "pod-template-hash"
_WRITER = Writing("kube-controller-manager")


class Workloads:
    """Makes and removes what a workload asks for, and keeps its status."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def reactions(self) -> dict[tuple[str, str], Callable[[Json], None]]:
        """What is done about each kind of workload."""
        return {
            ("apps", "deployments"): self._deployment,
            ("apps", "replicasets"): self._replica_set,
            ("apps", "statefulsets"): self._stateful_set,
            ("apps", "daemonsets"): self._daemon_set,
            ("", "replicationcontrollers"): self._replica_set,
            ("batch", "jobs"): self._job,
        }

    def _kind(self, api_version: str, name: str) -> Kind:
        found = self._cluster.kinds.named(api_version, name)
        if found is None:
            raise LookupError(name)
        return found

    def _owned(self, resource: tuple[str, str], owner: Json) -> list[Json]:
        uid, namespace = owner["metadata"]["uid"], owner["metadata"]["namespace"]
        found = self._cluster.storage.all(resource, namespace)
        return [o for o in found if any(r["uid"] == uid for r in o["metadata"].get("ownerReferences") or ())]

    def _pods(self, owner: Json) -> list[Json]:
        return [pod for pod in self._owned(("", "pods"), owner) if "deletionTimestamp" not in pod["metadata"]]

    def _status(self, obj: Json, **status: Any) -> None:
        kind = self._kind(obj["apiVersion"], obj["kind"])
        status["observedGeneration"] = obj["metadata"].get("generation", 1)
        self._cluster.write(kind, obj, lambda one: {**one, "status": {**(one.get("status") or {}), **status}})

    def _deployment(self, obj: Json) -> None:
        if "deletionTimestamp" in obj["metadata"]:
            return
        sets = self._owned(("apps", "replicasets"), obj)
        template = obj["spec"]["template"]
        current = next((one for one in sets if _bare(one["spec"]["template"]) == template), None)
        last = max((int(one["metadata"]["annotations"][_REVISION]) for one in sets), default=0)
        if current is None:
            self._replica_set_of(obj, last + 1)
            return
        revision = int(current["metadata"]["annotations"][_REVISION])
        if revision < last:
            revision = last + 1
            self._annotate("ReplicaSet", current, revision)
        self._annotate("Deployment", obj, revision)
        self._scale(current, obj["spec"]["replicas"])
        for other in sets:
            if other is not current:
                self._scale(other, 0)
        self._deployment_status(obj, current, sets)

    def _deployment_status(self, obj: Json, current: Json, sets: list[Json]) -> None:
        wanted, ready = obj["spec"]["replicas"], len([p for p in self._pods(current) if is_ready(p)])
        total = sum(len(self._pods(one)) for one in sets)
        done = ready >= wanted
        reason = "NewReplicaSetAvailable" if done else "ReplicaSetUpdated"
        how = "has successfully progressed" if done else "is progressing"
        said = f'ReplicaSet "{current["metadata"]["name"]}" {how}.'
        conditions = [
            _condition(obj, "Available", done, "MinimumReplicasAvailable" if done else "MinimumReplicasUnavailable"),
            {**_condition(obj, "Progressing", True, reason), "message": said},
        ]
        counts = {"replicas": total, "updatedReplicas": len(self._pods(current)), "readyReplicas": ready}
        counts |= {"availableReplicas": ready, "unavailableReplicas": max(wanted - ready, 0)}
        self._status(obj, **counts, conditions=conditions)

    def _replica_set_of(self, obj: Json, revision: int) -> None:
        template = copy.deepcopy(obj["spec"]["template"])
        digest = _digest(template)
        labels = {**(template["metadata"].get("labels") or {}), _HASH: digest}
        template["metadata"]["labels"] = labels
        meta = obj["metadata"]
        made = {
            "metadata": {
                "name": f"{meta['name']}-{digest}",
                "labels": labels,
                "annotations": {_REVISION: str(revision)},
                "ownerReferences": [_owner(obj)],
            },
            "spec": {
                "replicas": obj["spec"]["replicas"],
                "selector": {"matchLabels": labels},
                "template": template,
            },
        }
        kind = self._kind("apps/v1", "ReplicaSet")
        if self._cluster.storage.get(("apps", "replicasets"), (meta["namespace"], made["metadata"]["name"])) is None:
            self._cluster.create(kind, meta["namespace"], made, _WRITER)
        if found := self._cluster.storage.get(("apps", "deployments"), (meta["namespace"], meta["name"])):
            self._deployment(found)

    def _annotate(self, kind: str, obj: Json, revision: int) -> None:
        def change(one: Json) -> Json:
            one["metadata"].setdefault("annotations", {})[_REVISION] = str(revision)
            return one

        self._cluster.write(self._kind("apps/v1", kind), obj, change)

    def _scale(self, obj: Json, replicas: int) -> None:
        def change(one: Json) -> Json:
            if one["spec"]["replicas"] != replicas:
                one["spec"]["replicas"] = replicas
                one["metadata"]["generation"] = one["metadata"].get("generation", 0) + 1
            return one

        self._cluster.write(self._kind("apps/v1", "ReplicaSet"), obj, change)

    def _replica_set(self, obj: Json) -> None:
        if "deletionTimestamp" in obj["metadata"]:
            return
        pods, wanted = self._pods(obj), obj["spec"]["replicas"]
        for _ in range(wanted - len(pods)):
            self._pod(obj, {"generateName": f"{obj['metadata']['name']}-"})
        # Those that are not ready yet go first.
        for pod in sorted(pods, key=is_ready)[: max(len(pods) - wanted, 0)]:
            deleted(self._cluster, self._kind("v1", "Pod"), pod, Deleting("Background"))
        pods = self._pods(obj)
        ready = len([pod for pod in pods if is_ready(pod)])
        counts = {"replicas": len(pods), "readyReplicas": ready, "availableReplicas": ready}
        self._status(obj, **counts, fullyLabeledReplicas=len(pods))

    def _pod(self, owner: Json, named: Json, node: str = "") -> None:
        template = copy.deepcopy(owner["spec"]["template"])
        meta = {**template.get("metadata", {}), **named, "ownerReferences": [_owner(owner)]}
        spec = {**template["spec"], "nodeName": node} if node else template["spec"]
        made = {"metadata": meta, "spec": spec}
        self._cluster.create(self._kind("v1", "Pod"), owner["metadata"]["namespace"], made, _WRITER)

    def _stateful_set(self, obj: Json) -> None:
        if "deletionTimestamp" in obj["metadata"]:
            return
        name, wanted = obj["metadata"]["name"], obj["spec"]["replicas"]
        revision = f"{name}-{_digest(obj['spec']['template'])}"
        for pod in self._pods(obj):
            number = int(pod["metadata"]["name"].rpartition("-")[2])
            if number >= wanted or pod["metadata"]["labels"].get("controller-revision-hash") != revision:
                deleted(self._cluster, self._kind("v1", "Pod"), pod, Deleting("Background"))
        there = {pod["metadata"]["name"] for pod in self._owned(("", "pods"), obj)}
        for number in range(wanted):
            if (pod_name := f"{name}-{number}") not in there:
                labels = {**(obj["spec"]["template"]["metadata"].get("labels") or {})}
                self._pod(obj, {"name": pod_name, "labels": {**labels, "controller-revision-hash": revision}})
        pods = self._pods(obj)
        ready = len([pod for pod in pods if is_ready(pod)])
        new = {"currentRevision": revision, "updateRevision": revision, "updatedReplicas": len(pods)}
        counts = {"replicas": len(pods), "readyReplicas": ready, "availableReplicas": ready}
        self._status(obj, **counts, **new, currentReplicas=len(pods))

    def _daemon_set(self, obj: Json) -> None:
        if "deletionTimestamp" in obj["metadata"]:
            return
        digest = _digest(obj["spec"]["template"])
        for pod in self._pods(obj):
            if pod["metadata"]["labels"].get("controller-revision-hash") != digest:
                deleted(self._cluster, self._kind("v1", "Pod"), pod, Deleting("Background"))
        if not self._pods(obj):
            labels = {**(obj["spec"]["template"]["metadata"].get("labels") or {}), "controller-revision-hash": digest}
            self._pod(obj, {"generateName": f"{obj['metadata']['name']}-", "labels": labels}, NODE)
        ready = len([pod for pod in self._pods(obj) if is_ready(pod)])
        names = "currentNumberScheduled desiredNumberScheduled updatedNumberScheduled"
        counts = {**dict.fromkeys(names.split(), 1), "numberReady": ready, "numberAvailable": ready}
        self._status(obj, **counts, numberMisscheduled=0)

    def _job(self, obj: Json) -> None:
        if "deletionTimestamp" in obj["metadata"] or obj["spec"].get("suspend"):
            return
        pods, wanted = self._owned(("", "pods"), obj), obj["spec"].get("completions", 1)
        phases = [(pod.get("status") or {}).get("phase") for pod in pods]
        succeeded, failed = phases.count("Succeeded"), phases.count("Failed")
        active = len(phases) - succeeded - failed
        begun = (obj.get("status") or {}).get("startTime") or now()
        status: Json = {
            "startTime": begun,
            "active": active,
            "ready": active,
            "succeeded": succeeded,
            "failed": failed,
        }
        if succeeded >= wanted:
            status["conditions"] = [_condition(obj, "Complete", True, "CompletionsReached")]
            status["completionTime"] = (obj.get("status") or {}).get("completionTime") or now()
        elif failed > obj["spec"]["backoffLimit"]:
            status["conditions"] = [_condition(obj, "Failed", True, "BackoffLimitExceeded")]
        elif active < min(obj["spec"]["parallelism"], wanted - succeeded):
            self._pod(obj, {"generateName": f"{obj['metadata']['name']}-"})
            status["active"] = active + 1
        self._status(obj, **{name: value for name, value in status.items() if value})


def is_ready(pod: Json) -> bool:
    """Whether all of a pod's containers serve."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _owner(obj: Json) -> Json:
    meta = obj["metadata"]
    head = {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "name": meta["name"], "uid": meta["uid"]}
    return {**head, "controller": True, "blockOwnerDeletion": True}


def _bare(template: Json) -> Json:
    labels = {k: v for k, v in (template["metadata"].get("labels") or {}).items() if k != _HASH}
    return {**template, "metadata": {**template["metadata"], "labels": labels}}


def _digest(template: Json) -> str:
    return hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:10]


def _condition(obj: Json, kind: str, holds: bool, reason: str) -> Json:
    status = str(holds)
    before = {one["type"]: one for one in (obj.get("status") or {}).get("conditions") or ()}.get(kind, {})
    if before.get("status") == status and before.get("reason") == reason:
        return {name: value for name, value in before.items() if name != "message"}
    when = now()
    return {"type": kind, "status": status, "reason": reason, "lastUpdateTime": when, "lastTransitionTime": when}
