"""Every client is asked to do the same directly and through the gateway, and has to see the same."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import pytest

from tests.servers.gateway import Gateway
from tests.servers.postgres import APP, PostgresServer, new_database


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a client connects to."""

    host: str
    port: int
    database: str
    password: str
    server: PostgresServer
    user: str = APP

    @property
    def dsn(self) -> str:
        return f"postgresql://{self.user}:{self.password}@{self.host}:{self.port}/{self.database}"

    @property
    def environment(self) -> dict[str, str]:
        """libpq's variables for programs of PostgreSQL's own."""
        return {
            **self.server.environment(),
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
            "PGDATABASE": self.database,
        }


type Scenario[Seen] = Callable[[Endpoint], Seen]
type AsyncScenario[Seen] = Callable[[Endpoint], Awaitable[Seen]]


class Compare(Protocol):
    """Does the same at two databases of the same content; what was seen has to be the same, and is given back."""

    def __call__[Seen](self, scenario: Scenario[Seen]) -> Seen: ...


@pytest.fixture(params=["clear", "looking", "looking15"])
def through(request: pytest.FixtureRequest) -> Gateway:
    """A gateway that changes nothing: without policies, with ones that look at everything, and so on 15."""
    gateway: Gateway = request.getfixturevalue(request.param)
    return gateway


def endpoints(gateway: Gateway, database: str) -> tuple[Endpoint, Endpoint]:
    """Directly, and through the gateway."""
    server = gateway.upstream
    assert isinstance(server, PostgresServer)
    password = server.passwords[APP]
    return (
        Endpoint(server.host, server.port, database, password, server),
        Endpoint(gateway.host, gateway.port, database, password, server),
    )


@pytest.fixture
def compare(through: Gateway) -> Compare:
    def compare[Seen](scenario: Scenario[Seen]) -> Seen:
        server = through.upstream
        assert isinstance(server, PostgresServer)
        with new_database(server) as one:
            direct = scenario(endpoints(through, one.name)[0])
        with new_database(server) as other:
            seen = scenario(endpoints(through, other.name)[1])
        assert seen == direct
        return seen

    return compare


class CompareAsync(Protocol):
    """As `Compare`, for clients that are awaited."""

    async def __call__[Seen](self, scenario: AsyncScenario[Seen]) -> Seen: ...


@pytest.fixture
def compare_async(through: Gateway) -> CompareAsync:
    async def compare[Seen](scenario: AsyncScenario[Seen]) -> Seen:
        server = through.upstream
        assert isinstance(server, PostgresServer)
        with new_database(server) as one:
            direct = await scenario(endpoints(through, one.name)[0])
        with new_database(server) as other:
            seen = await scenario(endpoints(through, other.name)[1])
        assert seen == direct
        return seen

    return compare
