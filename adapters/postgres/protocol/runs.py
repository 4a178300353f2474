"""Runs of messages of one type, as a server sends rows: the length of each leads to the next.

There are two ways to follow them. The one that reads byte by byte takes a fifth of the other's time where it is
compiled, and three times as long where it is not.
"""

import struct
from collections.abc import Sequence
from typing import Final

from mypy_extensions import i64

from hoopaddon.compiled import is_compiled
from hoopaddon.errors import PeerError

_COMPILED: Final = is_compiled()
_HEAD_BYTES: Final = 5
_LEAST_LENGTH: Final = 4
_SIGN: Final = 0x80000000
_head_at = struct.Struct("!Bi").unpack_from


def run_of(data: bytes, position: int, starts: list[int]) -> int:
    """Where the run of whole messages ends whose first one begins at `position`; that one's type is all of theirs.

    `starts` gets where each of them begins, counted from `position`. Raises `PeerError` for a length that no
    message has.
    """
    return byte_by_byte(data, position, starts) if _COMPILED else head_by_head(data, position, starts)


def each_ends_with(data: bytes, starts: Sequence[int], last: int) -> bool:
    """Whether each of the messages ends with this byte; they fill the data, and begin at `starts`, the first at 0."""
    for start in starts:
        if start and data[start - 1] != last:
            return False
    return bool(data) and data[len(data) - 1] == last


def byte_by_byte(data: bytes, position: int, starts: list[int]) -> int:
    size: i64 = len(data)
    first: i64 = position
    at: i64 = first
    kind = data[first] if first < size else 0
    while size - at >= _HEAD_BYTES and data[at] == kind:
        length: i64 = data[at + 1] << 24 | data[at + 2] << 16 | data[at + 3] << 8 | data[at + 4]
        if length < _LEAST_LENGTH or length >= _SIGN:
            raise PeerError("server", "a message of an impossible length")
        after: i64 = at + 1 + length
        if after > size:
            break
        starts.append(at - first)
        at = after
    return at


def head_by_head(data: bytes, position: int, starts: list[int]) -> int:
    size, at, add = len(data), position, starts.append
    kind = data[position] if position < size else 0
    try:
        while True:
            found, length = _head_at(data, at)
            if found != kind:
                break
            if length < _LEAST_LENGTH:
                raise PeerError("server", "a message of an impossible length")
            after = at + 1 + length
            if after > size:
                break
            add(at - position)
            at = after
    except struct.error:
        # There is not even the next one's head.
        pass
    return at
