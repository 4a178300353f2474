"""hyperscan's databases: compiled, or as they were kept when the same patterns were compiled before.

Compiling what finds personal data takes seconds, and a gateway may be started for every session of an agent.

A database that somebody has made up is as good as code: hyperscan checks a sum over it, and then believes it. It is
kept in the gateway's own folder, beside the signing key and the names of the policies, which are Python: who can
write there as the gateway's user has no need of it. Others cannot. A file that does not belong to the gateway's user
or root, or that others could write, is not read. What was damaged, or is for other patterns, another processor or
another hyperscan, is compiled anew.
"""

import contextlib
import hashlib
import hmac
import json
import logging
import time
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path

from hoopaddon.errors import ConfigError
from hoopaddon.private_file import read_private, replace_private

try:
    import hyperscan
except ImportError:
    hyperscan = None  # type: ignore[assignment]

logger = logging.getLogger(__name__)

FOLDER = "detectors"
MOST_KEPT = 8
MAX_BYTES = 32 << 20
WORTH_KEEPING_S = 0.05
"""What takes less of the processor to compile is not kept."""
_DIGEST_BYTES = 32

type Pattern = tuple[int, bytes, int]
"""The id that a match is reported by, the expression, and hyperscan's flags for it."""


class _Keeping:
    """Where the databases of this process are kept; None: nowhere."""

    folder: Path | None = None


def keep_in(confdir: Path | None) -> None:
    """Keep what is compiled from now on in this configuration folder."""
    _Keeping.folder = confdir / FOLDER if confdir is not None else None


def database(patterns: Sequence[Pattern]) -> "hyperscan.Database":
    """The database for these patterns, with a scratch space of its own."""
    if _Keeping.folder is None:
        return _compiled(patterns)
    mark = _mark(patterns)
    path = _Keeping.folder / f"{mark.hex()}.hsdb"
    found = _kept(path, mark)
    if found is None:
        began = time.thread_time()
        found = _compiled(patterns)
        if time.thread_time() - began >= WORTH_KEEPING_S:
            _keep(path, mark, found)
    return found


def _compiled(patterns: Sequence[Pattern]) -> "hyperscan.Database":
    made = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    ids, expressions, flags = zip(*patterns, strict=True)
    made.compile(expressions=list(expressions), ids=list(ids), elements=len(patterns), flags=list(flags))
    return made


@cache
def _engine() -> str:
    """hyperscan's version, and what it makes use of in this processor: a database is for both."""
    return f"{version('hyperscan')} {_compiled([(0, b'a', 0)]).info()!r}"


def _mark(patterns: Sequence[Pattern]) -> bytes:
    said = [_engine(), [[number, expression.hex(), flags] for number, expression, flags in patterns]]
    return hashlib.sha256(json.dumps(said).encode()).digest()


def _kept(path: Path, mark: bytes) -> "hyperscan.Database | None":
    try:
        content = read_private(path, limit_bytes=MAX_BYTES)
    except FileNotFoundError:
        return None
    except ConfigError as e:
        logger.warning("%s: compiled anew", e)
        return None
    body = content[2 * _DIGEST_BYTES :]
    if not hmac.compare_digest(content[: 2 * _DIGEST_BYTES], mark + hashlib.sha256(body).digest()):
        logger.warning("%s: damaged: compiled anew", path)
        return None
    try:
        found = hyperscan.loadb(body, mode=hyperscan.HS_MODE_BLOCK)
        found.scratch = hyperscan.Scratch(found)
    except Exception as e:
        logger.warning("%s: %s: compiled anew", path, type(e).__name__)
        return None
    return found


def _keep(path: Path, mark: bytes, made: "hyperscan.Database") -> None:
    body = hyperscan.dumpb(made)
    try:
        path.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        replace_private(path, mark + hashlib.sha256(body).digest() + body)
        kept = sorted(path.parent.glob("*.hsdb"), key=lambda one: one.stat().st_mtime_ns, reverse=True)
    except OSError as e:
        logger.info("%s: cannot be kept: %s", path, e.strerror)
        return
    for old in kept[MOST_KEPT:]:
        with contextlib.suppress(OSError):
            old.unlink()
