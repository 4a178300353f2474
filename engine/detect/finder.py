"""Finds entities in text."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from itertools import repeat
from typing import NamedTuple

from hoopaddon.detect.catalog import detectors, expand
from hoopaddon.detect.detector import KEEPS_SPAN, Detector
from hoopaddon.detect.prefilter import MAX_SCAN_BYTES, Prefilter, scanner

UNSEARCHED = "unsearched"
"""The entity of a whole text that would take too long to search."""

# About a second of work each, on a text that was made to be slow: characters times patterns, and candidates.
MAX_WORK = 64_000_000
MAX_CANDIDATES = 100_000

type Masks = Mapping[str, str | Callable[[str, str], str]]
"""A mask for each entity: takes entity and text; a text for one that is always the same."""

_LONG = 256
"""A longer text is scanned for what is near at hand first: that takes a small part of the time."""


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
        self._prefilter = Prefilter(self.entities)

    def find(self, text: str, without: frozenset[str] = frozenset()) -> list[Match]:
        """The entities in the text but those `without`, in order and apart from each other.

        A text that is made to take long is one match of the entity `unsearched`, so that it is hidden whole.
        """
        if not text:
            return []
        hits = self._hits(text)
        if not hits:
            return [] if hits is not None else [Match(UNSEARCHED, 0, len(text))]
        return self._matches(text, [hit for hit in hits if hit.entity not in without] if without else hits)

    def suspects(self, data: bytes) -> bool:
        """Whether `find` may find something in any part of this UTF-8; says no much faster than that does."""
        return self._prefilter.hit(data)

    def _matches(self, text: str, hits: list[Detector]) -> list[Match]:
        found: list[Match] = []
        effort = _Effort()
        try:
            for detector in hits:
                entity = detector.entity
                found += [Match(entity, start, end) for start, end in detector.spans(text, effort.failed)]
        except _TooLong:
            return [Match(UNSEARCHED, 0, len(text))]
        return self._apart(found) if len(hits) > 1 else found

    def replace(self, text: str, masks: Masks) -> str | None:
        """The text with the entities' masks in the place of what is found; None for one that takes too long."""
        hits = self._hits(text)
        if not hits:
            return text if hits is not None else None
        pattern = (text.isascii() and hits[0].whole_in_ascii) or hits[0].whole
        if len(hits) > 1 or pattern is None:
            matches = self._matches(text, hits)
            return None if matches and matches[0].entity == UNSEARCHED else _replaced(text, matches, masks)
        entity = hits[0].entity
        mask = masks[entity]
        if isinstance(mask, str):
            return pattern.sub(mask.replace("\\", r"\\"), text)
        # Every other piece is a match.
        pieces = pattern.split(text)
        pieces[1::2] = map(mask, repeat(entity), pieces[1::2])
        return "".join(pieces)

    def _hits(self, text: str) -> list[Detector] | None:
        """The detectors that may find something; None where the text would take too long to search."""
        data = text.encode("utf-8", "surrogatepass")
        if len(data) + 2 > MAX_SCAN_BYTES:
            return None
        if len(data) > _LONG and (shapes := self._prefilter.shapes(data)) is not None:
            hits = [d for d in self._detectors if d.loose is not None and (d.loose, d.caseless) in shapes]
            if len(hits) > 1:
                hits = self._tight(data)
        else:
            hits = self._tight(data)
        return hits if len(text) * len(hits) <= MAX_WORK else None

    def _tight(self, data: bytes) -> list[Detector]:
        return [self._detectors[number] for number in sorted(self._scanner.which(b"\0%b\0" % data))]

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


def _replaced(text: str, matches: Iterable[Match], masks: Masks) -> str:
    pieces: list[str] = []
    position = 0
    for entity, start, end in matches:
        mask = masks[entity]
        pieces += text[position:start], mask if isinstance(mask, str) else mask(entity, text[start:end])
        position = end
    pieces.append(text[position:])
    return "".join(pieces)


@cache
def finder(entities: frozenset[str]) -> Finder:
    """The finder for these entities, compiled once."""
    return Finder(entities)


def find(text: str, entities: Iterable[str] = ("all",)) -> list[Match]:
    """The entities in a text: `find("mail ann@example.com", ["email"])`. Raises `UnknownEntity`."""
    return finder(expand(entities)).find(text)
