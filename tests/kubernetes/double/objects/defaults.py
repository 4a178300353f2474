"""What the server fills in where an object says nothing."""

import base64
import ipaddress
import itertools
from collections.abc import Callable, Mapping
from typing import Any

from tests.kubernetes.double.objects.metadata import random_suffix

type Json = dict[str, Any]

_addresses = itertools.count(int(ipaddress.IPv4Address("10.96.0.10")))


def _set(obj: Json, **values: Any) -> None:
    for name, value in values.items():
        obj.setdefault(name, value)


def fill_in(kind: str, obj: Json) -> None:
    """Apply a kind's defaults."""
    if fill := _DEFAULTS.get(kind):
        fill(obj)


def _container(container: Json) -> None:
    image = container.get("image", "")
    tag = image.rsplit("/", 1)[-1].partition(":")[2]
    pull = "IfNotPresent" if tag not in ("", "latest") else "Always"
    _set(
        container,
        resources={},
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
        imagePullPolicy=pull,
    )
    for port in container.get("ports") or ():
        _set(port, protocol="TCP")
    for probe in filter(None, (container.get(f"{name}Probe") for name in ("liveness", "readiness", "startup"))):
        _set(probe, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)
        if "httpGet" in probe:
            _set(probe["httpGet"], path="/", scheme="HTTP")
    for variable in container.get("env") or ():
        if field := (variable.get("valueFrom") or {}).get("fieldRef"):
            _set(field, apiVersion="v1")


def pod_spec(spec: Json) -> None:
    """A pod's, or that of a template."""
    _set(
        spec,
        restartPolicy="Always",
        terminationGracePeriodSeconds=30,
        dnsPolicy="ClusterFirst",
        securityContext={},
        schedulerName="default-scheduler",
    )
    if account := spec.get("serviceAccountName"):
        spec["serviceAccount"] = account
    for container in (*spec.get("initContainers", ()), *spec.get("containers", ())):
        _container(container)
    for volume in spec.get("volumes") or ():
        for source in ("secret", "configMap", "projected", "downwardAPI"):
            if source in volume:
                _set(volume[source], defaultMode=420)
        if "hostPath" in volume:
            _set(volume["hostPath"], type="")


def _pod(obj: Json) -> None:
    spec = obj["spec"]
    pod_spec(spec)
    _set(spec, enableServiceLinks=True, preemptionPolicy="PreemptLowerPriority", priority=0)
    if "serviceAccountName" not in spec:
        spec["serviceAccountName"] = spec["serviceAccount"] = "default"
    if "tolerations" not in spec:
        spec["tolerations"] = [
            {
                "key": f"node.kubernetes.io/{key}",
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": 300,
            }
            for key in ("not-ready", "unreachable")
        ]
    _mount_token(spec)
    obj["status"] = {"phase": "Pending", "qosClass": "BestEffort"}


_TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"


def _mount_token(spec: Json) -> None:
    mounted = [m["mountPath"] for c in spec["containers"] for m in c.get("volumeMounts", ())]
    if spec.get("automountServiceAccountToken") is False or _TOKEN_PATH in mounted:
        return
    name = f"kube-api-access-{random_suffix()}"
    certificate = {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    token = {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}}
    sources = [token, {"configMap": certificate}, {"downwardAPI": {"items": [namespace]}}]
    spec.setdefault("volumes", []).append({"name": name, "projected": {"sources": sources, "defaultMode": 420}})
    for container in spec["containers"]:
        mount = {"name": name, "readOnly": True, "mountPath": _TOKEN_PATH}
        container.setdefault("volumeMounts", []).append(mount)


def _template(obj: Json) -> None:
    template = obj["spec"].setdefault("template", {})
    template.setdefault("metadata", {})
    pod_spec(template.setdefault("spec", {}))


def _deployment(obj: Json) -> None:
    spec = obj["spec"]
    _set(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600, strategy={})
    _set(spec["strategy"], type="RollingUpdate")
    if spec["strategy"]["type"] == "RollingUpdate":
        _set(spec["strategy"].setdefault("rollingUpdate", {}), maxUnavailable="25%", maxSurge="25%")
    _template(obj)


def _replica_set(obj: Json) -> None:
    _set(obj["spec"], replicas=1)
    _template(obj)


def _replication_controller(obj: Json) -> None:
    _replica_set(obj)
    labels = obj["spec"]["template"]["metadata"].get("labels", {})
    _set(obj["spec"], selector=dict(labels))


def _stateful_set(obj: Json) -> None:
    spec = obj["spec"]
    _set(spec, replicas=1, revisionHistoryLimit=10, podManagementPolicy="OrderedReady")
    _set(spec, updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 0}})
    _set(spec, persistentVolumeClaimRetentionPolicy={"whenDeleted": "Retain", "whenScaled": "Retain"})
    _template(obj)


