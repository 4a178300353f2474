"""Other objects that an object names: the secrets that a pod mounts, the role that a binding gives away."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_BY_NAME = {
    "secretName": "secrets",
    "serviceAccountName": "serviceaccounts",
    "serviceAccount": "serviceaccounts",
    "claimName": "persistentvolumeclaims",
    "nodeName": "nodes",
    "storageClassName": "storageclasses",
    "priorityClassName": "priorityclasses",
    "runtimeClassName": "runtimeclasses",
    "ingressClassName": "ingressclasses",
}
_BY_REFERENCE = {
    "secret": "secrets",
    "secretRef": "secrets",
    "secretKeyRef": "secrets",
    "configMap": "configmaps",
    "configMapRef": "configmaps",
    "configMapKeyRef": "configmaps",
    "service": "services",
}
_KINDS = frozenset({"roleRef", "target", "scaleTargetRef", "subjects", "ownerReferences", "dataSource", "claimRef"})
_PLURALS = {"Endpoints": "endpoints", "Ingress": "ingresses", "NetworkPolicy": "networkpolicies"}


def references(documents: Iterable[Any]) -> frozenset[str]:
    """As `secrets/db`, `clusterroles/cluster-admin`, `groups/system:masters`; never with a namespace."""
    return frozenset(name for document in documents for name in _named(document))


def plural(kind: str) -> str:
    """The resource of a kind, by the rule that nearly all follow."""
    return _PLURALS.get(kind) or kind.lower() + ("es" if kind.endswith(("s", "x", "ch")) else "s")


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _named(item)
    if not isinstance(value, Mapping):
        return
    for key, item in value.items():
        yield from _of_key(key, item)
        yield from _named(item)


def _of_key(key: str, item: Any) -> Iterator[str]:
    if isinstance(item, str) and key in _BY_NAME:
        yield f"{_BY_NAME[key]}/{item}"
    elif isinstance(item, Mapping) and key in _BY_REFERENCE and isinstance(item.get("name"), str):
        yield f"{_BY_REFERENCE[key]}/{item['name']}"
    elif key in _KINDS:
        for one in item if isinstance(item, list) else [item]:
            if isinstance(one, Mapping) and isinstance(one.get("kind"), str) and isinstance(one.get("name"), str):
                yield f"{plural(one['kind'])}/{one['name']}"
    elif key == "imagePullSecrets" and isinstance(item, list):
        yield from (f"secrets/{one['name']}" for one in item if isinstance(one, Mapping) and "name" in one)
