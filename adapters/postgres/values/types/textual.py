"""Types whose binary form is their text, and what that text may be."""

import re
from collections.abc import Callable
from xml.parsers import expat

import orjson

from hoopaddon.adapters.postgres.values.types.scalar import Unfit

_MAX_NAME = 63
_DECLARATION = re.compile(r"\s*<\?xml\s[^>]*\?>")
_FORBIDDEN_XML = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)


def _any(text: str) -> None:
    """Any text is a value."""


def _json(text: str) -> None:
    try:
        orjson.loads(text)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        raise Unfit from None


def _xml(text: str) -> None:
    """Well-formed content; a document type may define entities, so none is let in."""
    if _FORBIDDEN_XML.search(text):
        raise Unfit
    parser = expat.ParserCreate()
    try:
        parser.Parse(f"<content>{_DECLARATION.sub('', text, count=1)}</content>", True)
    except (expat.ExpatError, UnicodeEncodeError):
        raise Unfit from None


def _name(text: str) -> None:
    if len(text.encode()) > _MAX_NAME:
        raise Unfit


def _none(_text: str) -> None:
    raise Unfit


TEXTUAL: dict[str, Callable[[str], None]] = {
    "text": _any,
    "varchar": _any,
    "bpchar": _any,
    "unknown": _any,
    "cstring": _any,
    "refcursor": _any,
    "citext": _any,
    "name": _name,
    "json": _json,
    "jsonb": _json,
    "xml": _xml,
    "jsonpath": _none,
    "ltree": _none,
    "lquery": _none,
    "ltxtquery": _none,
    "pg_node_tree": _none,
}
"""By the type's name: raises `Unfit` for what is no value of the type, or not known to be one."""

VERSIONED = frozenset({"jsonb", "jsonpath", "ltree", "lquery", "ltxtquery"})
"""Those with one byte before the text in binary: the version, which is 1."""
