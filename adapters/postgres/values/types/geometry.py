"""Points and the shapes made of them: every coordinate is a float8."""

import re
import struct
from collections.abc import Callable, Iterable

from hoopaddon.adapters.postgres.values.types.numbers import NUMBERS
from hoopaddon.adapters.postgres.values.types.scalar import INT32, Scalar, Unfit, matched

_FLOAT8 = NUMBERS["float8"]
_NUMBER = r"-?(?:[0-9]{1,400}(?:\.[0-9]{1,400})?(?:e[+-]?[0-9]{1,3})?|Infinity)|NaN"
_POINT = rf"\((?:{_NUMBER}),(?:{_NUMBER})\)"
_COORDINATE = re.compile(_NUMBER)
_POINTS = rf"{_POINT}(?:,{_POINT})*"
_PATH_TEXT = re.compile(rf"\({_POINTS}\)|\[{_POINTS}\]")
_POLYGON_TEXT = re.compile(rf"\({_POINTS}\)")


def _coordinates(data: bytes) -> list[str]:
    if len(data) % 8:
        raise ValueError
    return [_FLOAT8.decode(data[at : at + 8]) for at in range(0, len(data), 8)]


def _pairs(coordinates: list[str]) -> str:
    points = zip(coordinates[::2], coordinates[1::2], strict=True)
    return ",".join(f"({x},{y})" for x, y in points)


def _packed(text: str) -> bytes:
    return b"".join(map(_FLOAT8.encode, _COORDINATE.findall(text)))


def _shape(length: int, show: Callable[[list[str]], str], pattern: str) -> Scalar:
    """A shape of so many coordinates."""
    grammar = re.compile(pattern)

    def decode(data: bytes) -> str:
        if len(data) != length * 8:
            raise ValueError
        return show(_coordinates(data))

    return Scalar(decode, lambda text: _packed(matched(grammar, text)[0]))


def _points(data: bytes) -> str:
    (count,) = INT32.unpack_from(data)
    if len(data) != 4 + count * 16 or count < 1:
        raise ValueError
    return _pairs(_coordinates(data[4:]))


def _counted(text: str) -> bytes:
    packed = _packed(text)
    return INT32.pack(len(packed) // 16) + packed


def _decode_path(data: bytes) -> str:
    opening, closing = {0: ("[", "]"), 1: ("(", ")")}[data[0]]
    return f"{opening}{_points(data[1:])}{closing}"


def _encode_path(text: str) -> bytes:
    return (b"\1" if matched(_PATH_TEXT, text)[0][0] == "(" else b"\0") + _counted(text)


def _line(coordinates: Iterable[str]) -> str:
    return f"{{{','.join(coordinates)}}}"


GEOMETRY = {
    "point": _shape(2, _pairs, _POINT),
    "lseg": _shape(4, lambda found: f"[{_pairs(found)}]", rf"\[{_POINT},{_POINT}\]"),
    "box": _shape(4, _pairs, rf"{_POINT},{_POINT}"),
    "line": _shape(3, _line, rf"\{{(?:{_NUMBER})(?:,(?:{_NUMBER})){{2}}\}}"),
    "circle": _shape(3, lambda found: f"<({found[0]},{found[1]}),{found[2]}>", rf"<{_POINT},(?:{_NUMBER})>"),
    "path": Scalar(_decode_path, _encode_path),
    "polygon": Scalar(lambda data: f"({_points(data)})", lambda text: _counted(matched(_POLYGON_TEXT, text)[0])),
}

# -- bit, varbit: int32 count of bits, then the bits from the left

_BITS_TEXT = re.compile(r"[01]*")


def _decode_bits(data: bytes) -> str:
    (count,) = INT32.unpack_from(data)
    if count < 0 or len(data) != 4 + -(-count // 8):
        raise ValueError
    return "".join([f"{byte:08b}" for byte in data[4:]])[:count]


def _encode_bits(text: str) -> bytes:
    bits = matched(_BITS_TEXT, text)[0]
    size = -(-len(bits) // 8)
    return struct.pack(">i", len(bits)) + (int(bits.ljust(size * 8, "0"), 2).to_bytes(size) if bits else b"")


# -- bytea: the bytes themselves, shown in hex

_BYTEA_TEXT = re.compile(r"\\x((?:[0-9a-f]{2})*)")


def _encode_bytea(text: str) -> bytes:
    return bytes.fromhex(matched(_BYTEA_TEXT, text)[1])


# -- void: nothing at all


def _decode_void(data: bytes) -> str:
    if data:
        raise ValueError
    return ""


def _encode_void(text: str) -> bytes:
    if text:
        raise Unfit
    return b""


BITS = Scalar(_decode_bits, _encode_bits)
BYTES = {
    "bit": BITS,
    "varbit": BITS,
    "bytea": Scalar(lambda data: "\\x" + data.hex(), _encode_bytea),
    "void": Scalar(_decode_void, _encode_void),
}
