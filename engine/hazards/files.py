"""What an operation on one file, without a shell, may do to a host."""

from collections.abc import Iterable

from hoopaddon.hazards.paths import (
    gives_access,
    is_broad,
    is_device,
    is_history,
    is_log,
    is_startup,
    is_system,
    resolved,
)
from hoopaddon.hazards.words import listed

READING = frozenset({"read", "open", "stat", "lstat", "list", "opendir", "readdir", "readlink", "realpath", "close"})

_KINDS = {
    "disks": (is_device, "it is a device"),
    "accounts": (gives_access, "it changes who may enter the host"),
    "startup_files": (is_startup, "it is run later, when nobody looks at it"),
    "history": (lambda path: is_history(path) or is_log(path), "it is a record of what was done"),
    "system_files": (is_system, "it belongs to the system"),
}


def file_reason(verbs: Iterable[str], paths: Iterable[str], rules: Iterable[str]) -> str:
    """Why an operation is refused by one of these rules, or nothing. `verbs` are those of a `FileOperation`."""
    named = set(verbs)
    if named <= READING:
        return ""
    rules = set(rules)
    for path in (resolved(path) for path in paths if path):
        if "remove" in rules and named & {"remove", "rmdir", "rename"} and path in ("/", "~", ".") and is_broad(path):
            return f"{'/'.join(sorted(named))} of {listed([path])} is refused: it takes too much away"
        for rule, (matches, why) in _KINDS.items():
            if rule in rules and matches(path):
                return f"{'/'.join(sorted(named))} of {listed([path])} is refused: {why}"
    return ""
