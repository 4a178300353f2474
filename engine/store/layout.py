"""Where things lie in a store: a folder that only the gateway's own user can enter."""

import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from hoopaddon.errors import ConfigError
from hoopaddon.session import Session
from hoopaddon.store.journal import Journal
from hoopaddon.store.keys import SigningKey

STORE_HELP = "Folder for what is kept: session files, their index, approvals. Empty: `store` in confdir."


def store_folder(store: str, confdir: str) -> Path:
    """The folder that the options `store` and `confdir` mean."""
    return Path(store).expanduser() if store else Path(confdir).expanduser() / "store"


@dataclass(frozen=True, slots=True)
class Layout:
    """The parts of a store by path; nothing here touches the disk."""

    folder: Path

    @property
    def sessions(self) -> Path:
        return self.folder / "sessions"

    @property
    def index(self) -> Path:
        return self.folder / "index.db"

    @property
    def approvals(self) -> Path:
        return self.folder / "approvals.db"

    @property
    def tokens(self) -> Path:
        return self.folder / "tokens.db"

    @property
    def grants(self) -> Path:
        return self.folder / "grants.db"


@dataclass(frozen=True, slots=True)
class Store:
    """A store that the gateway writes to. Make one with `open_store`."""

    layout: Layout
    key: SigningKey
    fsync: bool = False

    def journal(self, session: Session) -> Journal:
        """Begin the session's record. Raises `JournalError`."""
        return Journal.open(self.layout.sessions, session, self.key, fsync=self.fsync)


def open_store(store: str = "", *, confdir: str, fsync: bool = False) -> Store:
    """The store of these options, made where it is missing. Raises `ConfigError` where it cannot be written."""
    layout = Layout(store_folder(store, confdir))
    prepare(layout)
    return Store(layout, SigningKey.load_or_create(confdir), fsync)


def prepare(layout: Layout) -> None:
    """Make the store's folders and try to write there. Raises `ConfigError`."""
    folder = layout.folder
    hint = "make it writable for the gateway's user, or choose another with --set store=DIR"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_owner(folder)
        layout.sessions.mkdir(mode=0o700, exist_ok=True)
        probe = layout.sessions / f".probe.{secrets.token_hex(8)}"
        os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
        probe.unlink()
    except OSError as e:
        raise ConfigError(
            f"cannot keep anything there: {e.strerror}", file=str(folder), key="store", hint=hint
        ) from None


def _check_owner(folder: Path) -> None:
    status = folder.stat()
    if status.st_uid != os.geteuid():
        hint = f"chown it to uid {os.geteuid()}, or choose another with --set store=DIR"
        raise ConfigError("belongs to another user", file=str(folder), key="store", hint=hint)
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ConfigError("others can write there", file=str(folder), key="store", hint=f"chmod 700 {folder}")
