"""`--mode postgres:HOST:PORT[?key=value&…]@[LISTEN_HOST:]LISTEN_PORT`."""

import difflib
import re
from types import MappingProxyType
from typing import Literal
from urllib.parse import parse_qsl

from mitmproxy.proxy.mode_specs import ProxyMode

from hoopaddon.credential import check_reference
from hoopaddon.errors import ConfigError
from hoopaddon.relay.tls import SSL_MODES

DEFAULT_PORT = 5432
FORM = "postgres:HOST:PORT[?key=value]@LISTEN_PORT, for example postgres:db.internal:5432@15432"

ALLOWABLE = ("function_call", "replication")
"""What cannot be seen into, and is only let through where the operator says so."""

KEYS = frozenset(
    {"allow", "name", "label", "user", "password", "sslmode", "sslrootcert", "sslcert", "sslkey", "users"}
)
_ADDRESS = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[^:\[\]/?#@\s]+)(?::(?P<port>[0-9]{1,5}))?")


class PostgresMode(ProxyMode):
    """A PostgreSQL server that the gateway stands in front of.

    Without `user` the client's own login passes through. With it the gateway logs in as that user (`password` a
    reference such as env:PGPASSWORD, or `sslcert` and `sslkey`), and clients prove themselves with a token, or a
    password from the file `users`. `label` may occur several times, as key:value, and so may `allow`: what the
    gateway cannot see into is refused unless it is named there.
    """

    transport_protocol: Literal["tcp", "udp", "both"] = "tcp"
    default_port = 15432

    host: str
    port: int
    settings: dict[str, str]
    labels: MappingProxyType[str, str]
    allowed: frozenset[str]

    def __post_init__(self) -> None:
        address, _, query = self.data.partition("?")
        found = _ADDRESS.fullmatch(address)
        port = int(found["port"] or DEFAULT_PORT) if found else 0
        if not found or not 1 <= port <= 65535:
            raise ValueError(f"write {FORM}")
        settings: dict[str, str] = {}
        labels: dict[str, str] = {}
        allowed: set[str] = set()
        for key, value in parse_qsl(query, keep_blank_values=True):
            _check(key, value, settings)
            if key == "allow":
                allowed.add(value)
            elif key == "label":
                name, _, text = value.partition(":")
                labels[name] = text
            else:
                settings[key] = value
        if query and not (settings or labels or allowed):
            raise ValueError(f"write {FORM}")
        if "user" not in settings and settings.keys() & {"password", "sslcert", "sslkey", "users"}:
            raise ValueError("password, sslcert and users need user: who the gateway logs in as")
        for name, found_value in (
            ("host", found["host"].strip("[]")),
            ("port", port),
            ("settings", settings),
            ("labels", MappingProxyType(labels)),
            ("allowed", frozenset(allowed)),
        ):
            object.__setattr__(self, name, found_value)

    @property
    def description(self) -> str:
        return f"PostgreSQL {self.address}"

    @property
    def address(self) -> str:
        """`host:port` of the target."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def target_name(self) -> str:
        return self.settings.get("name", self.address)

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


def _check(key: str, value: str, settings: dict[str, str]) -> None:
    if key not in KEYS:
        close = difflib.get_close_matches(key, sorted(KEYS), n=1)
        hint = f"did you mean {close[0]}?" if close else f"keys are {', '.join(sorted(KEYS))}"
        raise ValueError(f"unknown key {key!r}: {hint}")
    if key in settings:
        raise ValueError(f"{key} is given twice")
    if key == "sslmode" and value not in SSL_MODES:
        raise ValueError(f"sslmode is one of {', '.join(SSL_MODES)}")
    if key == "label" and ":" not in value:
        raise ValueError("a label is key:value, label=env:prod for example")
    if key == "allow" and value not in ALLOWABLE:
        raise ValueError(f"allow is one of {', '.join(ALLOWABLE)}")
    if key == "password":
        try:
            check_reference(value, key="password")
        except ConfigError as e:
            raise ValueError(f"{e.key} {e.message}: {e.hint}") from None
