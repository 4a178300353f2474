"""Requests to the Kubernetes API that destroy, give rights away, or reach into the nodes: the rules by name."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from hoopaddon.hazards import kubernetes_rbac as rbac
from hoopaddon.hazards.kubernetes_objects import COMPUTED, found, holds, is_on, part, texts
from hoopaddon.hazards.kubernetes_pods import escapes, lowers_guard
from hoopaddon.web.commands import KubeCommand

type Check = Callable[[KubeCommand], str]

SYSTEM_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease"})
DELETES = frozenset({"delete", "deletecollection"})
WRITES = frozenset({"create", "update", "patch", *DELETES})

_STORAGE = frozenset(
    {
        *("persistentvolumes", "persistentvolumeclaims", "storageclasses", "csidrivers"),
        *("volumesnapshots", "volumesnapshotcontents", "volumesnapshotclasses", "volumegroupsnapshots"),
    }
)
_ADMISSION = frozenset(
    {
        *("mutatingwebhookconfigurations", "validatingwebhookconfigurations"),
        *("validatingadmissionpolicies", "validatingadmissionpolicybindings"),
        *("mutatingadmissionpolicies", "mutatingadmissionpolicybindings", "podsecuritypolicies"),
    }
)
_ALWAYS_FINALIZED = frozenset({"persistentvolumes", "persistentvolumeclaims"})
_READ_OF_NODES = re.compile(r"metrics(/(cadvisor|resource|probes))?|stats/summary|healthz")


@dataclass(frozen=True, slots=True)
class KubeRule:
    """Says why a request is refused, or nothing."""

    help: str
    check: Check
    on: bool = True
    """Whether it is worth having without being asked for."""


def deletes_namespace(c: KubeCommand) -> str:
    if c.resource == "namespaces" and c.verb in DELETES:
        return f"deleting the namespace {c.name or '(all)'} deletes everything in it"
    if c.resource == "namespaces" and c.subresource == "finalize":
        return "namespaces/finalize takes a namespace away without what cleans up after it"
    return ""


def deletes_many(c: KubeCommand) -> str:
    if c.verb == "deletecollection":
        return f"deleting a collection of {c.resource} is refused: delete them by name"
    # kubectl lists what it will then delete one by one; what is named it does not look for.
    if c.verb == "list" and c.tool == "kubectl delete" and not c.name and not c.label_selector:
        return f"deleting all {c.resource} is refused: delete them by name"
    return ""


def deletes_crd(c: KubeCommand) -> str:
    if c.resource == "customresourcedefinitions" and c.verb in DELETES:
        return "deleting a CustomResourceDefinition deletes every object of its kind"
    return ""


def enters_system(c: KubeCommand) -> str:
    if c.verb in ("exec", "attach", "portforward") and c.namespace in SYSTEM_NAMESPACES:
        return f"{c.verb} into {c.namespace} is refused: the cluster itself runs there"
    return ""


def deletes_system(c: KubeCommand) -> str:
    if (
        "delete" in c.verbs
        and c.namespace in SYSTEM_NAMESPACES
        and c.resource not in ("namespaces", "leases", "events")
    ):
        return f"deleting {c.resource} of {c.namespace} is refused: the cluster itself needs them"
    if c.resource == "namespaces" and c.verb in DELETES and c.name in SYSTEM_NAMESPACES | {"default"}:
        return f"{c.name} is the cluster's own"
    return ""


def adds_ephemeral(c: KubeCommand) -> str:
    if c.verb in WRITES and (
        c.subresource == "ephemeralcontainers" or any(holds(o, "ephemeralContainers") for o in c.changes)
    ):
        return "an ephemeral container runs beside a pod's own, with a view of them"
    return ""


def removes_finalizers(c: KubeCommand) -> str:
    if c.verb not in ("update", "patch"):
        return ""
    reason = "finalizers are taken away by whoever has cleaned up, or that is never done"
    if any(path in ("metadata", "") or path.startswith("metadata.finalizers") for path in c.removes):
        return reason
    if any(part(change, "metadata", "finalizers") == COMPUTED for change in c.changes):
        return reason
    if c.verb == "update" and c.body is not None and not part(c.body, "metadata", "finalizers"):
        # An update replaces the object, with the finalizers that it does not name; what is being deleted has some.
        if part(c.body, "metadata", "deletionTimestamp") is not None and not c.subresource:
            return reason
        if c.resource in _ALWAYS_FINALIZED and not c.subresource:
            return reason
    return ""


def takes_node_out(c: KubeCommand) -> str:
    if c.resource != "nodes" or c.verb not in WRITES:
        return ""
    if c.verb in DELETES:
        return f"deleting the node {c.name or '(all)'} is refused"
    for change in c.changes:
        if is_on(part(change, "spec", "unschedulable")):
            return f"cordoning or draining the node {c.name} is refused"
        effects = [value for _, value in found(part(change, "spec", "taints"), "effect")]
        if "NoExecute" in effects or COMPUTED in effects or part(change, "spec", "taints") == COMPUTED:
            return f"a taint that drives pods off the node {c.name} is refused"
    return ""


def deletes_storage(c: KubeCommand) -> str:
    if c.resource in _STORAGE and c.verb in DELETES:
        return f"deleting {c.resource} may delete the data on them"
    if c.resource == "persistentvolumes" and c.verb in WRITES:
        policies = {part(change, "spec", "persistentVolumeReclaimPolicy") for change in c.changes}
        if c.verb != "create" and policies & {"Delete", "Recycle", COMPUTED}:
            return "a volume that is to be deleted with its claim is refused"
    return ""


def changes_admission(c: KubeCommand) -> str:
    if c.resource in _ADMISSION and c.verb in WRITES:
        return f"{c.resource} decide what the cluster lets in: {c.verb} is refused"
    return ""


def changes_aggregation(c: KubeCommand) -> str:
    if c.resource == "apiservices" and c.verb in WRITES:
        return f"apiservices say who answers for a part of the API: {c.verb} is refused"
    return ""


def reads_all_secrets(c: KubeCommand) -> str:
    if c.resource != "secrets" or c.verb not in ("list", "watch") or c.namespace:
        return ""
    terms = c.label_selector.split(",")
    if "(" not in c.label_selector and "owner=helm" in terms:
        # `helm list -A` looks for its own.
        return ""
    return "the secrets of all namespaces at once are refused: name a namespace"


def proxies(c: KubeCommand) -> str:
    if c.verb == "proxy" and c.resource != "nodes":
        return f"what goes through {c.resource}/proxy is not seen here: use port-forward, or an address of its own"
    return ""


def proxies_nodes(c: KubeCommand) -> str:
    if c.verb != "proxy" or c.resource != "nodes":
        return ""
    asked = c.path.partition("/proxy/")[2].strip("/")
    if _READ_OF_NODES.fullmatch(asked.partition("?")[0]) and c.text.startswith("GET "):
        return ""
    return "nodes/proxy is the kubelet's API, which runs commands in every pod of the node"


def makes_tokens(c: KubeCommand) -> str:
    if c.resource == "serviceaccounts" and c.subresource == "token":
        return f"a token of the service account {c.name} is refused"
    if c.resource == "secrets" and c.verb in WRITES:
        types = {part(change, "type") for change in c.changes}
        if types & {"kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token", COMPUTED}:
            return "a secret that the cluster fills with a token, or takes as one, is refused"
    return ""


def approves_certificates(c: KubeCommand) -> str:
    if c.resource != "certificatesigningrequests" or c.verb not in WRITES:
        return ""
    if c.subresource in ("approval", "status"):
        return "approving a certificate gives away an identity"
    if any("Approved" in texts(part(change, "status", "conditions"), "type") for change in c.changes):
        return "approving a certificate gives away an identity"
    return ""


KUBE_RULES: dict[str, KubeRule] = {
    "kube_namespaces": KubeRule("Refuse deleting and finalizing namespaces.", deletes_namespace),
    "kube_mass_delete": KubeRule("Refuse deleting collections, and `kubectl delete --all`.", deletes_many),
    "kube_crds": KubeRule("Refuse deleting CustomResourceDefinitions.", deletes_crd),
    "kube_rbac": KubeRule(
        "Refuse roles and bindings that give everything, or the right to give more; and impersonating such groups.",
        rbac.escalates,
    ),
    "kube_privileged": KubeRule(
        "Refuse pods that are privileged or see the node: hostPath, hostPID, hostNetwork, capabilities.", escapes
    ),
    "kube_pod_security": KubeRule("Refuse namespaces that are to take privileged pods.", lowers_guard),
    "kube_exec_system": KubeRule("Refuse exec, attach and port-forward into kube-system.", enters_system),
    "kube_system": KubeRule("Refuse deleting what is in kube-system.", deletes_system),
    "kube_ephemeral": KubeRule("Refuse ephemeral containers.", adds_ephemeral),
    "kube_finalizers": KubeRule("Refuse taking finalizers away.", removes_finalizers),
    "kube_nodes": KubeRule("Refuse deleting, cordoning and draining nodes.", takes_node_out),
    "kube_storage": KubeRule("Refuse deleting volumes, claims and snapshots.", deletes_storage),
    "kube_admission": KubeRule("Refuse changes of admission webhooks and policies.", changes_admission),
    "kube_aggregation": KubeRule("Refuse changes of who answers for a part of the API.", changes_aggregation),
    "kube_secrets": KubeRule("Refuse listing the secrets of all namespaces.", reads_all_secrets),
    "kube_proxy": KubeRule("Refuse requests through pods/proxy and services/proxy.", proxies),
    "kube_node_proxy": KubeRule("Refuse nodes/proxy but for metrics and health.", proxies_nodes),
    "kube_tokens": KubeRule("Refuse tokens of service accounts.", makes_tokens),
    "kube_certificates": KubeRule("Refuse approving certificates.", approves_certificates),
}

_OF_READS = frozenset({"kube_secrets", "kube_mass_delete", "kube_rbac"})


def kube_reason(command: KubeCommand, rules: "dict[str, KubeRule]") -> str:
    """Why a request is refused by one of these rules, or nothing. What is only tried, and not stored, passes."""
    if command.verb in ("get", "watch", "list", "logs"):
        rules = {name: rule for name, rule in rules.items() if name in _OF_READS}
    elif command.dry_run and "impersonate" not in command.verbs:
        return ""
    return next((reason for rule in rules.values() if (reason := rule.check(command))), "")
