"""What can be read off a command's text alone."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Facts:
    """Verbs in lower case, objects as the protocol names them."""

    verbs: frozenset[str] = frozenset()
    objects: frozenset[str] = frozenset()
