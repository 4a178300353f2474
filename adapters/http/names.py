"""What is called by a name, and what is text, anywhere in what a request carries."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from hoopaddon.adapters.http.multipart import Part
from hoopaddon.web import strict_json

_PARTS = re.compile(r"[\[\].]+")


def named(values: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Every value at any depth with its name: an object's key, a form's field, a number of protobuf; empty in a list.

    Text that is JSON itself is looked into. Raises `Unparsable` where that is ambiguous.
    """
    waiting = [("", value) for value in values]
    while waiting:
        name, value = waiting.pop()
        yield name, value
        match value:
            case dict():
                waiting += ((str(key), inner) for key, inner in value.items())
            case list() | tuple():
                waiting += (("", inner) for inner in value)
            case Part():
                waiting += ((value.name, value.value), ("", value.filename))
            case str() if value[:1] in ("{", "[") and value.rstrip()[-1:] in ("}", "]"):
                waiting.append(("", _document(value)))


def values_of(name: str, values: Iterable[Any]) -> Iterator[Any]:
    """What is called so, in upper or lower case; in a form `refund[amount]` and `refund.amount` are `amount` too."""
    wanted = name.casefold()
    for found, value in named(values):
        folded = found.strip().casefold()
        if folded == wanted or (wanted in folded and wanted in _PARTS.split(folded)):
            yield from value if isinstance(value, tuple) else (value,)


def strings_in(values: Iterable[Any]) -> Iterator[str]:
    """All texts, names included."""
    for name, value in named(values):
        if name:
            yield name
        if isinstance(value, str) and value:
            yield value


def _document(text: str) -> Any:
    try:
        return strict_json.loads(text)
    except (strict_json.NotJson, strict_json.TrailingData):
        return None
