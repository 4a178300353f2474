"""Finds entities in text."""

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from hoopaddon.detect.catalog import detectors, expand
from hoopaddon.detect.detector import KEEPS_SPAN
from hoopaddon.detect.prefilter import MAX_SCAN_BYTES, scanner

UNSEARCHED = "unsearched"
"""The entity of a whole text that would take too long to search."""

# About a second of work each, on a text that was made to be slow: characters times patterns, and candidates.
MAX_WORK = 64_000_000
MAX_CANDIDATES = 100_000


class Match(NamedTuple):
    """An entity and where it stands: `text[start:end]`."""

    entity: str
    start: int
    end: int


class _TooLong(Exception):
    """A text has more lookalikes than are worth telling from the real."""


class _Effort:
    """Counts the candidates that were none."""

    def __init__(self) -> None:
        self._left = MAX_CANDIDATES

    def failed(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise _TooLong


class Finder:
    """Finds these entities; compile once, search often."""

    def __init__(self, entities: Iterable[str] = ("all",)) -> None:
        self.entities = expand(entities)
        self._detectors = detectors(self.entities)
        self._rank = {detector.entity: detector.rank for detector in self._detectors}
        self._scanner = scanner([(d.tight, d.caseless) for d in self._detectors])

    def find(self, text: str) -> list[Match]:
        """The entities in the text, in order and apart from each other.

        A text that is made to take long is one match of the entity `unsearched`, so that it is hidden whole.
        """
        if not text:
            return []
        data = b"\0%b\0" % text.encode("utf-8", "surrogatepass")
        if len(data) > MAX_SCAN_BYTES:
            return [Match(UNSEARCHED, 0, len(text))]
        hits = self._scanner.which(data)
        if not hits:
            return []
        if len(text) * len(hits) > MAX_WORK:
            return [Match(UNSEARCHED, 0, len(text))]
        found: list[Match] = []
        effort = _Effort()
        try:
            for number in sorted(hits):
                detector = self._detectors[number]
                entity = detector.entity
                found += [Match(entity, start, end) for start, end in detector.spans(text, effort.failed)]
        except _TooLong:
            return [Match(UNSEARCHED, 0, len(text))]
        return self._apart(found) if len(hits) > 1 else found

    def _apart(self, found: list[Match]) -> list[Match]:
        """Without overlaps. What two entities cover together is hidden together, under the better one's name."""
        found.sort(key=lambda match: match.start)
        apart: list[Match] = []
        for match in found:
            if not apart or match.start >= apart[-1].end:
                apart.append(match)
            else:
                apart[-1] = self._merged(apart[-1], match)
        return apart

    def _merged(self, one: Match, other: Match) -> Match:
        ranks = self._rank
        better, worse = sorted(
            (one, other),
            key=lambda match: (ranks[match.entity] == KEEPS_SPAN, match.end - match.start, ranks[match.entity]),
        )[::-1]
        if ranks[better.entity] == KEEPS_SPAN:
            return better
        return Match(better.entity, min(better.start, worse.start), max(better.end, worse.end))


@cache
def finder(entities: frozenset[str]) -> Finder:
    """The finder for these entities, compiled once."""
    return Finder(entities)


def find(text: str, entities: Iterable[str] = ("all",)) -> list[Match]:
    """The entities in a text: `find("mail ann@example.com", ["email"])`. Raises `UnknownEntity`."""
    return finder(expand(entities)).find(text)
