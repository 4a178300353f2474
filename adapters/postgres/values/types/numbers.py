"""Numbers, truth and money."""

import math
import re
import struct
from decimal import Decimal

from hoopaddon.adapters.postgres.values.types.scalar import (
    FLOAT4,
    FLOAT8,
    INT16,
    INT32,
    INT64,
    UINT32,
    UINT64,
    Scalar,
    Unfit,
    matched,
    packed,
)

_INTEGER = re.compile(r"-?[0-9]{1,20}")
_FLOAT = re.compile(r"-?[0-9]{1,400}(?:\.[0-9]{1,400})?(?:e[+-]?[0-9]{1,4})?")
_NUMERIC = re.compile(r"(-?)([0-9]{1,131072})(?:\.([0-9]{1,16383}))?")
_MONEY = re.compile(r"(-?)\$([0-9]{1,3}(?:,[0-9]{3})*|[0-9]{1,19})\.([0-9]{2})")


def integer(layout: struct.Struct) -> Scalar:
    """An integer of this layout."""

    def decode(data: bytes) -> str:
        return str(layout.unpack(data)[0])

    def encode(text: str) -> bytes:
        return packed(layout, int(matched(_INTEGER, text)[0]))

    return Scalar(decode, encode)


# -- bool: one byte


def _decode_bool(data: bytes) -> str:
    return {b"\0": "f", b"\1": "t"}[data]


def _encode_bool(text: str) -> bytes:
    if text not in ("t", "f"):
        raise Unfit
    return b"\1" if text == "t" else b"\0"


# -- float4 and float8: the shortest digits strictly inside the value's rounding interval (PostgreSQL's d2s.c)

_NAMED = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
# From here on the decimal halfway between two doubles can be a short one; Python accepts it, PostgreSQL does not.
_HALFWAY_FROM = float(2**53)


def _float_text(value: float, digits: str, fixed_below: int) -> str:
    """Written out in full for exponents from -4 up to `fixed_below`, else with an exponent of at least two digits."""
    sign, figures, exponent = Decimal(digits).as_tuple()
    if not isinstance(exponent, int):
        raise ValueError
    mantissa = "".join(map(str, figures)).rstrip("0") or "0"
    scale = exponent + len(figures) - 1 if value else 0
    minus = "-" if sign else ""
    if -4 <= scale < fixed_below:
        if scale < 0:
            return f"{minus}0.{'0' * (-scale - 1)}{mantissa}"
        whole, fraction = mantissa[: scale + 1].ljust(scale + 1, "0"), mantissa[scale + 1 :]
        return f"{minus}{whole}.{fraction}" if fraction else f"{minus}{whole}"
    point = f"{mantissa[0]}.{mantissa[1:]}" if len(mantissa) > 1 else mantissa
    return f"{minus}{point}e{'-' if scale < 0 else '+'}{abs(scale):02d}"


