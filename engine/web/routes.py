"""Which of a listener's targets a request is for, by host name and by path."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from hoopaddon.errors import ConfigError, Unparsable
from hoopaddon.session import Target
from hoopaddon.web.hygiene import BadRequest
from hoopaddon.web.mode import WebTarget
from hoopaddon.web.paths import read_path
from hoopaddon.web.tls import tls_files

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
    by_own_names: bool = False
    """Where nobody proves who they are: no page may get through by a name of its own that it has led here."""

    @property
    def session_target(self) -> Target:
        """The target as sessions name it."""
        return Target(self.target.name, self.protocol, self.target.address, self.target.labels)

    def takes(self, host: str, path: str) -> bool:
        """Whether a request for this host and path is for this target."""
        if self.host and self.host != host.lower():
            return False
        if self.by_own_names and not self.host and not _is_own_name(host):
            return False
        return not self.prefix or path == self.prefix or path.startswith((f"{self.prefix}/", f"{self.prefix}?"))

    def inner(self, path: str) -> str:
        """The path, query included, as the target has it. Raises `BadRequest` for one that may lead out of it."""
        rest = path.removeprefix(self.prefix)
        self._check(rest.partition("?")[0])
        if self.prefix and rest[:1] in ("", "?"):
            # The prefix alone is the target itself, which need not be a folder.
            return (self.target.path or "/") + rest
        return self.target.path + (rest if rest.startswith("/") else f"/{rest}")

    def _check(self, rest: str) -> None:
        """The route's credential is for what is below its path alone, however the target reads the request's."""
        base = self.target.path or self.prefix
        if not base or not rest.strip("/"):
            return
        try:
            readings = read_path(f"{base}/{rest.removeprefix('/')}").readings
            bases = read_path(base).readings
        except Unparsable as e:
            raise BadRequest(e.reason) from None
        inside = tuple(f"{reading.rstrip('/')}/" for reading in bases)
        if not all(reading in bases or reading.startswith(inside) for reading in readings):
            raise BadRequest("the request's path leads out of where this target begins")


class Routes:
    """The targets of one listener; of those that take a request, the one that says the most about it is meant."""

    def __init__(self, routes: tuple[Route, ...], tls: "ClientTls") -> None:
        self.tls = tls
        _check_tls(routes)
        self._routes = sorted(routes, key=lambda route: (bool(route.host), len(route.prefix)), reverse=True)

    def find(self, host: str, path: str) -> Route | None:
        """The route for a request; None where nothing here takes it."""
        return next((route for route in self._routes if route.takes(host, path)), None)

    def to(self, address: tuple[str, int]) -> Route | None:
        """The route that says how the gateway meets the target at this address, where that is by TLS."""
        return next((route for route in self._routes if route.tls is not None and _address(route) == address), None)

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes)


def _is_own_name(host: str) -> bool:
    """Whether it is an address, or a name that stands for this machine wherever it is asked for."""
    try:
        ip_address(host)
    except ValueError:
        return host.lower() in ("", "localhost") or host.lower().endswith(".localhost")
    return True


def _address(route: Route) -> tuple[str, int]:
    return route.target.host, route.target.port


def _check_tls(routes: Iterable[Route]) -> None:
    """One connection serves all requests of a client to one address, so it has to be the same one for all of them."""
    met: dict[tuple[str, int], Route] = {}
    for route in routes:
        if route.tls is None:
            continue
        other = met.setdefault(_address(route), route)
        if tls_files(other.target) != tls_files(route.target):
            raise ConfigError(
                f"{other.target.name} and {route.target.name} are at one address, with other certificates or keys",
                hint="give each a listener of its own: two modes instead of one with |",
            )
