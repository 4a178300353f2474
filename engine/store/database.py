"""A small database that gateways and people at their terminals share: who can write it can decide for everybody."""

import contextlib
import errno
import os
import secrets
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

from hoopaddon.errors import HoopaddonError

# Without vowels and look-alikes: an id is read from one screen and typed on another, and is never a word.
_ID_ALPHABET = "23456789bcdfghjkmnpqrstvwxz"
_ID_CHARS = 6
_BUSY_TIMEOUT_S = 5.0


class StoreUnusable(HoopaddonError):
    """The database cannot be read or written."""


class SharedDatabase:
    """One file of SQLite's that only its owner can write; safe beside other processes. Raises `StoreUnusable`."""

    def __init__(self, path: Path, schema: str) -> None:
        self._path = path
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            make_private(path)
            _check_private(path.lstat(), path)
            # One thread at a time uses it, but not always the one that made it.
            self._db = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        except OSError as e:
            raise StoreUnusable(f"cannot open {path}: {e.strerror}") from None
        except sqlite3.Error as e:
            raise StoreUnusable(f"cannot open {path}: {e}") from None
        self._db.row_factory = sqlite3.Row
        try:
            self._prepare(schema)
        except BaseException:
            self._db.close()
            raise

    def _prepare(self, schema: str) -> None:
        with self._errors():
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA foreign_keys = ON")
        with self._transaction() as db:
            for statement in schema.split(";\n"):
                db.execute(statement)

    def close(self) -> None:
        self._db.close()

    def __del__(self) -> None:
        # Without a connection where it could not be opened.
        if hasattr(self, "_db"):
            self._db.close()

    @property
    def version(self) -> int:
        """Another number after another process has changed something."""
        with self._errors():
            return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as e:
            raise StoreUnusable(f"{self._path.name} cannot be used: {e}") from None


def make_private(path: Path) -> None:
    """Make the empty file of a database, for its owner alone, where there is none. Raises `OSError`.

    One that is there is not opened. Whoever closes a file gives up every lock that its process has on it (fcntl(2)),
    and SQLite's would be among them: another process then takes itself for the last, and removes the log that this
    one goes on to read.
    """
    with contextlib.suppress(FileExistsError):
        # SQLite gives its other files the rights of this one.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    if path.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    if not os.access(path, os.R_OK | os.W_OK, effective_ids=True):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))


def new_id() -> str:
    """An id that people can read out and type."""
    return "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_CHARS))


def _check_private(status: os.stat_result, path: Path) -> None:
    """Who can write it can answer for everybody."""
    if status.st_uid not in (os.geteuid(), 0):
        raise StoreUnusable(f"{path} belongs to another user")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise StoreUnusable(f"others can write {path}: chmod 600 it")
