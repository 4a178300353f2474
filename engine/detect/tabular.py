"""CSV and forms: columns and fields masked whole by their name, and the rest searched."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote_plus, unquote_plus

from hoopaddon.detect.fields import Fields

_DELIMITERS = ",;\t|"
_QUOTED = r'"(?:[^"]++|"")*+"'
_FIRST_RECORD = re.compile(rf"(?:{_QUOTED}|[^\r\n])*?(?:\r\n|\n|\r|\Z)")
_BRACKETS = re.compile(r"\[([^\[\]]*)\]")


@dataclass(slots=True)
class TableState:
    """What the first record of a table says."""

    delimiter: str = ""
    masked: frozenset[int] = frozenset()


def mask_table(text: str, state: TableState, fields: Fields, whole: Callable[[str], str]) -> str:
    """Whole records of a table (RFC 4180), with the columns masked that its first record names."""
    if not state.delimiter:
        state.delimiter, names = _header(text)
        state.masked = frozenset(n for n, name in enumerate(names) if name and fields.match(name))
        if state.masked:
            head = _FIRST_RECORD.match(text)
            end = head.end() if head else 0
            return text[:end] + _columns(text[end:], state, whole)
        return text
    return _columns(text, state, whole) if state.masked else text


def _cells(delimiter: str) -> re.Pattern[str]:
    """One cell, and what ends it."""
    end = rf"{re.escape(delimiter)}|\r\n|\n|\r|\Z"
    return re.compile(rf"(?P<cell>{_QUOTED}(?={end})|[^{re.escape(delimiter)}\r\n]*+)(?P<end>{end})")


def _header(text: str) -> tuple[str, list[str]]:
    bare = re.sub(_QUOTED, "", text)
    line = re.split(r"[\r\n]", bare, maxsplit=1)[0]
    delimiter = max(_DELIMITERS, key=line.count)
    names: list[str] = []
    for found in _cells(delimiter).finditer(text):
        names.append(found["cell"].strip(" \ufeff").strip('"'))
        if found["end"] != delimiter:
            break
    return delimiter, names


def _columns(text: str, state: TableState, whole: Callable[[str], str]) -> str:
    pieces: list[str] = []
    column = 0
    for found in _cells(state.delimiter).finditer(text):
        cell, end = found["cell"], found["end"]
        pieces += _cell(cell, whole) if column in state.masked and cell.strip('"') else cell, end
        column = column + 1 if end == state.delimiter else 0
    return "".join(pieces)


def _cell(cell: str, whole: Callable[[str], str]) -> str:
    if cell.startswith('"'):
        return '"' + whole(cell.strip('"').replace('""', '"')).replace('"', '""') + '"'
    return whole(cell)


def mask_form(text: str, fields: Fields, whole: Callable[[str], str], search: Callable[[str], str]) -> str:
    """Whole pairs of a form (`a=1&b=2`), decoded to be looked at, and encoded again where something is masked."""
    return re.sub(r"[^&;]++", lambda pair: _pair(pair[0], fields, whole, search), text)


def _pair(pair: str, fields: Fields, whole: Callable[[str], str], search: Callable[[str], str]) -> str:
    key, equals, value = pair.partition("=")
    name = unquote_plus(key, errors="surrogateescape")
    # `user[email]` is how PHP and Rails write a path.
    path = _BRACKETS.sub(r".\1", name).replace("..", ".").strip(".")
    plain = unquote_plus(value, errors="surrogateescape")
    shown = whole(plain) if fields and value and fields.match(path) else search(plain)
    shown_name = search(name)
    if shown != plain:
        value = quote_plus(shown, errors="surrogateescape")
    return (quote_plus(shown_name, errors="surrogateescape") if shown_name != name else key) + equals + value
