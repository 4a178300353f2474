"""Files that nobody else may read, because they hold a secret, or write, because they decide who may do what."""

import os
import stat
from pathlib import Path

from hoopaddon.errors import ConfigError

LIMIT_BYTES = 1 << 20


def read_private(path: Path, *, key: str = "") -> bytes:
    """The content of a file of ours, judged on what was opened rather than on its name.

    Raises `FileNotFoundError`, and `ConfigError` where it cannot be read, is no file, or is open to others.
    """
    return _read(path, key, 0o077, "others can read or write it")


def read_guarded(path: Path, *, key: str = "") -> bytes:
    """The same for a file that others may read, and may not write."""
    return _read(path, key, 0o022, "others can write it")


def _read(path: Path, key: str, closed: int, otherwise: str) -> bytes:
    try:
        with path.open("rb") as stream:
            _check(path, os.fstat(stream.fileno()), key, closed, otherwise)
            content = stream.read(LIMIT_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as e:
        raise ConfigError(f"cannot read it: {e.strerror}", file=str(path), key=key) from None
    if len(content) > LIMIT_BYTES:
        raise ConfigError(f"longer than {LIMIT_BYTES} bytes", file=str(path), key=key)
    return content


def _check(path: Path, status: os.stat_result, key: str, closed: int, otherwise: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError("not a regular file", file=str(path), key=key)
    if status.st_mode & closed:
        raise ConfigError(otherwise, file=str(path), key=key, hint=f"chmod 600 {path}")
    if status.st_uid not in (os.geteuid(), 0):
        raise ConfigError("belongs to another user", file=str(path), key=key, hint=f"chown it to uid {os.geteuid()}")
