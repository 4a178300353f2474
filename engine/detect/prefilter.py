"""One pass over raw bytes that says whether a closer look can find anything.

hyperscan compiles all patterns to one automaton; where there is no hyperscan Python's `re` takes the same patterns.
"""

import contextlib
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Protocol

from hoopaddon.detect.catalog import detectors, expand
from hoopaddon.detect.databases import database
from hoopaddon.detect.outline import outline, outline_literals

try:
    import hyperscan
except ImportError:
    hyperscan = None  # type: ignore[assignment]

# hyperscan counts a block's length in 32 bits.
MAX_SCAN_BYTES = 1 << 30

# JSON may write any character as an escape; a printable one is written so to hide it, or by a careless encoder.
_ESCAPED_PRINTABLE = rb"\\u00[2-7]"

# All outlines have this many digits and capitals, and little between two of them: a separator, what is deleted.
FEWEST_MARKS = 7
_DENSE_PATTERN = rb"[0-9A-Z](?:[^0-9A-Za-z]{0,8}[0-9A-Z]){%d}" % (FEWEST_MARKS - 1)

# Fewer parts, or those of a page with more hits, are faster looked at together than told apart.
_FEW_PARTS = 4
_BLOCK = 16


type Loose = tuple[bytes, bool]
"""A detector's `loose` pattern, and whether it is caseless."""


class Scanner(Protocol):
    """Tells which of its patterns occur in a block of bytes."""

    def hit(self, data: bytes | memoryview) -> bool: ...

    def place(self, data: bytes | memoryview) -> int:
        """The offset of the last byte of any one match; -1 without a match."""
        ...

    def which(self, data: bytes | memoryview) -> list[int]: ...


class HyperscanScanner:
    """All patterns in one hyperscan database, with one scratch space that every scan uses again."""

    def __init__(self, patterns: Sequence[tuple[bytes, bool]]) -> None:
        once = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_DOTALL
        flags = {False: once, True: once | hyperscan.HS_FLAG_CASELESS}
        # Alternatives are expressions of their own: each is then found by its own letters, and not by what all have.
        each = [
            (n, part, flags[caseless]) for n, (whole, caseless) in enumerate(patterns) for part in _choices(whole)
        ]
        self._database = database(each)
        # Its stub knows no memoryview.
        self._scan: Callable[..., None] = self._database.scan

    def hit(self, data: bytes | memoryview) -> bool:
        try:
            self._scan(data, _stop)
        except hyperscan.ScanTerminated:
            return True
        except hyperscan.ScratchInUseError:
            return bool(self.which(data))
        return False

    def place(self, data: bytes | memoryview) -> int:
        ends: list[int] = []

        def note(_pattern: int, _start: int, end: int, _flags: int, _context: object) -> bool:
            ends.append(end)
            return True

        try:
            self._scan(data, note)
        except hyperscan.ScanTerminated:
            pass
        except hyperscan.ScratchInUseError:
            self._scan_apart(data, note)
        return ends[0] - 1 if ends else -1

    def which(self, data: bytes | memoryview) -> list[int]:
        found: list[int] = []

        def note(pattern: int, _start: int, _end: int, _flags: int, _context: object) -> None:
            found.append(pattern)

        try:
            self._scan(data, note)
        except hyperscan.ScratchInUseError:
            found.clear()
            self._scan_apart(data, note)
        return found

    def _scan_apart(self, data: bytes | memoryview, note: Callable[..., bool | None]) -> None:
        """Another thread is scanning: this scan gets a space of its own."""
        with contextlib.suppress(hyperscan.ScanTerminated):
            self._scan(data, note, scratch=hyperscan.Scratch(self._database))


_CHOICE = re.compile(rb"\\.|\[(?:\\.|[^\]\\])*+\]|[()|]", re.DOTALL)


def _choices(pattern: bytes) -> list[bytes]:
    """The alternatives that stand outside of all parentheses."""
    bounds, depth = [0], 0
    for mark in _CHOICE.finditer(pattern):
        depth += (mark[0] == b"(") - (mark[0] == b")")
        if mark[0] == b"|" and not depth:
            bounds += [mark.start(), mark.end()]
    bounds.append(len(pattern))
    return [pattern[start:end] for start, end in zip(bounds[::2], bounds[1::2], strict=True)]


def _stop(*_match: object) -> bool:
    return True


