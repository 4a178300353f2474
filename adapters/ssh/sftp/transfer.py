"""What went through an open file: how much, the SHA-256 where one run of bytes says all, and how that began."""

import hashlib


class Transfer:
    """One direction of one open file. The hash goes as far as the bytes come in the order of the file.

    Of these bytes the first `keeps_bytes` are kept.
    """

    __slots__ = ("_appends", "_hash", "_keeps_bytes", "_kept", "_next", "_start", "bytes", "failures", "saw_end")

    def __init__(self, *, appends: bool = False, keeps_bytes: int = 0) -> None:
        self.bytes = 0
        self._keeps_bytes = keeps_bytes
        self._kept = bytearray()
        self.failures = 0
        self.saw_end = False
        self._appends = appends
        self._start: int | None = None
        self._next = 0
        self._hash: hashlib._Hash | None = hashlib.sha256(usedforsecurity=False)

    @property
    def kept(self) -> bytes:
        """The beginning of what came in order."""
        return bytes(self._kept)

    @property
    def begun(self) -> bool:
        return self._start is not None

    def at(self, offset: int) -> None:
        """What comes next stands at this offset of the file."""
        if self._start is None:
            self._start = self._next = offset
        elif not self._appends and offset != self._next:
            self.scatter()

    def scatter(self) -> None:
        """There is no one run of bytes any more."""
        self._hash = None
        self._keeps_bytes = 0

    def add(self, run: bytes | memoryview) -> None:
        self.bytes += len(run)
        self._next += len(run)
        if self._hash is not None:
            self._hash.update(run)
        if (room := self._keeps_bytes - len(self._kept)) > 0:
            self._kept += run[:room]

    def at_end(self, offset: int) -> None:
        """The file has ended before this offset, or there."""
        self.saw_end = self.saw_end or offset == self._next

    def described(self, done: str, *, whole: bool) -> str:
        """In words. `whole`: what came in order from offset 0 is all that the file holds."""
        count = f"{self.bytes} byte" if self.bytes == 1 else f"{self.bytes} bytes"
        if self._hash is None:
            return f"{count} {done} out of order, no sha256"
        if self.failures:
            return f"{count} {done} or lost, for {self.failures} of the requests failed; no sha256"
        digest = f"sha256 {self._hash.hexdigest()}"
        if self._appends or (whole and not self._start):
            return f"{count} {done}, {digest}"
        if not self._start:
            return f"the first {count} {done}, {digest}"
        return f"{count} from offset {self._start} {done}, {digest}"
