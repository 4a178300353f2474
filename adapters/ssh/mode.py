"""`--mode ssh:HOST:PORT[?key=value&…]@[LISTEN_HOST:]LISTEN_PORT`."""

from collections.abc import Mapping
from typing import Literal

from mitmproxy.proxy.mode_specs import ProxyMode

from hoopaddon.adapters.ssh.login.known_hosts import ACCEPT_NEW, FINGERPRINT
from hoopaddon.target import TargetForm, TargetSpec

DEFAULT_PORT = 22
DEFAULT_KEEPALIVE_S = 30
DEFAULT_KEEPALIVE_COUNT = 3

FORM = TargetForm(
    form="ssh:HOST:PORT[?key=value]@LISTEN_PORT, for example ssh:10.0.0.5:22@2222",
    default_port=DEFAULT_PORT,
    keys=frozenset(
        {
            "name",
            "user",
            "password",
            "key",
            "passphrase",
            "certificate",
            "known_hosts",
            "fingerprint",
            "host_key",
            "users",
            "client_ca",
            "revoked",
            "keepalive",
            "keepalive_count",
            "lines",
        }
    ),
    references=frozenset({"password", "passphrase"}),
    # Ways out of a session, and algorithms that are broken or about to be, only where the operator says so.
    allowable=(
        "local_forward",
        "remote_forward",
        "agent_forward",
        "environment",
        "subsystem:NAME",
        "legacy_client",
        "legacy_target",
    ),
)
MOST_KEEPALIVE = 86_400
_MEANS = {
    "keepalive": "seconds of silence after which a peer is asked whether it is there, 0 for never",
    "keepalive_count": "unanswered questions after which a peer is gone",
}
_NEED_USER = ("password", "key", "passphrase", "certificate", "users", "client_ca", "revoked")


class SshMode(ProxyMode):
    """An SSH server that the gateway stands in front of.

    Without `user` the client's own login passes through, and where the target takes the operator's own keys no login
    is asked for. With it the gateway logs in as that user, by `password` (a reference such as env:SSH_PASSWORD) or
    `key` (a file, its `passphrase` a reference too, its `certificate` found beside it), and clients prove themselves
    with a token, with what the file `users` lists for them, or with a certificate of an authority in `client_ca`.

    The target is known by `known_hosts` (a file; the operator's own by default) or by `fingerprint`; with
    `host_key=accept-new` a host that is not known is trusted the first time. With `lines=strict` what is typed at a
    terminal reaches the target in whole lines only.

    Keys and certificates that the file `revoked` names let nobody in. After `keepalive` seconds of silence (0: never)
    either peer is asked whether it is still there; after `keepalive_count` unanswered questions it is gone.
    """

    transport_protocol: Literal["tcp", "udp", "both"] = "tcp"
    default_port = 2222

    target: TargetSpec

    def __post_init__(self) -> None:
        target = FORM.read(self.data)
        _check(target.settings)
        object.__setattr__(self, "target", target)

    @property
    def description(self) -> str:
        return f"SSH {self.target.address}"

    @property
    def keepalive(self) -> dict[str, int]:
        """When a silent peer is asked whether it is there, as asyncssh takes it for either side."""
        settings = self.target.settings
        return {
            "keepalive_interval": int(settings.get("keepalive", DEFAULT_KEEPALIVE_S)),
            "keepalive_count_max": int(settings.get("keepalive_count", DEFAULT_KEEPALIVE_COUNT)),
        }

    @property
    def passes_login_through(self) -> bool:
        """Whether the client's own login reaches the target."""
        return "user" not in self.target.settings


def _check(settings: Mapping[str, str]) -> None:
    """Raises `ValueError` for keys that do not go together, with what to write instead."""
    if "user" not in settings and (found := [key for key in _NEED_USER if key in settings]):
        raise ValueError(f"{found[0]} needs user: who the gateway logs in as")
    if "revoked" in settings and not settings.keys() & {"users", "client_ca"}:
        raise ValueError("revoked needs users or client_ca: without them no key lets anybody in")
    if "user" in settings and not settings.keys() & {"password", "key"}:
        raise ValueError("user needs password (a reference, such as env:SSH_PASSWORD) or key (a file)")
    for key in ("passphrase", "certificate"):
        if key in settings and "key" not in settings:
            raise ValueError(f"{key} needs key: the file of the private key")
    if settings.get("lines", "strict") != "strict":
        raise ValueError(
            "lines can only be strict: the gateway edits the lines itself; leave it out for the usual way"
        )
    if settings.get("host_key", ACCEPT_NEW) != ACCEPT_NEW:
        raise ValueError(f"host_key can only be {ACCEPT_NEW}; leave it out for hosts that are known")
    for key, least in (("keepalive", 0), ("keepalive_count", 1)):
        text = settings.get(key, str(least))
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= MOST_KEEPALIVE:
            raise ValueError(f"{key} is a number from {least} to {MOST_KEEPALIVE}: {_MEANS[key]}")
    if "fingerprint" in settings:
        if not FINGERPRINT.fullmatch(settings["fingerprint"].replace(" ", "+")):
            raise ValueError("fingerprint is SHA256:… as ssh-keygen -l prints it (write + as %2B)")
        if settings.keys() & {"known_hosts", "host_key"}:
            raise ValueError("fingerprint pins one key: leave known_hosts and host_key out")
