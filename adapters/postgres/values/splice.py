"""Cells put into messages in place of others; every other byte stays as it came."""

import struct
from collections.abc import Iterable

_LENGTH = struct.Struct("!i")
NULL_CELL = b"\xff\xff\xff\xff"

type Edit = tuple[int, int, int, bytes]
"""The offset of a message, the offsets of the bytes to go, and the bytes to stand there instead."""


def sized(cell: bytes | None) -> bytes:
    """A cell with its length before it, as DataRow and binary COPY have it."""
    return NULL_CELL if cell is None else _LENGTH.pack(len(cell)) + cell


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
