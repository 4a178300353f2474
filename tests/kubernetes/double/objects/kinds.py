"""The resources that are served, and their verbs and subresources; custom ones come and go."""

from collections.abc import Iterator
from dataclasses import dataclass, field

type Words = tuple[str, ...]

ALL: Words = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
CREATE: Words = ("create",)
_STATUS = "status"


@dataclass(frozen=True, slots=True)
class Subresource:
    """What is below an object: its status, its scale, or something that it does."""

    name: str
    kind: str = ""
    group_version: str = ""
    verbs: Words = ("get", "patch", "update")


_SCALE = Subresource("scale", "Scale", "autoscaling/v1")
_CONNECT: Words = ("create", "get")
_ANY: Words = ("create", "delete", "get", "patch", "update")


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource of one version of a group."""

    group: str
    version: str
    plural: str
    name: str
    namespaced: bool = True
    short: Words = ()
    categories: Words = ()
    verbs: Words = ALL
    subresources: tuple[Subresource, ...] = ()
    custom: bool = field(default=False)
    singular_name: str = ""

    @property
    def singular(self) -> str:
        """The name for one."""
        return self.singular_name or self.name.lower()

    @property
    def api_version(self) -> str:
        """As objects name it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def list_kind(self) -> str:
        """The kind of a list of these."""
        return f"{self.name}List"

    @property
    def stored(self) -> bool:
        """Whether there are objects, not only answers."""
        return self.verbs != CREATE

    def sub(self, name: str) -> Subresource | None:
        """The subresource of this name."""
        return next((s for s in self.subresources if s.name == name), None)


def _status(kind: str, *others: Subresource) -> tuple[Subresource, ...]:
    return (*others, Subresource(_STATUS, kind))


_POD = _status(
    "Pod",
    Subresource("attach", "PodAttachOptions", verbs=_CONNECT),
    Subresource("binding", "Binding", verbs=CREATE),
    Subresource("ephemeralcontainers", "Pod"),
    Subresource("eviction", "Eviction", "policy/v1", CREATE),
    Subresource("exec", "PodExecOptions", verbs=_CONNECT),
    Subresource("log", "Pod", verbs=("get",)),
    Subresource("portforward", "PodPortForwardOptions", verbs=_CONNECT),
    Subresource("proxy", "PodProxyOptions", verbs=_ANY),
    Subresource("resize", "Pod"),
)
_SERVICE = _status("Service", Subresource("proxy", "ServiceProxyOptions", verbs=_ANY))
_NODE = _status("Node", Subresource("proxy", "NodeProxyOptions", verbs=_ANY))
_TOKEN = (Subresource("token", "TokenRequest", "authentication.k8s.io/v1", CREATE),)
_NAMESPACE = _status("Namespace", Subresource("finalize", "Namespace", verbs=("update",)))
_NO_COLLECTION: Words = tuple(verb for verb in ALL if verb != "deletecollection")
_AUTHENTICATION, _AUTHORIZATION = "authentication.k8s.io", "authorization.k8s.io"
_RBAC, _EXTENSIONS = "rbac.authorization.k8s.io", "apiextensions.k8s.io"
_EVERY: Words = ("all",)

