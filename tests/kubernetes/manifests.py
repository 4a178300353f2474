"""Objects that the tests make."""

import json
from typing import Any

type Json = dict[str, Any]

IMAGE = "busybox:1.36"


def config_map(name: str, **data: str) -> Json:
    """A ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def pod(name: str, script: str = "while :; do sleep 1; done", **spec: Any) -> Json:
    """A pod that runs a shell's script."""
    container = {"name": "main", "image": IMAGE, "command": ["sh", "-c", script]}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0, **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def deployment(name: str, *, replicas: int = 1, tag: str = "1.36") -> Json:
    """A Deployment of pods that do nothing."""
    labels = {"app": name}
    container = {
        "name": "main",
        "image": f"busybox:{tag}",
        "command": ["sleep", "3600"],
        "ports": [{"containerPort": 8080}],
    }
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
    }
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "labels": labels}, "spec": spec}


def definition(plural: str, kind: str, group: str) -> Json:
    """A CustomResourceDefinition of something with a size and a status."""
    properties = {
        "spec": {
            "type": "object",
            "required": ["size"],
            "properties": {"size": {"type": "integer"}, "tags": {"type": "array", "items": {"type": "string"}}},
        },
        "status": {"type": "object", "properties": {"ready": {"type": "boolean"}}},
    }
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": properties}},
        "subresources": {"status": {}},
        "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}],
    }
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "shortNames": [plural[:3]]}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
    }


def many(*objects: Json) -> str:
    """Objects as a file for kubectl."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
