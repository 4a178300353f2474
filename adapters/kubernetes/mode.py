"""`--mode kubernetes:https://HOST[:PORT][?key=value&…]@[LISTEN_HOST:]LISTEN_PORT`, or `kubernetes:CONTEXT@…`."""

from typing import Literal

from mitmproxy.proxy.mode_specs import ProxyMode

from hoopaddon.target import Settings, TargetForm
from hoopaddon.web.credential_settings import REFERENCES, credential_of
from hoopaddon.web.mode import WebForm, WebTarget
from hoopaddon.web.tls import SETTINGS as TLS_SETTINGS

_FORM = (
    "kubernetes:https://HOST:PORT[?key=value]@LISTEN_PORT, or kubernetes:CONTEXT@LISTEN_PORT with a context of your"
    " kubeconfig, for example kubernetes:https://10.0.0.1:6443@6443"
)
_COMMON = frozenset({"name", "login", "users"})

FORM = WebForm(
    form=_FORM,
    settings=TargetForm(
        form=_FORM,
        default_port=0,
        keys=_COMMON | {"bearer", "user", "password"} | TLS_SETTINGS,
        references=REFERENCES,
        allowable=("impersonate",),
    ),
)
_CONTEXT_SETTINGS = TargetForm(
    form=_FORM,
    default_port=0,
    keys=_COMMON | {"kubeconfig"},
    allowable=("impersonate",),
)


class KubernetesMode(ProxyMode):
    """A Kubernetes API server that the gateway stands in front of.

    Without a credential (`bearer`, `user` with `password`, `certificate` with `key`) the client's own passes through.
    With one, or with `login=token`, clients prove themselves with a token, which `hoopaddon kubeconfig` has kubectl
    ask for. `ca` is the file of the authorities that vouch for the server. A context of the operator's kubeconfig
    brings all of that.
    """

    transport_protocol: Literal["tcp", "udp", "both"] = "tcp"
    default_port = 6443

    target: WebTarget | None
    """None where it is a context of the kubeconfig, which is read when the mode starts."""
    context: str
    settings: Settings
    labels: Settings
    allowed: frozenset[str]

    def __post_init__(self) -> None:
        target: WebTarget | None = None
        context = ""
        if "://" in self.data.partition("?")[0]:
            target = FORM.read(self.data)
            credential_of(target.settings)
            settings, labels, allowed = target.settings, target.labels, target.allowed
        else:
            context, _, query = self.data.partition("?")
            settings, labels, allowed = _CONTEXT_SETTINGS.read_settings(query)
        if settings.get("login", "token") != "token":
            raise ValueError("login can only be token; leave it out where the client's own login passes through")
        values = {"target": target, "context": context, "settings": settings, "labels": labels, "allowed": allowed}
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def description(self) -> str:
        if self.target is not None:
            return f"Kubernetes {self.target.address}"
        return f"Kubernetes context {self.context or '(current)'}"
