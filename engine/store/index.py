"""Sessions, commands and their words, in SQLite: derived from the session files, and brought up to date by readers.

The gateway never writes here. A reader first takes in what the files have gained since the last one looked; several
may do so at once. What does not look like the gateway's own events is taken in as well as it can be, and noted.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from hoopaddon.errors import HoopaddonError
from hoopaddon.store.database import make_private
from hoopaddon.store.events import take_in
from hoopaddon.store.journal import FIRST_PREV, SUFFIX
from hoopaddon.store.layout import Layout
from hoopaddon.store.schema import INDEX, INDEX_VERSION, SCREENS
from hoopaddon.store.verify import Known, complete_lines, event, open_journal

BUSY_TIMEOUT_S = 10.0


class IndexUnusable(HoopaddonError):
    """The index cannot be read; it can be rebuilt."""


class Index:
    """The index of one store. Close it, or use it as a context manager."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.db = _connect(layout)

    def __enter__(self) -> "Index":
        return self

    def __exit__(self, *_: object) -> None:
        self.db.close()

    def refresh(self) -> None:
        """Take in what the session files have gained."""
        try:
            grown = [path for path, size in _journals(self.layout.sessions) if self._has_news(path, size)]
            for path in grown:
                self._take_in(path)
        except sqlite3.DatabaseError as e:
            raise IndexUnusable(f"the index cannot be brought up to date ({e})") from None

    def known(self, session: str) -> tuple[Path, Known] | None:
        """Where a session's file has to be and what it held when it was last read."""
        query = "SELECT path, lines, head, closed FROM files WHERE session = ?"
        row = self.db.execute(query, (session,)).fetchone()
        return row and (self.layout.sessions / row["path"], Known(row["lines"], row["head"], bool(row["closed"])))

    def _has_news(self, path: str, size: int) -> bool:
        row = self.db.execute("SELECT offset, damage FROM files WHERE path = ?", (path,)).fetchone()
        if row is None:
            return True
        return size > row["offset"] or (size < row["offset"] and not row["damage"])

    def _take_in(self, path: str) -> None:
        """Read one file from where the last reader stopped; all of what it gained, or none of it."""
        with self._exclusively():
            row = self.db.execute("SELECT * FROM files WHERE path = ?", (path,)).fetchone()
            session = Path(path).name.removesuffix(SUFFIX)
            reading = _Reading(self.db, session, row)
            try:
                reading.read(self.layout.sessions / path)
            except FileNotFoundError:
                return
            except OSError as e:
                reading.note(f"cannot be read: {e.strerror}")
            self.db.execute(
                "INSERT OR REPLACE INTO files (path, session, offset, lines, head, closed, damage) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (path, session, reading.offset, reading.lines, reading.head, reading.closed, reading.damage),
            )

    @contextlib.contextmanager
    def _exclusively(self) -> Iterator[None]:
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")


class _Reading:
    """One pass over the part of a file that is not indexed yet."""

    def __init__(self, db: sqlite3.Connection, session: str, row: sqlite3.Row | None) -> None:
        self.db = db
        self.session = session
        self.offset: int = row["offset"] if row else 0
        self.lines: int = row["lines"] if row else 0
        self.head: str = row["head"] if row else FIRST_PREV
        self.closed: bool = bool(row["closed"]) if row else False
        self.damage: str = row["damage"] if row else ""

    def read(self, path: Path) -> None:
        with open_journal(path) as file:
            if os.fstat(file.fileno()).st_size < self.offset:
                self.note("is shorter than it was")
                return
            file.seek(self.offset)
            for line in complete_lines(file):
                self._line(line)

    def _line(self, line: bytes) -> None:
        try:
            found = event(line)
        except ValueError:
            self.note(f"line {self.lines + 1} is not an event")
        else:
            if found.get("n") != self.lines or found.get("prev") != self.head or self.closed:
                self.note(f"line {self.lines + 1} does not follow the one before")
            take_in(self.db, self.session, found)
            self.closed = self.closed or found.get("type") == "end"
        self.offset += len(line)
        self.lines += 1
        self.head = sha256(line).hexdigest()

    def note(self, damage: str) -> None:
        self.damage = self.damage or damage


def forget(layout: Layout) -> None:
    """Drop the index, so that the next reader builds it from the files."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        layout.index.with_name(layout.index.name + suffix).unlink(missing_ok=True)


def _connect(layout: Layout) -> sqlite3.Connection:
    """The index on disk, or in memory where the store is there only to be read."""
    if not layout.sessions.is_dir():
        raise IndexUnusable(f"there is no store at {layout.folder}: nothing has been recorded there")
    try:
        make_private(layout.index)
        return _prepare(sqlite3.connect(layout.index, timeout=BUSY_TIMEOUT_S, isolation_level=None))
    except OSError:
        return _prepare(sqlite3.connect(":memory:", isolation_level=None))
    except sqlite3.DatabaseError as e:
        raise IndexUnusable(f"{layout.index} cannot be read ({e})") from None


def _prepare(db: sqlite3.Connection) -> sqlite3.Connection:
    try:
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA journal_mode = WAL")
        # Derived data: what a power cut takes from it is read from the files again.
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("BEGIN IMMEDIATE")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            for statement in INDEX.split(";\n"):
                db.execute(statement)
        if version in (0, 1):
            db.execute(SCREENS)
            db.execute(f"PRAGMA user_version = {INDEX_VERSION}")
        elif version != INDEX_VERSION:
            raise sqlite3.DatabaseError("another version of hoopaddon made it")
        db.execute("COMMIT")
    except BaseException:
        db.close()
        raise
    return db


def _journals(sessions: Path) -> Iterator[tuple[str, int]]:
    """Every session file by its path relative to `sessions`, with its size, oldest first."""
    for folder, folders, names in os.walk(sessions):
        folders.sort()
        for name in sorted(names):
            if name.endswith(SUFFIX):
                path = Path(folder, name)
                with contextlib.suppress(FileNotFoundError):
                    yield str(path.relative_to(sessions)), path.lstat().st_size