class RegexScanner:
    """The same with Python's regular expressions, one pattern after the other."""

    def __init__(self, patterns: Sequence[tuple[bytes, bool]]) -> None:
        self._patterns = [
            re.compile(pattern, re.IGNORECASE if caseless else re.NOFLAG) for pattern, caseless in patterns
        ]
        self._any = re.compile(
            b"|".join(b"(?i:%b)" % pattern if caseless else b"(?:%b)" % pattern for pattern, caseless in patterns)
        )

    def hit(self, data: bytes | memoryview) -> bool:
        return self._any.search(data) is not None

    def place(self, data: bytes | memoryview) -> int:
        found = self._any.search(data)
        return found.end() - 1 if found else -1

    def which(self, data: bytes | memoryview) -> list[int]:
        return [number for number, pattern in enumerate(self._patterns) if pattern.search(data)]


def scanner(patterns: Sequence[tuple[bytes, bool]]) -> Scanner:
    """The fastest scanner that is installed. Each pattern says whether its letters stand for both cases."""
    return RegexScanner(patterns) if hyperscan is None else HyperscanScanner(patterns)


_DENSE = scanner([(_DENSE_PATTERN, False)])


@cache
def _loose_scanners(entities: frozenset[str], also: tuple[Loose, ...]) -> tuple[list[Loose], Scanner, Scanner | None]:
    """What is looked for in the bytes themselves, the scanner for it, and the one for their outline."""
    found = detectors(entities)
    loose = sorted({(detector.loose, detector.caseless) for detector in found if detector.loose is not None})
    outlines = outline_literals(declared for detector in found for declared in detector.outlines)
    loose += [(_ESCAPED_PRINTABLE, False), *also]
    return loose, scanner(loose), scanner([(re.escape(literal), False) for literal in outlines]) if outlines else None


class Prefilter:
    """Whether bytes may hold any of these entities.

    No false negative: where `find` finds an entity in a cell, every run of bytes that holds the cell's UTF-8
    unbroken is a hit, whatever stands around it. A hit is no finding yet. Characters hidden behind JSON's
    `\\u00XX` are hits too.
    """

    def __init__(self, entities: Iterable[str] = ("all",), also: tuple[Loose, ...] = ()) -> None:
        """`also` are further patterns that are hits."""
        self.entities = expand(entities)
        self._loose, self._plain, self._outlines = _loose_scanners(self.entities, also)

    def hit(self, data: bytes | memoryview) -> bool:
        """Whether a closer look is worth it."""
        if len(data) > MAX_SCAN_BYTES:
            return True
        if self._plain.hit(data):
            return True
        return self._outlines is not None and _DENSE.hit(data) and self._outlines.hit(outline(bytes(data)))

    def shapes(self, data: bytes) -> list[Loose] | None:
        """The `loose` patterns that occur; None where something may be there of which only the outline is known."""
        if self._outlines is not None and self._outlines.hit(outline(data)):
            return None
        return [self._loose[number] for number in self._plain.which(data)]

    def parts(self, data: bytes, starts: Sequence[int]) -> list[int] | None:
        """Which of the parts of the data are worth a closer look; None where it may be most of them.

        `starts` are the offsets at which the parts begin, the first of them 0. A part that holds a cell's UTF-8 in
        which `find` finds something is among them, whatever stands in the parts around it.
        """
        count = len(starts)
        if len(data) > MAX_SCAN_BYTES or count <= _FEW_PARTS:
            return None
        bounds = [*starts, len(data)]
        blocks = [(first, min(first + _BLOCK, count)) for first in range(0, count, _BLOCK)]
        most, hits = 2 + len(blocks) // 4, []
        for first, last in blocks:
            if self.hit(data[bounds[first] : bounds[last]]):
                hits.append((first, last))
                if len(hits) > most:
                    return None
        return sorted(self._apart(data, bounds, hits))

    def _apart(self, data: bytes, bounds: Sequence[int], left: list[tuple[int, int]]) -> Iterator[int]:
        """The parts with a hit, out of these runs of parts."""
        while left:
            first, last = left.pop()
            begin = bounds[first]
            place = self._place(data[begin : bounds[last]])
            if place is None:
                continue
            if place < 0 and last - first > 1:
                middle = (first + last) // 2
                left += (first, middle), (middle, last)
                continue
            number = first if place < 0 else bisect_right(bounds, begin + place, first, last) - 1
            yield number
            # A scan need not report what comes first, so both sides of it are looked at again.
            left += [(one, other) for one, other in ((first, number), (number + 1, last)) if one < other]

    def _place(self, data: bytes) -> int | None:
        """The offset of the last byte of something worth a look; -1 where that cannot be told, None without any."""
        place = self._plain.place(data)
        if place >= 0:
            return place
        if self._outlines is None:
            return None
        drawn = outline(data)
        place = self._outlines.place(drawn)
        if place < 0:
            return None
        # What the outline leaves out has moved its bytes.
        return place if len(drawn) == len(data) else -1
