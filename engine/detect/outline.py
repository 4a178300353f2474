"""The outline of bytes: every digit a `0`, every capital an `A`, every separator a blank.

In outline the shape of a written number is a literal, and hyperscan finds dozens of literals in one pass some ten
times faster than the expressions they stand for. Shapes of numbers are declared so: `000_00_0000`.
"""

import itertools
import string
from collections.abc import Iterable

# Deleted: parentheses around an area code, and the first bytes of the separators beyond ASCII (U+00A0: C2 A0,
# U+2010: E2 80 90), which leaves one byte of each. Deleting can only bring bytes together, never part a cell's own.
_DELETED = b"()\xc2\xe2\x80"
_BLANKS = b" -/" + bytes([0xA0, 0xAF, *range(0x82, 0x96)])


def _table() -> bytes:
    table = bytearray(b"#" * 256)
    for members, mark in (
        (string.digits.encode(), "0"),
        (string.ascii_uppercase.encode(), "A"),
        (_BLANKS, " "),
        (b".", "."),
    ):
        for byte in members:
            table[byte] = ord(mark)
    return bytes(table)


_TABLE = _table()


def outline(data: bytes) -> bytes:
    """The outline of these bytes."""
    return data.translate(_TABLE, _DELETED)


def outline_literals(declared: Iterable[str]) -> list[bytes]:
    """The literals that these declared outlines stand for, without those that hold a shorter one of them.

    `0` and `A` are a digit and a capital, `.` is itself, `-` any other separator, `_` either, `*` a capital or digit.
    """
    choices = {"-": (" ",), "_": (" ", "."), "*": ("0", "A")}
    found = {
        "".join(marks).encode()
        for shape in declared
        for marks in itertools.product(*(choices.get(c, (c,)) for c in shape))
    }
    kept: list[bytes] = []
    for literal in sorted(found, key=lambda literal: (len(literal), literal)):
        if not any(shorter in literal for shorter in kept):
            kept.append(literal)
    return kept
