"""The data types of SFTP (draft-ietf-secsh-filexfer-02, sections 3 and 5), read and written."""

import struct
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Final, Self

from hoopaddon.errors import PeerError, Side

PACKET_LIMIT: Final = 256 * 1024
"""What OpenSSH takes; in bytes, the packet's own length not counted."""
HANDLE_LIMIT: Final = 256
"""Section 6.3."""

_UINT32 = struct.Struct("!I")
_UINT64 = struct.Struct("!Q")


class Reader:
    """Reads one packet front to back; every read is checked against its end."""

    __slots__ = ("_data", "_position", "_side")

    def __init__(self, side: Side, data: bytes, position: int = 0) -> None:
        self._side: Side = side
        self._data = data
        self._position = position

    def fail(self, message: str, limit: int | None = None) -> PeerError:
        return PeerError(self._side, f"SFTP: {message}", limit=limit)

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        end = self._position + count
        if end > len(self._data):
            raise self.fail("a packet ends before what it announces")
        data = self._data[self._position : end]
        self._position = end
        return data

    def uint32(self) -> int:
        value: int = _UINT32.unpack(self.take(4))[0]
        return value

    def uint64(self) -> int:
        value: int = _UINT64.unpack(self.take(8))[0]
        return value

    def string(self) -> bytes:
        """A uint32 length and that many bytes."""
        return self.take(self.uint32())

    def handle(self) -> bytes:
        """A string of 1 to 256 bytes."""
        handle = self.string()
        if not 0 < len(handle) <= HANDLE_LIMIT:
            raise self.fail("a handle of a length that there is not", limit=HANDLE_LIMIT)
        return handle

    def count(self, least: int) -> int:
        """A uint32 that counts items of at least `least` bytes each, and so cannot promise more than there is."""
        count = self.uint32()
        if count * least > len(self._data) - self._position:
            raise self.fail("a packet ends before what it announces")
        return count

    def rest(self) -> bytes:
        return self.take(len(self._data) - self._position)

    def at_end(self) -> bool:
        return self._position == len(self._data)

    def end(self) -> None:
        """Refuses trailing bytes."""
        if not self.at_end():
            raise self.fail("a packet goes on after its end")


def uint32(value: int) -> bytes:
    return _UINT32.pack(value)


def uint64(value: int) -> bytes:
    return _UINT64.pack(value)


def string(value: bytes) -> bytes:
    return _UINT32.pack(len(value)) + value


def packet(kind: int, payload: bytes) -> bytes:
    """A whole packet: its length, its type, and the payload."""
    return struct.pack("!IB", len(payload) + 1, kind) + payload


type Pairs = tuple[tuple[bytes, bytes], ...]
"""Extensions: a name, and what belongs to it."""


def read_pairs(reader: Reader) -> Pairs:
    """Pairs up to the packet's end."""
    found: list[tuple[bytes, bytes]] = []
    while not reader.at_end():
        found.append((reader.string(), reader.string()))
    return tuple(found)


def write_pairs(pairs: Pairs) -> bytes:
    return b"".join(string(name) + string(value) for name, value in pairs)


_SIZE, _OWNER, _MODE, _TIMES, _EXTENDED = 1, 2, 4, 8, 0x80000000


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a file is (section 5); None for what is not said. `owner` is uid and gid, `times` access and change."""

    size: int | None = None
    owner: tuple[int, int] | None = None
    mode: int | None = None
    times: tuple[int, int] | None = None
    extended: Pairs = ()

    @classmethod
    def read(cls, reader: Reader) -> Self:
        flags = reader.uint32()
        if flags & ~(_SIZE | _OWNER | _MODE | _TIMES | _EXTENDED):
            raise reader.fail("attributes that version 3 does not have")
        size = reader.uint64() if flags & _SIZE else None
        owner = (reader.uint32(), reader.uint32()) if flags & _OWNER else None
        mode = reader.uint32() if flags & _MODE else None
        times = (reader.uint32(), reader.uint32()) if flags & _TIMES else None
        count = reader.count(8) if flags & _EXTENDED else 0
        return cls(size, owner, mode, times, tuple((reader.string(), reader.string()) for _ in range(count)))

    def serialize(self) -> bytes:
        flags, parts = 0, [b""]
        if self.size is not None:
            flags |= _SIZE
            parts.append(uint64(self.size))
        if self.owner is not None:
            flags |= _OWNER
            parts += map(uint32, self.owner)
        if self.mode is not None:
            flags |= _MODE
            parts.append(uint32(self.mode))
        if self.times is not None:
            flags |= _TIMES
            parts += map(uint32, self.times)
        if self.extended:
            flags |= _EXTENDED
            parts += [uint32(len(self.extended)), write_pairs(self.extended)]
        parts[0] = uint32(flags)
        return b"".join(parts)


@dataclass(frozen=True, slots=True)
class Name:
    """One file of a list: `line` is as `ls -l` would show it."""

    name: bytes
    line: bytes
    attributes: Attributes

    @classmethod
    def read(cls, reader: Reader) -> Self:
        return cls(reader.string(), reader.string(), Attributes.read(reader))

    def serialize(self) -> bytes:
        return string(self.name) + string(self.line) + self.attributes.serialize()


NO_ATTRIBUTES: Final = Attributes()
_LEAST_NAME_BYTES: Final = 12


def read_names(reader: Reader) -> tuple[Name, ...]:
    return tuple(Name.read(reader) for _ in range(reader.count(_LEAST_NAME_BYTES)))


def write_names(names: tuple[Name, ...]) -> bytes:
    return uint32(len(names)) + b"".join(name.serialize() for name in names)


type Field = tuple[Callable[[Reader], Any], Callable[[Any], bytes]]
"""How a field of a packet is read, and written."""

NUMBER: Final[Field] = (Reader.uint32, uint32)
LONG: Final[Field] = (Reader.uint64, uint64)
TEXT: Final[Field] = (Reader.string, string)
HANDLE: Final[Field] = (Reader.handle, string)
ATTRIBUTES: Final[Field] = (Attributes.read, Attributes.serialize)
NAMES: Final[Field] = (read_names, write_names)
PAIRS: Final[Field] = (read_pairs, write_pairs)
REST: Final[Field] = (Reader.rest, bytes)


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet by its fields, in the order in which they stand. `kind` is its type byte."""

    kind: ClassVar[int]
    layout: ClassVar[tuple[Field, ...]]

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Read the fields, which have to reach to the packet's end."""
        found = cls(*[read(reader) for read, _ in cls.layout])
        reader.end()
        return found

    def payload(self) -> bytes:
        """The fields, as they stand in the packet."""
        values = (getattr(self, field.name) for field in fields(self))
        return b"".join(write(value) for (_, write), value in zip(self.layout, values, strict=True))

    def serialize(self) -> bytes:
        """The whole packet."""
        return packet(self.kind, self.payload())
