"""A request's path as servers read it, which they do in more than one way (RFC 3986 sections 3.3 and 5.2.4).

Which of them the target is nobody knows, so a policy is shown every reading; what no two servers agree on is refused.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import unquote_to_bytes

from hoopaddon.errors import Unparsable

MOST_DECODINGS = 3
MOST_BYTES = 16 * 1024
MOST_SEGMENTS = 200

_PLAIN = re.compile(r"(?:/(?!\.)[A-Za-z0-9_~!$&'()*+,:=@.-]*(?<![. ]))*/?")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PARAMETERS = re.compile(r";[^/]*")
# Windows takes a name without the blanks and dots at its end.
_PADDED_DOTS = re.compile(r"(?<![^/\\])(\.\.?) [ .]*(?![^/\\])")
_SLASHES = re.compile(r"/{2,}")
# Rails and its like take it for the form of the answer.
_FORMAT = re.compile(r"(?<=[^/])\.(?:json|xml)$")
_DOTS = frozenset({".", ".."})


@dataclass(frozen=True, slots=True)
class PathFacts:
    """`path` is what most servers read: each segment decoded once, dot segments and double slashes gone.

    A slash that came encoded stays so: `group%2Fproject` is one segment. `readings` are all the others too, the path
    as sent among them.
    """

    path: str
    segments: tuple[str, ...]
    readings: frozenset[str]


def read_path(sent: str, *, odd: bool = False) -> PathFacts:
    """What a path may be. Raises `Unparsable` for one that is past all readings, unless `odd` allows it."""
    if sent == "*":
        return PathFacts(sent, (), frozenset({sent}))
    if not sent.startswith("/"):
        raise Unparsable("a path that begins with no slash")
    if len(sent) > MOST_BYTES or sent.count("/") > MOST_SEGMENTS:
        raise Unparsable(f"a path of more than {MOST_BYTES} bytes or {MOST_SEGMENTS} segments")
    if _PLAIN.fullmatch(sent) and "//" not in sent:
        segments = tuple(sent.strip("/").split("/")) if sent != "/" else ()
        return PathFacts(sent, segments, frozenset({sent, _bare(sent), _FORMAT.sub("", _bare(sent))}))
    levels = list(_levels(sent, odd))
    if not odd:
        _check(sent, levels)
    parts = _segments(sent)
    readings = {sent}
    for level in levels:
        readings.update(_readings(level))
    path = "/" + "/".join(parts)
    readings |= {path, _bare(path), *(_FORMAT.sub("", reading) for reading in readings)}
    return PathFacts(path, tuple(part for part in parts if part), frozenset(readings))


def _bare(path: str) -> str:
    return path.rstrip("/") or "/"


def _levels(sent: str, odd: bool) -> Iterator[str]:
    """The path as sent, and decoded once, twice … until nothing is left to decode."""
    level = sent
    for _ in range(MOST_DECODINGS + 1):
        yield level
        following = _decoded(level, odd)
        if following == level:
            return
        level = following
    raise Unparsable("a path that is encoded over and over")


def _decoded(text: str, odd: bool) -> str:
    try:
        return unquote_to_bytes(text.encode("utf-8", "surrogateescape")).decode("utf-8")
    except UnicodeDecodeError:
        if not odd:
            raise Unparsable("a path that is not UTF-8") from None
        return unquote_to_bytes(text.encode("utf-8", "surrogateescape")).decode("latin-1")


def _check(sent: str, levels: list[str]) -> None:
    if _BAD_ESCAPE.search(sent):
        raise Unparsable("a path with a % that begins no escape")
    if "#" in sent:
        raise Unparsable("a path with a fragment")
    if any(_CONTROL.search(level) for level in levels):
        raise Unparsable("a path with control characters")
    if any("\udc80" <= character <= "\udcff" for character in sent):
        raise Unparsable("a path that is not UTF-8")
    for outer, inner in pairwise(levels):
        # Whether `a/..%2fb` climbs is what servers differ in most; a slash alone, `group%2Fproject`, is a name's.
        if _slashes(inner) > _slashes(outer) and _climbs(inner):
            raise Unparsable("a path with dot segments behind encoded slashes")


def _slashes(text: str) -> int:
    return text.count("/") + text.count("\\")


def _climbs(text: str) -> bool:
    return not _DOTS.isdisjoint(re.split(r"[/\\]", _PADDED_DOTS.sub(r"\1", _PARAMETERS.sub("", text))))


def _segments(sent: str) -> tuple[str, ...]:
    found: list[str] = []
    parts = [_segment(part) for part in sent.removeprefix("/").split("/")]
    last = len(parts) - 1
    for number, part in enumerate(parts):
        if part == "..":
            del found[-1:]
        elif part not in ("", "."):
            found.append(part)
        if number == last and part in ("", ".", ".."):
            found.append("")
    return tuple(found)


def _segment(part: str) -> str:
    text = _ESCAPE.sub(lambda e: "%2F" if e[0].lower() == "%2f" else e[0], part)
    kept = [unquote_to_bytes(piece.encode("utf-8", "surrogateescape")) for piece in text.split("%2F")]
    return "%2F".join(piece.decode("utf-8", "replace") for piece in kept)


def _readings(level: str) -> Iterator[str]:
    """What servers make of a path that is decoded: each of these is somebody's."""
    bare = _PARAMETERS.sub("", level)
    for text in {level, bare, _PADDED_DOTS.sub(r"\1", bare)}:
        for slashed in {text, text.replace("\\", "/")}:
            yield slashed
            for merged in {slashed, _SLASHES.sub("/", slashed)}:
                short = _without_dots(merged)
                yield short
                yield _bare(short)
                yield _bare("/".join(part.rstrip(". ") for part in short.split("/")))


def _without_dots(path: str) -> str:
    """RFC 3986 section 5.2.4."""
    found: list[str] = []
    parts = path.removeprefix("/").split("/")
    for number, part in enumerate(parts):
        if part == "..":
            del found[-1:]
        elif part != ".":
            found.append(part)
        if number == len(parts) - 1 and part in _DOTS:
            found.append("")
    return "/" + "/".join(found)
