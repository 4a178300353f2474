"""One session's events, in order, in a file that can only grow and whose every line vouches for the one before.

A journal is JSON lines. Every line has `n` (from 0), `at` (seconds since the epoch), `type`, the event's own
fields, and last `prev`: the SHA-256, in hexadecimal, of the line before it with its line feed (of nothing, for the
first). Line 0 is of type `session` and says whose journal this is. The last line is of type `end` and has one more
field, the `signature`: Ed25519 over all of that line before it, and so over the whole chain. A journal without it
was not closed: its session goes on, or its gateway was killed.
"""

import contextlib
import fcntl
import os
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from time import gmtime, strftime, time
from typing import Any, Final

import orjson

from hoopaddon.errors import HoopaddonError
from hoopaddon.session import Session
from hoopaddon.store.keys import SigningKey

SUFFIX = ".jsonl"
FIRST_PREV: Final = sha256(b"").hexdigest()
SIGNATURE_DOMAIN = b"hoopaddon journal v1\n"
SIGNATURE_FIELD = b',"signature":"'

BUFFER_BYTES = 64 * 1024
"""How much of the events that need not be durable waits for the next write."""

_RESERVED = frozenset({"n", "at", "type", "prev", "signature"})


type _State = tuple[int, str, int, list[bytes], int, int]
"""Where the chain stands: replaced whole, so that no interruption leaves half of it.

The next event's number; the last one's hash; how long the file is, in bytes, up to the last event that was written
whole; a list of lines; how many of them are events that wait for the next write, and their bytes. A plain tuple,
because it is made anew for every event.
"""


class JournalError(HoopaddonError):
    """An event could not be recorded; what it describes must not happen."""


def journal_path(sessions: Path, session: Session) -> Path:
    """Where a session's journal lies: by the day (UTC) on which the session started, then its id."""
    day = strftime("%Y/%m/%d", gmtime(session.started_at))
    return sessions / day / f"{session.id}{SUFFIX}"


