"""Which addresses of a target's are those of its MCP server; no other is any business of an MCP client's.

There is one that the mode names. In the old transport (2024-11-05) that is where a client listens, and the server
names another one, for each client, where it posts.
"""

import re
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from hoopaddon.errors import Refused
from hoopaddon.web.hygiene import read_as
from hoopaddon.web.mode import DEFAULT_PORTS, WebTarget
from hoopaddon.web.request import WebRequest

SESSION_HEADER = "mcp-session-id"
_OVERRIDES = frozenset({"x-http-method-override", "x-http-method", "x-method-override"})
_PLAIN = re.compile(r"/[!-\[\]-~]{0,2047}")
"""No backslash: some take it for a slash."""


class NotHere(Exception):
    """The gateway's own answer to what is no request of MCP at all; the text is for the client."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server is, by its mode. `names_another` of the old transport, whose clients post somewhere else."""

    path: str
    names_another: bool = False

    @classmethod
    def of(cls, target: WebTarget) -> "Place":
        """That of a target as its mode has it."""
        return cls(target.path or "/", target.path.rstrip("/").endswith("/sse"))

    @property
    def methods(self) -> tuple[str, ...]:
        """What may be asked for at the server's own address."""
        return ("GET",) if self.names_another else ("GET", "POST", "DELETE")

    def check(self, request: WebRequest, has_named: bool) -> None:
        """Raises `NotHere`. `has_named` says whether the server has named this address to this session's client."""
        if self.names_another and has_named:
            self._check_method(request, ("POST",))
            return
        # As it is written, not as somebody might read it: one spelling is enough.
        if (request.path, request.query) != (self.path, ""):
            raise NotHere("there is no MCP server at this address", 404)
        self._check_method(request, self.methods)
        if request.method != "POST" and request.body != b"":
            raise NotHere(f"a {request.method} of MCP has no body", 400)
        if request.method == "DELETE" and not request.headers.get(SESSION_HEADER):
            raise NotHere("a session is ended by its Mcp-Session-Id", 400)

    @staticmethod
    def _check_method(request: WebRequest, known: tuple[str, ...]) -> None:
        if request.method not in known:
            raise NotHere(f"MCP has no {request.method[:16]} here", 405)
        for name, value in request.headers:
            if read_as(name) in _OVERRIDES:
                raise NotHere("the request names two methods", 400)
            if read_as(name) == "upgrade" and "websocket" in value.lower():
                raise NotHere("MCP has no WebSockets", 400)
        if len(request.headers.all(SESSION_HEADER)) > 1:
            raise NotHere("the header Mcp-Session-Id occurs twice", 400)


def named(listening: WebRequest, said: str) -> str:
    """`/path?query` of what a server has named on a stream of its events. Raises `Refused` for another host."""
    here = (listening.scheme, listening.host.lower(), listening.port)
    host = f"[{listening.host}]" if ":" in listening.host else listening.host
    try:
        parts = urlsplit(urljoin(f"{listening.scheme}://{host}:{listening.port}{listening.path}", said))
        there = (parts.scheme, (parts.hostname or "").lower(), parts.port or DEFAULT_PORTS.get(parts.scheme))
    except ValueError:
        raise Refused("the server names an address that is none") from None
    if there != here or parts.username is not None:
        raise Refused("the server sends its client to another host")
    found = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    if not _PLAIN.fullmatch(found):
        raise Refused("the server names an address that is none")
    return found
