"""The wire format of Protocol Buffers, as far as Kubernetes uses it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hoopaddon.errors import Unparsable

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_SIZES = {FIXED64: 8, FIXED32: 4}


@dataclass(frozen=True, slots=True)
class WireField:
    """One field: a number, or the bytes that it holds; `whole` is all of it, tag and length included."""

    number: int
    wire: int
    value: Any
    whole: bytes


def wire_fields(data: bytes) -> Iterator[WireField]:
    """The fields of a message, in their order. Raises `ValueError` or `IndexError` for what is none."""
    at = 0
    while at < len(data):
        start = at
        key, at = read_varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, at = read_varint(data, at)
            yield WireField(number, wire, value - (1 << 64) if value >> 63 else value, data[start:at])
            continue
        size = _SIZES.get(wire)
        if wire == BYTES:
            size, at = read_varint(data, at)
        if size is None or at + size > len(data):
            raise ValueError("a field goes beyond its message")
        yield WireField(number, wire, data[at : at + size], data[start : at + size])
        at += size


def single_fields(data: bytes) -> dict[int, Any]:
    """The fields of a small message by their numbers, each of which may stand there once."""
    found: dict[int, Any] = {}
    for field in wire_fields(data):
        if field.number in found:
            raise Unparsable("a body with a key that stands twice in one object")
        found[field.number] = field.value
    return found


def read_varint(data: bytes | bytearray, at: int) -> tuple[int, int]:
    """A number, and where it ends. Raises `IndexError` where more bytes are needed."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            if value >> 64:
                raise ValueError("a number is too long")
            return value, at
        if shift > 63:
            raise ValueError("a number is too long")


def varint(value: int) -> bytes:
    """A number in as few bytes as it needs."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def length_delimited(number: int, data: bytes) -> bytes:
    """A field that holds bytes, a text or a message."""
    return varint(number << 3 | BYTES) + varint(len(data)) + data
