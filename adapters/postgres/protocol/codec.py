"""The messages of PostgreSQL's frontend/backend protocol (documentation, chapter 54): bytes in, frozen messages out.

A message is one type byte, an int32 that counts itself and the payload, and the payload. Those that begin a
connection have no type byte. Readers take the payload alone and raise `PeerError` for anything that does not
fill it exactly; writers return whole messages.
"""

import struct
from dataclasses import dataclass
from typing import NamedTuple, Self

from hoopaddon.errors import PeerError, Side

INT16 = struct.Struct("!h")
INT32 = struct.Struct("!i")
COUNT = struct.Struct("!H")
_count_at = COUNT.unpack_from
_length_at = INT32.unpack_from
_code_at = INT16.unpack_from
HEADER = struct.Struct("!ci")
_HEADER_BYTES = 5


class Reader:
    """Reads one payload front to back; every read is checked against its end."""

    __slots__ = ("_data", "_position", "_side")

    def __init__(self, side: Side, data: bytes) -> None:
        self._side = side
        self._data = data
        self._position = 0

    def fail(self, message: str) -> PeerError:
        return PeerError(self._side, message)

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        end = self._position + count
        if count < 0 or end > len(self._data):
            raise self.fail("a message ends before what it announces")
        data = self._data[self._position : end]
        self._position = end
        return data

    def byte(self) -> int:
        return self.take(1)[0]

    def int16(self) -> int:
        """An int16, signed."""
        value: int = INT16.unpack(self.take(2))[0]
        return value

    def count(self) -> int:
        """An int16 that counts something: PostgreSQL reads those as unsigned."""
        return self.int16() & 0xFFFF

    def int32(self) -> int:
        value: int = INT32.unpack(self.take(4))[0]
        return value

    def cstring(self) -> bytes:
        """Bytes up to a zero byte, which is read too."""
        end = self._data.find(b"\0", self._position)
        if end < 0:
            raise self.fail("a string without its end")
        data = self._data[self._position : end]
        self._position = end + 1
        return data

    def value(self) -> bytes | None:
        """An int32 length and that many bytes; -1 is NULL."""
        length = self.int32()
        return None if length == -1 else self.take(length)

    def rest(self) -> bytes:
        return self.take(len(self._data) - self._position)

    def end(self) -> None:
        """Refuses trailing bytes."""
        if self._position != len(self._data):
            raise self.fail("a message goes on after its end")


def text_of(data: bytes, encoding: str, errors: str = "strict") -> str:
    """The text of bytes in a client encoding. All that PostgreSQL has contain ASCII, which is most of what comes."""
    return data.decode("ascii") if data.isascii() else data.decode(encoding, errors)


def message(kind: bytes, payload: bytes = b"") -> bytes:
    """A whole message of this type."""
    return HEADER.pack(kind, len(payload) + 4) + payload


def _value(data: bytes | None) -> bytes:
    return b"\xff\xff\xff\xff" if data is None else INT32.pack(len(data)) + data


# -- what a client sends (section 54.7)


@dataclass(frozen=True, slots=True)
class Parse:
    """Prepare `text` under `name` (empty: the unnamed statement); `types` are OIDs, 0 for those left open."""

    name: bytes
    text: bytes
    types: tuple[int, ...]

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        reader = Reader("client", payload)
        name, text = reader.cstring(), reader.cstring()
        types = tuple(reader.int32() & 0xFFFFFFFF for _ in range(reader.count()))
        reader.end()
        return cls(name, text, types)

    def serialize(self) -> bytes:
        types = b"".join(struct.pack("!I", oid) for oid in self.types)
        return message(b"P", self.name + b"\0" + self.text + b"\0" + COUNT.pack(len(self.types)) + types)


class Bind(NamedTuple):
    """Give `statement` its values and call the result `portal`.

    `parameter_formats` and `result_formats` hold no code (all text), one for all, or one each; 1 is binary.
    """

    portal: bytes
    statement: bytes
    parameter_formats: tuple[int, ...]
    values: tuple[bytes | None, ...]
    result_formats: tuple[int, ...]

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        # Without a Reader: this is read for every statement that a driver prepares.
        try:
            end = payload.index(0)
            at = payload.index(0, end + 1)
            portal, statement = payload[:end], payload[end + 1 : at]
            parameter_formats, at = _format_codes(payload, at + 1)
            (count,) = _count_at(payload, at)
            at += 2
            values: list[bytes | None] = []
            for _ in range(count):
                (length,) = _length_at(payload, at)
                at += 4
                if length == -1:
                    values.append(None)
                    continue
                if not 0 <= length <= len(payload) - at:
                    raise PeerError("client", "a message ends before what it announces")
                values.append(payload[at : at + length])
                at += length
            result_formats, at = _format_codes(payload, at)
        except (ValueError, struct.error):
            raise PeerError("client", "a message ends before what it announces") from None
        if at != len(payload):
            raise PeerError("client", "a message goes on after its end")
        if len(parameter_formats) > 1 and len(parameter_formats) != count:
            raise PeerError("client", "as many parameter formats as parameters, one, or none")
        return cls(portal, statement, parameter_formats, tuple(values), result_formats)

    def serialize(self) -> bytes:
        parts = [self.portal, b"\0", self.statement, b"\0", COUNT.pack(len(self.parameter_formats))]
        parts += [INT16.pack(code) for code in self.parameter_formats]
        parts.append(COUNT.pack(len(self.values)))
        parts += [_value(value) for value in self.values]
        parts.append(COUNT.pack(len(self.result_formats)))
        parts += [INT16.pack(code) for code in self.result_formats]
        return message(b"B", b"".join(parts))

    def parameter_format(self, index: int) -> int:
        """0 for text, 1 for binary."""
        return format_of(self.parameter_formats, index)


