"""A small SQLite file that several processes share and only the gateway's own user can write."""

import contextlib
import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

from hoopaddon.errors import HoopaddonError

_BUSY_TIMEOUT_S = 5.0


class StoreUnusable(HoopaddonError):
    """A database of the store cannot be read or written."""


class PrivateDatabase:
    """The file at `path` with the tables of `schema`, made where they are missing.

    `what` is how errors call it, which are `unusable`.
    """

    def __init__(self, path: Path, schema: str, what: str, unusable: type[StoreUnusable] = StoreUnusable) -> None:
        self._what, self._unusable = what, unusable
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # SQLite gives its other files the rights of this one.
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                self._check_private(os.fstat(file), path)
            finally:
                os.close(file)
            # One thread at a time uses it, but not always the one that made it.
            self.db = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        except OSError as e:
            raise unusable(f"cannot open {path}: {e.strerror}") from None
        except sqlite3.Error as e:
            raise unusable(f"cannot open {path}: {e}") from None
        self.db.row_factory = sqlite3.Row
        try:
            self._prepare(schema)
        except BaseException:
            self.db.close()
            raise

    def _check_private(self, status: os.stat_result, path: Path) -> None:
        """Who can write here can decide for everybody."""
        if status.st_uid not in (os.geteuid(), 0):
            raise self._unusable(f"{path} belongs to another user")
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise self._unusable(f"others can write {path}: chmod 600 it")

    def _prepare(self, schema: str) -> None:
        with self.errors():
            self.db.execute("PRAGMA journal_mode = WAL")
            self.db.execute("PRAGMA foreign_keys = ON")
        with self.transaction() as db:
            for statement in schema.split(";\n"):
                db.execute(statement)

    def close(self) -> None:
        self.db.close()

    @property
    def version(self) -> int:
        """Another number after another process has changed something."""
        with self.errors():
            return int(self.db.execute("PRAGMA data_version").fetchone()[0])

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        with self.errors():
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield self.db
            except BaseException:
                self.db.execute("ROLLBACK")
                raise
            self.db.execute("COMMIT")

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as e:
            raise self._unusable(f"the {self._what} cannot be used: {e}") from None
