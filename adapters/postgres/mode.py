"""`--mode postgres:HOST:PORT[?key=value&…]@[LISTEN_HOST:]LISTEN_PORT`."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from mitmproxy.proxy.mode_specs import ProxyMode

from hoopaddon.relay.tls import SSL_MODES
from hoopaddon.target import NAME, Setting, TargetForm, TargetSpec

DEFAULT_PORT = 5432
EPHEMERAL = "ephemeral"

FORM = TargetForm(
    form="postgres:HOST:PORT[?key=value]@LISTEN_PORT, for example postgres:db.internal:5432@15432",
    address="HOST[:PORT], for example db.internal:5432",
    default_port=DEFAULT_PORT,
    keys={
        "name": NAME,
        "user": Setting("The role that the gateway logs in as; without it the client's own login passes through."),
        "password": Setting("The password of that role.", "reference"),
        "sslmode": Setting("How the gateway asks the target for TLS, as libpq has it.", choices=SSL_MODES),
        "sslrootcert": Setting("PEM file of the authorities that vouch for the target.", "file"),
        "sslcert": Setting("PEM file of the certificate that the gateway logs in with.", "file"),
        "sslkey": Setting("PEM file of its private key.", "file"),
        "database": Setting("The database there of clients who name the target alone, as user@target or database."),
        "host": Setting("The host name by which clients with TLS ask for this target, where a listener has several."),
        "login": Setting(
            "`ephemeral`: each session has a role of its own there, with what its user's roles and grants allow.",
            choices=(EPHEMERAL,),
        ),
        "users": Setting("File of the users who log in with a name and a password.", "file"),
    },
    # What cannot be seen into, and is only let through where the operator says so.
    allowable=("function_call", "replication"),
)


@dataclass(frozen=True, slots=True)
class PostgresTarget:
    """One server as a mode names it."""

    spec: TargetSpec

    def check(self) -> None:
        """Raises `ValueError` for keys that do not go together, with what to write instead."""
        sslmode = self.settings.get("sslmode")
        if sslmode is not None and sslmode not in SSL_MODES:
            raise ValueError(f"sslmode is one of {', '.join(SSL_MODES)}")
        if "user" not in self.settings and self.settings.keys() & {"password", "sslcert", "sslkey", "users"}:
            raise ValueError("password, sslcert and users need user: who the gateway logs in as")
        if self.settings.get("login", EPHEMERAL) != EPHEMERAL:
            raise ValueError(f"login can only be {EPHEMERAL}; leave it out for the gateway's own role")
        if self.is_ephemeral and "user" not in self.settings:
            raise ValueError("login needs user: who makes the roles")
        if self.is_ephemeral and "replication" in self.allowed:
            raise ValueError("login needs allow=replication to be left out: such roles replicate nothing")

    @property
    def host(self) -> str:
        return self.spec.host

    @property
    def port(self) -> int:
        return self.spec.port

    @property
    def settings(self) -> Mapping[str, str]:
        return self.spec.settings

    @property
    def labels(self) -> MappingProxyType[str, str]:
        return self.spec.labels

    @property
    def allowed(self) -> frozenset[str]:
        return self.spec.allowed

    @property
    def address(self) -> str:
        """`host:port`."""
        return self.spec.address

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def passes_login_through(self) -> bool:
        """Whether the client's own login reaches the target."""
        return "user" not in self.settings

    @property
    def is_ephemeral(self) -> bool:
        """Whether each session has a role of its own at the target."""
        return "login" in self.settings

    @property
    def sslmode(self) -> str:
        """`disable` unless asked for, and `verify-full` where only certificates are named."""
        if "sslmode" in self.settings:
            return self.settings["sslmode"]
        return "verify-full" if self.settings.keys() & {"sslrootcert", "sslcert"} else "disable"


class PostgresMode(ProxyMode):
    """PostgreSQL servers that the gateway stands in front of; several are joined by `|`.

    Clients name one of several as the database, as `user@target`, or by the host name that they connect to with TLS.
    `database` is what they get who name the target alone. Without `user` the client's own login passes through. With
    it the gateway logs in as that user (`password` a reference such as env:PGPASSWORD, or `sslcert` and `sslkey`),
    and clients prove themselves with a token, or a password from the file `users`. With `login=ephemeral` that user
    makes a role for each session, with what its user's roles and grants allow, and drops it afterwards. `label` may
    occur several times, as key:value, and so may `allow`: what the gateway cannot see into is refused unless it is
    named there.
    """

    transport_protocol: Literal["tcp", "udp", "both"] = "tcp"
    default_port = 15432

    targets: tuple[PostgresTarget, ...]

    def __post_init__(self) -> None:
        targets = tuple(map(PostgresTarget, FORM.read_all(self.data)))
        for target in targets:
            target.check()
        object.__setattr__(self, "targets", targets)

    @property
    def description(self) -> str:
        return " and ".join(f"PostgreSQL {target.address}" for target in self.targets)
