"""Lines of COPY data cut into cells byte by byte: the fastest way where it is compiled, and a slow one where not."""

from collections.abc import Sequence
from typing import Final

from mypy_extensions import i64

_HEAD_BYTES: Final = 5
"""Of a CopyData message."""


def cut_lines(
    data: bytes, starts: Sequence[int], width: int, delimiter: int, special: int, harmless: int
) -> list[Sequence[bytes]] | None:
    """The columns of CopyData messages that are a line each, its newline included, and together all of the data.

    None where a line has another number of cells than `width`, or where the byte `special` stands before anything
    but `harmless`.
    """
    columns: list[list[bytes]] = [[] for _ in range(width)]
    count = len(starts)
    last: i64 = width - 1
    for row in range(count):
        at: i64 = starts[row] + _HEAD_BYTES
        end: i64 = (starts[row + 1] if row + 1 < count else len(data)) - 1
        begin: i64 = at
        column: i64 = 0
        while at < end:
            byte: i64 = data[at]
            if byte == special:
                if data[at + 1] != harmless:
                    return None
            elif byte == delimiter:
                if column == last:
                    return None
                columns[column].append(data[begin:at])
                column += 1
                begin = at + 1
            at += 1
        if column != last or begin > end:
            return None
        columns[column].append(data[begin:end])
    return [*columns]
