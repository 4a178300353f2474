"""Which version of a file this is, told without reading it wherever its metadata can tell."""

import hashlib
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

# Timestamps of file systems are coarse: a file changed again within this time may look the same from outside.
_COARSE_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Version:
    """A file's content by its digest. Two versions are equal when the content is."""

    digest: bytes
    stat: tuple[int, ...] = field(compare=False)
    certain: bool = field(compare=False)
    """Whether a later change of the content is sure to show in `stat`."""

    @classmethod
    def of(cls, content: bytes, stat: os.stat_result) -> Self:
        age_ns = time.time_ns() - max(stat.st_mtime_ns, stat.st_ctime_ns)
        return cls(hashlib.blake2b(content, digest_size=16).digest(), _key(stat), age_ns > _COARSE_NS)


def _key(stat: os.stat_result) -> tuple[int, ...]:
    return (stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino, stat.st_dev)


def read(path: Path) -> tuple[bytes, Version]:
    """A file's content and its version. Raises OSError."""
    # In this order: what is written in between has another version than the one returned.
    stat = path.stat()
    content = path.read_bytes()
    return content, Version.of(content, stat)


def look_again(path: Path, before: Version | None) -> Version | None:
    """The file's version as it is now, None where there is no readable file."""
    try:
        if before is not None and before.certain and _key(path.stat()) == before.stat:
            return before
        return read(path)[1]
    except OSError:
        return None
