"""Files that nobody else may read, because they hold a secret, or write, because they decide who may do what."""

import os
import stat
import tempfile
from pathlib import Path

from hoopaddon.errors import ConfigError

LIMIT_BYTES = 1 << 20


def read_private(path: Path, *, key: str = "", limit_bytes: int = LIMIT_BYTES) -> bytes:
    """The content of a file of ours, judged on what was opened rather than on its name.

    Raises `FileNotFoundError`, and `ConfigError` where it cannot be read, is no file, or is open to others.
    """
    return _read(path, key, 0o077, "others can read or write it", limit_bytes)


def read_guarded(path: Path, *, key: str = "") -> bytes:
    """The same for a file that others may read, and may not write."""
    return _read(path, key, 0o022, "others can write it", LIMIT_BYTES)


def _read(path: Path, key: str, closed: int, otherwise: str, limit_bytes: int) -> bytes:
    try:
        with path.open("rb") as stream:
            _check(path, os.fstat(stream.fileno()), key, closed, otherwise)
            content = stream.read(limit_bytes + 1)
    except FileNotFoundError:
        raise
    except OSError as e:
        raise ConfigError(f"cannot read it: {e.strerror}", file=str(path), key=key) from None
    if len(content) > limit_bytes:
        raise ConfigError(f"longer than {limit_bytes} bytes", file=str(path), key=key)
    return content


def write_private(path: Path, content: bytes) -> None:
    """Make the file and its folder, or put this in its place. Raises `ConfigError`."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_private(path, content)
    except OSError as e:
        raise ConfigError(f"cannot write it: {e.strerror}", file=str(path)) from None


def replace_private(path: Path, content: bytes) -> None:
    """Put a file of ours there, which is at any moment either the one before or the new one, whole."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _check(path: Path, status: os.stat_result, key: str, closed: int, otherwise: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError("not a regular file", file=str(path), key=key)
    if status.st_mode & closed:
        raise ConfigError(otherwise, file=str(path), key=key, hint=f"chmod 600 {path}")
    if status.st_uid not in (os.geteuid(), 0):
        raise ConfigError("belongs to another user", file=str(path), key=key, hint=f"chown it to uid {os.geteuid()}")
