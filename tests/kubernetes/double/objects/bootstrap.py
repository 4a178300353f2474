"""What is in a cluster before anybody has made anything."""

from typing import Any

from tests.kubernetes.double.objects.cluster import Cluster, Writing

type Json = dict[str, Any]

NODE = "node-1"
_RBAC = "rbac.authorization.k8s.io/v1"
_SPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
_READ = ["get", "list", "watch"]
_WRITE = [*_READ, "create", "delete", "deletecollection", "patch", "update"]
_SEEN = [
    "configmaps endpoints persistentvolumeclaims pods replicationcontrollers services serviceaccounts events "
    "limitranges namespaces resourcequotas pods/log pods/status",
]
_CORE = _SEEN[0].split()
_WORKLOADS = ["daemonsets", "deployments", "deployments/scale", "replicasets", "replicasets/scale", "statefulsets"]


def _rule(groups: str, resources: list[str], verbs: list[str]) -> Json:
    return {"apiGroups": [groups], "resources": resources, "verbs": verbs}


def _roles() -> dict[str, list[Json]]:
    every: list[Json] = [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
        {"nonResourceURLs": ["*"], "verbs": ["*"]},
    ]
    paths = [
        "/api",
        "/api/*",
        "/apis",
        "/apis/*",
        "/healthz",
        "/livez",
        "/readyz",
        "/openapi",
        "/openapi/*",
        "/version",
    ]
    reviews = ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]
    view = [_rule("", _CORE, _READ), _rule("apps", _WORKLOADS, _READ), _rule("batch", ["jobs", "cronjobs"], _READ)]
    secrets = [
        "secrets",
        "pods/exec",
        "pods/attach",
        "pods/portforward",
        "pods/proxy",
        "services/proxy",
        "pods/eviction",
    ]
    edit = [_rule("", [*_CORE, *secrets], _WRITE), _rule("apps", _WORKLOADS, _WRITE)]
    edit += [_rule("batch", ["jobs", "cronjobs"], _WRITE), _rule("coordination.k8s.io", ["leases"], _WRITE)]
    own = [_rule("rbac.authorization.k8s.io", ["roles", "rolebindings"], _WRITE)]
    return {
        "cluster-admin": every,
        "system:discovery": [{"nonResourceURLs": paths, "verbs": ["get"]}],
        "system:basic-user": [
            _rule("authorization.k8s.io", reviews, ["create"]),
            _rule("authentication.k8s.io", ["selfsubjectreviews"], ["create"]),
        ],
        "system:public-info-viewer": [{"nonResourceURLs": paths[4:7] + ["/version"], "verbs": ["get"]}],
        "view": view,
        "edit": edit,
        "admin": [*edit, *own],
    }


def _binding(role: str, *groups: str) -> Json:
    subjects = [{"kind": "Group", "name": group} for group in groups]
    return _object(
        "ClusterRoleBinding", role, _RBAC, roleRef={"kind": "ClusterRole", "name": role}, subjects=subjects
    )


def _object(kind: str, name: str, api_version: str = "v1", **rest: Any) -> Json:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **rest}


def bootstrap(cluster: Cluster, users: dict[str, str]) -> None:
    """Make the namespaces, roles and the node of a new cluster; `users` are bound to a ClusterRole each."""
    made = [_object("Namespace", name) for name in _SPACES]
    made += [_object("ClusterRole", name, _RBAC, rules=rules) for name, rules in _roles().items()]
    made += [
        _binding("cluster-admin", "system:masters"),
        _binding("system:discovery", "system:authenticated"),
        _binding("system:basic-user", "system:authenticated"),
        _binding("system:public-info-viewer", "system:authenticated", "system:unauthenticated"),
    ]
    for user, role in users.items():
        reference, subjects = {"kind": "ClusterRole", "name": role}, [{"kind": "User", "name": user}]
        made.append(_object("ClusterRoleBinding", f"{user}-{role}", _RBAC, roleRef=reference, subjects=subjects))
    made.append(_object("Node", NODE))
    for obj in made:
        kind = cluster.kinds.named(obj["apiVersion"], obj["kind"])
        if kind:
            cluster.create(kind, "", obj, Writing("kube-apiserver"))
    node = cluster.kinds.named("v1", "Node")
    if node:
        cluster.write(node, made[-1], lambda obj: {**obj, "status": _node_status()})


def _node_status() -> Json:
    condition = {
        "type": "Ready",
        "status": "True",
        "reason": "KubeletReady",
        "message": "kubelet is posting ready status",
    }
    return {
        "capacity": {"cpu": "2", "memory": "24Gi", "pods": "110"},
        "allocatable": {"cpu": "2", "memory": "24Gi", "pods": "110"},
        "conditions": [condition],
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "nodeInfo": {
            "kubeletVersion": "v1.37.0",
            "osImage": "double",
            "operatingSystem": "linux",
            "architecture": "amd64",
            "containerRuntimeVersion": "processes://1",
            "kernelVersion": "6",
            "kubeProxyVersion": "",
            "machineID": "",
            "systemUUID": "",
            "bootID": "",
        },
    }
