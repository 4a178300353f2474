"""What an SFTP client sends (draft-ietf-secsh-filexfer-02, section 6), and OpenSSH's extensions of it.

`read_request` takes a whole packet. Every request begins with an id of the client's choice, which its answer repeats.
"""

from dataclasses import dataclass
from enum import IntFlag
from typing import ClassVar, Final

from hoopaddon.adapters.ssh.sftp.wire import (
    ATTRIBUTES,
    HANDLE,
    LONG,
    NO_ATTRIBUTES,
    NUMBER,
    PAIRS,
    TEXT,
    Attributes,
    Field,
    Packet,
    Pairs,
    Reader,
    packet,
    string,
    uint32,
)

VERSION: Final = 3
INIT: Final = 1
EXTENDED: Final = 200


class OpenFlags(IntFlag):
    """Section 6.3."""

    READ = 1
    WRITE = 2
    APPEND = 4
    CREATE = 8
    TRUNCATE = 16
    EXCLUSIVE = 32


ALL_FLAGS: Final = 63


@dataclass(frozen=True, slots=True)
class Init(Packet):
    """The first packet: the highest version that the client speaks."""

    kind: ClassVar[int] = INIT
    layout: ClassVar[tuple[Field, ...]] = (NUMBER, PAIRS)
    version: int
    extensions: Pairs = ()


@dataclass(frozen=True, slots=True)
class Request(Packet):
    """Any request."""

    id: int


@dataclass(frozen=True, slots=True)
class Open(Request):
    kind: ClassVar[int] = 3
    layout: ClassVar[tuple[Field, ...]] = (NUMBER, TEXT, NUMBER, ATTRIBUTES)
    path: bytes
    flags: int
    attributes: Attributes = NO_ATTRIBUTES


@dataclass(frozen=True, slots=True)
class OnHandle(Request):
    """A request about what is open."""

    layout: ClassVar[tuple[Field, ...]] = (NUMBER, HANDLE)
    handle: bytes


@dataclass(frozen=True, slots=True)
class Close(OnHandle):
    kind: ClassVar[int] = 4


@dataclass(frozen=True, slots=True)
class Read(OnHandle):
    kind: ClassVar[int] = 5
    layout: ClassVar[tuple[Field, ...]] = (NUMBER, HANDLE, LONG, NUMBER)
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Write(OnHandle):
    kind: ClassVar[int] = 6
    layout: ClassVar[tuple[Field, ...]] = (NUMBER, HANDLE, LONG, TEXT)
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class FStat(OnHandle):
    kind: ClassVar[int] = 8


@dataclass(frozen=True, slots=True)
class FSetStat(OnHandle):
    kind: ClassVar[int] = 10
    layout: ClassVar[tuple[Field, ...]] = (NUMBER, HANDLE, ATTRIBUTES)
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class ReadDir(OnHandle):
    kind: ClassVar[int] = 12


@dataclass(frozen=True, slots=True)
class OnPath(Request):
    """A request about a path."""

    layout: ClassVar[tuple[Field, ...]] = (NUMBER, TEXT)
    path: bytes


@dataclass(frozen=True, slots=True)
class LStat(OnPath):
    kind: ClassVar[int] = 7


@dataclass(frozen=True, slots=True)
class SetStat(OnPath):
    kind: ClassVar[int] = 9
    layout: ClassVar[tuple[Field, ...]] = (NUMBER, TEXT, ATTRIBUTES)
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class OpenDir(OnPath):
    kind: ClassVar[int] = 11


@dataclass(frozen=True, slots=True)
class Remove(OnPath):
    kind: ClassVar[int] = 13


@dataclass(frozen=True, slots=True)
class MkDir(OnPath):
    kind: ClassVar[int] = 14
    layout: ClassVar[tuple[Field, ...]] = (NUMBER, TEXT, ATTRIBUTES)
    attributes: Attributes = NO_ATTRIBUTES


@dataclass(frozen=True, slots=True)
class RmDir(OnPath):
    kind: ClassVar[int] = 15


@dataclass(frozen=True, slots=True)
class RealPath(OnPath):
    kind: ClassVar[int] = 16


@dataclass(frozen=True, slots=True)
class Stat(OnPath):
    kind: ClassVar[int] = 17


@dataclass(frozen=True, slots=True)
class ReadLink(OnPath):
    kind: ClassVar[int] = 19


@dataclass(frozen=True, slots=True)
class OnTwoPaths(OnPath):
    """A request about two paths."""

    layout: ClassVar[tuple[Field, ...]] = (NUMBER, TEXT, TEXT)
    new_path: bytes


@dataclass(frozen=True, slots=True)
class Rename(OnTwoPaths):
    kind: ClassVar[int] = 18


