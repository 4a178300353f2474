"""Cells put into messages in place of others; every other byte stays as it came."""

import struct
from collections.abc import Iterable

_LENGTH = struct.Struct("!i")

type Edit = tuple[int, int, int, bytes]
"""The offset of a message, the offsets of the bytes to go, and the bytes to stand there instead."""


def splice(data: bytes, edits: Iterable[Edit]) -> bytes:
    """The messages after the edits, which come in the order of their offsets, with their lengths put right."""
    out: list[bytes] = []
    add, pack, length_of = out.append, _LENGTH.pack, _LENGTH.unpack_from
    kept = 0
    message, length_at, length = -1, 0, 0
    for start, begin, end, cell in edits:
        if start != message:
            if message >= 0:
                out[length_at] = pack(length)
            message = start
            (length,) = length_of(data, start + 1)
            add(data[kept : start + 1])
            length_at = len(out)
            add(b"")
            kept = start + 5
        add(data[kept:begin])
        add(cell)
        kept = end
        length += len(cell) - end + begin
    if message >= 0:
        out[length_at] = pack(length)
    add(data[kept:])
    return b"".join(out)
