"""Our own standard input and output as streams of the event loop, whatever they are: pipes, files, terminals."""

import asyncio
import os
import stat
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

_CHUNK_BYTES = 1 << 16
_LAST_S = 5.0


class OwnStreams:
    """See the module. `close` returns when what was written has left."""

    def __init__(self) -> None:
        self._pumps: list[threading.Thread] = []
        self._writer: asyncio.StreamWriter | None = None

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """What the client says, and where it is answered."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=_CHUNK_BYTES)
        source = os.fdopen(self._readable(sys.stdin.fileno()), "rb", buffering=0)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), source)
        sink = os.fdopen(self._writable(sys.stdout.fileno()), "wb", buffering=0)
        transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, sink)
        writer = self._writer = asyncio.StreamWriter(transport, protocol, None, loop)
        return reader, writer

    async def close(self) -> None:
        """Let what is written leave."""
        if self._writer is not None:
            with suppress(OSError, RuntimeError):
                self._writer.close()
        for pump in self._pumps:
            await asyncio.to_thread(pump.join, _LAST_S)

    def _readable(self, number: int) -> int:
        if _is_pipe(number):
            return os.dup(number)
        # No event loop waits for a file or a device.
        ours, its = os.pipe()
        thread = threading.Thread(target=_copy, args=(lambda: os.read(number, _CHUNK_BYTES), its), daemon=True)
        thread.start()
        return ours

    def _writable(self, number: int) -> int:
        if _is_pipe(number):
            return os.dup(number)
        ours, its = os.pipe()
        thread = threading.Thread(target=_drain, args=(ours, number), daemon=True)
        thread.start()
        self._pumps.append(thread)
        return its


def _is_pipe(number: int) -> bool:
    mode = os.fstat(number).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _copy(read: Callable[[], bytes], into: int) -> None:
    with suppress(OSError):
        while data := read():
            _write_all(into, data)
    os.close(into)


def _drain(source: int, into: int) -> None:
    with suppress(OSError):
        while data := os.read(source, _CHUNK_BYTES):
            _write_all(into, data)
    os.close(source)


def _write_all(into: int, data: bytes) -> None:
    while data:
        data = data[os.write(into, data) :]
