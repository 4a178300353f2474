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
from hoopaddon.store.plain import plain

SUFFIX = ".jsonl"
FIRST_PREV: Final = sha256(b"").hexdigest()
SIGNATURE_DOMAIN = b"hoopaddon journal v1\n"
SIGNATURE_FIELD = b',"signature":"'

# Bound once, as every event needs them.
_LINE: Final = orjson.OPT_APPEND_NEWLINE
_dumps: Final = orjson.dumps
_sha256: Final = sha256

BUFFER_BYTES = 32 * 1024
"""How much of the events that need not be durable waits for the next write."""

type _State = tuple[int, str, int, bytes]
"""Where the chain stands: replaced whole, so that no interruption leaves half of it.

The next event's number; the last one's hash; how long the file is, in bytes, up to the last event that was written
whole; and the lines that wait for the next write. A plain tuple, because it is made anew for every event.
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
        self._state: _State = (0, FIRST_PREV, 0, b"")
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
        try:
            if self._fd < 0:
                raise JournalError("the session's record is closed")
            if self._lost:
                self._own_up()
            n, prev, good, waiting = self._state
            line = _line(n, type, fields, prev)
            data = waiting + line if waiting else line
            head = _sha256(line).hexdigest()
            if durable or len(data) >= BUFFER_BYTES:
                self._write(data, n + 1, head)
            else:
                self._state = (n + 1, head, good, data)
        except JournalError:
            # The caller of an event that is not durable goes on without it, so the journal has to say so.
            self._lost += not durable
            raise

    def flush(self) -> None:
        """Write what is buffered. Raises `JournalError`; then it stays buffered."""
        n, head, _, waiting = self._state
        if waiting and self._fd >= 0:
            self._write(waiting, n, head)

    def close(self, fields: Mapping[str, Any] | None = None) -> None:
        """Sign the chain and close the file. Where that fails the journal stays unsigned, and it raises."""
        if self._fd < 0:
            return
        try:
            if self._lost:
                self._own_up()
            n, prev, _, waiting = self._state
            unsigned = _line(n, "end", {**(fields or {}), "key": self._key.key_id}, prev).removesuffix(b"}\n")
            signature = self._key.sign(SIGNATURE_DOMAIN + unsigned).hex().encode()
            line = unsigned + SIGNATURE_FIELD + signature + b'"}\n'
            self._write(waiting + line, n + 1, sha256(line).hexdigest())
        finally:
            self._abandon()

    def _own_up(self) -> None:
        """Say that events are missing before anything else is added."""
        n, prev, _, waiting = self._state
        line = _line(n, "lost", {"events": self._lost}, prev)
        self._write(waiting + line, n + 1, sha256(line).hexdigest())
        self._lost = 0

    def _write(self, data: bytes, n: int, head: str) -> None:
        """Write what waits and what was added to it, both or neither; then the chain stands at `n` and `head`."""
        if self._torn:
            self._take_back()
        # A deadline's signal may raise at any point in here: then the flag says that the file may be longer than
        # `_state` knows, and the one assignment below is what makes the write count.
        self._torn = True
        size = len(data)
        try:
            written = os.write(self._fd, data)
            while written < size:
                # The rest is written, or fails and so says why the first part was short.
                written += os.write(self._fd, data[written:])
            if self._fsync:
                os.fdatasync(self._fd)
        except OSError as e:
            with contextlib.suppress(JournalError):
                self._take_back()
            raise JournalError(f"cannot write the session's record: {e.strerror}") from None
        self._state = (n, head, self._state[2] + size, b"")
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


def _line(n: int, type: str, fields: Mapping[str, Any], prev: str) -> bytes:
    event = {"n": n, "at": time(), "type": type, **fields, "prev": prev}
    if len(event) != len(fields) + 4 or "signature" in event:
        raise ValueError("an event cannot have fields called n, at, type, prev or signature")
    try:
        return _dumps(event, option=_LINE)
    except TypeError:
        # Lone surrogates, or an integer beyond 64 bits: what a peer sent, so it has to be recorded.
        return _dumps(plain(event), option=_LINE)


def _describe(session: Session, key: SigningKey) -> dict[str, Any]:
    user, target = session.user, session.target
    return {
        "version": 1,
        "session": session.id,
        "user": user.subject,
        "groups": sorted(user.groups),
        **({"actors": list(user.actors)} if user.actors else {}),
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
