"""Key revocation lists as `ssh-keygen -k` makes them (OpenSSH's PROTOCOL.krl), read as a whole or not at all.

A part that is not known makes the whole list unreadable: what it revokes cannot be known. Signatures are not checked,
as OpenSSH does not check them either; the file is the operator's own.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from asyncssh.packet import PacketDecodeError, SSHPacket

MAGIC = b"SSHKRL\n\0"

_VERSION = 1
_CERTIFICATES, _KEYS, _SHA1, _SIGNATURE, _SHA256, _EXTENSION = 1, 2, 3, 4, 5, 255
_SERIALS, _RANGE, _BITMAP, _KEY_IDS, _CERTIFICATE_EXTENSION = 0x20, 0x21, 0x22, 0x23, 0x39


@dataclass(slots=True)
class Certificates:
    """Revoked certificates of one authority, or where its key is empty of every one."""

    authority: bytes = b""
    serials: list[tuple[int, int]] = field(default_factory=list)
    """From and to, both included."""
    bitmaps: list[tuple[int, int]] = field(default_factory=list)
    """A first serial, and bits that are set for it and those that follow."""
    key_ids: set[str] = field(default_factory=set)

    def has(self, authority: bytes, serial: int, key_id: str) -> bool:
        """Whether this certificate is one of them."""
        if self.authority not in (b"", authority):
            return False
        if key_id in self.key_ids:
            return True
        # A certificate without a serial has 0, and no serial revokes it.
        return serial != 0 and (
            any(first <= serial <= last for first, last in self.serials)
            or any(serial >= offset and bits >> (serial - offset) & 1 for offset, bits in self.bitmaps)
        )


@dataclass(slots=True)
class Listed:
    """Everything that a list revokes."""

    keys: set[bytes] = field(default_factory=set)
    """Public keys as they stand on the wire."""
    sha1: set[bytes] = field(default_factory=set)
    sha256: set[bytes] = field(default_factory=set)
    certificates: list[Certificates] = field(default_factory=list)


def read_krl(data: bytes) -> Listed:
    """The list. Raises `ValueError`, with what is wrong with it."""
    listed = Listed()
    try:
        packet = SSHPacket(data)
        if packet.get_bytes(len(MAGIC)) != MAGIC or packet.get_uint32() != _VERSION:
            raise ValueError("not a key revocation list of version 1")
        for _ in ("its version", "when it was made", "flags"):
            packet.get_uint64()
        for _ in ("reserved", "comment"):
            packet.get_string()
        while packet:
            kind = packet.get_byte()
            if kind == _SIGNATURE:
                # A signature covers all that stands before it; nothing but signatures may follow.
                _skip_signatures(packet)
                break
            _section(kind, SSHPacket(packet.get_string()), listed)
    except PacketDecodeError:
        raise ValueError("damaged: it is cut short") from None
    return listed


def _section(kind: int, section: SSHPacket, listed: Listed) -> None:
    sets = {_KEYS: listed.keys, _SHA1: listed.sha1, _SHA256: listed.sha256}
    if kind in sets:
        while section:
            sets[kind].add(section.get_string())
    elif kind == _CERTIFICATES:
        listed.certificates.append(_certificates(section))
    elif kind == _EXTENSION:
        _extension(section)
    else:
        raise ValueError(f"it has a section of type {kind}, which is not known")


def _certificates(section: SSHPacket) -> Certificates:
    found = Certificates(section.get_string())
    section.get_string()  # reserved
    readers: dict[int, Callable[[SSHPacket, Certificates], None]] = {
        _SERIALS: _serials,
        _RANGE: _range,
        _BITMAP: _bitmap,
        _KEY_IDS: _key_ids,
        _CERTIFICATE_EXTENSION: lambda part, _: _extension(part),
    }
    while section:
        kind = section.get_byte()
        part = SSHPacket(section.get_string())
        if kind not in readers:
            raise ValueError(f"it has a section of certificates of type {kind:#x}, which is not known")
        readers[kind](part, found)
        part.check_end()
    return found


def _serials(part: SSHPacket, found: Certificates) -> None:
    while part:
        serial = part.get_uint64()
        found.serials.append((serial, serial))


def _range(part: SSHPacket, found: Certificates) -> None:
    found.serials.append((part.get_uint64(), part.get_uint64()))


def _bitmap(part: SSHPacket, found: Certificates) -> None:
    # A bitmap is written as a positive number, whose lowest bit is the offset's.
    found.bitmaps.append((part.get_uint64(), int.from_bytes(part.get_string())))


def _key_ids(part: SSHPacket, found: Certificates) -> None:
    while part:
        found.key_ids.add(part.get_string().decode("utf-8", "surrogateescape"))


def _extension(part: SSHPacket) -> None:
    name = part.get_string()
    is_critical = part.get_boolean()
    part.get_string()
    if is_critical:
        raise ValueError(f"it has a critical extension that is not known: {name.decode('ascii', 'replace')!r}")


def _skip_signatures(packet: SSHPacket) -> None:
    while True:
        packet.get_string()  # the signer's key
        packet.get_string()  # the signature
        if not packet:
            return
        if packet.get_byte() != _SIGNATURE:
            raise ValueError("something follows its signature")
