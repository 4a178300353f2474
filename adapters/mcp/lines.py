"""Messages that stand in a line each, out of bytes as they come; of a line that is too long nothing is kept."""

from collections.abc import Iterator

DEFAULT_LIMIT_BYTES = 16 << 20


class Lines:
    """The lines of one stream. Of one longer than `limit_bytes` only that it was there is kept, as None."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._begun = bytearray()
        self._too_long = False

    def feed(self, data: bytes) -> Iterator[bytes | None]:
        """The lines that end in the data, without their ends; blank ones are none."""
        *ended, rest = data.split(b"\n")
        for part in ended:
            yield from self._end(part)
        self._begin(rest)

    def close(self) -> Iterator[bytes | None]:
        """The last line, where nothing ends it but the stream."""
        yield from self._end(b"")

    def _begin(self, part: bytes) -> None:
        if self._too_long:
            return
        if len(self._begun) + len(part) > self._limit:
            self._too_long = True
            self._begun.clear()
            return
        self._begun += part

    def _end(self, part: bytes) -> Iterator[bytes | None]:
        self._begin(part)
        line, too_long = bytes(self._begun), self._too_long
        self._begun.clear()
        self._too_long = False
        if too_long:
            yield None
        elif line := line.strip(b" \t\r"):
            yield line
