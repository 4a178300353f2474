"""`--mode kubernetes:https://HOST[:PORT][?key=value&…]@[LISTEN_HOST:]LISTEN_PORT`, or `kubernetes:CONTEXT@…`."""

from dataclasses import dataclass, replace
from typing import Literal, Self

from mitmproxy.proxy.mode_specs import ProxyMode

from hoopaddon.target import NAME, Setting, Settings, TargetForm, check_names, parts
from hoopaddon.web.credential_settings import BEARER, PASSWORD, USER, credential_of
from hoopaddon.web.mode import HOST, LOGIN, PATH, USERS, WebForm, WebTarget, check_apart
from hoopaddon.web.tls import SETTINGS as TLS_SETTINGS

_FORM = (
    "kubernetes:https://HOST:PORT[?key=value]@LISTEN_PORT, or kubernetes:CONTEXT@LISTEN_PORT with a context of your"
    " kubeconfig, for example kubernetes:https://10.0.0.1:6443@6443"
)
_ADDRESS = "https://HOST[:PORT] or a context of your kubeconfig, for example https://10.0.0.1:6443"
_COMMON = {"name": NAME, "host": HOST, "path": PATH, "login": LOGIN, "users": USERS}
_KUBECONFIG = Setting("The file that the context is in, other than kubectl's own.", "file")

FORM = WebForm(
    form=_FORM,
    settings=TargetForm(
        form=_FORM,
        address=_ADDRESS,
        default_port=0,
        keys={**_COMMON, "bearer": BEARER, "user": USER, "password": PASSWORD, **TLS_SETTINGS},
        allowable=("impersonate",),
    ),
)
_CONTEXT_SETTINGS = TargetForm(
    form=_FORM,
    address=_ADDRESS,
    default_port=0,
    keys={**_COMMON, "kubeconfig": _KUBECONFIG},
    allowable=("impersonate",),
)
ALL_SETTINGS = replace(FORM.settings, keys={**FORM.settings.keys, **_CONTEXT_SETTINGS.keys})
"""Those of either way to name a cluster; a mode takes those of its own."""


@dataclass(frozen=True, slots=True)
class KubeTarget:
    """One cluster as a mode names it, by its address or by a context of the kubeconfig."""

    target: WebTarget | None
    """None where it is a context, which is read when the mode starts."""
    context: str
    settings: Settings
    labels: Settings
    allowed: frozenset[str]

    @classmethod
    def read(cls, data: str) -> Self:
        """Raises `ValueError`, with what to write instead."""
        target: WebTarget | None = None
        context, _, query = data.partition("?")
        if "://" in context:
            context = ""
            target = FORM.read(data)
            credential_of(target.settings)
            settings, labels, allowed = target.settings, target.labels, target.allowed
        else:
            settings, labels, allowed = _CONTEXT_SETTINGS.read_settings(query)
        if settings.get("login", "token") != "token":
            raise ValueError("login can only be token; leave it out where the client's own login passes through")
        return cls(target, context, settings, labels, allowed)

    @property
    def name(self) -> str:
        """What it is called, as far as the mode tells."""
        return self.target.name if self.target is not None else self.settings.get("name", self.context)

    @property
    def description(self) -> str:
        if self.target is not None:
            return f"Kubernetes {self.target.address}"
        return f"Kubernetes context {self.context or '(current)'}"


class KubernetesMode(ProxyMode):
    """Kubernetes API servers that the gateway stands in front of; several are joined by `|`.

    Without a credential (`bearer`, `user` with `password`, `certificate` with `key`) the client's own passes through.
    With one, or with `login=token`, clients prove themselves with a token, which `hoopaddon kubeconfig` has kubectl
    ask for. `ca` is the file of the authorities that vouch for the server. A context of the operator's kubeconfig
    brings all of that.
    """

    transport_protocol: Literal["tcp", "udp", "both"] = "tcp"
    default_port = 6443

    targets: tuple[KubeTarget, ...]

    def __post_init__(self) -> None:
        targets = tuple(map(KubeTarget.read, parts(self.data)))
        check_names([target.name for target in targets])
        check_apart([(target.name, target.settings) for target in targets])
        object.__setattr__(self, "targets", targets)

    @property
    def description(self) -> str:
        return " and ".join(target.description for target in self.targets)
