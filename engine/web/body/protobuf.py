"""Protocol Buffers without their schema: what may be text in a message is shown to the policies as JSON.

A message is an object whose keys are field numbers: `{"1": "Ann", "3": {"2": "ann@example.com"}}`, several with the
same key where a field is repeated. Whatever is changed is put back with the lengths around it put right. The wire
format does not tell text from bytes from a message inside: text is what is UTF-8 without control characters, and a
message what can be read as one to its last byte and holds text.
"""

import json
from dataclasses import dataclass

from hoopaddon.errors import PeerError
from hoopaddon.web.body.runs import Unfit

_DEEPEST = 64
_MOST_FIELDS = 200_000
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
# A shorter number is none of those that anybody looks for.
_LEAST_SHOWN = 10**8
_CONTROLS = bytes({*range(32), 127} - {*b"\t\n\r"})
# A message of so few bytes that is also text is text.
_LEAST_AMBIGUOUS = 6


@dataclass(slots=True)
class _Field:
    """One field: its tag as it stands on the wire, and what it holds."""

    number: int
    tag: bytes
    value: "bytes | int | str | Message"


class _NoMessage(Exception):
    """These bytes are no message."""


class _Effort:
    """Counts the fields that are read, at all depths."""

    def __init__(self) -> None:
        self._left = _MOST_FIELDS

    def field(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise PeerError("server", "sends a message of too many fields", limit=_MOST_FIELDS)


class Message:
    """A message that was read from these bytes. Raises `ValueError` where they are none, `PeerError` for too much."""

    def __init__(self, data: bytes) -> None:
        try:
            self._fields = _Reader(data, _Effort()).fields(0)
        except _NoMessage:
            raise ValueError("no message") from None

    @classmethod
    def of(cls, fields: list[_Field]) -> "Message":
        """One that stands in another."""
        message = cls.__new__(cls)
        message._fields = fields
        return message

    @property
    def shows_text(self) -> bool:
        """Whether there is anything in it for the policies to see."""
        return any(not isinstance(f.value, bytes) for f in self._fields)

    def text(self) -> str:
        """What policies see."""
        shown = [f'"{f.number}": {_shown(f.value)}' for f in self._fields if not isinstance(f.value, bytes)]
        return "{" + ", ".join(shown) + "}"

    def with_text(self, text: str) -> bytes:
        """The message with what policies made of its text. Raises `Unfit`."""
        try:
            pairs = json.loads(text, object_pairs_hook=_Pairs)
        except (ValueError, RecursionError):
            raise Unfit("it is no JSON") from None
        return self._rebuilt(pairs)

    def _rebuilt(self, pairs: object) -> bytes:
        shown = [f for f in self._fields if not isinstance(f.value, bytes)]
        if not isinstance(pairs, _Pairs) or [key for key, _ in pairs] != [str(f.number) for f in shown]:
            raise Unfit("it has not the fields of the message")
        values = iter([value for _, value in pairs])
        pieces = [f.tag + (f.value if isinstance(f.value, bytes) else _put(f, next(values))) for f in self._fields]
        return b"".join(pieces)


class _Pairs(list[tuple[str, object]]):
    """An object of JSON with all its keys, in their order."""


def _shown(value: int | str | Message) -> str:
    if isinstance(value, Message):
        return value.text()
    return str(value) if isinstance(value, int) else json.dumps(value, ensure_ascii=False)


def _put(field: _Field, value: object) -> bytes:
    """The bytes behind the field's tag."""
    match field.value, value:
        case int(), None:
            return b"\0"
        case int(), int() if value == field.value:
            return _varint(field.value)
        case str(), str():
            data = value.encode("utf-8")
            return _varint(len(data)) + data
        case Message(), _:
            data = field.value._rebuilt(value)
            return _varint(len(data)) + data
    raise Unfit("a value has another type than its field")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


class _Reader:
    """Reads one message; all that it does not understand is its error."""

    def __init__(self, data: bytes, effort: _Effort) -> None:
        self._data = data
        self._effort = effort
        self._at = 0

    def fields(self, depth: int) -> list[_Field]:
        """All fields, to the last byte."""
        found: list[_Field] = []
        while self._at < len(self._data):
            self._effort.field()
            start = self._at
            tag = self._varint()
            number, wire = tag >> 3, tag & 7
            if not 0 < number < 1 << 29:
                raise _NoMessage
            found.append(_Field(number, self._data[start : self._at], self._value(wire, depth)))
        return found

    def _value(self, wire: int, depth: int) -> bytes | int | str | Message:
        start = self._at
        if wire == _VARINT:
            value = self._varint()
            shown = _LEAST_SHOWN <= value < 1 << 63
            return value if shown and _varint(value) == self._data[start : self._at] else self._data[start : self._at]
        if wire in (_FIXED64, _FIXED32):
            return self._bytes(8 if wire == _FIXED64 else 4)
        if wire != _LENGTH:
            raise _NoMessage
        length = self._varint()
        head = self._data[start : self._at]
        data = self._bytes(length)
        value_of = _held_in(data, depth + 1, self._effort)
        return value_of if value_of is not None and _varint(length) == head else head + data

    def _varint(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            if self._at >= len(self._data):
                break
            byte = self._data[self._at]
            self._at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise _NoMessage

    def _bytes(self, length: int) -> bytes:
        data = self._data[self._at : self._at + length]
        if len(data) != length:
            raise _NoMessage
        self._at += length
        return data


def _held_in(data: bytes, depth: int, effort: _Effort) -> str | Message | None:
    """The text or message that these bytes are; None for neither."""
    text = _text(data)
    is_plain = data.translate(None, _CONTROLS) == data
    if text is not None and is_plain and len(data) < _LEAST_AMBIGUOUS:
        return text
    if depth < _DEEPEST and data:
        try:
            message = Message.of(_Reader(data, effort).fields(depth))
        except _NoMessage:
            return text
        if message.shows_text:
            return message
        return text if is_plain else None
    return text


def _text(data: bytes) -> str | None:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None
