"""What a type without parts is: a way from its binary form to text, and back."""

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass


class Unfit(ValueError):
    """The text is not one that a value of this type could have."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A type's output and input functions, as `typsend` and `typoutput` of the server's default settings have them.

    `decode` raises ValueError, IndexError or struct.error for bytes that its server would never send; `encode`
    raises `Unfit` for text that its server would never show.
    """

    decode: Callable[[bytes], str]
    encode: Callable[[str], bytes]


def matched(pattern: re.Pattern[str], text: str) -> re.Match[str]:
    """The match of the whole text; Unfit without one."""
    found = pattern.fullmatch(text)
    if found is None:
        raise Unfit
    return found


def packed(layout: struct.Struct, *values: int | float) -> bytes:
    """The values in this layout; Unfit where one is too large for its place."""
    try:
        return layout.pack(*values)
    except (struct.error, OverflowError):
        raise Unfit from None


INT16 = struct.Struct(">h")
INT32 = struct.Struct(">i")
INT64 = struct.Struct(">q")
UINT16 = struct.Struct(">H")
UINT32 = struct.Struct(">I")
UINT64 = struct.Struct(">Q")
FLOAT4 = struct.Struct(">f")
FLOAT8 = struct.Struct(">d")
