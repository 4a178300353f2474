"""Masks in the bodies of HTTP, by what the body is: JSON, tables, forms, and text of any other kind."""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hoopaddon.detect.fields import Fields
from hoopaddon.detect.finder import Finder
from hoopaddon.detect.jsonfields import JsonFields, JsonState
from hoopaddon.detect.jsontext import MAY_BE_SCIENTIFIC, mask_json
from hoopaddon.detect.masks import Mask, replace
from hoopaddon.detect.prefilter import Prefilter, scanner
from hoopaddon.detect.streamtext import StreamMask, StreamState
from hoopaddon.detect.tabular import TableState, mask_form, mask_table

BODY_KINDS = frozenset({"body", "json", "csv", "form"})
"""The kinds of output that are text of a body."""

# Characters written as references of HTML and XML, or as escapes of JavaScript and its like.
_REFERENCE = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|commat|period|hyphen|dash|plus|lowbar|num|colon);?")
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\})")
_SPELLED = scanner([(rb"&(?:#|commat|period|hyphen|dash|plus|lowbar|num|colon)|\\(?:x[2-7]|u00[2-7]|u\{)", False)])
_WORDS_WITH_REFERENCES = re.compile(rf"[^\s<>\"'&]*+(?:{_REFERENCE.pattern}[^\s<>\"'&]*+)+")
_WORDS_WITH_ESCAPES = re.compile(
    r"[^\s<>\"'\\]*+(?:\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|u\{[0-9a-fA-F]{1,6}\})[^\s<>\"'\\]*+)+"
)


@dataclass(slots=True)
class BodyState:
    """What has to be remembered of one body between two runs of it."""

    json: JsonState = field(default_factory=JsonState)
    table: TableState = field(default_factory=TableState)
    text: StreamState = field(default_factory=StreamState)


class BodyMask:
    """Hides what the finder finds, and whole what the fields hold. `whole` makes the mask of such a value."""

    def __init__(self, finder: Finder, mask: Mask, fields: Fields, whole: Callable[[str], str]) -> None:
        self._finder, self._mask, self._whole = finder, mask, whole
        self._fields = fields
        self._json_prefilter = Prefilter(finder.entities, (MAY_BE_SCIENTIFIC,))
        self._json = JsonFields(fields, whole)
        self._lines = StreamMask(finder, mask, self._json_line)

    def edit(self, kind: str, text: str, state: BodyState) -> str:
        """One run of a body of this kind, as `Output` has it."""
        if kind == "json":
            return self.json(text, state.json)
        if kind == "csv":
            if self._fields:
                text = mask_table(text, state.table, self._fields, self._whole)
            return self._search(text)
        if kind == "form":
            return mask_form(text, self._fields, self._whole, self._search)
        return self.text(text, state.text)

    def json(self, text: str, state: JsonState) -> str:
        """Whole tokens of JSON."""
        data = text.encode("utf-8", "surrogatepass")
        if self._fields and self._json.wants(data, state):
            text = self._json.mask(text, state)
            data = text.encode("utf-8", "surrogatepass")
        # PHP, for one, writes each slash with a backslash.
        plain = data.replace(b"\\/", b"/") if b"\\" in data else data
        if not self._json_prefilter.hit(plain):
            return text
        return mask_json(text, self._finder, self._mask)

    def text(self, text: str, state: StreamState) -> str:
        """Lines of text, with what is written in references and escapes."""
        data = text.encode("utf-8", "surrogatepass")
        if _SPELLED.hit(data):
            text = _WORDS_WITH_REFERENCES.sub(self._word(html.unescape, html.escape), text)
            text = _WORDS_WITH_ESCAPES.sub(self._word(_unescaped, str), text)
        elif not state.in_key and not self._finder.suspects(data):
            return text
        return self._lines.lines(text, state)

    def _word(self, read: Callable[[str], str], write: Callable[[str], str]) -> Callable[[re.Match[str]], str]:
        def masked(word: re.Match[str]) -> str:
            plain = read(word[0])
            found = self._finder.find(plain)
            return write(replace(plain, found, self._mask)) if found else word[0]

        return masked

    def _search(self, text: str) -> str:
        return replace(text, self._finder.find(text), self._mask)

    def _json_line(self, line: str) -> str | None:
        return None


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda escape: _character(int(escape[1] or escape[2] or escape[3], 16)), text)


def _character(number: int) -> str:
    return chr(number) if number < 0x110000 else "�"


def body_state(vars: dict[str, Any], key: str) -> BodyState:
    """What is kept under this key of an output's `vars`."""
    state: BodyState | None = vars.get(key)
    if state is None:
        state = vars[key] = BodyState()
    return state
