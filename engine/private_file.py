"""Files that nobody else may read, because they hold a secret."""

import os
import secrets
import stat
from pathlib import Path

from hoopaddon.errors import ConfigError

LIMIT_BYTES = 1 << 20


def read_private(path: Path, *, key: str = "") -> bytes:
    """The content of a file of ours, judged on what was opened rather than on its name.

    Raises `FileNotFoundError`, and `ConfigError` where it cannot be read, is no file, or is open to others.
    """
    try:
        with path.open("rb") as stream:
            _check(path, os.fstat(stream.fileno()), key)
            content = stream.read(LIMIT_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as e:
        raise ConfigError(f"cannot read it: {e.strerror}", file=str(path), key=key) from None
    if len(content) > LIMIT_BYTES:
        raise ConfigError(f"longer than {LIMIT_BYTES} bytes", file=str(path), key=key)
    return content


def write_private(path: Path, content: bytes) -> None:
    """Make the file, or put this in its place, so that nobody else can read it. Raises `ConfigError`."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        aside.replace(path)
    except OSError as e:
        aside.unlink(missing_ok=True)
        raise ConfigError(f"cannot write it: {e.strerror}", file=str(path)) from None


def _check(path: Path, status: os.stat_result, key: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError("not a regular file", file=str(path), key=key)
    if status.st_mode & 0o077:
        raise ConfigError("others can read or write it", file=str(path), key=key, hint=f"chmod 600 {path}")
    if status.st_uid not in (os.geteuid(), 0):
        raise ConfigError("belongs to another user", file=str(path), key=key, hint=f"chown it to uid {os.geteuid()}")
