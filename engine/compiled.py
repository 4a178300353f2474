"""Whether the busiest modules run as extensions (setup.py) or as plain Python; they mean the same."""

import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from hoopaddon.policy import chain


def is_compiled() -> bool:
    """Whether this process runs the extensions."""
    return (chain.__file__ or "").endswith(tuple(EXTENSION_SUFFIXES))


def stale() -> list[str]:
    """Modules in use whose source was changed after they were compiled."""
    found = []
    for name, module in list(sys.modules.items()):
        file = Path(getattr(module, "__file__", None) or "")
        if not name.startswith("hoopaddon.") or not file.name.endswith(tuple(EXTENSION_SUFFIXES)):
            continue
        source = file.with_name(f"{file.name.partition('.')[0]}.py")
        if source.stat().st_mtime > file.stat().st_mtime:
            found.append(name)
    return found
