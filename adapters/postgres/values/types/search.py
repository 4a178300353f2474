"""Full-text search vectors, and hstore."""

import re
import struct

from hoopaddon.adapters.postgres.values.types.scalar import Scalar, Unfit, matched, packed

_COUNT = struct.Struct(">i")
_POSITION = struct.Struct(">H")

# -- tsvector: int32 count; each lexeme up to its NUL, int16 count of positions, each with its weight in the top bits

_WEIGHTS = "DCBA"
_LEXEME = re.compile(r"'((?:[^'\\]|''|\\\\)*+)'(?::([0-9]{1,5}[ABC]?(?:,[0-9]{1,5}[ABC]?)*))?(?: |$)")
_MAX_POSITION = 0x3FFF
_MAX_POSITIONS = 255
_MAX_LEXEME = 2046


def _decode_tsvector(data: bytes, encoding: str) -> str:
    (count,) = _COUNT.unpack_from(data)
    words, at = [], 4
    if not 0 <= count <= len(data):
        raise ValueError
    for _ in range(count):
        end = data.index(0, at)
        lexeme = data[at:end].decode(encoding, "backslashreplace").replace("\\", "\\\\").replace("'", "''")
        (length,) = _POSITION.unpack_from(data, end + 1)
        at = end + 3 + length * 2
        places = struct.unpack(f">{length}H", data[end + 3 : at])
        shown = [f"{place & _MAX_POSITION}{_WEIGHTS[place >> 14].replace('D', '')}" for place in places]
        words.append(f"'{lexeme}':{','.join(shown)}" if shown else f"'{lexeme}'")
    if at != len(data):
        raise ValueError
    return " ".join(words)


def _encode_tsvector(text: str, encoding: str) -> bytes:
    words, at = [], 0
    while at < len(text):
        found = _LEXEME.match(text, at)
        if found is None:
            raise Unfit
        at = found.end()
        lexeme = found[1].replace("''", "'").replace("\\\\", "\\").encode(encoding)
        places = [_place(place) for place in (found[2] or "").split(",") if place]
        if not lexeme or len(lexeme) > _MAX_LEXEME or len(places) > _MAX_POSITIONS:
            raise Unfit
        words.append(lexeme + b"\0" + _POSITION.pack(len(places)) + b"".join(places))
    if text.endswith(" "):
        raise Unfit
    return _COUNT.pack(len(words)) + b"".join(words)


def _place(text: str) -> bytes:
    number, weight = (text[:-1], text[-1]) if text[-1] in "ABC" else (text, "D")
    if not 0 < int(number) <= _MAX_POSITION:
        raise Unfit
    return _POSITION.pack(int(number) | _WEIGHTS.index(weight) << 14)


# -- hstore: int32 count; each key and value with its int32 length, -1 for a NULL value

_STRING = r'"((?:[^"\\]|\\.)*+)"'
_PAIR = re.compile(rf"{_STRING}=>(?:{_STRING}|(NULL))(?:, (?=\")|$)", re.DOTALL)


def _decode_hstore(data: bytes, encoding: str) -> str:
    (count,) = _COUNT.unpack_from(data)
    if not 0 <= count <= len(data):
        raise ValueError
    pairs, at = [], 4
    for _ in range(count):
        key, at = _string(data, at, encoding)
        value, at = _string(data, at, encoding)
        pairs.append(f"{key}=>{value}")
    if at != len(data):
        raise ValueError
    return ", ".join(pairs)


def _string(data: bytes, at: int, encoding: str) -> tuple[str, int]:
    (length,) = _COUNT.unpack_from(data, at)
    start, end = at + 4, at + 4 + length
    if length == -1:
        return "NULL", start
    if length < 0 or end > len(data):
        raise ValueError
    text = data[start:end].decode(encoding, "backslashreplace")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"', end


def _encode_hstore(text: str, encoding: str) -> bytes:
    pairs, at = [], 0
    while at < len(text):
        found = _PAIR.match(text, at)
        if found is None:
            raise Unfit
        at = found.end()
        for part in (found[1], found[2]):
            data = b"" if part is None else re.sub(r"\\(.)", r"\1", part, flags=re.DOTALL).encode(encoding)
            pairs.append(_COUNT.pack(-1 if part is None else len(data)) + data)
    return packed(_COUNT, len(pairs) // 2) + b"".join(pairs)


def tsvector(encoding: str) -> Scalar:
    """tsvector, whose lexemes are in the client's encoding."""
    return Scalar(lambda data: _decode_tsvector(data, encoding), lambda text: _encode_tsvector(text, encoding))


def hstore(encoding: str) -> Scalar:
    """The extension's type of that name."""
    return Scalar(lambda data: _decode_hstore(data, encoding), lambda text: _encode_hstore(text, encoding))


# -- the type called "char": one byte, those above ASCII shown in octal

_OCTAL = re.compile(r"\\([0-3][0-7]{2})")


def _decode_char(data: bytes) -> str:
    (byte,) = data
    return "" if byte == 0 else chr(byte) if byte < 0x80 else f"\\{byte:03o}"


def _encode_char(text: str) -> bytes:
    if not text:
        return b"\0"
    if len(text) == 1 and text.isascii() and text != "\0":
        return text.encode()
    return bytes((int(matched(_OCTAL, text)[1], 8),))


CHAR = Scalar(_decode_char, _encode_char)
