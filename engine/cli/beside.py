"""A gateway beside a program whose standard input and output are somebody else's: what it says goes to stderr."""

import argparse
import asyncio
import io
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from hoopaddon.errors import ConfigError

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway

type Work = Callable[["Gateway"], Awaitable[int]]


def beside_gateway(arguments: argparse.Namespace, modes: Sequence[str], work: Work) -> int:
    """Run `work` once a gateway with these modes is ready; both end with it. Raises `ConfigError`."""
    from hoopaddon import event_loop

    return event_loop.run(_run(arguments, modes, work))


async def _run(arguments: argparse.Namespace, modes: Sequence[str], work: Work) -> int:
    from mitmproxy import exceptions

    from hoopaddon.cli.run import configure
    from hoopaddon.gateway import Gateway
    from hoopaddon.log import TerminalLog

    gateway = Gateway()
    log = TerminalLog(on_broken=lambda: None, out=cast(io.TextIOWrapper, sys.stderr))
    gateway.addons.add_machinery(log)
    try:
        configure(gateway, arguments, looks_here=False)
        # What the configuration file listens for is another gateway's; this one serves its own client alone.
        gateway.options.update(mode=list(modes))
        return await _serve(gateway, work)
    except exceptions.OptionsError as e:
        raise ConfigError(str(e)) from e
    finally:
        await gateway.done()
        log.uninstall()


async def _until_told(working: "asyncio.Future[int]") -> int:
    """The work's exit code, or that of the signal that ends it."""
    told: list[int] = []

    def end(number: int) -> None:
        told.append(number)
        working.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end, number)
    try:
        return await working
    except asyncio.CancelledError:
        if not told:
            raise
        return 128 + told[0]


async def _serve(gateway: "Gateway", work: Work) -> int:
    running = asyncio.create_task(gateway.run())
    ready: asyncio.Task[Any] = asyncio.create_task(gateway.ready.wait())
    try:
        await asyncio.wait([running, ready], return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            await running
        return await _until_told(asyncio.ensure_future(work(gateway)))
    finally:
        ready.cancel()
        gateway.shutdown()  # type: ignore[no-untyped-call]
        await running
