"""One detector: the shape of a thing worth hiding, in text and in raw bytes, and how to tell it from a lookalike."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

type Span = tuple[int, int]
type Check = Callable[[str], bool]
type Spans = Callable[[str, Callable[[], None]], Iterator[Span]]
"""Finds the places of an entity in a text; calls the other argument for every candidate that was none."""

GAP = "␣"
"""Stands in a shape for one separator between groups of digits."""

# Space, dot, hyphen, and the blanks, dashes and zero-width characters that word processors put in their place.
_GAP_TEXT = "[ .\\-\u00a0\u2002-\u2015\u202f]"
_GAP_BYTES = r"(?:[ .\-]|\xc2\xa0|\xe2\x80[\x82-\x95\xaf])"
KEEPS_SPAN = 2
"""The rank of an entity that hides exactly its own span; what overlaps it is dropped."""

_GAP = re.compile(_GAP_TEXT)
_NO_GAPS = {ord(c): None for c in " .-\u00a0\u202f"} | dict.fromkeys(range(0x2002, 0x2016))


def without_gaps(text: str) -> str:
    """The text without the separators that `GAP` stands for."""
    return text.translate(_NO_GAPS)


@dataclass(frozen=True, slots=True)
class Edge:
    """What may stand beside a shape: an assertion in text, and in bytes a pattern that uses up what stands there.

    In bytes there is always something beside a shape: who searches them puts a NUL at both ends.
    """

    text: str
    raw: str


# A JSON escape such as \n ends in a letter that belongs to the escape, not to what follows it.
AFTER_ESCAPE = Edge(r"(?<=\\[bfnrt])", r"\\[bfnrt]")

ANY = Edge("", "")
WORD_START = Edge(rf"(?:(?<![0-9A-Za-z])|{AFTER_ESCAPE.text})", rf"(?:[^0-9A-Za-z]|{AFTER_ESCAPE.raw})")
WORD_END = Edge(r"(?![0-9A-Za-z])", r"[^0-9A-Za-z]")
# The digits behind a decimal point are not a number of their own.
NUMBER_START = Edge(
    rf"(?:(?<![0-9A-Za-z])(?<![0-9]\.)|{AFTER_ESCAPE.text})", rf"(?:[^0-9A-Za-z.]|[^0-9]\.|{AFTER_ESCAPE.raw})"
)
# A group of digits between hyphens is a number of its own only outside of a UUID.
GROUPS_START = Edge(rf"(?:(?<![0-9A-Za-z])(?<![0-9]\.)(?<![0-9A-Fa-f]{{4}}-)|{AFTER_ESCAPE.text})", NUMBER_START.raw)
GROUPS_END = Edge(r"(?![0-9A-Za-z])(?!-[0-9A-Fa-f]{4})", WORD_END.raw)
NUMBER_END = Edge(r"(?![0-9A-Za-z])(?!\.[0-9]*[1-9])", r"[^0-9A-Za-z]")


@dataclass(frozen=True, slots=True)
class Detector:
    """Finds one shape of one entity.

    What `spans` finds in a text is also found in bytes: `tight` is for bytes in which the ends of a text are known.
    `loose` and `outlines` are for bytes in which a cell may stand beside anything; one of them always occurs, `loose`
    in the bytes or one of `outlines` in their outline. Of two entities in one place the longer is reported, of two
    equally long ones the higher `rank`. `whole` is there where everything that one pattern matches is the entity; it
    has a group around it all and no other. `whole_in_ascii` finds the same in a text that is ASCII.
    """

    entity: str
    spans: Spans
    tight: bytes
    loose: bytes | None = None
    outlines: tuple[str, ...] = ()
    caseless: bool = False
    rank: int = 0
    whole: re.Pattern[str] | None = None
    whole_in_ascii: re.Pattern[str] | None = None


def shaped(
    entity: str,
    shape: str,
    *,
    start: Edge = WORD_START,
    end: Edge = WORD_END,
    raw: str | None = None,
    loose: str | None = None,
    outlines: str = "",
    caseless: bool = False,
    check: Check | None = None,
    shorter: bool = False,
    rank: int = 0,
) -> Detector:
    """A detector for a regular expression of ASCII and `GAP`.

    `raw` is the same in bytes, or something weaker, where it cannot be derived, and `loose` something weaker still.
    `check` tells a candidate from a lookalike, by its check digits for example; with `shorter` it is asked again
    without the last groups, as the number after a number may not belong to it. `outlines` are separated by blanks.
    A group named `secret` narrows what is hidden to that group.
    """
    raw = shape if raw is None else raw
    if loose is None and not outlines:
        loose = raw
    return Detector(
        entity,
        regex_spans(f"{start.text}(?:{text_shape(shape)}){end.text}", check, caseless=caseless, shorter=shorter),
        raw_shape(f"{start.raw}(?:{raw}){end.raw}"),
        raw_shape(loose) if loose is not None else None,
        tuple(outlines.split()),
        caseless,
        rank,
    )


def text_shape(shape: str) -> str:
    """The regular expression for text: a gap is any of the separators."""
    return shape.replace(GAP, _GAP_TEXT)


def raw_shape(shape: str) -> bytes:
    """The regular expression for UTF-8 bytes."""
    return shape.replace(GAP, _GAP_BYTES).encode("ascii")


def regex_spans(
    pattern: str,
    check: Check | None = None,
    *,
    caseless: bool = False,
    shorter: bool = False,
    flags: re.RegexFlag = re.ASCII,
) -> Spans:
    """The places where a pattern matches; ASCII rules, so that text and bytes agree on letters and case."""
    compiled = re.compile(pattern, flags | (re.IGNORECASE if caseless else re.NOFLAG))
    group = "secret" if "secret" in compiled.groupindex else 0

    def spans(text: str, failed: Callable[[], None]) -> Iterator[Span]:
        return (match.span(group) for match in compiled.finditer(text))

    return spans if check is None else _checked(compiled, check, shorter)


def _checked(compiled: re.Pattern[str], check: Check, shorter: bool) -> Spans:
    def accepted(text: str, start: int, end: int) -> int:
        if check(text[start:end]):
            return end
        if shorter:
            for cut in range(end - 1, start, -1):
                if _GAP.match(text, cut) and compiled.fullmatch(text, start, cut) and check(text[start:cut]):
                    return cut
        return 0

    def spans(text: str, failed: Callable[[], None]) -> Iterator[Span]:
        position = 0
        while match := compiled.search(text, position):
            start, end = match.span()
            if end := accepted(text, start, end):
                yield start, end
                position = end
            else:
                failed()
                # The next may begin inside of what was none.
                position = start + 1

    return spans
