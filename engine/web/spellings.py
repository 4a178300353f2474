"""How a secret looks once somebody has encoded it: in URLs, JSON, HTML, mail, base64, hexadecimal digits, UTF-16."""

import base64
import json
import re
from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache
from html.entities import html5

from hoopaddon.detect.prefilter import scanner

SHORTEST = 6
"""A secret of fewer characters would be found in texts that have nothing to do with it."""
HEAD = 6
"""So many characters of a secret are looked for before the rest is compared."""

_NAMED: dict[str, list[str]] = {}
for _name, _character in html5.items():
    if _name.endswith(";"):
        _NAMED.setdefault(_character, []).append(_name)
_WIDE_STARS = b"\0".join([b"*"] * 8)
# Most write hexadecimal digits in upper case, though not what comes before them.
_UPPER = re.compile(rb"(?<=u)[0-9a-f]{4}|(?<=x)[0-9a-f]{2}")


type Ways = tuple[bytes, ...]


class Spelling:
    """One way to write a secret: the ways to write each of its parts, in lower case where case means nothing."""

    def __init__(self, parts: Sequence[Ways], *, caseless: bool, stars: bytes = b"********") -> None:
        self.caseless, self.stars = caseless, stars
        self._parts = [_by_first(part) for part in parts]
        self.head = b"".join(b"(?:%b)" % b"|".join(map(_literal, part)) for part in parts[:HEAD])
        """An expression for how it begins."""
        self.longest_head = sum(max(map(len, part)) for part in parts[:HEAD])
        follow = {bytes([first]) for first in self._parts[1]}
        self.begins = {(way + more)[:2].lower() for way in parts[0] for more in follow} | {
            w[:1].lower() for w in parts[0]
        }
        """What its first two bytes may be, and what its first, in lower case."""

    def end(self, data: bytes, start: int, last: bool) -> int:
        """Where it ends if it begins here: 0 if it does not, -1 if more of it may follow, unless this is the last."""
        ends = {start}
        for part in self._parts:
            following: set[int] = set()
            for at in ends:
                if at == len(data):
                    if not last:
                        return -1
                    continue
                for way in part.get(data[at], ()):
                    if data.startswith(way, at):
                        following.add(at + len(way))
                    elif not last and len(data) - at < len(way) and way.startswith(data[at:]):
                        return -1
            if not following:
                return 0
            ends = following
        return max(ends)


class Spellings:
    """All ways to write some secrets, and what finds where one may begin."""

    def __init__(self, ways: Sequence[Spelling]) -> None:
        self._ways = ways
        self._heads = scanner([(way.head, way.caseless) for way in ways])
        self._longest_head = max(way.longest_head for way in ways)
        self._begins = frozenset(begin for way in ways for begin in way.begins)

    @cached_property
    def _head(self) -> re.Pattern[bytes]:
        heads = [b"(?i:%b)" % way.head if way.caseless else b"(?:%b)" % way.head for way in self._ways]
        return re.compile(b"|".join(heads))

    def start(self, data: bytes, begin: int) -> int:
        """Where one may begin, from there on; -1 where none does."""
        last = self._heads.place(memoryview(data)[begin:])
        if last < 0:
            return -1
        end = begin + last + 1
        found = self._head.search(data, max(begin, end - self._longest_head), end)
        return found.start() if found else begin

    def end(self, data: bytes, lower: bytes, start: int, *, last: bool) -> tuple[int, bytes]:
        """Where the longest that begins here ends, and what is shown instead; see `Spelling.end`."""
        found, stars = 0, b""
        for way in self._ways:
            end = way.end(lower if way.caseless else data, start, last)
            if end < 0:
                return end, b""
            if end > found:
                found, stars = end, way.stars
        return found, stars

    def unfinished(self, data: bytes, begin: int) -> int:
        """Where one begins of which only the beginning is there; the data's length where none does."""
        begin = max(begin, len(data) - self._longest_head)
        tail = data[begin:]
        lower = tail.lower()
        for at in range(len(tail)):
            if lower[at : at + 2] in self._begins and self.end(tail, lower, at, last=False)[0] < 0:
                return begin + at
        return len(data)


