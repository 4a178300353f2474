"""Environment variables that a client sends along.

They can change what a command does (BASH_ENV, LD_PRELOAD), so only those pass that say how to speak to the user,
unless the mode allows `environment`. Then policies see them as the command's parameters, and an approval is for them
too. Whether the target takes them is the target's own decision (sshd: AcceptEnv).
"""

from collections.abc import Collection, Mapping

ALLOW = "environment"

_HARMLESS = frozenset({b"LANG", b"LANGUAGE", b"COLORTERM", b"NO_COLOR", b"GIT_PROTOCOL"})
_HARMLESS_PREFIX = b"LC_"


def passes(name: bytes, allowed: Collection[str]) -> bool:
    """Whether a variable of this name goes to the target."""
    return ALLOW in allowed or _harmless(name)


def bound(environment: Mapping[bytes, bytes]) -> tuple[str, ...]:
    """What policies are to know of the variables: `NAME=value` of each that could matter."""
    return tuple(
        f"{name.decode(errors='replace')}={value.decode(errors='replace')}"
        for name, value in sorted(environment.items())
        if not _harmless(name)
    )


def _harmless(name: bytes) -> bool:
    return name in _HARMLESS or name.startswith(_HARMLESS_PREFIX)
