"""A container's log: lines with their times, and those who follow it."""

import asyncio
import datetime as dt
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

_MOST_LINES = 100_000


@dataclass(frozen=True, slots=True)
class Options:
    """PodLogOptions."""

    follow: bool = False
    tail: int | None = None
    timestamps: bool = False
    since: dt.datetime | None = None
    limit_bytes: int | None = None


class Log:
    """What a container has said so far."""

    def __init__(self) -> None:
        self._lines: deque[tuple[dt.datetime, bytes]] = deque(maxlen=_MOST_LINES)
        self._count = 0
        self._partial = b""
        self._ended = False
        self._more = asyncio.Event()

    def append(self, data: bytes) -> None:
        """The container has said this."""
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self._line(line + b"\n")

    def end(self) -> None:
        """The container says no more."""
        if self._partial:
            self._line(self._partial)
            self._partial = b""
        self._ended = True
        self._more.set()

    def _line(self, line: bytes) -> None:
        self._lines.append((dt.datetime.now(dt.UTC), line))
        self._count += 1
        self._more.set()

    async def read(self, options: Options) -> AsyncIterator[bytes]:
        """The lines that are asked for."""
        lines = [one for one in self._lines if options.since is None or one[0] >= options.since]
        if options.tail is not None:
            lines = lines[len(lines) - min(options.tail, len(lines)) :]
        seen, left = self._count, options.limit_bytes
        while True:
            text = b"".join(_stamped(*one, stamp=options.timestamps) for one in lines)
            if left is not None:
                text, left = text[:left], left - len(text[:left])
            if text:
                yield text
            if not options.follow or left == 0:
                return
            while self._count == seen:
                if self._ended:
                    return
                self._more.clear()
                await self._more.wait()
            fresh = self._count - seen
            lines, seen = list(self._lines)[-fresh:], self._count


def _stamped(time: dt.datetime, line: bytes, *, stamp: bool) -> bytes:
    return time.strftime("%Y-%m-%dT%H:%M:%S.%f000Z ").encode() + line if stamp else line