@dataclass(frozen=True, slots=True)
class Symlink(OnTwoPaths):
    """`path` is what the link says, `new_path` where it stands: OpenSSH's order, which is not the draft's."""

    kind: ClassVar[int] = 20


# -- OpenSSH's extensions (its PROTOCOL file, section 4)


@dataclass(frozen=True, slots=True)
class Extended(Request):
    """A request with a name instead of a number; the fields follow both."""

    kind: ClassVar[int] = EXTENDED
    name: ClassVar[bytes]

    def serialize(self) -> bytes:
        payload = self.payload()
        return packet(EXTENDED, payload[:4] + string(self.name) + payload[4:])


@dataclass(frozen=True, slots=True)
class PosixRename(Extended, OnTwoPaths):
    name: ClassVar[bytes] = b"posix-rename@openssh.com"


@dataclass(frozen=True, slots=True)
class HardLink(Extended, OnTwoPaths):
    name: ClassVar[bytes] = b"hardlink@openssh.com"


@dataclass(frozen=True, slots=True)
class StatVfs(Extended, OnPath):
    name: ClassVar[bytes] = b"statvfs@openssh.com"


@dataclass(frozen=True, slots=True)
class FStatVfs(Extended, OnHandle):
    name: ClassVar[bytes] = b"fstatvfs@openssh.com"


@dataclass(frozen=True, slots=True)
class FSync(Extended, OnHandle):
    name: ClassVar[bytes] = b"fsync@openssh.com"


@dataclass(frozen=True, slots=True)
class LSetStat(Extended, OnPath):
    name: ClassVar[bytes] = b"lsetstat@openssh.com"
    layout: ClassVar[tuple[Field, ...]] = (NUMBER, TEXT, ATTRIBUTES)
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class GetLimits(Extended):
    name: ClassVar[bytes] = b"limits@openssh.com"
    layout: ClassVar[tuple[Field, ...]] = (NUMBER,)


@dataclass(frozen=True, slots=True)
class ExpandPath(Extended, OnPath):
    name: ClassVar[bytes] = b"expand-path@openssh.com"


@dataclass(frozen=True, slots=True)
class CopyData(Extended, OnHandle):
    """Copy `length` bytes, 0 for all, from one open file to another."""

    name: ClassVar[bytes] = b"copy-data"
    layout: ClassVar[tuple[Field, ...]] = (NUMBER, HANDLE, LONG, LONG, HANDLE, LONG)
    offset: int
    length: int
    new_handle: bytes
    new_offset: int


@dataclass(frozen=True, slots=True)
class HomeDirectory(Extended, OnPath):
    """`path` is a user's name."""

    name: ClassVar[bytes] = b"home-directory"


@dataclass(frozen=True, slots=True)
class UsersGroups(Extended):
    """What users and groups are called; each list holds uint32s one after the other."""

    name: ClassVar[bytes] = b"users-groups-by-id@openssh.com"
    layout: ClassVar[tuple[Field, ...]] = (NUMBER, TEXT, TEXT)
    users: bytes
    groups: bytes


@dataclass(frozen=True, slots=True)
class Unknown(Request):
    """A request that is none, or an extension that is not known here; `what` says it for the answer."""

    what: str


REQUESTS: Final[dict[int, type[Request]]] = {
    request.kind: request
    for request in (
        *(Open, Close, Read, Write, LStat, FStat, SetStat, FSetStat, OpenDir, ReadDir, Remove, MkDir, RmDir),
        *(RealPath, Stat, Rename, ReadLink, Symlink),
    )
}
EXTENSIONS: Final[dict[bytes, type[Extended]]] = {
    request.name: request
    for request in (
        *(PosixRename, HardLink, StatVfs, FStatVfs, FSync, LSetStat, GetLimits, ExpandPath, CopyData),
        *(HomeDirectory, UsersGroups),
    )
}


def read_init(data: bytes) -> Init:
    """The first packet of a client. Raises `PeerError` for any other."""
    reader = Reader("client", data, 5)
    if data[4] != INIT:
        raise reader.fail("the first packet is not the one that says the version")
    return Init.read(reader)


def read_request(data: bytes) -> Request:
    """The request that a whole packet is. Raises `PeerError` where it cannot be read."""
    kind = data[4]
    reader = Reader("client", data, 5)
    if kind != EXTENDED:
        known = REQUESTS.get(kind)
        return known.read(reader) if known is not None else Unknown(reader.uint32(), f"packet type {kind}")
    id, name = reader.uint32(), reader.string()
    extension = EXTENSIONS.get(name)
    if extension is None:
        return Unknown(id, f"extension {name[:64].decode('ascii', 'replace')!r}")
    # The name stands between the id and the fields, which are read as if it did not.
    return extension.read(Reader("client", uint32(id) + reader.rest()))
