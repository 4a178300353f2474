"""asyncssh's packets without what each costs for nobody: padding that one kind of cipher needs, words for a log.

What asyncssh has made becomes a class of ours only where that has no further base: so these are no base class.
"""

from asyncssh.connection import SSHConnection
from asyncssh.packet import SSHPacket, SSHPacketLogger


def unlogged(
    self: SSHPacketLogger, pkttype: int, pktid: int | None, packet: bytes | SSHPacket, note: str = ""
) -> None:
    """Tell no log of a packet: nobody keeps that log, and what is typed would stand in it."""


def may_need_padding(conn: SSHConnection) -> bool:
    """Whether a cipher may be agreed on, now or when the keys are renewed, with the weakness of CBC.

    Against that asyncssh sends a packet to be ignored before each; for others this doubles the packets.
    """
    return any(b"cbc" in name for name in conn._enc_algs)
