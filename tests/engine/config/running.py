"""A gateway of this process as the program configures it: by its arguments, in the folder of a test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from hoopaddon.cli.arguments import parser
from hoopaddon.cli.run import configure
from hoopaddon.gateway import Gateway


@asynccontextmanager
async def running(*arguments: str, confdir: Path) -> AsyncIterator[Gateway]:
    """`hoopaddon ARGUMENTS` in the working directory, once it is ready."""
    gateway = Gateway()
    try:
        configure(gateway, parser().parse_args(["--confdir", str(confdir), *arguments]))
        serving = asyncio.create_task(gateway.run())
    except BaseException:
        await gateway.done()
        raise
    ready = asyncio.create_task(gateway.ready.wait())
    try:
        await asyncio.wait([serving, ready], return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            await serving
        yield gateway
    finally:
        ready.cancel()
        gateway.shutdown()  # type: ignore[no-untyped-call]
        with suppress(asyncio.CancelledError):
            await serving


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of a test."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
