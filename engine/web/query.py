"""Names and values as a query or a form encodes them (application/x-www-form-urlencoded)."""

from urllib.parse import unquote_to_bytes

from hoopaddon.errors import Unparsable

MOST_PAIRS = 10_000


def pairs(text: str, separator: str = "&") -> tuple[tuple[str, str], ...]:
    """The pairs in their order, names that occur twice included. Bytes that are no UTF-8 become U+FFFD.

    Raises `Unparsable` for more than anybody has to read.
    """
    if text.count(separator) >= MOST_PAIRS:
        raise Unparsable(f"more than {MOST_PAIRS} names in a query or a form")
    found = []
    for part in text.split(separator):
        if part:
            name, _, value = part.partition("=")
            found.append((_plain(name), _plain(value)))
    return tuple(found)


def multi(of: tuple[tuple[str, str], ...]) -> dict[str, tuple[str, ...]]:
    """All values of each name."""
    found: dict[str, list[str]] = {}
    for name, value in of:
        found.setdefault(name, []).append(value)
    return {name: tuple(values) for name, values in found.items()}


def _plain(text: str) -> str:
    if "%" not in text and "+" not in text and text.isascii():
        return text
    return unquote_to_bytes(text.replace("+", " ").encode("utf-8", "surrogateescape")).decode("utf-8", "replace")