def _daemon_set(obj: Json) -> None:
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}
    _set(obj["spec"], revisionHistoryLimit=10, updateStrategy=rolling)
    _template(obj)


def _job_spec(spec: Json) -> None:
    _set(spec, backoffLimit=6, completionMode="NonIndexed", suspend=False, podReplacementPolicy="TerminatingOrFailed")
    if "parallelism" not in spec and "completions" not in spec:
        _set(spec, parallelism=1, completions=1)
    _set(spec, parallelism=1, manualSelector=False)


def _job(obj: Json) -> None:
    spec = obj["spec"]
    _job_spec(spec)
    _template(obj)
    if not spec["manualSelector"]:
        uid, labels = obj["metadata"].get("uid", ""), spec["template"]["metadata"].setdefault("labels", {})
        name = obj["metadata"]["name"]
        spec.setdefault("selector", {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}})
        for prefix in ("", "batch.kubernetes.io/"):
            _set(labels, **{f"{prefix}controller-uid": uid, f"{prefix}job-name": name})


def _cron_job(obj: Json) -> None:
    spec = obj["spec"]
    _set(spec, concurrencyPolicy="Allow", suspend=False, successfulJobsHistoryLimit=3, failedJobsHistoryLimit=1)
    template = spec.setdefault("jobTemplate", {})
    template.setdefault("metadata", {})
    _template(template.setdefault("spec", {}) and template)


def _service(obj: Json) -> None:
    spec = obj["spec"]
    _set(spec, type="ClusterIP", sessionAffinity="None")
    for port in spec.get("ports") or ():
        _set(port, protocol="TCP")
        _set(port, targetPort=port["port"])
        if spec["type"] in ("NodePort", "LoadBalancer"):
            _set(port, nodePort=30000 + port["port"] % 2768)
    if spec["type"] == "ExternalName":
        return
    if spec.get("clusterIP") != "None":
        _set(spec, clusterIP=str(ipaddress.IPv4Address(next(_addresses))))
    _set(spec, clusterIPs=[spec["clusterIP"]], ipFamilies=["IPv4"], ipFamilyPolicy="SingleStack")
    _set(spec, internalTrafficPolicy="Cluster")
    obj.setdefault("status", {"loadBalancer": {}})


def _secret(obj: Json) -> None:
    _set(obj, type="Opaque")
    for key, value in (obj.pop("stringData", None) or {}).items():
        obj.setdefault("data", {})[key] = base64.b64encode(value.encode()).decode()


def _namespace(obj: Json) -> None:
    obj["spec"] = {"finalizers": ["kubernetes"]}
    obj["status"] = {"phase": "Active"}
    obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = obj["metadata"]["name"]


def _claim(obj: Json) -> None:
    _set(obj["spec"], volumeMode="Filesystem")
    obj["status"] = {"phase": "Pending"}


def _volume(obj: Json) -> None:
    _set(obj["spec"], persistentVolumeReclaimPolicy="Retain", volumeMode="Filesystem")
    obj["status"] = {"phase": "Available"}


def _binding(obj: Json) -> None:
    _set(obj["roleRef"], apiGroup="rbac.authorization.k8s.io")
    for subject in obj.get("subjects") or ():
        if subject["kind"] in ("User", "Group"):
            _set(subject, apiGroup="rbac.authorization.k8s.io")


def _definition(obj: Json) -> None:
    names = obj["spec"]["names"]
    _set(names, singular=names["kind"].lower(), listKind=f"{names['kind']}List")
    _set(obj["spec"], conversion={"strategy": "None"})


_DEFAULTS: Mapping[str, Callable[[Json], None]] = {
    "Pod": _pod,
    "Deployment": _deployment,
    "ReplicaSet": _replica_set,
    "ReplicationController": _replication_controller,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Job": _job,
    "CronJob": _cron_job,
    "Service": _service,
    "Secret": _secret,
    "Namespace": _namespace,
    "PersistentVolumeClaim": _claim,
    "PersistentVolume": _volume,
    "RoleBinding": _binding,
    "ClusterRoleBinding": _binding,
    "CustomResourceDefinition": _definition,
}
# What is set once, when the object is made, and not again at each update.
_ONCE = frozenset({"Pod", "Namespace", "PersistentVolumeClaim", "PersistentVolume"})


def fill_in_again(kind: str, obj: Json) -> None:
    """Apply a kind's defaults to what an update left out."""
    if kind == "Pod":
        pod_spec(obj["spec"])
    elif kind not in _ONCE:
        fill_in(kind, obj)
