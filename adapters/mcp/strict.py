"""JSON (RFC 8259) that can be read in one way only: what two readers could take for two things is refused."""

import json
import math
from typing import Any, NoReturn

MAX_DEPTH = 64


class NotStrict(ValueError):
    """The text is no JSON, or JSON that others may read differently. The message quotes nothing of it."""


def loads(data: bytes, *, fold: bool = False) -> Any:
    """The value. With `fold` names that differ only in case are the same: some readers do not tell them apart.

    Raises `NotStrict`.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise NotStrict("not UTF-8") from None
    try:
        value = json.loads(
            text,
            object_pairs_hook=_folded if fold else _exact,
            parse_constant=_constant,
            parse_float=_finite,
        )
    except NotStrict:
        raise
    except RecursionError:
        raise NotStrict(f"nested deeper than {MAX_DEPTH}") from None
    except ValueError:
        raise NotStrict("not JSON") from None
    _check_depth(value)
    if "\\u" in text:
        _check_characters(value)
    return value


def dumps(value: Any) -> bytes:
    """One line of JSON: no character in it is a line's end."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8")


def _exact(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotStrict("a name occurs twice in an object")
    return found


def _folded(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name.casefold() for name, _ in pairs}) != len(pairs):
        raise NotStrict("a name occurs twice in an object, in upper or lower case")
    return dict(pairs)


def _constant(_name: str) -> NoReturn:
    raise NotStrict("a number that JSON does not have")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise NotStrict("a number out of range")
    return number


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for node in level
            if isinstance(node, dict | list)
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise NotStrict(f"nested deeper than {MAX_DEPTH}")


def _check_characters(value: Any) -> None:
    try:
        dumps(value)
    except UnicodeEncodeError:
        raise NotStrict("half of a character") from None
