"""The gateway's own host key: generated once, kept for the gateway alone."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

import asyncssh

from hoopaddon.errors import ConfigError
from hoopaddon.private_file import read_private

ALGORITHM = "ssh-ed25519"
FILE = "ssh_host_key"


def load_or_create(confdir: Path) -> asyncssh.SSHKey:
    """The key by which clients know the gateway; of several processes that start at once one makes it.

    Raises `ConfigError` where it cannot be kept, or where others can read it.
    """
    path = confdir / FILE
    if not os.path.lexists(path):
        try:
            confdir.mkdir(mode=0o700, parents=True, exist_ok=True)
            _create(path, asyncssh.generate_private_key(ALGORITHM, comment="hoopaddon"))
        except OSError as e:
            hint = "make the folder writable, or choose another with --set confdir=DIR"
            raise ConfigError(f"cannot create the host key: {e.strerror}", file=str(path), hint=hint) from None
    try:
        return asyncssh.import_private_key(read_private(path))
    except FileNotFoundError:
        raise ConfigError("is a link to a file that is not there", file=str(path)) from None
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
        hint = "clients know the gateway by it: bring the old file back, or remove this one for a new key"
        raise ConfigError("is not a private key without a passphrase", file=str(path), hint=hint) from None


def _create(path: Path, key: asyncssh.SSHKey) -> None:
    """Create the file whole, or leave the one that is there."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    file = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(key.export_private_key())
            stream.flush()
            os.fsync(stream.fileno())
        # A link, unlike a rename, never replaces a key that another process made meanwhile.
        with suppress(FileExistsError):
            os.link(aside, path)
    finally:
        os.unlink(aside)
