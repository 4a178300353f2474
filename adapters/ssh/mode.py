"""`--mode ssh:HOST:PORT[?key=value&…]@[LISTEN_HOST:]LISTEN_PORT`."""

from typing import Literal

from mitmproxy.proxy.mode_specs import ProxyMode

from hoopaddon.target import TargetForm, TargetSpec

DEFAULT_PORT = 22

FORM = TargetForm(
    form="ssh:HOST:PORT[?key=value]@LISTEN_PORT, for example ssh:10.0.0.5:22@2222",
    default_port=DEFAULT_PORT,
    keys=frozenset({"name", "user", "password", "key", "passphrase", "known_hosts", "users"}),
    references=frozenset({"password", "passphrase"}),
)


class SshMode(ProxyMode):
    """An SSH server that the gateway stands in front of.

    Without `user` the client's own login passes through. With it the gateway logs in as that user, by `password` (a
    reference such as env:SSH_PASSWORD) or `key` (a file, its `passphrase` a reference too), and clients prove
    themselves with a token.
    """

    transport_protocol: Literal["tcp", "udp", "both"] = "tcp"
    default_port = 2222

    target: TargetSpec

    def __post_init__(self) -> None:
        target = FORM.read(self.data)
        if "user" not in target.settings and target.settings.keys() & {"password", "key", "passphrase", "users"}:
            raise ValueError("password, key and users need user: who the gateway logs in as")
        object.__setattr__(self, "target", target)

    @property
    def description(self) -> str:
        return f"SSH {self.target.address}"

    @property
    def passes_login_through(self) -> bool:
        """Whether the client's own login reaches the target."""
        return "user" not in self.target.settings
