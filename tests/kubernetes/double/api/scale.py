"""The scale subresource: how many there are to be, whatever the kind."""

import copy
from typing import Any

from tests.kubernetes.double.api.status import bad_request
from tests.kubernetes.double.objects.kinds import Kind

type Json = dict[str, Any]


def scale_of(kind: Kind, obj: Json) -> Json:
    """An object's Scale."""
    meta, spec = obj["metadata"], obj.get("spec") or {}
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    selector = spec.get("selector") or {}
    pairs = selector if kind.name == "ReplicationController" else selector.get("matchLabels") or {}
    status: Json = {"replicas": (obj.get("status") or {}).get("replicas", 0)}
    if pairs:
        status["selector"] = ",".join(f"{key}={value}" for key, value in sorted(pairs.items()))
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: meta[name] for name in kept if name in meta},
        "spec": {"replicas": spec["replicas"]} if spec.get("replicas") else {},
        "status": status,
    }


def from_scale(kind: Kind, obj: Json, scale: Json) -> Json:
    """The object with a Scale's number of replicas."""
    made = copy.deepcopy(obj)
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if not isinstance(replicas, int):
        raise bad_request("json: cannot unmarshal string into Go struct field ScaleSpec.spec.replicas of type int32")
    made["spec"]["replicas"] = replicas
    if version := (scale.get("metadata") or {}).get("resourceVersion"):
        made["metadata"]["resourceVersion"] = version
    return made