BUILT_IN = (
    Kind("", "v1", "bindings", "Binding", verbs=CREATE),
    Kind("", "v1", "configmaps", "ConfigMap", short=("cm",)),
    Kind("", "v1", "endpoints", "Endpoints", short=("ep",)),
    Kind("", "v1", "events", "Event", short=("ev",)),
    Kind("", "v1", "limitranges", "LimitRange", short=("limits",)),
    Kind("", "v1", "namespaces", "Namespace", False, ("ns",), (), _NO_COLLECTION, _NAMESPACE),
    Kind("", "v1", "nodes", "Node", False, ("no",), subresources=_NODE),
    Kind("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", short=("pvc",),
         subresources=_status("PersistentVolumeClaim")),
    Kind("", "v1", "persistentvolumes", "PersistentVolume", False, ("pv",), subresources=_status("PersistentVolume")),
    Kind("", "v1", "pods", "Pod", True, ("po",), _EVERY, subresources=_POD),
    Kind("", "v1", "replicationcontrollers", "ReplicationController", True, ("rc",), _EVERY,
         subresources=_status("ReplicationController", _SCALE)),
    Kind("", "v1", "resourcequotas", "ResourceQuota", short=("quota",), subresources=_status("ResourceQuota")),
    Kind("", "v1", "secrets", "Secret"),
    Kind("", "v1", "serviceaccounts", "ServiceAccount", short=("sa",), subresources=_TOKEN),
    Kind("", "v1", "services", "Service", True, ("svc",), _EVERY, subresources=_SERVICE),
    Kind("apps", "v1", "controllerrevisions", "ControllerRevision"),
    Kind("apps", "v1", "daemonsets", "DaemonSet", True, ("ds",), _EVERY, subresources=_status("DaemonSet")),
    Kind("apps", "v1", "deployments", "Deployment", True, ("deploy",), _EVERY,
         subresources=_status("Deployment", _SCALE)),
    Kind("apps", "v1", "replicasets", "ReplicaSet", True, ("rs",), _EVERY,
         subresources=_status("ReplicaSet", _SCALE)),
    Kind("apps", "v1", "statefulsets", "StatefulSet", True, ("sts",), _EVERY,
         subresources=_status("StatefulSet", _SCALE)),
    Kind("batch", "v1", "cronjobs", "CronJob", True, ("cj",), _EVERY, subresources=_status("CronJob")),
    Kind("batch", "v1", "jobs", "Job", True, (), _EVERY, subresources=_status("Job")),
    Kind(_AUTHENTICATION, "v1", "selfsubjectreviews", "SelfSubjectReview", False, verbs=CREATE),
    Kind(_AUTHENTICATION, "v1", "tokenreviews", "TokenReview", False, verbs=CREATE),
    Kind(_AUTHORIZATION, "v1", "localsubjectaccessreviews", "LocalSubjectAccessReview", verbs=CREATE),
    Kind(_AUTHORIZATION, "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", False, verbs=CREATE),
    Kind(_AUTHORIZATION, "v1", "selfsubjectrulesreviews", "SelfSubjectRulesReview", False, verbs=CREATE),
    Kind(_AUTHORIZATION, "v1", "subjectaccessreviews", "SubjectAccessReview", False, verbs=CREATE),
    Kind("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", True, ("hpa",), _EVERY,
         subresources=_status("HorizontalPodAutoscaler")),
    Kind("coordination.k8s.io", "v1", "leases", "Lease"),
    Kind("networking.k8s.io", "v1", "ingresses", "Ingress", True, ("ing",), subresources=_status("Ingress")),
    Kind("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", True, ("netpol",)),
    Kind("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", True, ("pdb",),
         subresources=_status("PodDisruptionBudget")),
    Kind(_RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", False),
    Kind(_RBAC, "v1", "clusterroles", "ClusterRole", False),
    Kind(_RBAC, "v1", "rolebindings", "RoleBinding"),
    Kind(_RBAC, "v1", "roles", "Role"),
    Kind(_EXTENSIONS, "v1", "customresourcedefinitions", "CustomResourceDefinition", False, ("crd", "crds"),
         ("api-extensions",), subresources=_status("CustomResourceDefinition")),
)  # fmt: skip


class Kinds:
    """What is served now."""

    def __init__(self) -> None:
        self._kinds = {(kind.group, kind.version, kind.plural): kind for kind in BUILT_IN}

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._kinds.values())

    def find(self, group: str, version: str, plural: str) -> Kind | None:
        """The resource of that path."""
        return self._kinds.get((group, version, plural))

    def named(self, api_version: str, name: str) -> Kind | None:
        """The resource whose objects say this of themselves."""
        return next((k for k in self if k.api_version == api_version and k.name == name), None)

    def any_version(self, group: str, plural: str) -> Kind | None:
        """The resource in whatever version."""
        return next((k for k in self if (k.group, k.plural) == (group, plural)), None)

    def groups(self) -> dict[str, list[str]]:
        """Each group's versions, in the order of preference."""
        found: dict[str, list[str]] = {}
        for kind in self:
            versions = found.setdefault(kind.group, [])
            if kind.version not in versions:
                versions.append(kind.version)
        return found

    def replace_custom(self, group: str, plural: str, kinds: list[Kind]) -> None:
        """Serve these for a custom resource, or none."""
        kept = {key: kind for key, kind in self._kinds.items() if not (kind.custom and key[::2] == (group, plural))}
        self._kinds = {**kept, **{(kind.group, kind.version, kind.plural): kind for kind in kinds}}
