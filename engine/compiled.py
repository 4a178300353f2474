"""Whether the busiest modules run as extensions (setup.py) or as plain Python; they mean the same."""

from collections.abc import Iterator
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import hoopaddon
from hoopaddon.policy import chain


def is_compiled() -> bool:
    """Whether this process runs the extensions."""
    return (chain.__file__ or "").endswith(tuple(EXTENSION_SUFFIXES))


def stale() -> list[str]:
    """Sources that were changed after they were compiled."""
    return sorted(str(source) for source, made in _compiled() if source.stat().st_mtime > made.stat().st_mtime)


def _compiled() -> Iterator[tuple[Path, Path]]:
    for suffix in EXTENSION_SUFFIXES:
        for made in Path(hoopaddon.__path__[0]).rglob(f"*{suffix}"):
            source = made.with_name(f"{made.name.partition('.')[0]}.py")
            if source.exists():
                yield source, made
