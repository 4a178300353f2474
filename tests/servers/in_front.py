"""A gateway in front of an HTTP target, in this process."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hoopaddon.gateway import serving
from tests.servers.http import Address, Respond, Upstream, plain

type InFront = Callable[..., AbstractAsyncContextManager[tuple[Upstream, Address]]]


@pytest.fixture(scope="session")
def confdir(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A configuration folder for all of them; making its certificate authority takes a while."""
    return str(tmp_path_factory.mktemp("conf"))


@pytest.fixture
def in_front(confdir: str) -> InFront:
    """In front of a new target that responds so, with these policies: the target, and where to connect."""

    @asynccontextmanager
    async def start(
        *addons: object,
        respond: Respond | None = None,
        mode: str = "reverse:http://127.0.0.1:{}@0",
        tls: Path | None = None,
        **options: Any,
    ) -> AsyncIterator[tuple[Upstream, Address]]:
        # The target of a forward proxy is on this machine too.
        options.setdefault("forward_allow", ["127.0.0.0/8"])
        async with (
            Upstream(respond or plain(), tls=tls) as upstream,
            serving(modes=[mode.format(upstream.port)], addons=addons, confdir=confdir, **options) as gateway,
        ):
            host, port, *_ = gateway.servers.listen_addrs()[0]
            yield upstream, (host, port)

    return start
