"""`--mode ssh:HOST:PORT[?key=value&…]@[LISTEN_HOST:]LISTEN_PORT`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mitmproxy.proxy.mode_specs import ProxyMode

from hoopaddon.adapters.ssh.login.known_hosts import ACCEPT_NEW, FINGERPRINT
from hoopaddon.target import NAME, Setting, TargetForm, TargetSpec

DEFAULT_PORT = 22
DEFAULT_KEEPALIVE_S = 30
DEFAULT_KEEPALIVE_COUNT = 3

FORM = TargetForm(
    form="ssh:HOST:PORT[?key=value]@LISTEN_PORT, for example ssh:10.0.0.5:22@2222",
    address="HOST[:PORT], for example 10.0.0.5:22",
    default_port=DEFAULT_PORT,
    keys={
        "name": NAME,
        "user": Setting("Whom the gateway logs in as; without it the client's own login passes through."),
        "password": Setting("The password of that user.", "reference"),
        "key": Setting("File of the private key of that user.", "file"),
        "passphrase": Setting("The passphrase of the private key.", "reference"),
        "certificate": Setting("File of the certificate of that key; found beside it by itself.", "file"),
        "known_hosts": Setting("File of the host keys that are known; the operator's own by default.", "file"),
        "fingerprint": Setting("The target's host key, as SHA256:…."),
        "host_key": Setting("`accept-new`: trust a host that is not known the first time.", choices=(ACCEPT_NEW,)),
        "users": Setting("File of the users who log in with a password or a key.", "file"),
        "client_ca": Setting("File of the authorities whose certificates let clients in.", "file"),
        "revoked": Setting("File of the keys and certificates that let nobody in any more.", "file"),
        "keepalive": Setting(
            "Seconds of silence after which a peer is asked for a sign of life; 0: never.", "number"
        ),
        "keepalive_count": Setting("Unanswered questions after which a peer is gone.", "number"),
        "lines": Setting("`strict`: what is typed reaches the target in whole lines only.", choices=("strict",)),
    },
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


@dataclass(frozen=True, slots=True)
class SshTarget:
    """One server as a mode names it."""

    target: TargetSpec

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


class SshMode(ProxyMode):
    """SSH servers that the gateway stands in front of; several are joined by `|`, and clients ask for `user+target`.

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

    targets: tuple[SshTarget, ...]

    def __post_init__(self) -> None:
        targets = tuple(map(SshTarget, FORM.read_all(self.data)))
        for target in targets:
            _check(target.target.settings)
        if len({str(target.keepalive) for target in targets}) > 1:
            raise ValueError("keepalive and keepalive_count are the listener's: the same for all of its targets")
        object.__setattr__(self, "targets", targets)

    @property
    def description(self) -> str:
        return " and ".join(f"SSH {target.target.address}" for target in self.targets)


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
            raise ValueError("fingerprint is SHA256:… as ssh-keygen -l prints it")
        if settings.keys() & {"known_hosts", "host_key"}:
            raise ValueError("fingerprint pins one key: leave known_hosts and host_key out")
