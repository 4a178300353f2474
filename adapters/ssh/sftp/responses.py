"""What an SFTP server sends (draft-ietf-secsh-filexfer-02, section 7)."""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Final

from hoopaddon.adapters.ssh.sftp.wire import (
    ATTRIBUTES,
    HANDLE,
    LONG,
    NAMES,
    NUMBER,
    PAIRS,
    REST,
    TEXT,
    Attributes,
    Field,
    Name,
    Packet,
    Pairs,
    Reader,
)

DATA: Final = 103


class Code(IntEnum):
    """How a request ended."""

    OK = 0
    EOF = 1
    NO_SUCH_FILE = 2
    PERMISSION_DENIED = 3
    FAILURE = 4
    BAD_MESSAGE = 5
    NO_CONNECTION = 6
    CONNECTION_LOST = 7
    OP_UNSUPPORTED = 8


@dataclass(frozen=True, slots=True)
class ServerVersion(Packet):
    kind: ClassVar[int] = 2
    layout: ClassVar[tuple[Field, ...]] = (NUMBER, PAIRS)
    version: int
    extensions: Pairs = ()


@dataclass(frozen=True, slots=True)
class Response(Packet):
    """Any answer; `id` is that of its request."""

    id: int


@dataclass(frozen=True, slots=True)
class Status(Response):
    kind: ClassVar[int] = 101
    layout: ClassVar[tuple[Field, ...]] = (NUMBER, NUMBER, TEXT, TEXT)
    code: int
    message: bytes
    language: bytes = b""

    @property
    def words(self) -> str:
        """The code in words, which unlike the server's message quote nothing."""
        return Code(self.code).name.lower().replace("_", " ") if self.code < len(Code) else f"status {self.code}"


@dataclass(frozen=True, slots=True)
class Handle(Response):
    kind: ClassVar[int] = 102
    layout: ClassVar[tuple[Field, ...]] = (NUMBER, HANDLE)
    handle: bytes


@dataclass(frozen=True, slots=True)
class Data(Response):
    kind: ClassVar[int] = DATA
    layout: ClassVar[tuple[Field, ...]] = (NUMBER, TEXT)
    data: bytes


@dataclass(frozen=True, slots=True)
class Names(Response):
    kind: ClassVar[int] = 104
    layout: ClassVar[tuple[Field, ...]] = (NUMBER, NAMES)
    names: tuple[Name, ...]


@dataclass(frozen=True, slots=True)
class Attrs(Response):
    kind: ClassVar[int] = 105
    layout: ClassVar[tuple[Field, ...]] = (NUMBER, ATTRIBUTES)
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class ExtendedReply(Response):
    kind: ClassVar[int] = 201
    layout: ClassVar[tuple[Field, ...]] = (NUMBER, REST)
    data: bytes


@dataclass(frozen=True, slots=True)
class Limits(Response):
    """The answer to limits@openssh.com; 0 for what the server does not say."""

    kind: ClassVar[int] = 201
    layout: ClassVar[tuple[Field, ...]] = (NUMBER, LONG, LONG, LONG, LONG)
    packet_bytes: int
    read_bytes: int
    write_bytes: int
    open_handles: int


RESPONSES: Final[dict[int, type[Response]]] = {
    response.kind: response for response in (Status, Handle, Data, Names, Attrs, ExtendedReply)
}


def read_version(data: bytes) -> ServerVersion:
    """The first packet of a server. Raises `PeerError` for any other."""
    reader = Reader("server", data, 5)
    if data[4] != ServerVersion.kind:
        raise reader.fail("the server's first packet is not the one that says the version")
    return ServerVersion.read(reader)


def read_response(data: bytes) -> Response:
    """The answer that a whole packet is. Raises `PeerError` where it cannot be read."""
    reader = Reader("server", data, 5)
    known = RESPONSES.get(data[4])
    if known is None:
        raise reader.fail(f"packet type {data[4]}, which no server sends")
    return known.read(reader)


def read_limits(data: bytes) -> Limits:
    """An answer to limits@openssh.com. Raises `PeerError` where it is not."""
    return Limits.read(Reader("server", data, 5))
