"""The modes that a client may choose for its terminal at the target (RFC 4254, section 8).

With the others the target would read something else than what was judged: a key that takes the line back or submits
it, a kernel that drops ends of lines, strips bits, changes case, or shows nothing of what is typed.
"""

from collections.abc import Mapping

from asyncssh import constants as op

_ERASE_KEYS = frozenset({0x08, 0x7F})
_HARMLESS = frozenset(
    {
        *(op.PTY_IXON, op.PTY_IXANY, op.PTY_IXOFF, op.PTY_IMAXBEL, op.PTY_IUTF8),
        *(op.PTY_ECHOE, op.PTY_ECHOK, op.PTY_ECHOCTL, op.PTY_ECHOKE, op.PTY_NOFLSH, op.PTY_TOSTOP),
        *(op.PTY_OPOST, op.PTY_ONLCR, op.PTY_OP_ISPEED, op.PTY_OP_OSPEED),
    }
)


def allowed(modes: Mapping[int, int]) -> dict[int, int]:
    """Those that go to the target; it has its own defaults for the rest."""
    return {
        mode: value
        for mode, value in modes.items()
        if mode in _HARMLESS or (mode == op.PTY_VERASE and value in _ERASE_KEYS)
    }
