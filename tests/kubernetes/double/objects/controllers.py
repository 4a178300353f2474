"""The controllers: what happens in a cluster after an object was written."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from tests.kubernetes.double.objects.cluster import Cluster, Writing
from tests.kubernetes.double.objects.deletion import Collector, Deleting, deleted
from tests.kubernetes.double.objects.kinds import Kind
from tests.kubernetes.double.objects.storage import Event
from tests.kubernetes.double.objects.workloads import Workloads

type Json = dict[str, Any]

_WRITER = Writing("kube-controller-manager")


class Controllers:
    """Looks at each change after it was made, one at a time."""

    def __init__(self, cluster: Cluster, certificate: str) -> None:
        self._cluster, self._certificate = cluster, certificate
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._collector = Collector(cluster)
        cluster.storage.hooks.append(self._events.put_nowait)
        self._reactions: Mapping[tuple[str, str], Callable[[Json], None]] = {
            ("", "namespaces"): self._namespace,
            ("", "persistentvolumeclaims"): self._claim,
            **Workloads(cluster).reactions(),
        }

    async def run(self) -> None:
        """React until cancelled."""
        while True:
            event = await self._events.get()
            self._collector.on(event)
            self._react(event)

    def _react(self, event: Event) -> None:
        obj = event.after
        now_there = self._cluster.storage.get(event.resource, event.name)
        reaction = self._reactions.get(event.resource)
        if obj is not None and now_there is not None and reaction is not None:
            reaction(now_there)
        gone = event.before if event.after is None else None
        if event.resource in (("", "pods"), ("apps", "replicasets")):
            self._owner_of(obj or event.before or {})
        if gone is not None and (namespace := event.name[0]):
            self._namespace_of(namespace)

    def _owner_of(self, obj: Json) -> None:
        for owner in obj.get("metadata", {}).get("ownerReferences") or ():
            kind = self._cluster.kinds.named(owner["apiVersion"], owner["kind"])
            if kind is None or (kind.group, kind.plural) not in self._reactions:
                continue
            name = obj["metadata"].get("namespace", ""), owner["name"]
            if found := self._cluster.storage.get((kind.group, kind.plural), name):
                self._reactions[kind.group, kind.plural](found)

    def _kind(self, api_version: str, name: str) -> Kind:
        found = self._cluster.kinds.named(api_version, name)
        if found is None:
            raise LookupError(name)
        return found

    def _namespace(self, obj: Json) -> None:
        name = obj["metadata"]["name"]
        if "deletionTimestamp" in obj["metadata"]:
            self._empty(name)
            return
        certificate = {"metadata": {"name": "kube-root-ca.crt"}, "data": {"ca.crt": self._certificate}}
        for kind, plural, made in (
            ("ServiceAccount", "serviceaccounts", {"metadata": {"name": "default"}}),
            ("ConfigMap", "configmaps", certificate),
        ):
            if self._cluster.storage.get(("", plural), (name, made["metadata"]["name"])) is None:
                self._cluster.create(self._kind("v1", kind), name, made, _WRITER)

    def _empty(self, namespace: str) -> None:
        """Delete what is in a namespace that ends; it ends when nothing is left."""
        storage = self._cluster.storage
        for resource in storage.resources():
            kind = self._cluster.kinds.any_version(*resource)
            if kind and kind.namespaced:
                for obj in list(storage.all(resource, namespace)):
                    if "deletionTimestamp" not in obj["metadata"]:
                        deleted(self._cluster, kind, obj, Deleting("Background"))
        self._namespace_of(namespace)

    def _namespace_of(self, name: str) -> None:
        storage = self._cluster.storage
        found = storage.get(("", "namespaces"), ("", name))
        if found is None or "deletionTimestamp" not in found["metadata"]:
            return
        left = any(True for one in storage.resources() if one[1] != "namespaces" for _ in storage.all(one, name))
        if not left:
            kind = self._kind("v1", "Namespace")
            self._cluster.write(kind, found, lambda obj: {**obj, "spec": {"finalizers": []}})

    def _claim(self, obj: Json) -> None:
        if (obj.get("status") or {}).get("phase") == "Pending" and obj["spec"].get("volumeName"):
            capacity = (obj["spec"].get("resources") or {}).get("requests") or {}
            status = {"phase": "Bound", "accessModes": obj["spec"].get("accessModes", []), "capacity": capacity}
            kind = self._kind("v1", "PersistentVolumeClaim")
            self._cluster.write(kind, obj, lambda one: {**one, "status": status})
