"""A PostgreSQL client that says exactly what a test tells it to, and hides nothing of what comes back."""

import socket
import struct
import time
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple, Self

from tests.servers.postgres import TRUSTED

WITHIN_S = 15.0
SSL_REQUEST = struct.pack("!ii", 8, 80877103)
GSSENC_REQUEST = struct.pack("!ii", 8, 80877104)


class Message(NamedTuple):
    """One message of the server's."""

    kind: str
    payload: bytes

    @property
    def fields(self) -> dict[str, str]:
        """The fields of an error or a notice."""
        return {part[:1].decode(): part[1:].decode("utf-8", "replace") for part in self.payload.split(b"\0") if part}

    @property
    def code(self) -> str:
        """The SQLSTATE of an error."""
        return self.fields["C"]

    @property
    def tag(self) -> str:
        """What a CommandComplete says, or the letter of a ReadyForQuery."""
        return self.payload.rstrip(b"\0").decode()

    @property
    def cells(self) -> list[str | None]:
        """The cells of a DataRow, as text."""
        texts: list[str | None] = []
        position = 2
        for _ in range(struct.unpack_from("!H", self.payload)[0]):
            (length,) = struct.unpack_from("!i", self.payload, position)
            position += 4
            texts.append(None if length < 0 else self.payload[position : position + length].decode())
            position += max(length, 0)
        return texts


def message(kind: str, payload: bytes = b"") -> bytes:
    return kind.encode() + struct.pack("!i", len(payload) + 4) + payload


def startup(parameters: dict[str, str], version: int = 0x0003_0000) -> bytes:
    pairs = b"".join(name.encode() + b"\0" + value.encode() + b"\0" for name, value in parameters.items())
    body = struct.pack("!i", version) + pairs + b"\0"
    return struct.pack("!i", len(body) + 4) + body


def query(text: str | bytes) -> bytes:
    return message("Q", (text.encode() if isinstance(text, str) else text) + b"\0")


def parse(name: str, text: str | bytes, *types: int) -> bytes:
    raw = text.encode() if isinstance(text, str) else text
    return message("P", name.encode() + b"\0" + raw + b"\0" + struct.pack(f"!H{len(types)}I", len(types), *types))


def bind(
    portal: str = "", statement: str = "", *values: bytes | None, results: Iterable[int] = (), binary: bool = False
) -> bytes:
    formats = list(results)
    cells = b"".join(struct.pack("!i", -1) if v is None else struct.pack("!i", len(v)) + v for v in values)
    return message(
        "B",
        portal.encode()
        + b"\0"
        + statement.encode()
        + b"\0"
        + (struct.pack("!HH", 1, 1) if binary else struct.pack("!H", 0))
        + struct.pack("!H", len(values))
        + cells
        + struct.pack(f"!H{len(formats)}H", len(formats), *formats),
    )


def describe(what: str, name: str = "") -> bytes:
    return message("D", what.encode() + name.encode() + b"\0")


def close(what: str, name: str = "") -> bytes:
    return message("C", what.encode() + name.encode() + b"\0")


def execute(portal: str = "", limit: int = 0) -> bytes:
    return message("E", portal.encode() + b"\0" + struct.pack("!i", limit))


SYNC = message("S")
FLUSH = message("H")
TERMINATE = message("X")


def run(text: str | bytes, *values: bytes | None) -> bytes:
    """The usual four: prepare without a name, bind, describe, execute."""
    return parse("", text) + bind("", "", *values) + describe("P") + execute()


class Wire:
    """A connection, logged in as a role that needs no password unless `login` is False."""

    def __init__(
        self,
        port: int,
        database: str = "postgres",
        *,
        login: bool = True,
        user: str = TRUSTED,
        version: int = 0x0003_0000,
        parameters: Mapping[str, str] = MappingProxyType({}),
        **more: str,
    ) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), WITHIN_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        """Every byte that came."""
        self._read = 0
        self.key = b""
        if login:
            try:
                self.send(startup({"user": user, "database": database, **parameters, **more}, version))
                self._log_in()
            except BaseException:
                self.socket.close()
                raise

    def _log_in(self) -> None:
        while (answer := self.next()) is not None and answer.kind != "Z":
            if answer.kind == "K":
                self.key = answer.payload
            if answer.kind == "E":
                raise ConnectionError(answer.fields)
        if answer is None:
            raise ConnectionError("closed")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.socket.close()

    def send(self, *parts: bytes) -> None:
        self.socket.sendall(b"".join(parts))

    def _more(self) -> bool:
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            return False
        self.received += data
        return bool(data)

    def _whole(self) -> Message | None:
        start, have = self._read, len(self.received)
        if have - start < 5:
            return None
        end = start + 1 + int(struct.unpack_from("!i", self.received, start + 1)[0])
        if have < end:
            return None
        self._read = end
        return Message(chr(self.received[start]), self.received[start + 5 : end])

    def next(self) -> Message | None:
        """The next message; None at the end of the connection."""
        while (found := self._whole()) is None:
            if not self._more():
                return None
        return found

    def until(self, kind: str) -> list[Message]:
        """What comes up to the next message of this kind, it included. EOFError when the connection ends before."""
        found: list[Message] = []
        while True:
            answer = self.next()
            if answer is None:
                raise EOFError([*found])
            found.append(answer)
            if answer.kind == kind:
                return found

    def until_ready(self) -> list[Message]:
        """What comes up to ReadyForQuery, or to an error that ends the login."""
        return self.until("Z")

    def until_end(self) -> list[Message]:
        """Whatever comes before the connection ends."""
        found: list[Message] = []
        while (answer := self.next()) is not None:
            found.append(answer)
        return found

    def ask(self, *parts: bytes) -> list[Message]:
        """Send, and take everything up to ReadyForQuery."""
        self.send(*parts)
        return self.until_ready()

    def query(self, text: str | bytes) -> list[Message]:
        return self.ask(query(text))

    def silent(self, for_s: float = 0.2) -> bool:
        """Whether nothing comes for a while."""
        self.socket.settimeout(for_s)
        try:
            self._more()
            return False
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(WITHIN_S)


def kinds(answers: Iterable[Message]) -> str:
    """The letters of the messages, without those that say when the weather changes (ParameterStatus, notices)."""
    return "".join(answer.kind for answer in answers if answer.kind not in "SN")


def rows(answers: Iterable[Message]) -> list[list[str | None]]:
    return [answer.cells for answer in answers if answer.kind == "D"]


def errors(answers: Iterable[Message]) -> list[str]:
    """The SQLSTATEs, in order."""
    return [answer.code for answer in answers if answer.kind == "E"]


def status(answers: list[Message]) -> str:
    """The transaction status of the last ReadyForQuery."""
    return next(answer.tag for answer in reversed(answers) if answer.kind == "Z")


def eventually(check: Callable[[], object], within_s: float = 10.0) -> None:
    """Wait until the callable is true."""
    deadline = time.monotonic() + within_s
    while not check():
        if time.monotonic() > deadline:
            raise AssertionError("it did not happen")
        time.sleep(0.02)
