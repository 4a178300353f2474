"""`--mode postgres:HOST:PORT[?key=value&…]@[LISTEN_HOST:]LISTEN_PORT`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from mitmproxy.proxy.mode_specs import ProxyMode

from hoopaddon.relay.tls import SSL_MODES
from hoopaddon.target import TargetForm, TargetSpec

DEFAULT_PORT = 5432

FORM = TargetForm(
    form="postgres:HOST:PORT[?key=value]@LISTEN_PORT, for example postgres:db.internal:5432@15432",
    default_port=DEFAULT_PORT,
    keys=frozenset({"name", "user", "password", "sslmode", "sslrootcert", "sslcert", "sslkey", "users"}),
    references=frozenset({"password"}),
    # What cannot be seen into, and is only let through where the operator says so.
    allowable=("function_call", "replication"),
)


class PostgresMode(ProxyMode):
    """A PostgreSQL server that the gateway stands in front of.

    Without `user` the client's own login passes through. With it the gateway logs in as that user (`password` a
    reference such as env:PGPASSWORD, or `sslcert` and `sslkey`), and clients prove themselves with a token, or a
    password from the file `users`. `label` may occur several times, as key:value, and so may `allow`: what the
    gateway cannot see into is refused unless it is named there.
    """

    transport_protocol: Literal["tcp", "udp", "both"] = "tcp"
    default_port = 15432

    target: TargetSpec

    def __post_init__(self) -> None:
        target = FORM.read(self.data)
        sslmode = target.settings.get("sslmode")
        if sslmode is not None and sslmode not in SSL_MODES:
            raise ValueError(f"sslmode is one of {', '.join(SSL_MODES)}")
        if "user" not in target.settings and target.settings.keys() & {"password", "sslcert", "sslkey", "users"}:
            raise ValueError("password, sslcert and users need user: who the gateway logs in as")
        object.__setattr__(self, "target", target)

    @property
    def description(self) -> str:
        return f"PostgreSQL {self.address}"

    @property
    def host(self) -> str:
        return self.target.host

    @property
    def port(self) -> int:
        return self.target.port

    @property
    def settings(self) -> Mapping[str, str]:
        return self.target.settings

    @property
    def labels(self) -> MappingProxyType[str, str]:
        return self.target.labels

    @property
    def allowed(self) -> frozenset[str]:
        return self.target.allowed

    @property
    def address(self) -> str:
        """`host:port` of the target."""
        return self.target.address

    @property
    def target_name(self) -> str:
        return self.target.name

    @property
    def passes_login_through(self) -> bool:
        """Whether the client's own login reaches the target."""
        return "user" not in self.settings

    @property
    def sslmode(self) -> str:
        """`disable` unless asked for, and `verify-full` where only certificates are named."""
        if "sslmode" in self.settings:
            return self.settings["sslmode"]
        return "verify-full" if self.settings.keys() & {"sslrootcert", "sslcert"} else "disable"
