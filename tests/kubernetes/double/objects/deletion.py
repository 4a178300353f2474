"""How objects go: finalizers, grace, propagation, and what is collected after them."""

import copy
import datetime as dt
from dataclasses import dataclass
from typing import Any

from tests.kubernetes.double.api.status import conflict, forbidden
from tests.kubernetes.double.objects.cluster import Cluster
from tests.kubernetes.double.objects.kinds import Kind
from tests.kubernetes.double.objects.storage import Event

type Json = dict[str, Any]

_FINALIZERS = {"Orphan": "orphan", "Foreground": "foregroundDeletion"}
# What is returned as it was, where others are answered with a Status.
_RETURNED = ("Pod", "ServiceAccount", "Service", "PersistentVolume", "PersistentVolumeClaim", "ResourceQuota")
_IMMORTAL = ("default", "kube-system", "kube-public")


@dataclass(frozen=True, slots=True)
class Deleting:
    """DeleteOptions."""

    propagation: str = ""
    grace_s: int | None = None
    uid: str = ""
    resource_version: str = ""
    dry_run: bool = False


def deleted(cluster: Cluster, kind: Kind, obj: Json, options: Deleting) -> tuple[Json, bool]:
    """Delete an object, or mark it for deletion; it, and whether it is what the client is answered with."""
    _preconditions(kind, obj, options)
    made = copy.deepcopy(obj)
    meta = made["metadata"]
    finalizers = [one for one in meta.get("finalizers", []) if one not in _FINALIZERS.values()]
    if finalizer := _FINALIZERS.get(options.propagation):
        finalizers.append(finalizer)
    if finalizers:
        meta["finalizers"] = finalizers
    else:
        meta.pop("finalizers", None)
    grace = _grace(kind, made, options)
    waits = bool(finalizers or grace or kind.name == "Namespace")
    if waits and "deletionTimestamp" not in meta:
        when = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=grace)
        meta["deletionTimestamp"] = when.strftime("%Y-%m-%dT%H:%M:%SZ")
        if kind.name == "Pod" or finalizers:
            meta["deletionGracePeriodSeconds"] = grace
        if kind.name == "Namespace":
            made["status"] = {**made.get("status", {}), "phase": "Terminating"}
    if options.dry_run:
        return made, waits or kind.name in _RETURNED
    if waits:
        return cluster.shown(kind, cluster.storage.put((kind.group, kind.plural), made)), True
    gone = cluster.storage.remove((kind.group, kind.plural), (meta.get("namespace", ""), meta["name"]))
    return cluster.shown(kind, gone or made), kind.name in _RETURNED


def _grace(kind: Kind, obj: Json, options: Deleting) -> int:
    if kind.name != "Pod" or not obj["spec"].get("nodeName"):
        return 0
    if (obj.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return 0
    own: int = obj["spec"].get("terminationGracePeriodSeconds", 30)
    return own if options.grace_s is None else options.grace_s


def _preconditions(kind: Kind, obj: Json, options: Deleting) -> None:
    meta = obj["metadata"]
    if kind.name == "Namespace" and meta["name"] in _IMMORTAL:
        raise forbidden(kind.group, kind.plural, meta["name"], "this namespace may not be deleted")
    for wanted, own, named in (
        (options.uid, meta["uid"], "UID"),
        (options.resource_version, meta["resourceVersion"], "ResourceVersion"),
    ):
        if wanted and wanted != own:
            why = f"Precondition failed: {named} in precondition: {wanted}, {named} in object meta: {own}"
            raise conflict(kind.group, kind.plural, meta["name"], why)


def success(kind: Kind, obj: Json) -> Json:
    """What a client is told of an object that is gone."""
    details = {
        "name": obj["metadata"]["name"],
        "group": kind.group,
        "kind": kind.plural,
        "uid": obj["metadata"]["uid"],
    }
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {key: value for key, value in details.items() if value},
    }


class Collector:
    """The garbage collector: dependents go with their owners, or are let go."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def on(self, event: Event) -> None:
        """See to the dependents of what has gone or is going."""
        if event.after is not None:
            kind = self._cluster.kinds.any_version(*event.resource)
            if kind and "deletionTimestamp" in event.after["metadata"]:
                self._finalize(kind, event.after)
        elif event.before is not None:
            self._orphaned(event.before["metadata"])

    def _orphaned(self, gone: Json) -> None:
        for kind, obj in self._dependents(gone["uid"]):
            others = [owner for owner in obj["metadata"]["ownerReferences"] if owner["uid"] != gone["uid"]]
            if not any(self._living(owner["uid"]) for owner in others) and "deletionTimestamp" not in obj["metadata"]:
                deleted(self._cluster, kind, obj, Deleting("Background"))
        for owner in gone.get("ownerReferences") or ():
            if (found := self._living(owner["uid"])) and "deletionTimestamp" in found[1]["metadata"]:
                self._finalize(*found)

    def _finalize(self, kind: Kind, obj: Json) -> None:
        uid, finalizers = obj["metadata"]["uid"], obj["metadata"].get("finalizers", [])
        if "orphan" in finalizers:
            for other, dependent in self._dependents(uid):
                self._cluster.write(other, dependent, lambda one: _let_go(one, uid))
            self._cluster.write(kind, obj, lambda one: _without_finalizer(one, "orphan"))
        elif "foregroundDeletion" in finalizers:
            for other, dependent in self._dependents(uid):
                if "deletionTimestamp" not in dependent["metadata"]:
                    deleted(self._cluster, other, dependent, Deleting("Foreground"))
            if not self._dependents(uid):
                self._cluster.write(kind, obj, lambda one: _without_finalizer(one, "foregroundDeletion"))

    def _dependents(self, uid: str) -> list[tuple[Kind, Json]]:
        found = []
        for resource in self._cluster.storage.resources():
            kind = self._cluster.kinds.any_version(*resource)
            for obj in self._cluster.storage.all(resource) if kind else ():
                owners = obj["metadata"].get("ownerReferences") or ()
                if kind and any(owner["uid"] == uid for owner in owners):
                    found.append((kind, obj))
        return found

    def _living(self, uid: str) -> tuple[Kind, Json] | None:
        storage = self._cluster.storage
        for resource in storage.resources():
            kind = self._cluster.kinds.any_version(*resource)
            for obj in storage.all(resource) if kind else ():
                if kind and obj["metadata"]["uid"] == uid:
                    return kind, obj
        return None


def _let_go(obj: Json, uid: str) -> Json:
    meta = obj["metadata"]
    meta["ownerReferences"] = [owner for owner in meta["ownerReferences"] if owner["uid"] != uid]
    return obj


def _without_finalizer(obj: Json, finalizer: str) -> Json:
    meta = obj["metadata"]
    meta["finalizers"] = [one for one in meta["finalizers"] if one != finalizer]
    return obj