def _format_codes(payload: bytes, at: int) -> tuple[tuple[int, ...], int]:
    """A count and that many format codes; and where they end."""
    (count,) = _count_at(payload, at)
    at += 2
    if not count:
        return (), at
    codes: tuple[int, ...] = _code_at(payload, at) if count == 1 else struct.unpack_from(f"!{count}h", payload, at)
    for code in codes:
        if code not in (0, 1):
            raise PeerError("client", "a format code other than 0 and 1")
    return codes, at + 2 * count


def format_of(codes: tuple[int, ...], index: int) -> int:
    """Format codes as Bind gives them: none means text for all, one is for all."""
    if not codes:
        return 0
    return codes[0] if len(codes) == 1 else codes[index] if index < len(codes) else 0


class Named(NamedTuple):
    """Describe and Close: `what` is `S` for a statement or `P` for a portal."""

    what: bytes
    name: bytes

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        return cls(*what_and_name(payload))


def what_and_name(payload: bytes) -> tuple[bytes, bytes]:
    """`Named` as a plain pair, for a message that drivers send with every statement."""
    what, name = payload[:1], payload[1:].removesuffix(b"\0")
    if len(what) + len(name) + 1 != len(payload) or 0 in name or what not in (b"S", b"P"):
        raise PeerError("client", "neither a statement nor a portal")
    return what, name


def describe(what: bytes, name: bytes) -> bytes:
    return message(b"D", what + name + b"\0")


def close(what: bytes, name: bytes) -> bytes:
    return message(b"C", what + name + b"\0")


class Execute(NamedTuple):
    """Run `portal`; at most `limit` rows, 0 for all."""

    portal: bytes
    limit: int

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        portal = portal_to_execute(payload)
        return cls(portal, _length_at(payload, len(portal) + 1)[0])

    def serialize(self) -> bytes:
        return message(b"E", self.portal + b"\0" + INT32.pack(self.limit))


def portal_to_execute(payload: bytes) -> bytes:
    """The portal of an Execute message."""
    end = payload.find(0)
    if end < 0 or len(payload) != end + 5:
        raise PeerError("client", "an Execute message of the wrong length")
    return payload[:end]


def query_text(payload: bytes) -> bytes:
    """The text of a Query message."""
    end = payload.find(0)
    if end < 0 or end != len(payload) - 1:
        raise PeerError("client", "a Query message that is not one string")
    return payload[:end]


def query(text: bytes) -> bytes:
    return message(b"Q", text + b"\0")


SYNC = message(b"S")
FLUSH = message(b"H")
TERMINATE = message(b"X")


# -- what a server sends


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """The fields of an ErrorResponse or NoticeResponse (section 54.8), by their one-letter code, in order."""

    fields: dict[bytes, bytes]

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        reader = Reader("server", payload)
        fields: dict[bytes, bytes] = {}
        while (code := reader.take(1)) != b"\0":
            fields[code] = reader.cstring()
        reader.end()
        return cls(fields)

    def serialize(self, kind: bytes) -> bytes:
        return message(kind, b"".join(code + text + b"\0" for code, text in self.fields.items()) + b"\0")


def notice_response(severity: str, code: str, text: str) -> bytes:
    """A NoticeResponse of the gateway's own."""
    return b"N" + error_response(severity, code, text)[1:]


def error_response(
    severity: str, code: str, text: str, *, detail: str = "", hint: str = "", position: int | None = None
) -> bytes:
    """An ErrorResponse of the gateway's own; PostgreSQL's field order, UTF-8."""
    fields = {b"S": severity, b"V": severity, b"C": code, b"M": text, b"D": detail, b"H": hint}
    if position is not None:
        fields[b"P"] = str(position)
    payload = {
        letter: value.replace("\0", "").encode("utf-8", "replace") for letter, value in fields.items() if value
    }
    return Diagnostics(payload).serialize(b"E")


def ready_for_query(status: bytes) -> bytes:
    """`I` idle, `T` in a transaction, `E` in a failed one."""
    return message(b"Z", status)


@dataclass(frozen=True, slots=True)
class Notification:
    """A NotificationResponse."""

    process_id: int
    channel: bytes
    payload: bytes

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        reader = Reader("server", payload)
        found = cls(reader.int32(), reader.cstring(), reader.cstring())
        reader.end()
        return found

    def serialize(self) -> bytes:
        return message(b"A", INT32.pack(self.process_id) + self.channel + b"\0" + self.payload + b"\0")


def parameter_status(payload: bytes) -> tuple[str, str]:
    """The name and the value of a ParameterStatus."""
    reader = Reader("server", payload)
    name, value = reader.cstring(), reader.cstring()
    reader.end()
    return name.decode("utf-8", "replace"), value.decode("utf-8", "replace")


def parameter_status_message(name: bytes, value: bytes) -> bytes:
    return message(b"S", name + b"\0" + value + b"\0")


def parameter_types(payload: bytes) -> tuple[int, ...]:
    """The OIDs of a ParameterDescription."""
    reader = Reader("server", payload)
    types = tuple(reader.int32() & 0xFFFFFFFF for _ in range(reader.count()))
    reader.end()
    return types
