"""`--target NAME=postgres:HOST:PORT/DATABASE?key=value`: what the tools can reach, and the mode before it."""

import re
import socket
from dataclasses import dataclass
from urllib.parse import quote

from hoopaddon.errors import ConfigError

_FORM = re.compile(
    r"(?P<name>[A-Za-z0-9_.-]{1,64})=(?P<protocol>postgres|ssh):(?P<address>[^/?@\s]+)(?:/(?P<database>[^/?@\s]+))?(?:\?(?P<query>\S*))?"
)
_HINT = (
    "NAME=postgres:HOST:PORT/DATABASE?user=app&password=env:PGPASSWORD, or NAME=ssh:HOST:PORT?user=deploy&key=FILE"
)
_USER = re.compile(r"(?:^|&)user=")


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
    found = _FORM.fullmatch(text)
    if found is None or (found["database"] and found["protocol"] != "postgres"):
        raise ConfigError("is no target", key="--target", hint=f"write {_HINT}")
    port = _free_port()
    query = "&".join(part for part in (found["query"] or "", f"name={quote(found['name'])}") if part)
    mode = f"{found['protocol']}:{found['address']}?{query}@127.0.0.1:{port}"
    takes_token = _USER.search(query) is not None
    return Served(found["name"], found["protocol"], mode, port, found["database"] or "", takes_token)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
