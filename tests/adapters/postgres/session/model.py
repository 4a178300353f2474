"""A PostgreSQL that is small enough to be sure of: what a server makes of a client's messages, without a socket.

It knows statements, portals, pipelines and transactions, and of SQL five words: SELECT (three rows of its own
text), INSERT, DELETE, FAIL (an error when it is prepared) and BEGIN, COMMIT, ROLLBACK. `done` has what was
committed. With `refuses`, it refuses what a policy would, where the gateway has to: at Bind, or at Query.
"""

import struct
from dataclasses import dataclass, field

from tests.adapters.postgres.wire import message

ROWS = 3
ENDS = ("COMMIT", "ROLLBACK")


class ServerError(Exception):
    """An ErrorResponse."""


@dataclass
class Portal:
    text: str
    left: int = ROWS
    ran: bool = False


def error(code: str) -> bytes:
    return message("E", b"SERROR\0VERROR\0C" + code.encode() + b"\0Mno\0\0")


def row(text: str) -> bytes:
    return message("D", struct.pack("!hi", 1, len(text)) + text.encode())


DESCRIPTION = message("T", b"\0\1text\0" + struct.pack("!IhIhih", 0, 0, 25, -1, -1, 0))
NO_DATA = message("n")


@dataclass
class Model:
    """Feed it the client's bytes; it gives its answers back."""

    refuses: str = ""
    status: str = "I"
    done: list[str] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    """Everything that began to run, committed or not."""

    def __post_init__(self) -> None:
        self._buffer = b""
        self._pending: list[str] = []
        self._statements: dict[str, str] = {}
        self._portals: dict[str, Portal] = {}
        self._ignoring = False

    def feed(self, data: bytes) -> bytes:
        self._buffer += data
        out = b""
        while len(self._buffer) >= 5:
            end = 1 + int(struct.unpack_from("!i", self._buffer, 1)[0])
            if len(self._buffer) < end:
                break
            whole, self._buffer = self._buffer[:end], self._buffer[end:]
            out += self._answer(chr(whole[0]), whole[5:])
        return out

    def _answer(self, kind: str, payload: bytes) -> bytes:
        if self._ignoring and kind not in "SX":
            return b""
        if kind == "Q":
            return self._query(payload[:-1].decode())
        if kind == "S":
            return self._sync()
        handlers = {"P": self._parse, "B": self._bind, "D": self._describe, "E": self._execute, "C": self._close}
        if kind not in handlers:
            return b""
        try:
            return handlers[kind](payload)
        except ServerError as e:
            self._fail()
            self._ignoring = True
            return error(str(e))

    # -- transactions

    def _fail(self) -> None:
        self._pending.clear()
        self.status = "I" if self.status == "I" else "E"
        if self.status == "I":
            self._portals.clear()

    def _commit(self) -> None:
        self.done += self._pending
        self._pending.clear()
        self._portals.clear()

    def _sync(self) -> bytes:
        self._ignoring = False
        if self.status == "I":
            self._commit()
        return message("Z", self.status.encode())

    def _may(self, text: str) -> None:
        if self.refuses and self.refuses in text:
            raise ServerError("42501")
        if self.status == "E" and text not in ENDS:
            raise ServerError("25P02")

    # -- messages

    def _query(self, text: str) -> bytes:
        self._statements.pop("", None)
        self._portals.pop("", None)
        try:
            self._may(text)
            if "FAIL" in text:
                raise ServerError("42P01")
            portal = Portal(text)
            out = (DESCRIPTION if text.startswith("SELECT") else b"") + self._run(portal, 0)
        except ServerError as e:
            self._fail()
            out = error(str(e))
        if self.status == "I":
            self._commit()
        return out + message("Z", self.status.encode())

    def _parse(self, payload: bytes) -> bytes:
        name, text = (part.decode() for part in payload.split(b"\0")[:2])
        if not name:
            self._statements.pop("", None)
        if "FAIL" in text:
            raise ServerError("42P01")
        if self.status == "E" and text not in ENDS:
            raise ServerError("25P02")
        if name in self._statements:
            raise ServerError("42P05")
        self._statements[name] = text
        return message("1")

    def _bind(self, payload: bytes) -> bytes:
        portal, name = (part.decode() for part in payload.split(b"\0")[:2])
        if name not in self._statements:
            raise ServerError("26000")
        text = self._statements[name]
        self._may(text)
        if portal and portal in self._portals:
            raise ServerError("42P03")
        self._portals[portal] = Portal(text)
        return message("2")

    def _describe(self, payload: bytes) -> bytes:
        name = payload[1:-1].decode()
        if payload[:1] == b"S":
            if name not in self._statements:
                raise ServerError("26000")
            text, head = self._statements[name], message("t", b"\0\0")
        else:
            if name not in self._portals:
                raise ServerError("34000")
            text, head = self._portals[name].text, b""
        if self.status == "E" and text.startswith("SELECT"):
            raise ServerError("25P02")
        return head + (DESCRIPTION if text.startswith("SELECT") else NO_DATA)

    def _execute(self, payload: bytes) -> bytes:
        name, _, rest = payload.partition(b"\0")
        found = self._portals.get(name.decode())
        if found is None:
            raise ServerError("34000")
        if self.status == "E" and found.text not in ENDS:
            raise ServerError("25P02")
        return self._run(found, int(struct.unpack("!i", rest)[0]))

    def _run(self, portal: Portal, limit: int) -> bytes:
        text = portal.text
        if text.startswith("SELECT"):
            count = min(limit or ROWS, portal.left)
            portal.left -= count
            self.ran.append(text)
            suspended = 0 < limit == count
            return row(text) * count + (message("s") if suspended else message("C", f"SELECT {count}\0".encode()))
        if portal.ran:
            raise ServerError("55000")
        portal.ran = True
        self.ran.append(text)
        if text == "BEGIN":
            self.status = "T" if self.status == "I" else self.status
        elif text in ENDS:
            if self.status == "E" or text == "ROLLBACK":
                self._pending.clear()
            self.status = "I"
            self._commit()
        else:
            self._pending.append(text)
        return message("C", text.split()[0].encode() + b"\0")

    def _close(self, payload: bytes) -> bytes:
        names: dict[str, str] | dict[str, Portal] = self._statements if payload[:1] == b"S" else self._portals
        names.pop(payload[1:-1].decode(), None)
        return message("3")
