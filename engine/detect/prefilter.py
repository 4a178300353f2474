"""One pass over raw bytes that says whether a closer look can find anything.

hyperscan compiles all patterns to one automaton; where there is no hyperscan Python's `re` takes the same patterns.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Protocol

from hoopaddon.detect.catalog import detectors, expand
from hoopaddon.detect.outline import outline, outline_patterns

try:
    import hyperscan
except ImportError:
    hyperscan = None  # type: ignore[assignment]

# hyperscan counts a block's length in 32 bits.
MAX_SCAN_BYTES = 1 << 30

# JSON may write any character as an escape; a printable one is written so to hide it, or by a careless encoder.
_ESCAPED_PRINTABLE = rb"\\u00[2-7]"


class Scanner(Protocol):
    """Tells which of its patterns occur in a block of bytes."""

    def hit(self, data: bytes | memoryview) -> bool: ...

    def which(self, data: bytes | memoryview) -> list[int]: ...


class HyperscanScanner:
    """All patterns in one hyperscan database, with one scratch space that every scan uses again."""

    def __init__(self, patterns: Sequence[tuple[bytes, bool]]) -> None:
        once = hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_DOTALL
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        self._database.compile(
            expressions=[pattern for pattern, _ in patterns],
            ids=list(range(len(patterns))),
            elements=len(patterns),
            flags=[once | (hyperscan.HS_FLAG_CASELESS if caseless else 0) for _, caseless in patterns],
        )
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

    def which(self, data: bytes | memoryview) -> list[int]:
        found: list[int] = []

        def note(pattern: int, _start: int, _end: int, _flags: int, _context: object) -> None:
            found.append(pattern)

        try:
            self._scan(data, note)
        except hyperscan.ScratchInUseError:
            # Another thread is scanning: this scan gets a space of its own.
            found.clear()
            self._scan(data, note, scratch=hyperscan.Scratch(self._database))
        return found


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

    def which(self, data: bytes | memoryview) -> list[int]:
        return [number for number, pattern in enumerate(self._patterns) if pattern.search(data)]


def scanner(patterns: Sequence[tuple[bytes, bool]]) -> Scanner:
    """The fastest scanner that is installed. Each pattern says whether its letters stand for both cases."""
    return RegexScanner(patterns) if hyperscan is None else HyperscanScanner(patterns)


@cache
def _loose_scanners(entities: frozenset[str]) -> tuple[Scanner, Scanner | None]:
    """The scanner for the bytes themselves, and the one for their outline."""
    found = detectors(entities)
    loose = {(detector.loose, detector.caseless) for detector in found if detector.loose is not None}
    outlines = {
        (pattern, False)
        for detector in found
        for declared in detector.outlines
        for pattern in outline_patterns(declared)
    }
    plain = scanner([*sorted(loose), (_ESCAPED_PRINTABLE, False)])
    return plain, scanner(sorted(outlines)) if outlines else None


class Prefilter:
    """Whether bytes may hold any of these entities.

    No false negative: where `find` finds an entity in a cell, every run of bytes that holds the cell's UTF-8
    unbroken is a hit, whatever stands around it. A hit is no finding yet. Characters hidden behind JSON's
    `\\u00XX` are hits too.
    """

    def __init__(self, entities: Iterable[str] = ("all",)) -> None:
        self.entities = expand(entities)
        self._plain, self._outlines = _loose_scanners(self.entities)

    def hit(self, data: bytes | memoryview) -> bool:
        """Whether a closer look is worth it."""
        if len(data) > MAX_SCAN_BYTES:
            return True
        if self._plain.hit(data):
            return True
        return self._outlines is not None and self._outlines.hit(outline(bytes(data)))