def _not_finite(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _decode_float8(data: bytes) -> str:
    value: float = FLOAT8.unpack(data)[0]
    if not math.isfinite(value):
        return _not_finite(value)
    digits = repr(value)
    if abs(value) >= _HALFWAY_FROM:
        gap = int(math.ulp(value))
        for precision in range(17):
            if 2 * abs(int(Decimal(digits)) - int(value)) < gap:
                break
            digits = f"{value:.{precision}e}"
    return _float_text(value, digits, 15)


def _decode_float4(data: bytes) -> str:
    value: float = FLOAT4.unpack(data)[0]
    if not math.isfinite(value):
        return _not_finite(value)
    (bits,) = UINT32.unpack(data)
    magnitude = bits & 0x7FFFFFFF
    below = abs(value) - _float4(max(magnitude - 1, 0))
    above = _float4(magnitude + 1) - abs(value)
    digits = repr(value)
    for precision in range(9):
        shorter = f"{value:.{precision}e}"
        off = abs(float(shorter)) - abs(value)
        if -below < 2 * off < above:
            digits = shorter
            break
    return _float_text(value, digits, 6)


def _float4(bits: int) -> float:
    value: float = FLOAT4.unpack(UINT32.pack(bits))[0]
    return 2.0**128 if math.isinf(value) else value


def _float(layout: struct.Struct, text: str) -> bytes:
    if text in _NAMED:
        return layout.pack(_NAMED[text])
    value = float(matched(_FLOAT, text)[0])
    if math.isinf(value):
        raise Unfit
    return packed(layout, value)


# -- numeric: int16 count, weight of the first, sign, display scale, then base-10000 digits

_NUMERIC_HEAD = struct.Struct(">HhHH")
_NUMERIC_NAMED = {0xC000: "NaN", 0xD000: "Infinity", 0xF000: "-Infinity"}
_NUMERIC_NAMES = {name: sign for sign, name in _NUMERIC_NAMED.items()}
_NEGATIVE = 0x4000
_MAX_SCALE = 0x3FFF
_INFINITE_SCALE = 0x20
"""What the server itself sends."""


def _decode_numeric(data: bytes) -> str:
    count, weight, sign, scale = _NUMERIC_HEAD.unpack_from(data)
    digits = struct.unpack(f">{count}H", data[_NUMERIC_HEAD.size :])
    if sign in _NUMERIC_NAMED:
        return _NUMERIC_NAMED[sign]
    if sign not in (0, _NEGATIVE) or scale > _MAX_SCALE or any(digit > 9999 for digit in digits):
        raise ValueError
    figures = "".join([f"{digit:04d}" for digit in digits])
    point = (weight + 1) * 4
    whole = figures[: max(point, 0)].ljust(max(point, 0), "0").lstrip("0") or "0"
    fraction = ("0" * max(-point, 0) + figures[max(point, 0) :])[:scale].ljust(scale, "0")
    text = f"{whole}.{fraction}" if scale else whole
    return f"-{text}" if sign else text


def _encode_numeric(text: str) -> bytes:
    if text in _NUMERIC_NAMES:
        return _NUMERIC_HEAD.pack(0, 0, _NUMERIC_NAMES[text], 0 if text == "NaN" else _INFINITE_SCALE)
    minus, whole, fraction = matched(_NUMERIC, text).groups("")
    whole, scale = whole.lstrip("0"), len(fraction)
    whole = whole.rjust(-(-len(whole) // 4) * 4, "0")
    figures = whole + fraction.ljust(-(-scale // 4) * 4, "0")
    digits = [int(figures[at : at + 4]) for at in range(0, len(figures), 4)]
    weight = len(whole) // 4 - 1
    while digits and digits[0] == 0:
        del digits[0]
        weight -= 1
    while digits and digits[-1] == 0:
        digits.pop()
    sign = _NEGATIVE if minus and digits else 0
    head = packed(_NUMERIC_HEAD, len(digits), weight if digits else 0, sign, scale)
    return head + struct.pack(f">{len(digits)}H", *digits)


# -- money: int64 hundredths, in the C locale


def _decode_money(data: bytes) -> str:
    (amount,) = INT64.unpack(data)
    whole, hundredths = divmod(abs(amount), 100)
    return f"{'-' if amount < 0 else ''}${whole:,}.{hundredths:02d}"


def _encode_money(text: str) -> bytes:
    minus, whole, hundredths = matched(_MONEY, text).groups()
    amount = int(whole.replace(",", "")) * 100 + int(hundredths)
    return packed(INT64, -amount if minus else amount)


INT4 = integer(INT32)
INT8 = integer(INT64)
OID = integer(UINT32)

# The binary form of these has the object's number only, and its text the name, so the number has to do.
_REGISTERED = (
    *("regclass", "regcollation", "regconfig", "regdictionary", "regnamespace", "regoper", "regoperator"),
    *("regproc", "regprocedure", "regrole", "regtype"),
)

NUMBERS = {
    "bool": Scalar(_decode_bool, _encode_bool),
    "int2": integer(INT16),
    "int4": INT4,
    "int8": INT8,
    "oid": OID,
    "xid": OID,
    "cid": OID,
    "xid8": integer(UINT64),
    **dict.fromkeys(_REGISTERED, OID),
    "float4": Scalar(_decode_float4, lambda text: _float(FLOAT4, text)),
    "float8": Scalar(_decode_float8, lambda text: _float(FLOAT8, text)),
    "numeric": Scalar(_decode_numeric, _encode_numeric),
    "money": Scalar(_decode_money, _encode_money),
}
