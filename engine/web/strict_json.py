"""JSON (RFC 8259) that all readers read in the same way; what two of them could take for two things is refused."""

import json
import math
import re
from collections.abc import Callable
from typing import Any, NoReturn

from hoopaddon.errors import Unparsable

MOST_LEVELS = 100
MOST_VALUES = 1_000_000
MOST_LINES = 200_000
MOST_DIGITS = 20
"""An integer of 64 bits has no more; longer ones are rounded by some and refused by others."""

_LONE = re.compile(r"\\u[dD][89a-fA-F]")
# A string that does not end goes to the end, so that no part of it is looked at twice.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_OTHERS = re.compile(r"[^\[\]{}]+")


class Ambiguous(Unparsable):
    """It is JSON, or begins as JSON, but other readers may read it otherwise."""


class TrailingData(Ambiguous):
    """There is more after the end of a value."""


class NotJson(Unparsable):
    """It is no JSON."""


def loads(text: str, *, fold: bool = False) -> Any:
    """The value. With `fold` names that differ only in case are the same: some readers do not tell them apart.

    Raises `Ambiguous` or `NotJson`, both `Unparsable`, without a word of the text.
    """
    check_size(text)
    try:
        value = (_FOLDING if fold else _DECODER).decode(text)
    except Unparsable:
        raise
    except RecursionError:
        raise Ambiguous("JSON that nests too deep") from None
    except json.JSONDecodeError as e:
        if e.msg == "Extra data":
            raise TrailingData("JSON with more after its end") from None
        raise NotJson("a body that is not the JSON that it claims to be") from None
    if _LONE.search(text):
        _check_characters(value)
    return value


def load_lines(text: str) -> list[Any]:
    """The values of JSON by lines (a value on each line that is not blank). Raises as `loads` does."""
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) > MOST_LINES:
        raise Ambiguous(f"JSON by lines with more than {MOST_LINES} of them")
    return [loads(line) for line in lines]


def check_size(text: str) -> None:
    """Raises `Ambiguous` for more values, or brackets that nest deeper, than anybody has to read."""
    brackets = text.count("[") + text.count("{")
    if len(text) > MOST_VALUES and brackets + text.count(",") > MOST_VALUES:
        raise Ambiguous(f"JSON with more than {MOST_VALUES} values")
    if brackets <= MOST_LEVELS:
        return
    # What is left of brackets that fit together, a level at a time.
    left = _OTHERS.sub("", _STRING.sub("", text))
    for _ in range(MOST_LEVELS):
        inner, left = left, left.replace("[]", "").replace("{}", "")
        if len(left) == len(inner):
            return
    if left:
        raise Ambiguous("JSON that nests too deep")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Ambiguous("JSON in which an object has the same name twice")
    for name in found:
        if "\x00" in name:
            raise Ambiguous("JSON in which a name holds a NUL")
    return found


def _folded(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name.casefold() for name, _ in pairs}) != len(pairs):
        raise Ambiguous("JSON in which an object has the same name twice, in upper or lower case")
    return _object(pairs)


def _constant(_name: str) -> NoReturn:
    raise Ambiguous("JSON with a number that JSON does not have")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise Ambiguous("JSON with a number that is out of range")
    return value


def _int(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise Ambiguous("JSON with a number that is out of range")
    value = int(text)
    if not -(1 << 63) <= value < 1 << 64:
        raise Ambiguous("JSON with a number that is out of range")
    return value


def _check_characters(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Ambiguous("JSON with half of a character") from None


def _decoder(make: Callable[[list[tuple[str, Any]]], dict[str, Any]]) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=make, parse_float=_float, parse_int=_int, parse_constant=_constant, strict=True
    )


_DECODER, _FOLDING = _decoder(_object), _decoder(_folded)
