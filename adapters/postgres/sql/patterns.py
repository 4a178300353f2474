"""Patterns that match any text."""

import re

from hoopaddon.adapters.postgres.sql.expression import NotConstant, constant, tag_of
from hoopaddon.adapters.postgres.sql.syntax import Node

_ANY_LIKE = re.compile(r"[%_]*%[%_]*")
_ANY_REGEX = re.compile(r"(\(\?:|[()^])*((\.|\[\\s\\S\]|\[\^\])?[*+?]?\??)?[()$]*")
_ANY_SIMILAR = re.compile(r"[()%_]*%[()%_]*")


def matches_anything(name: str, pattern: Node) -> bool:
    """Whether `x OPERATOR pattern` holds for all or nearly all texts x: `LIKE '%'`, `~ '.*'`, `~ ''`."""
    tag, value = tag_of(pattern)
    if tag == "FuncCall" and value.get("args"):
        # SIMILAR TO and LIKE … ESCAPE wrap their pattern in a call.
        return matches_anything("similar", value["args"][0])
    try:
        text = constant(pattern)
    except NotConstant:
        return False
    if not isinstance(text, str):
        return False
    match name:
        case "~~" | "~~*":
            return _ANY_LIKE.fullmatch(text) is not None
        case "similar":
            return _ANY_SIMILAR.fullmatch(text) is not None
        case "~" | "~*":
            return text != "^$" and _ANY_REGEX.fullmatch(text) is not None
    return text == ""
