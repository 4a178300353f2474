"""Which of a listener's targets a client means: `user@target`, the host name of its TLS, or the database it names."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hoopaddon.adapters.postgres.login.authentication import ClientCheck
from hoopaddon.adapters.postgres.login.opening import LoginFailed
from hoopaddon.adapters.postgres.mode import PostgresTarget
from hoopaddon.adapters.postgres.protocol.login import StartupMessage
from hoopaddon.adapters.postgres.session.catalogue import Catalogues

if TYPE_CHECKING:
    from hoopaddon.adapters.postgres.login.ephemeral import EphemeralRoles

INVALID_CATALOG_NAME = "3D000"


@dataclass(frozen=True, slots=True)
class Served:
    """A target, and what is there for all of its clients. Without a `check` their own login passes through."""

    target: PostgresTarget
    check: ClientCheck | None
    roles: "EphemeralRoles | None" = None
    catalogues: Catalogues = field(default_factory=Catalogues)


class Choice:
    """The targets of one listener."""

    def __init__(self, served: tuple[Served, ...]) -> None:
        self.served = served
        self._by_name = {one.target.name: one for one in served}
        self._by_host = {host.lower(): one for one in served if (host := one.target.settings.get("host"))}

    def of(self, startup: StartupMessage, server_name: str) -> tuple[Served, StartupMessage]:
        """The target, and the startup message that is meant for it. Raises `LoginFailed`, which names no target."""
        parameters = dict(startup.parameters)
        user = parameters["user"]
        name, at, suffix = user.rpartition("@")
        asked = parameters.get("database", "")
        if at and name and suffix in self._by_name:
            chosen = self._by_name[suffix]
            parameters["user"] = name
        elif server_name in self._by_host:
            chosen = self._by_host[server_name]
        elif asked in self._by_name:
            chosen = self._by_name[asked]
        elif len(self.served) == 1:
            chosen = self.served[0]
        else:
            why = f"no target here is called {(asked or user)!r}"
            raise LoginFailed(INVALID_CATALOG_NAME, "no target of this gateway has this name", why=why)
        # Clients that are given no database send their user's name as one.
        if "database" in chosen.target.settings and asked in ("", user, chosen.target.name):
            parameters["database"] = chosen.target.settings["database"]
        elif asked == user:
            parameters["database"] = parameters["user"]
        return chosen, StartupMessage(startup.version, parameters)
