"""Port-forward: a pod's ports are ports of the loopback interface."""

import asyncio
import struct
from collections.abc import Sequence
from contextlib import suppress

from tests.kubernetes.double.web.spdy import SpdyConnection, Stream
from tests.kubernetes.double.web.websocket import WebSocket

PROTOCOL = "portforward.k8s.io"
TUNNELLED = f"SPDY/3.1+{PROTOCOL}"
_HOST = "127.0.0.1"
_WITHIN_S = 5


async def over_spdy(connection: SpdyConnection, pod: str) -> None:
    """Two streams for each connection: its bytes, and what went wrong with it."""
    waiting: dict[str, Stream] = {}
    forwarding: set[asyncio.Task[None]] = set()
    try:
        while (stream := await connection.accept()) is not None:
            pair = waiting.pop(stream.headers.get("requestid", ""), None)
            if pair is None:
                waiting[stream.headers.get("requestid", "")] = stream
                continue
            data, error = (stream, pair) if stream.headers.get("streamtype") == "data" else (pair, stream)
            task = asyncio.ensure_future(_forward(data, error, pod))
            forwarding.add(task)
            task.add_done_callback(forwarding.discard)
    finally:
        for task in forwarding:
            task.cancel()
        await connection.close()


async def _forward(data: Stream, error: Stream, pod: str) -> None:
    port = data.headers.get("port", "")
    try:
        async with asyncio.timeout(_WITHIN_S):
            reader, writer = await asyncio.open_connection(_HOST, int(port))
    except (OSError, ValueError, TimeoutError) as why:
        await error.write(f"error forwarding port {port} to pod {pod}: {why}".encode())
        await data.close()
        await error.close()
        return
    await error.close()
    sending = asyncio.ensure_future(_send(data, writer))
    try:
        with suppress(ConnectionError):
            while received := await reader.read(32768):
                await data.write(received)
            await data.close()
    finally:
        sending.cancel()
        writer.close()


async def _send(data: Stream, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while sent := await data.read():
            writer.write(sent)
            await writer.drain()
        writer.write_eof()


async def over_websocket(socket: WebSocket, ports: Sequence[int], pod: str) -> None:
    """The older way (`v4.channel.k8s.io`): two channels for each port, which both begin with its number."""
    writers: dict[int, asyncio.StreamWriter] = {}
    tasks = []
    for number, port in enumerate(ports):
        for channel in (2 * number, 2 * number + 1):
            await socket.send(bytes([channel]) + struct.pack("<H", port))
        try:
            reader, writers[2 * number] = await asyncio.open_connection(_HOST, port)
        except OSError as why:
            await socket.send(bytes([2 * number + 1]) + f"error forwarding port {port} to pod {pod}: {why}".encode())
            continue
        tasks.append(asyncio.ensure_future(_receive(reader, 2 * number, socket)))
    try:
        while (message := await socket.receive()) is not None:
            if message and (writer := writers.get(message[0])) is not None:
                writer.write(message[1:])
                await writer.drain()
    finally:
        for task in tasks:
            task.cancel()
        for writer in writers.values():
            writer.close()


async def _receive(reader: asyncio.StreamReader, channel: int, socket: WebSocket) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(32768):
            await socket.send(bytes([channel]) + data)
        await socket.close()
