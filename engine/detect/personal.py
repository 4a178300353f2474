"""E-mail addresses and telephone numbers."""

import re
from functools import cache

import phonenumbers

from hoopaddon.detect.detector import GAP, GROUPS_END, GROUPS_START, Check, Detector, Edge, regex_spans, shaped

_EMAIL_BYTES = rb"[A-Za-z0-9_+\-\x80-\xff](?:@|%40)[A-Za-z0-9_\-.\x80-\xff]+\.[A-Za-z\x80-\xff]{2}"


def _email(word: str, letter: str) -> str:
    # Runs are possessive and start only where no run can already be, so that no text makes the search slow.
    local = f"(?<![{word}+-])(?<![{word}+-][.'])[{word}+-]++(?:[.'][{word}+-]++)*+"
    domain = rf"(?:[{word}-]++\.)+(?:xn--[A-Za-z0-9-]++|{letter}{{2,}}+)"
    # `%40` is the @ of a URL's query.
    return f"({local}(?:@|%40){domain})"


# Letters are Unicode's: names and domains need not be ASCII. Where they are, a set of letters is faster than a class.
_EMAIL = _email(r"\w", r"[^\W\d_]")
_EMAIL_IN_ASCII = _email("A-Za-z0-9_", "[A-Za-z]")

EMAIL = Detector(
    "email",
    regex_spans(_EMAIL, flags=re.NOFLAG),
    tight=_EMAIL_BYTES,
    loose=_EMAIL_BYTES,
    whole=re.compile(_EMAIL),
    whole_in_ascii=re.compile(_EMAIL_IN_ASCII),
)

_PHONE_GAP = f"(?:{GAP}|[/()])"
_INTERNATIONAL_BYTES = r"\+[1-9](?:[ .()/\-\x80-\xff]{0,9}[0-9]){6}"
_NOT_BEFORE_DIGIT = Edge(r"(?![0-9])", "")
_AREA = r"(?:\(00?[1-9][0-9]{0,3}\)|00?[1-9][0-9]{0,3})"
# The gap of a phone number with a trunk 0: a dot there is a date's or a decimal's.
_PAUSE = "[ /\\-]"

# Written out with a trunk 0 the country is anybody's guess: these are tried. Others need the leading `+`.
_TRUNK_REGIONS = ("GB", "FR", "DE", "IT", "NL", "BE", "CH", "AT", "SE", "AU", "JP", "ZA", "BR", "IN")
_MIN_DIGITS = 8
# With fewer it is a date: 01-02-2024.
_MIN_DIGITS_NATIONAL = 9


@cache
def _possible_lengths() -> dict[str, frozenset[int]]:
    """How many digits may follow each calling code."""
    lengths = {}
    for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        metadata = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(code, regions[0])
        if metadata is not None and metadata.general_desc is not None:
            lengths[str(code)] = frozenset(metadata.general_desc.possible_length)
    return lengths


@cache
def _national_patterns() -> tuple[re.Pattern[str], ...]:
    patterns = []
    for region in _TRUNK_REGIONS:
        metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
        if metadata is not None and metadata.general_desc is not None:
            patterns.append(re.compile(metadata.general_desc.national_number_pattern or "(?!)"))
    return tuple(patterns)


_NO_DIGITS = re.compile(r"[^0-9]+")


def _digits(text: str) -> str:
    return _NO_DIGITS.sub("", text)


def is_international(text: str) -> bool:
    """Whether the digits are a known calling code and as many more as that country uses.

    Whether the number was ever assigned is not asked: hiding one too many does no harm.
    """
    digits = _digits(text.replace("(0)", ""))
    if len(digits) < _MIN_DIGITS:
        return False
    lengths, count = _possible_lengths(), len(digits)
    return any(count - n in lengths.get(digits[:n], ()) for n in (1, 2, 3))


def is_national(text: str) -> bool:
    """Whether one of the countries that dial a trunk 0 has numbers such as this one."""
    digits = _digits(text)
    if digits.startswith("00"):
        return is_international(digits[2:])
    if len(digits) < _MIN_DIGITS_NATIONAL:
        return False
    # Italy keeps the 0, the others drop it.
    return any(p.fullmatch(digits[1:]) or p.fullmatch(digits) for p in _national_patterns())


def _written_out(shape: str, outlines: str, check: Check | None) -> Detector:
    return shaped("phone", shape, start=GROUPS_START, end=GROUPS_END, outlines=outlines, check=check, shorter=True)


PHONES = (
    shaped(
        "phone",
        rf"\+[1-9](?:{_PHONE_GAP}{{0,3}}[0-9]){{6,14}}",
        end=_NOT_BEFORE_DIGIT,
        raw=_INTERNATIONAL_BYTES,
        check=is_international,
        shorter=True,
    ),
    # 555-555-0100, (555) 555-0100, 1-555-555-0100
    _written_out(
        rf"(?:1{GAP})?(?:\([2-9][0-9]{{2}}\){GAP}?|[2-9][0-9]{{2}}{GAP})[2-9][0-9]{{2}}{GAP}[0-9]{{4}}",
        "000_000_0000 000000_0000",
        None,
    ),
    # 06 12 34 56 78, 06.12.34.56.78
    _written_out(f"0[1-9](?:{GAP}[0-9]{{2}}){{4}}", "00_00_00_00_00", is_national),
    # 020 7946 0958, (030) 1234 5678, 0049 30 123456
    _written_out(
        rf"{_AREA}{_PAUSE}[0-9]{{2,4}}(?:{_PAUSE}[0-9]{{2,4}}){{0,2}}{_PAUSE}[0-9]{{3,8}}",
        "00-00-000 00-000-000 00-0000-000",
        is_national,
    ),
    # 06-12345678
    _written_out(rf"{_AREA}{_PAUSE}[0-9]{{6,8}}", "00-000000", is_national),
)
