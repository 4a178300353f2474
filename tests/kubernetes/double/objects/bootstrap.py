"""What is in a cluster before anybody has made anything."""

from typing import Any

from tests.kubernetes.double.objects.cluster import Cluster, Writing

type Json = dict[str, Any]

NODE = "node-1"
_RBAC = "rbac.authorization.k8s.io/v1"
_SPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
_READ = ["get", "list", "watch"]
_WRITE = [*_READ, "create", "delete", "deletecollection", "patch", "update"]
_CORE = [
    "configmaps",
    "endpoints",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "services",
    "serviceaccounts",
    "events",
    "limitranges",
    "namespaces",
    "resourcequotas",
    "pods/log",
    "pods/status",
]
_EDITED = ["secrets", "pods/exec", "pods/attach", "pods/portforward", "pods/proxy", "services/proxy", "pods/eviction"]
_WORKLOADS = ["daemonsets", "deployments", "deployments/scale", "replicasets", "replicasets/scale", "statefulsets"]
_JOBS = ["jobs", "cronjobs"]
_API_PATHS = ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*"]
_PUBLIC_PATHS = ["/healthz", "/livez", "/readyz", "/version"]


def _rule(groups: str, resources: list[str], verbs: list[str]) -> Json:
    return {"apiGroups": [groups], "resources": resources, "verbs": verbs}


def _roles() -> dict[str, list[Json]]:
    view = [_rule("", _CORE, _READ), _rule("apps", _WORKLOADS, _READ), _rule("batch", _JOBS, _READ)]
    edit = [_rule("", [*_CORE, *_EDITED], _WRITE), _rule("apps", _WORKLOADS, _WRITE), _rule("batch", _JOBS, _WRITE)]
    edit.append(_rule("coordination.k8s.io", ["leases"], _WRITE))
    return {
        "cluster-admin": [_rule("*", ["*"], ["*"]), {"nonResourceURLs": ["*"], "verbs": ["*"]}],
        "system:discovery": [{"nonResourceURLs": [*_API_PATHS, *_PUBLIC_PATHS], "verbs": ["get"]}],
        "system:basic-user": [
            _rule("authorization.k8s.io", ["selfsubjectaccessreviews", "selfsubjectrulesreviews"], ["create"]),
            _rule("authentication.k8s.io", ["selfsubjectreviews"], ["create"]),
        ],
        "system:public-info-viewer": [{"nonResourceURLs": _PUBLIC_PATHS, "verbs": ["get"]}],
        "view": view,
        "edit": edit,
        "admin": [*edit, _rule("rbac.authorization.k8s.io", ["roles", "rolebindings"], _WRITE)],
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
