"""`--target NAME=postgres:HOST:PORT/DATABASE?key=value`: what the tools can reach, and the mode before it."""

import re
import socket
from dataclasses import dataclass
from urllib.parse import quote

from hoopaddon.errors import ConfigError

_FORM = re.compile(
    r"(?P<name>[A-Za-z0-9_.-]{1,64})=(?P<protocol>postgres|ssh):(?P<address>[^/?@\s]+)(?:/(?P<database>[^/?@\s]+))?(?:\?(?P<query>\S*))?"
)
_CLUSTER = re.compile(r"(?P<name>[A-Za-z0-9_.-]{1,64})=kubernetes:(?P<address>[^?\s]*)(?:\?(?P<query>\S*))?")
_HINT = (
    "NAME=postgres:HOST:PORT/DATABASE?user=app&password=env:PGPASSWORD, NAME=ssh:HOST:PORT?user=deploy&key=FILE,"
    " NAME=kubernetes:CONTEXT or NAME=kubernetes:https://HOST:PORT?bearer=env:TOKEN"
)
_USER = re.compile(r"(?:^|&)user=")
_LOGIN = re.compile(r"(?:^|&)login=")


@dataclass(frozen=True, slots=True)
class Served:
    """A target of the tools: the gateway listens for it at `port` of the loopback interface."""

    name: str
    protocol: str
    mode: str
    port: int
    database: str
    takes_token: bool
    """Whether the gateway has the login, and takes a token for it."""


def served(text: str) -> Served:
    """Raises `ConfigError`, with what to write instead."""
    cluster, found = _CLUSTER.fullmatch(text), _FORM.fullmatch(text)
    if "|" in text:
        # One name would stand for two.
        found = cluster = None
    if cluster is not None:
        return _cluster(cluster["name"], cluster["address"], cluster["query"] or "")
    if found is None or (found["database"] and found["protocol"] != "postgres"):
        raise ConfigError("is no target", key="--target", hint=f"write {_HINT}")
    query = _named(found["name"], found["query"])
    takes_token = _USER.search(query) is not None
    port = _free_port()
    mode = f"{found['protocol']}:{found['address']}?{query}@127.0.0.1:{port}"
    return Served(found["name"], found["protocol"], mode, port, found["database"] or "", takes_token)


def _cluster(name: str, address: str, query: str) -> Served:
    """Tokens are asked for in any case: a client without one has nothing of its own to show."""
    named = _named(name, query, "" if _LOGIN.search(query) else "login=token")
    port = _free_port()
    return Served(name, "kubernetes", f"kubernetes:{address}?{named}@127.0.0.1:{port}", port, "", takes_token=True)


def _named(name: str, *settings: str | None) -> str:
    return "&".join(part for part in (*settings, f"name={quote(name)}") if part)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
