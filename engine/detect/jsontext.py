"""Masks inside JSON that leave it JSON: what was found in a string stays a string, a number becomes null."""

import json
import re
from decimal import Decimal

from hoopaddon.detect.finder import UNSEARCHED, Finder, Match
from hoopaddon.detect.masks import Mask, replace
from hoopaddon.detect.prefilter import scanner

# A string with an escape in it; possessive: one pass, whatever the text. Where a string ends none can begin so:
# before the next backslash there is the quote of another.
_ESCAPED_STRING = re.compile(r'"[^"\\]*+\\.(?:[^"\\]++|\\.)*+"', re.DOTALL)
# An escape that stands for what could be part of a value, or is itself escaped.
_SPELLS = re.compile(r'\\[^bfnrt"]')
_MOST_NESTED = 4
_NUMBER = re.compile(r"[-+0-9.eE]*+")
# A whole number may be written as a fraction of one: 4.111111111111111e15.
_SCIENTIFIC = re.compile(r"(?<![\w.+-])-?(?:[0-9]{6,32}|[0-9]{1,32}\.[0-9]{1,32})[eE]\+?[0-9]{1,2}(?![\w.])")
MAY_BE_SCIENTIFIC = (rb"|".join(rb"%dE\+?[0-9]{1,2}(?:[ \t\r\n,}\]]|$)" % digit for digit in range(10)), True)
"""Whether a long number may be written as a fraction and an exponent: a pattern for the prefilter."""
_EXPONENT = scanner([MAY_BE_SCIENTIFIC])
_NUMBER_MARKS = frozenset("-+0123456789.eE")

# Looking into every string by itself costs more than one search of the whole.
MAX_ESCAPED = 4_000_000


def mask_json(text: str, finder: Finder, mask: Mask) -> str:
    """The JSON text with everything masked that the finder finds, behind escapes such as `\\u0040` too."""
    if _EXPONENT.hit(text.encode("utf-8", "surrogatepass")):
        text = _SCIENTIFIC.sub(lambda number: _mask_scientific(number[0], finder), text)
    if "\\" not in text:
        return _mask_plain(text, finder.find(text), mask)
    if len(text) > MAX_ESCAPED:
        return json.dumps(mask(UNSEARCHED, text))
    if _SPELLS.search(text):
        text = _ESCAPED_STRING.sub(lambda token: _mask_escaped(token[0], finder, mask), text)
    # What has no escapes in it, and what spans several tokens, such as a secret after its name.
    found = finder.find(text)
    return _mask_plain(text, found, mask, escapes=True) if found else text


def _mask_scientific(number: str, finder: Finder) -> str:
    return "null" if finder.find(f"{abs(Decimal(number)):.0f}") else number


def _mask_escaped(token: str, finder: Finder, mask: Mask, nested: int = 0) -> str:
    if not _SPELLS.search(token) and not finder.suspects(token.encode("utf-8", "surrogatepass")):
        return token
    try:
        value = json.loads(token, strict=False)
    except ValueError:
        # No JSON after all; a whole masked string is the safe side. What only looks like JSON is left as it is.
        return token if nested else json.dumps(mask(UNSEARCHED, token))
    shown = value
    if "\\" in value and value[:1] in ("{", "[", '"') and nested < _MOST_NESTED:
        shown = _ESCAPED_STRING.sub(lambda inner: _mask_escaped(inner[0], finder, mask, nested + 1), value)
    shown = replace(shown, finder.find(shown), mask)
    return token if shown == value else json.dumps(shown, ensure_ascii=False)


def _mask_plain(text: str, matches: list[Match], mask: Mask, *, escapes: bool = False) -> str:
    """Without escapes a place is inside a string where an odd number of quotes stands before it."""
    if matches and matches[0].entity == UNSEARCHED:
        return json.dumps(mask(UNSEARCHED, text))
    pieces: list[str] = []
    position = counted_to = quotes = 0
    for entity, start, end in matches:
        quotes += _quotes(text, counted_to, start, escapes)
        counted_to = start
        if escapes:
            start = _behind_escape(text, start)
        if start < position or start >= end:
            continue
        if quotes % 2:
            pieces += text[position:start], mask(entity, text[start:end])
            position = end
        else:
            while start > position and text[start - 1] in _NUMBER_MARKS:
                start -= 1
            rest = _NUMBER.match(text, end)
            pieces += text[position:start], "null"
            position = rest.end() if rest else end
    pieces.append(text[position:])
    return "".join(pieces)


def _behind_escape(text: str, start: int) -> int:
    """The place, or the end of the escape around it: in `\\n@example.com` the n is no letter of a name."""
    slashes = start - len(text[:start].rstrip("\\")) if text[start - 1 : start] == "\\" else 0
    if slashes % 2 == 0:
        return start
    return start + (5 if text[start] == "u" else 1)


def _quotes(text: str, start: int, end: int, escapes: bool) -> int:
    """The quotes that open or close a string between two places."""
    if not escapes:
        return text.count('"', start, end)
    part = text[start:end]
    if "\\\\" in part:
        part = part.replace("\\\\", "")
    return part.count('"') - part.count('\\"')
