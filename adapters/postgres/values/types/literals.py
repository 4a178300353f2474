"""The text forms of values that have parts: arrays, composites, ranges.

PostgreSQL 18, 8.15.6, 8.16.6 and 8.17.5; the quoting is that of array_out, record_out and range_out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hoopaddon.adapters.postgres.values.types.scalar import Unfit

MAX_DIMENSIONS = 6
"""PostgreSQL's own MAXDIM."""

type Dimension = tuple[int, int]
"""The length and the lower bound."""

_SPACE = " \\t\\n\\r\\v\\f"
_ARRAY_QUOTED = {delimiter: re.compile(rf'["\\{{}}{delimiter}{_SPACE}]') for delimiter in ",;"}
_ARRAY_ESCAPED = re.compile(r'(["\\])')
_PART_QUOTED = re.compile(rf'["\\(),{_SPACE}]')
_RANGE_QUOTED = re.compile(rf'["\\()\[\],{_SPACE}]')
_BOUNDS = re.compile(r"\[(?:(-?[0-9]{1,10}):)?(-?[0-9]{1,10})\]")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
# Possessive, so that hostile text costs time in proportion to its length.
_ITEM = {
    delimiter: re.compile(rf'"((?:[^"\\]|\\.)*+)"|([^"\\{{}}{delimiter}{_SPACE}]++)', re.DOTALL) for delimiter in ",;"
}
_FIELD = re.compile(r'((?:"(?:[^"\\]|\\.|"")*+"|\\.|[^"\\(),])*+)([,)])', re.DOTALL)
_FIELD_PART = re.compile(r'"((?:[^"\\]|\\.|"")*+)"|\\(.)|([^"\\]+)', re.DOTALL)
_RANGE = re.compile(
    r'(empty)|([\[(])((?:"(?:[^"\\]|\\.|"")*+"|\\.|[^"\\()\[\],])*+),'
    r'((?:"(?:[^"\\]|\\.|"")*+"|\\.|[^"\\()\[\],])*+)([\])])',
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Array:
    """An array's elements, row by row, and its dimensions; an empty array has none."""

    dimensions: tuple[Dimension, ...]
    elements: Sequence[str | None]


# -- arrays


def array_text(array: Array, delimiter: str = ",") -> str:
    """The array as PostgreSQL's array_out shows it."""
    if not array.dimensions:
        return "{}"
    quoted = _ARRAY_QUOTED[delimiter]
    items = [_array_item(element, quoted) for element in array.elements]
    for length, _ in reversed(array.dimensions):
        items = ["{" + delimiter.join(items[at : at + length]) + "}" for at in range(0, len(items), length)]
    if all(lower == 1 for _, lower in array.dimensions):
        return items[0]
    return "".join(f"[{lower}:{lower + length - 1}]" for length, lower in array.dimensions) + "=" + items[0]


def _array_item(element: str | None, quoted: re.Pattern[str]) -> str:
    if element is None:
        return "NULL"
    if not element or quoted.search(element) or element.upper() == "NULL":
        return '"' + _ARRAY_ESCAPED.sub(r"\\\1", element) + '"'
    return element


def parse_array(text: str, delimiter: str = ",") -> Array:
    """The array that this text is. Raises `Unfit` for any other text."""
    bounds, at = [], 0
    while found := _BOUNDS.match(text, at):
        lower, upper, at = int(found[1] or 1), int(found[2]), found.end()
        if upper < lower:
            raise Unfit
        bounds.append((upper - lower + 1, lower))
    if bounds:
        if text[at : at + 1] != "=":
            raise Unfit
        at += 1
    elements, lengths = _parse_items(text, at, delimiter)
    if bounds and [length for length, _ in bounds] != lengths:
        raise Unfit
    return Array(tuple(bounds) or tuple((length, 1) for length in lengths), elements)


def _parse_items(text: str, at: int, delimiter: str) -> tuple[list[str | None], list[int]]:
    if text[at:] == "{}":
        return [], []
    depth_of_items = len(text[at : at + MAX_DIMENSIONS + 1]) - len(text[at : at + MAX_DIMENSIONS + 1].lstrip("{"))
    if not 1 <= depth_of_items <= MAX_DIMENSIONS:
        raise Unfit
    elements: list[str | None] = []
    counts, lengths = [0] * depth_of_items, [-1] * depth_of_items
    depth = 0
    while True:
        # One item or one opening brace is due here.
        if depth < depth_of_items:
            if text[at : at + 1] != "{":
                raise Unfit
            depth, at = depth + 1, at + 1
            continue
        element, at = _parse_item(text, at, delimiter)
        elements.append(element)
        counts[depth - 1] += 1
        while text[at : at + 1] == "}":
            _close(counts, lengths, depth - 1)
            depth, at = depth - 1, at + 1
            if depth == 0:
                if at != len(text):
                    raise Unfit
                return elements, lengths
            counts[depth - 1] += 1
        if text[at : at + 1] != delimiter:
            raise Unfit
        at += 1


def _close(counts: list[int], lengths: list[int], depth: int) -> None:
    if lengths[depth] not in (-1, counts[depth]):
        raise Unfit
    lengths[depth], counts[depth] = counts[depth], 0


def _parse_item(text: str, at: int, delimiter: str) -> tuple[str | None, int]:
    found = _ITEM[delimiter].match(text, at)
    if found is None:
        raise Unfit
    quoted, bare = found.groups()
    if quoted is not None:
        return _ESCAPED.sub(r"\1", quoted) if "\\" in quoted else quoted, found.end()
    if bare.upper() == "NULL":
        return None, found.end()
    return bare, found.end()


# -- composites


def record_text(fields: Sequence[str | None]) -> str:
    """The composite value as PostgreSQL's record_out shows it."""
    return "(" + ",".join("" if field is None else _part(field, _PART_QUOTED) for field in fields) + ")"


def parse_record(text: str) -> list[str | None]:
    """The fields of a composite value. Raises `Unfit` for any other text."""
    if not text.startswith("("):
        raise Unfit
    fields, at = [], 1
    while True:
        found = _FIELD.match(text, at)
        if found is None:
            raise Unfit
        fields.append(_unquoted(found[1]))
        at = found.end()
        if found[2] == ")":
            break
    if at != len(text):
        raise Unfit
    return fields


def _part(field: str, quoted: re.Pattern[str]) -> str:
    if field and not quoted.search(field):
        return field
    return '"' + field.replace("\\", "\\\\").replace('"', '""') + '"'


def _unquoted(field: str) -> str | None:
    if not field:
        return None
    if '"' not in field and "\\" not in field:
        return field
    return _FIELD_PART.sub(_field_part, field)


def _field_part(found: re.Match[str]) -> str:
    quoted, escaped, bare = found.groups()
    if quoted is None:
        return escaped or bare
    return re.sub(r'\\(.)|""', lambda pair: pair[1] or '"', quoted, flags=re.DOTALL)


# -- ranges and multiranges


@dataclass(frozen=True, slots=True)
class Range:
    """A range's bounds as text (None: unbounded), and the brackets around them; `empty` has no brackets."""

    lower: str | None
    upper: str | None
    brackets: str


EMPTY = Range(None, None, "")


def range_text(value: Range) -> str:
    """The range as PostgreSQL's range_out shows it."""
    if not value.brackets:
        return "empty"
    lower, upper = ("" if bound is None else _part(bound, _RANGE_QUOTED) for bound in (value.lower, value.upper))
    return f"{value.brackets[0]}{lower},{upper}{value.brackets[1]}"


def _range(found: re.Match[str]) -> Range:
    empty, opening, lower, upper, closing = found.groups()
    return EMPTY if empty else Range(_unquoted(lower), _unquoted(upper), opening + closing)


def parse_range(text: str) -> Range:
    """The range that this text is. Raises `Unfit` for any other text."""
    found = _RANGE.fullmatch(text)
    if found is None:
        raise Unfit
    return _range(found)


def parse_multirange(text: str) -> list[str]:
    """The ranges, each as text. Raises `Unfit` for any other text."""
    if text == "{}":
        return []
    if not text.startswith("{"):
        raise Unfit
    ranges, at = [], 1
    while True:
        found = _RANGE.match(text, at)
        if found is None:
            raise Unfit
        ranges.append(found[0])
        at = found.end() + 1
        if text[found.end() :] == "}":
            return ranges
        if text[found.end() : at] != ",":
            raise Unfit
