"""Says whether a journal is what the gateway wrote, all of it, and nothing else."""

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from hoopaddon.store.journal import FIRST_PREV, SIGNATURE_DOMAIN, SIGNATURE_FIELD
from hoopaddon.store.keys import PublicKeys


class Status(StrEnum):
    """What can be said of a journal."""

    OK = "ok"
    """Closed, signed, and unchanged since."""
    OPEN = "open"
    """Unchanged as far as it goes, but not closed: its session goes on, or its gateway was killed."""
    EDITED = "edited"
    BAD_SIGNATURE = "bad signature"
    TRUNCATED = "truncated"
    """Shorter than it is known to have been."""
    MISSING = "missing"
    UNREADABLE = "unreadable"

    @property
    def sound(self) -> bool:
        return self in (Status.OK, Status.OPEN)


@dataclass(frozen=True, slots=True)
class Known:
    """What was seen of a journal before: so many lines, the last one's hash, and whether it was closed."""

    lines: int
    head: str
    closed: bool


@dataclass(frozen=True, slots=True)
class Verification:
    """A journal's status; `line` (from 1) is the first that cannot be believed."""

    path: Path
    status: Status
    lines: int
    head: str
    line: int | None = None
    detail: str = ""


class _Unsound(Exception):
    def __init__(self, status: Status, line: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.line = line
        self.detail = detail


def complete_lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines that end in a line feed; a torn last one is left out, as its event never happened."""
    for line in file:
        if line.endswith(b"\n"):
            yield line


def event(line: bytes) -> dict[str, Any]:
    """A line's event. Raises `ValueError` where it is none."""
    value = orjson.loads(line)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def open_journal(path: Path) -> BinaryIO:
    """Open a journal for reading. Raises `OSError` for a link, a pipe, or whatever else is no file of the gateway."""
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "is not a regular file")
    return file


def verify(path: Path, keys: PublicKeys, known: Known | None = None) -> Verification:
    """Check every line, the signature, and what was known of the journal before."""
    chain = _Chain(path.name.partition(".")[0], keys, known)
    try:
        with open_journal(path) as file:
            for line in file:
                chain.add(line)
            live = _is_locked(file)
    except FileNotFoundError:
        return Verification(path, Status.MISSING, 0, FIRST_PREV, detail="there is no such file")
    except OSError as e:
        return Verification(path, Status.UNREADABLE, chain.n, chain.head, detail=e.strerror or "cannot be read")
    except _Unsound as e:
        return Verification(path, e.status, chain.n, chain.head, e.line, e.detail)
    return chain.verdict(path, live=live)


class _Chain:
    """The state of a check: how far it got, and the hash that the next line has to name."""

    def __init__(self, session: str, keys: PublicKeys, known: Known | None) -> None:
        self.session = session
        self.keys = keys
        self.known = known
        self.n = 0
        self.head = FIRST_PREV
        self.closed = False
        self.torn = False

    def add(self, line: bytes) -> None:
        number = self.n + 1
        if self.closed:
            raise _Unsound(Status.EDITED, number, "something follows the end")
        if not line.endswith(b"\n"):
            self.torn = True
            return
        try:
            found = event(line)
        except ValueError:
            raise _Unsound(Status.EDITED, number, "is not an event") from None
        if found.get("n") != self.n:
            raise _Unsound(Status.EDITED, number, "is not the event that belongs here: some were added or removed")
        if found.get("prev") != self.head:
            raise _Unsound(Status.EDITED, max(self.n, 1), "was changed after it was written")
        if self.n == 0 and (found.get("type") != "session" or found.get("session") != self.session):
            raise _Unsound(Status.EDITED, 1, "belongs to another session than the file's name says")
        self.n = number
        self.head = sha256(line).hexdigest()
        if found.get("type") == "end":
            self._check_signature(line, found)
        if self.known and self.known.lines == self.n and self.known.head != self.head:
            raise _Unsound(Status.EDITED, number, "is not what the index saw here before")

    def _check_signature(self, line: bytes, found: dict[str, Any]) -> None:
        unsigned, _, rest = line.rpartition(SIGNATURE_FIELD)
        key = found.get("key")
        if not isinstance(key, str) or key not in self.keys:
            detail = "is signed with a key that is not among the public keys; add it to them, or do not believe it"
            raise _Unsound(Status.BAD_SIGNATURE, self.n, detail)
        signature = b""
        with contextlib.suppress(ValueError):
            signature = bytes.fromhex(rest.removesuffix(b'"}\n').decode("ascii", "replace"))
        if not self.keys.verify(key, signature, SIGNATURE_DOMAIN + unsigned):
            raise _Unsound(Status.BAD_SIGNATURE, self.n, "carries a signature that its key did not make")
        self.closed = True

    def verdict(self, path: Path, *, live: bool) -> Verification:
        known = self.known
        if known and (self.n < known.lines or (known.closed and not self.closed)):
            detail = f"the index has seen {known.lines} lines of it"
            return Verification(path, Status.TRUNCATED, self.n, self.head, self.n + 1, detail)
        if self.closed:
            return Verification(path, Status.OK, self.n, self.head)
        detail = "its session goes on" if live else "its gateway ended without closing it"
        if self.torn:
            detail += "; the last line is torn"
        return Verification(path, Status.OPEN, self.n, self.head, detail=detail)


def _is_locked(file: BinaryIO) -> bool:
    """Whether a gateway still has the journal open for writing."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    fcntl.flock(file, fcntl.LOCK_UN)
    return False
