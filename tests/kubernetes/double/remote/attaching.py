"""Attach: a container's own process, with the client at its ends."""

import asyncio
from contextlib import suppress

from tests.kubernetes.double.remote.channels import STDOUT, Channels, ended
from tests.kubernetes.double.remote.kubelet import Container
from tests.kubernetes.double.remote.process import Wanted


async def attach(container: Container, wanted: Wanted, channels: Channels) -> None:
    """Show what the container says from now on, and give it what the client types, until either ends."""
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    container.listeners.append(heard.put_nowait)
    gone = asyncio.ensure_future(channels.gone())
    showing = asyncio.ensure_future(_show(heard, channels))
    typing = asyncio.ensure_future(_type(container, channels)) if wanted.stdin else None
    try:
        if container.exit_code is not None:
            heard.put_nowait(b"")
        await asyncio.wait((gone, showing), return_when=asyncio.FIRST_COMPLETED)
        if showing.done():
            await channels.finish(ended(0))
    finally:
        container.listeners.remove(heard.put_nowait)
        for task in filter(None, (gone, showing, typing)):
            task.cancel()
            with suppress(asyncio.CancelledError, ConnectionError):
                await task


async def _show(heard: "asyncio.Queue[bytes]", channels: Channels) -> None:
    while data := await heard.get():
        await channels.write(STDOUT, data)


async def _type(container: Container, channels: Channels) -> None:
    writer = container.process.stdin if container.process else None
    while data := await channels.stdin():
        if writer is not None:
            writer.write(data)
            await writer.drain()
    if writer is not None and container.stdin_once:
        writer.close()
