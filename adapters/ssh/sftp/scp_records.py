"""The records of scp's own protocol, which is written down nowhere: OpenSSH's scp.c is what it is.

A source sends records, each a line, and waits after each for a zero byte, or for a line that begins with 1 (this one
failed) or 2 (all is over). After `C` come the file's bytes and a status of the source's own.
"""

import re
from dataclasses import dataclass
from typing import Final

from hoopaddon.errors import PeerError, Side

LINE_LIMIT: Final = 4096 + 64
"""For a record: a name, and what stands before it; in bytes."""
OK: Final = b"\0"
WARNING: Final = 1
FATAL: Final = 2
_LARGEST: Final = (1 << 63) - 1
_ENTRY = re.compile(rb"([CD])([0-7]{4}) ([0-9]{1,19}) ([^\0\n/]+)")
_TIMES = re.compile(rb"T([0-9]{1,19}) 0 ([0-9]{1,19}) 0")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file (`C`) of so many bytes, or a folder (`D`) whose entries follow up to an `End`."""

    kind: str
    mode: int
    size: int
    name: bytes

    def serialize(self) -> bytes:
        return f"{self.kind}{self.mode:04o} {self.size} ".encode("ascii") + self.name + b"\n"


@dataclass(frozen=True, slots=True)
class Times:
    """When the next entry was changed and read last."""

    changed: int
    accessed: int

    def serialize(self) -> bytes:
        return f"T{self.changed} 0 {self.accessed} 0\n".encode("ascii")


@dataclass(frozen=True, slots=True)
class End:
    """The folder is complete."""

    def serialize(self) -> bytes:
        return b"E\n"


@dataclass(frozen=True, slots=True)
class Message:
    """Something has failed; nothing goes on after a fatal one."""

    fatal: bool
    text: bytes

    def serialize(self) -> bytes:
        return bytes([FATAL if self.fatal else WARNING]) + self.text + b"\n"


type Record = Entry | Times | End | Message


def read_record(side: Side, line: bytes) -> Record:
    """The record that a line is, its end left off. Raises `PeerError` for what is none."""
    if line == b"E":
        return End()
    if line[:1] in (b"\1", b"\2"):
        return Message(line[0] == FATAL, line[1:])
    if found := _TIMES.fullmatch(line):
        return Times(int(found[1]), int(found[2]))
    if (found := _ENTRY.fullmatch(line)) is None:
        raise PeerError(side, "scp: a record that is none")
    kind, mode, size, name = found[1].decode("ascii"), int(found[2], 8), int(found[3]), found[4]
    if name in (b".", b".."):
        raise PeerError(side, "scp: a name that leads elsewhere")
    if size > _LARGEST:
        raise PeerError(side, "scp: a file of a size that there is not", limit=_LARGEST)
    return Entry(kind, mode, size, name)
