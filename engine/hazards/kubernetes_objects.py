"""Looking into objects of the Kubernetes API, or the parts of them that a patch sets."""

from collections.abc import Iterator, Mapping
from typing import Any

COMPUTED = "…"
"""Stands for a value that a patch takes from elsewhere in the object."""


def is_on(value: Any) -> bool:
    """Whether a flag is set, or may be."""
    return value is True or value == COMPUTED or (isinstance(value, str) and value.lower() in ("true", "yes", "on"))


def part(value: Any, *keys: str) -> Any:
    """What stands below these keys; `…` where that is computed, None where there is nothing."""
    for key in keys:
        if value == COMPUTED:
            return COMPUTED
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def found(value: Any, *keys: str) -> Iterator[tuple[str, Any]]:
    """Each of these keys with its value, wherever in a document."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            yield from ((key, item) for key, item in one.items() if key in keys)
            waiting.extend(one.values())
        elif isinstance(one, list | tuple):
            waiting.extend(one)


def holds(value: Any, *keys: str) -> bool:
    """Whether one of these keys is in it with a value."""
    return any(item not in (None, (), {}) for _, item in found(value, *keys))


def texts(value: Any, *keys: str) -> frozenset[str]:
    """The texts below these keys, those in lists too."""
    said: set[str] = set()
    for _, item in found(value, *keys):
        items = item if isinstance(item, list | tuple) else (item,)
        said.update(one for one in items if isinstance(one, str))
    return frozenset(said)
