"""Payment cards and IBANs."""

import re
from collections.abc import Callable, Iterator
from functools import cache

from stdnum import iban, luhn, numdb

from hoopaddon.detect.detector import (
    GAP,
    NUMBER_END,
    NUMBER_START,
    WORD_END,
    WORD_START,
    Detector,
    Span,
    raw_shape,
    shaped,
    text_shape,
    without_gaps,
)

_MASTERCARD = "5[1-5][0-9]{2}|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720"
_MIR = "220[0-4]"
_JCB = "35(?:2[89]|[3-8][0-9])"
_UP_TO_19 = "6011|64[4-9][0-9]|65[0-9]{2}|5018|5020|5038|5[678][0-9]{2}|6304|67[0-9]{2}"
_FOURS = f"(?:[0-9]{{12}}|(?:{GAP}[0-9]{{4}}){{3}})"
# Written as one run or in the groups that are embossed on the card. Visa, Discover and Maestro may have up to 19
# digits; in one run those count for UnionPay alone, which really issues them, as random 64-bit keys have 19 too.
# Visa's old 13 digits are left out: they are a German article number (EAN) far more often.
_SHAPE = (
    f"4[0-9]{{3}}{_FOURS}(?:{GAP}[0-9]{{3}})?"
    f"|(?:{_MASTERCARD}|{_MIR}|{_JCB}){_FOURS}"
    f"|(?:{_UP_TO_19}){_FOURS}(?:{GAP}[0-9]{{1,3}})?"
    f"|62[0-9]{{2}}{_FOURS}(?:{GAP}?[0-9]{{1,3}})?"
    f"|3[47][0-9]{{2}}(?:[0-9]{{11}}|{GAP}[0-9]{{6}}{GAP}[0-9]{{5}})"
    f"|3(?:0[0-5]|[689][0-9])[0-9](?:[0-9]{{10}}|{GAP}[0-9]{{6}}{GAP}[0-9]{{4}}|{_FOURS})"
)


def is_card(text: str) -> bool:
    """Whether Luhn's check digit is right."""
    return bool(luhn.checksum(without_gaps(text)) == 0)


CARD = shaped(
    "card",
    _SHAPE,
    start=NUMBER_START,
    end=NUMBER_END,
    outlines="00000000000000 0000_0000_0000_0000 0000_000000_0000",
    check=is_card,
    shorter=True,
    rank=1,
)

_CLASSES = {"n": "[0-9]", "a": "[A-Z]", "c": "[A-Z0-9]"}


def _bban(notation: str) -> str:
    """One letter for each character, from the registry's notation: `4!a6!n8!n` is 4 letters, then 14 digits."""
    return "".join(kind * int(count) for count, kind in re.findall(r"(\d+)!([nac])", notation))


def _groups(bban: str) -> list[str]:
    return [bban[i : i + 4] for i in range(0, len(bban), 4)]


def _shape(bban: str) -> str:
    """Two check digits and these characters, in one run or, as IBANs are printed, in groups of four."""
    groups = ["".join(_CLASSES[kind] for kind in group) for group in _groups(bban)]
    return f"[0-9]{{2}}(?:{''.join(groups)}|{''.join(GAP + group for group in groups)})"


def _outlines(bban: str) -> list[str]:
    """The same in outline, as far as the shortest IBAN goes: what follows would tell little more."""
    marks = bban[:_SHORTEST].translate({ord("n"): "0", ord("a"): "A", ord("c"): "*"})
    # Beyond the first choices a literal for every combination costs more than it tells.
    marks = marks[: marks.find("*") + _CHOICES] if marks.count("*") > _CHOICES else marks
    return ["AA00" + marks, "AA00" + "".join("_" + group for group in _groups(marks))[:_SHORTEST]]


# Facts about each country's format come from SWIFT's registry, as python-stdnum carries it.
_BBAN = {country: _bban(facts["bban"]) for _, country, _, facts, _ in numdb.get("iban").prefixes}


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    return {c: re.compile(f"{c}{text_shape(_shape(bban))}{WORD_END.text}", re.ASCII) for c, bban in _BBAN.items()}


_HEAD = re.compile(WORD_START.text + r"[A-Z]{2}[0-9]{2}", re.ASCII)


def _iban_spans(text: str, failed: Callable[[], None]) -> Iterator[Span]:
    patterns = _patterns()
    for head in _HEAD.finditer(text):
        pattern = patterns.get(head[0][:2])
        if pattern and (found := pattern.match(text, head.start())):
            if is_iban(found[0]):
                yield found.span()
            else:
                failed()


def is_iban(text: str) -> bool:
    """Whether the check digits are right for this country's format."""
    return bool(iban.is_valid(without_gaps(text), check_country=False))


_SHORTEST = min(map(len, _BBAN.values()))
_CHOICES = 4


def _raw_iban() -> str:
    """All countries in one pattern: each shape once, and of each only as much as the shortest has."""
    countries: dict[str, list[str]] = {}
    for country, bban in _BBAN.items():
        countries.setdefault(_shape(bban[:_SHORTEST]), []).append(country)
    return "|".join(f"(?:{'|'.join(names)}){shape}" for shape, names in countries.items())


IBAN = Detector(
    "iban",
    _iban_spans,
    tight=raw_shape(f"{WORD_START.raw}(?:{_raw_iban()})"),
    outlines=tuple(sorted({outline for bban in _BBAN.values() for outline in _outlines(bban)})),
    rank=1,
)
