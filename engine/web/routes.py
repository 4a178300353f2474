"""Which of a listener's targets a request is for, by host name and by path."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hoopaddon.session import Target
from hoopaddon.web.mode import WebTarget

if TYPE_CHECKING:
    from hoopaddon.web.credentials import Credential
    from hoopaddon.web.login import WebLogin
    from hoopaddon.web.tls import ClientTls, TargetTls


@dataclass(frozen=True, slots=True)
class Route:
    """A target, with what stands between it and its clients.

    `host` and `prefix` select it; empty ones select everything. Without a `login` the client's own goes through.
    """

    target: WebTarget
    protocol: str
    host: str = ""
    prefix: str = ""
    login: "WebLogin | None" = None
    credential: "Credential | None" = None
    tls: "TargetTls | None" = None

    @property
    def session_target(self) -> Target:
        """The target as sessions name it."""
        return Target(self.target.name, self.protocol, self.target.address, self.target.labels)

    def takes(self, host: str, path: str) -> bool:
        """Whether a request for this host and path is for this target."""
        if self.host and self.host != host.lower():
            return False
        return not self.prefix or path == self.prefix or path.startswith((f"{self.prefix}/", f"{self.prefix}?"))

    def inner(self, path: str) -> str:
        """The path, query included, as the target has it."""
        rest = path.removeprefix(self.prefix)
        if self.prefix and rest[:1] in ("", "?"):
            # The prefix alone is the target itself, which need not be a folder.
            return (self.target.path or "/") + rest
        return self.target.path + (rest if rest.startswith("/") else f"/{rest}")


class Routes:
    """The targets of one listener; of those that take a request, the one that says the most about it is meant."""

    def __init__(self, routes: tuple[Route, ...], tls: "ClientTls") -> None:
        self.tls = tls
        self._routes = sorted(routes, key=lambda route: (bool(route.host), len(route.prefix)), reverse=True)

    def find(self, host: str, path: str) -> Route | None:
        """The route for a request; None where nothing here takes it."""
        return next((route for route in self._routes if route.takes(host, path)), None)

    def to(self, address: tuple[str, int]) -> Route | None:
        """A route to the target at this address."""
        return next((route for route in self._routes if (route.target.host, route.target.port) == address), None)

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes)
