"""The binary forms of values that have parts (array_send, record_send, range_send, multirange_send)."""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hoopaddon.adapters.postgres.values.types.literals import MAX_DIMENSIONS, Dimension
from hoopaddon.adapters.postgres.values.types.scalar import INT32, UINT32

_ARRAY_HEAD = struct.Struct(">iiI")
_DIMENSION = struct.Struct(">ii")
_FIELD = struct.Struct(">Ii")

_EMPTY = 0x01
_LOWER_INCLUSIVE = 0x02
_UPPER_INCLUSIVE = 0x04
_LOWER_INFINITE = 0x08
_UPPER_INFINITE = 0x10


@dataclass(frozen=True, slots=True)
class BinaryArray:
    """An array's element type, dimensions and elements, each still in its own binary form."""

    element_type: int
    dimensions: tuple[Dimension, ...]
    elements: Sequence[bytes | None]


def _take(data: bytes, at: int, length: int) -> tuple[bytes | None, int]:
    """The value of this length (-1: NULL) and where it ends."""
    if length == -1:
        return None, at
    end = at + length
    if length < 0 or end > len(data):
        raise ValueError
    return data[at:end], end


def _sized(data: bytes | None) -> bytes:
    return INT32.pack(-1) if data is None else INT32.pack(len(data)) + data


def split_array(data: bytes) -> BinaryArray:
    """The array's parts. Raises ValueError or struct.error for bytes that are no array."""
    count, flags, element_type = _ARRAY_HEAD.unpack_from(data)
    if not 0 <= count <= MAX_DIMENSIONS or flags not in (0, 1):
        raise ValueError
    at = _ARRAY_HEAD.size + count * _DIMENSION.size
    dimensions = tuple(_DIMENSION.iter_unpack(data[_ARRAY_HEAD.size : at]))
    size = 1 if count else 0
    for length, _ in dimensions:
        size *= length
        # Every element takes four bytes at least, so more of them than this cannot be there.
        if not 0 <= size <= len(data) // 4 or length < 0:
            raise ValueError
    if len(dimensions) != count:
        raise ValueError
    elements: list[bytes | None] = []
    for _ in range(size):
        (length,) = INT32.unpack_from(data, at)
        element, at = _take(data, at + 4, length)
        elements.append(element)
    if at != len(data):
        raise ValueError
    return BinaryArray(element_type, dimensions if size else (), elements)


def join_array(array: BinaryArray) -> bytes:
    """The array in its binary form."""
    flags = int(any(element is None for element in array.elements))
    head = _ARRAY_HEAD.pack(len(array.dimensions), flags, array.element_type)
    return b"".join((head, *(_DIMENSION.pack(*pair) for pair in array.dimensions), *map(_sized, array.elements)))


def split_record(data: bytes) -> list[tuple[int, bytes | None]]:
    """Each field's type and value."""
    (count,) = INT32.unpack_from(data)
    if not 0 <= count <= len(data) // _FIELD.size:
        raise ValueError
    fields: list[tuple[int, bytes | None]] = []
    at = 4
    for _ in range(count):
        oid, length = _FIELD.unpack_from(data, at)
        value, at = _take(data, at + _FIELD.size, length)
        fields.append((oid, value))
    if at != len(data):
        raise ValueError
    return fields


def join_record(fields: Iterable[tuple[int, bytes | None]]) -> bytes:
    """The composite value in its binary form."""
    parts = [UINT32.pack(oid) + _sized(value) for oid, value in fields]
    return INT32.pack(len(parts)) + b"".join(parts)


def split_range(data: bytes) -> tuple[bytes | None, bytes | None, str]:
    """The bounds (None: unbounded) and the brackets around them; no brackets for the empty range."""
    flags, at = data[0], 1
    bounds: list[bytes | None] = []
    for infinite in (_LOWER_INFINITE, _UPPER_INFINITE):
        if flags & (_EMPTY | infinite):
            bounds.append(None)
            continue
        (length,) = INT32.unpack_from(data, at)
        bound, at = _take(data, at + 4, length)
        if bound is None:
            raise ValueError
        bounds.append(bound)
    if at != len(data) or flags & ~0x1F:
        raise ValueError
    lower, upper = bounds
    if flags & _EMPTY:
        return None, None, ""
    return lower, upper, ("[" if flags & _LOWER_INCLUSIVE else "(") + ("]" if flags & _UPPER_INCLUSIVE else ")")


def join_range(lower: bytes | None, upper: bytes | None, brackets: str) -> bytes:
    """The range in its binary form."""
    if not brackets:
        return bytes((_EMPTY,))
    flags = _LOWER_INFINITE if lower is None else _LOWER_INCLUSIVE if brackets[0] == "[" else 0
    flags |= _UPPER_INFINITE if upper is None else _UPPER_INCLUSIVE if brackets[1] == "]" else 0
    return bytes((flags,)) + b"".join(_sized(bound) for bound in (lower, upper) if bound is not None)


def split_multirange(data: bytes) -> list[bytes]:
    """The ranges, each in its binary form."""
    (count,) = INT32.unpack_from(data)
    if not 0 <= count <= len(data) // 5:
        raise ValueError
    ranges: list[bytes] = []
    at = 4
    for _ in range(count):
        (length,) = INT32.unpack_from(data, at)
        value, at = _take(data, at + 4, length)
        if value is None:
            raise ValueError
        ranges.append(value)
    if at != len(data):
        raise ValueError
    return ranges


def join_multirange(ranges: Sequence[bytes]) -> bytes:
    """The multirange in its binary form."""
    return INT32.pack(len(ranges)) + b"".join(map(_sized, ranges))
