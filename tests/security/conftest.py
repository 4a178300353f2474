"""The gateway as an attacker meets it: the shipped policies, in front of a server with something to steal."""

from collections.abc import Iterator

import pytest

from tests.servers.gateway import Gateway
from tests.servers.postgres import PostgresServer

SHIPPED = ("mask_pii.py", "block_destructive.py", "record.py")


@pytest.fixture(scope="session")
def guarded(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with the shipped policies that hold nothing."""
    options = {"shutdown_timeout": 2}
    with Gateway(postgres, tmp_path_factory.mktemp("guarded"), scripts=SHIPPED, options=options) as gateway:
        yield gateway
