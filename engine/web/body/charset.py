"""Charsets: what is not UTF-8 is edited as UTF-8, and leaves in its own charset.

A body in a charset that ASCII is an undisturbed part of, or in none, is read as UTF-8 in which bytes that are none
pass as they are: what detectors look for is ASCII, and stands there as ASCII. What shifts or replaces ASCII (UTF-7,
ISO-2022, EBCDIC) could hide anything in it and is refused, as is a charset that nobody knows.
"""

import codecs
from collections.abc import Iterator

from hoopaddon.errors import PeerError, Refused
from hoopaddon.web.body.coding import Coding

# Each byte below 0x80 is that character of ASCII wherever it stands.
_LIKE_UTF8 = (
    {"utf-8", "ascii", "iso8859-1", "koi8-r", "koi8-u", "euc_jp", "euc_kr", "gb2312", "mac-roman", "tis-620"}
    | {f"iso8859-{part}" for part in range(2, 17)}
    | {f"cp{page}" for page in (437, 850, 852, 866, 874, *range(1250, 1259))}
)
_TRANSCODED = {
    *("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"),
    *("shift_jis", "cp932", "gbk", "gb18030", "big5", "big5hkscs", "cp949", "cp950"),
}
# The first four bytes of text that begins with ASCII, with a byte order mark or without (RFC 4627 section 3).
_WIDE = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE_ZEROS = {
    (True, True, True, False): "utf-32-be",
    (False, True, True, True): "utf-32-le",
    (True, False, True, False): "utf-16-be",
    (False, True, False, True): "utf-16-le",
}


def transcoding(charset: str, start: bytes) -> Coding | None:
    """What makes UTF-8 of a body that begins with these bytes; None where nothing is to be made. Raises `Refused`.

    The bytes count for more than what is said of them: nobody reads UTF-16 as anything else.
    """
    name = wide(start)
    if not name and charset:
        try:
            name = codecs.lookup(charset.strip("\"' ")).name
        except LookupError:
            name = charset
        if name in ("utf-16", "utf-32"):
            # Without a mark, RFC 2781 has it big-endian.
            name += "-be"
    if not name or name in _LIKE_UTF8 or name == "utf-8-sig":
        return None
    if name not in _TRANSCODED:
        raise Refused("the body is in a charset that cannot be looked into")
    return lambda: _ToUtf8(name), lambda: _FromUtf8(name)


def wide(start: bytes) -> str:
    """The charset of text in units of two or four bytes; empty for any other."""
    for mark, name in _WIDE:
        if start.startswith(mark):
            return name
    zeros = tuple(byte == 0 for byte in start[:4])
    return _WIDE_ZEROS.get(zeros, "") if len(zeros) == 4 else ""


class _ToUtf8:
    def __init__(self, name: str) -> None:
        self._decoder = codecs.getincrementaldecoder(name)("strict")

    def decode(self, data: bytes) -> Iterator[bytes]:
        """See `Decoder`."""
        yield self._decoded(data, False)

    def finish(self) -> Iterator[bytes]:
        """See `Decoder`."""
        yield self._decoded(b"", True)

    def _decoded(self, data: bytes, final: bool) -> bytes:
        try:
            return self._decoder.decode(data, final).encode("utf-8")
        except UnicodeError:
            raise PeerError("server", "sends text that is not in its charset") from None


class _FromUtf8:
    def __init__(self, name: str) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")
        self._encoder = codecs.getincrementalencoder(name)("strict")

    def encode(self, data: bytes) -> bytes:
        return self._encoded(data, False)

    def flush(self) -> bytes:
        return b""

    def finish(self) -> bytes:
        return self._encoded(b"", True)

    def _encoded(self, data: bytes, final: bool) -> bytes:
        try:
            return self._encoder.encode(self._decoder.decode(data, final), final)
        except UnicodeError:
            raise Refused("a policy failed") from None