@lru_cache(maxsize=256)
def spellings(secrets: frozenset[str]) -> Spellings | None:
    """The ways to write these secrets; None where they are too short to be looked for."""
    ways = [way for secret in sorted(secrets) if len(secret) >= SHORTEST for way in _ways(secret)]
    return Spellings(ways) if ways else None


def _by_first(ways: Ways) -> dict[int, Ways]:
    return {first: tuple(way for way in ways if way[0] == first) for first in {way[0] for way in ways}}


def _ways(secret: str) -> Iterable[Spelling]:
    yield Spelling([_encoded(character) for character in secret], caseless=True)
    raw = secret.encode()
    yield Spelling([(b"%02x" % byte,) for byte in raw], caseless=True)
    # In both byte orders; a zero at the one end is left to what is around, so that all keeps its places.
    little, big = secret.encode("utf-16-le").removesuffix(b"\0"), secret.encode("utf-16-be").removeprefix(b"\0")
    yield Spelling(_each(little.lower()), caseless=True, stars=_WIDE_STARS + b"\0" * (1 - len(little) % 2))
    if big != little:
        yield Spelling(_each(big.lower()), caseless=True, stars=b"\0" * (1 - len(big) % 2) + _WIDE_STARS)
    for shift in range(3):
        # Base64 of a text that has the secret anywhere in it: what depends on the neighbours is left out.
        encoded = base64.b64encode(b"\0" * shift + raw)
        start = (0, 2, 3)[shift]
        inner = encoded.rstrip(b"=")[start:]
        cut = inner if (shift + len(raw)) % 3 == 0 else inner[:-1]
        if len(cut) >= SHORTEST:
            for signs in (b"+/", b"-_"):
                said = cut.translate(bytes.maketrans(b"+/", signs))
                if signs == b"+/" or said != cut:
                    yield Spelling([_base64(byte) for byte in said], caseless=False)


def _raised(digits: re.Match[bytes]) -> bytes:
    return digits[0].upper()


def _literal(data: bytes) -> bytes:
    # An expression ends at a zero in some engines.
    return b"".join(b"%c" % byte if chr(byte).isalnum() and byte < 0x80 else b"\\x%02x" % byte for byte in data)


def _each(data: bytes) -> list[Ways]:
    return [(data[at : at + 1],) for at in range(len(data))]


def _base64(byte: int) -> Ways:
    sign = chr(byte)
    # What stands in a URL, or in JSON, is encoded once more.
    if sign.isalnum():
        return (sign.encode(),)
    return tuple({spelled for way in _encoded(sign) for spelled in (way, way.upper(), _UPPER.sub(_raised, way))})


@lru_cache(maxsize=1024)
def _encoded(character: str) -> Ways:
    """All ways to write a character, in lower case."""
    code = ord(character)
    raw = character.encode()
    units = character.encode("utf-16-be").hex()
    escaped = [units[at : at + 4] for at in range(0, len(units), 4)]
    quoted = json.dumps(character)[1:-1]
    ways = {character, quoted, json.dumps(quoted)[1:-1]}
    percent = "".join(f"%{byte:02x}" for byte in raw)
    ways |= {percent, percent.replace("%", "%25"), "".join(f"={byte:02x}" for byte in raw)}
    for slash in ("\\", "\\\\"):
        ways |= {"".join(f"{slash}u{unit}" for unit in escaped), f"{slash}u{{{code:x}}}"}
        ways |= {"".join(f"{slash}x{byte:02x}" for byte in raw), "".join(f"{slash}{byte:03o}" for byte in raw)}
        ways.add(f"{slash}U{code:08x}")
        if not character.isalnum():
            ways.add(slash + character)
    numbers = {f"#{code:0{width}d};" for width in (1, 3, 4)} | {f"#x{code:0{width}x};" for width in (1, 2, 4)}
    for mark in ("&", "&amp;", "\\u0026"):
        ways |= {mark + name for name in (*numbers, *_NAMED.get(character, ()))}
    if character == " ":
        ways.add("+")
    return tuple(sorted({way.encode().lower() for way in ways}, key=lambda way: (len(way), way)))