class Journal:
    """The journal of one session, open for writing.

    An `append` that is durable is in the operating system's hands when it returns, and survives the death of this
    process; with `fsync` it is on the disk. Other events wait in memory for the next write, `flush` or `close`.
    A write that fails takes back what it wrote, so that the file stays valid and a later one can succeed.
    """

    __slots__ = ("_fd", "_fsync", "_key", "_lost", "_state", "_torn", "path", "session_id")

    def __init__(self, path: Path, fd: int, session_id: str, key: SigningKey, *, fsync: bool = False) -> None:
        self.path = path
        self.session_id = session_id
        self._fd = fd
        self._key = key
        self._fsync = fsync
        self._state: _State = (0, FIRST_PREV, 0, [], 0, 0)
        self._torn = False
        self._lost = 0

    @classmethod
    def open(cls, sessions: str | Path, session: Session, key: SigningKey, *, fsync: bool = False) -> "Journal":
        """Create the session's journal below the folder `sessions`. Raises `JournalError`."""
        path = journal_path(Path(sessions), session)
        try:
            _make_folders(path.parent, Path(sessions))
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_APPEND | os.O_CLOEXEC
            fd = os.open(path, flags, 0o600)
        except OSError as e:
            raise JournalError(f"cannot create the session's record: {e.strerror}") from None
        # Tells readers that the session goes on; whether it can be had does not matter to the record.
        with contextlib.suppress(OSError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        journal = cls(path, fd, session.id, key, fsync=fsync)
        try:
            journal.append("session", _describe(session, key), durable=True)
            if fsync:
                _sync_folder(path.parent)
        except (JournalError, OSError) as e:
            journal._abandon()
            with contextlib.suppress(OSError):
                path.unlink()
            raise JournalError(str(e)) from None
        return journal

    @property
    def head(self) -> str:
        """The hash of the last event, buffered ones included."""
        return self._state[1]

    @property
    def closed(self) -> bool:
        return self._fd < 0

    def fingerprint(self, text: str) -> str:
        """A keyed hash of what must not be recorded in the clear; only the gateway can compute it again."""
        return self._key.fingerprint(text.encode("utf-8", "surrogatepass"))

    def append(self, type: str, fields: Mapping[str, Any], *, durable: bool) -> None:
        """Add an event. Raises `JournalError`; then it is not in the journal."""
        if self._fd < 0:
            raise JournalError("the session's record is closed")
        try:
            if self._lost:
                self._own_up()
            line = self._line(type, fields)
            n, _, good, lines, waiting, size = self._state
            if durable or size + len(line) >= BUFFER_BYTES:
                self._write(line)
                return
        except JournalError:
            # The caller of an event that is not durable goes on without it, so the journal has to say so.
            self._lost += not durable
            raise
        if len(lines) > waiting:
            # An append was interrupted before its line became part of the chain.
            del lines[waiting:]
        lines.append(line)
        self._state = (n + 1, sha256(line).hexdigest(), good, lines, waiting + 1, size + len(line))

    def flush(self) -> None:
        """Write what is buffered. Raises `JournalError`; then it stays buffered."""
        if self._state[4] and self._fd >= 0:
            self._write(b"")

    def close(self, fields: Mapping[str, Any] | None = None) -> None:
        """Sign the chain and close the file. Where that fails the journal stays unsigned, and it raises."""
        if self._fd < 0:
            return
        try:
            if self._lost:
                self._own_up()
            line = self._line("end", {**(fields or {}), "key": self._key.key_id})
            unsigned = line.removesuffix(b"}\n")
            signature = self._key.sign(SIGNATURE_DOMAIN + unsigned).hex().encode()
            self._write(unsigned + SIGNATURE_FIELD + signature + b'"}\n')
        finally:
            self._abandon()

    def _line(self, type: str, fields: Mapping[str, Any]) -> bytes:
        if not _RESERVED.isdisjoint(fields):
            raise ValueError(f"an event cannot have fields called {sorted(_RESERVED.intersection(fields))}")
        event = {"n": self._state[0], "at": time(), "type": type, **fields, "prev": self._state[1]}
        try:
            return orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE)
        except TypeError:
            # Lone surrogates, or an integer beyond 64 bits: what a peer sent, so it has to be recorded.
            return orjson.dumps(_plain(event), option=orjson.OPT_APPEND_NEWLINE)

    def _own_up(self) -> None:
        """Say that events are missing before anything else is added."""
        self._write(self._line("lost", {"events": self._lost}))
        self._lost = 0

    def _write(self, line: bytes) -> None:
        """Write what is buffered and `line`, both or neither."""
        if self._torn:
            self._take_back()
        n, prev, good, lines, waiting, _ = self._state
        data = b"".join([*lines[:waiting], line]) if waiting else line
        # A deadline's signal may raise at any point in here: then the flag says that the file may be longer than
        # `_state` knows, and the one assignment below is what makes the write count.
        self._torn = True
        try:
            written = os.write(self._fd, data)
            while written < len(data):
                # The rest is written, or fails and so says why the first part was short.
                written += os.write(self._fd, data[written:])
            if self._fsync:
                os.fdatasync(self._fd)
        except OSError as e:
            with contextlib.suppress(JournalError):
                self._take_back()
            raise JournalError(f"cannot write the session's record: {e.strerror}") from None
        if line:
            n, prev = n + 1, sha256(line).hexdigest()
        self._state = (n, prev, good + len(data), [], 0, 0)
        self._torn = False

    def _take_back(self) -> None:
        """Cut the file to what counts."""
        try:
            good = self._state[2]
            if os.fstat(self._fd).st_size != good:
                os.ftruncate(self._fd, good)
        except OSError as e:
            raise JournalError(f"cannot repair the session's record: {e.strerror}") from None
        self._torn = False

    def _abandon(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            with contextlib.suppress(OSError):
                os.close(fd)

    def __del__(self) -> None:
        self._abandon()


def _describe(session: Session, key: SigningKey) -> dict[str, Any]:
    user, target = session.user, session.target
    return {
        "version": 1,
        "session": session.id,
        "user": user.subject,
        "groups": sorted(user.groups),
        "target": {
            "name": target.name,
            "protocol": target.protocol,
            "address": target.address,
            "labels": dict(target.labels),
        },
        "address": session.client_address,
        "parameters": dict(session.parameters),
        "started": session.started_at,
        "gateway": _gateway_version(),
        "key": key.key_id,
    }


@cache
def _gateway_version() -> str:
    try:
        return metadata.version("hoopaddon")
    except metadata.PackageNotFoundError:
        return ""


def _plain(value: Any) -> Any:
    """The same value in what JSON can hold."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_plain(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | float | orjson.Fragment):
        return value
    return value if isinstance(value, int) and abs(value) < 2**63 else _plain(str(value))


def _make_folders(folder: Path, root: Path) -> None:
    if folder.is_dir():
        return
    missing = [parent for parent in (folder, *folder.parents) if parent == root or root in parent.parents]
    for parent in reversed(missing):
        with contextlib.suppress(FileExistsError):
            parent.mkdir(mode=0o700, parents=parent == root)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
