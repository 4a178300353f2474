"""Fields of JSON that streams, masked whole by their path.

Only text in which a name occurs that counts is read token by token, from there to where the last value that it
could lead to ends. What came before is not needed: a pattern begins with a name, and what stands around that is
nothing to it.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from hoopaddon.detect.fields import Fields
from hoopaddon.errors import Refused

_DEEPEST = 2000
_MOST_NESTED = 3
# No string goes on in another line: where one seems to, that line is broken, and the next is another document.
_STRING = r'"(?:[^"\\\n]++|\\.)*+"'
_WHITE = r"[ \t\r\n\x1e\ufeff]*+"
# Of what is not masked, keys and brackets count; strings are stepped over.
_SEEN = re.compile(rf"(?P<string>{_STRING})(?:{_WHITE}(?P<colon>:))?|[{{}}\[\]]", re.DOTALL)
_MASKED = re.compile(
    rf"(?P<string>{_STRING})(?:{_WHITE}(?P<colon>:))?|[{{}}\[\]]|(?P<scalar>(?:[-+0-9]|true|false)[^\s,:\]}}\[{{\"]*+)",
    re.DOTALL,
)
_SCALAR = re.compile(rf"{_WHITE}(?P<scalar>(?!null)[^\s,:\]}}\[{{\"]++)")
_STRINGS = re.compile(_STRING, re.DOTALL)
# Anything else between the strings is no JSON, and where a string ends cannot be told.
_WORD = re.compile(r"(?<![\d.])[^\W\d]\w*|\\")
_WORDS = frozenset({"true", "false", "null", "NaN", "Infinity"})
_ENDS_VALUE = re.compile(r"[,}\]]")


@dataclass(slots=True)
class _Level:
    """An object or list that is open."""

    path: str
    masked: bool
    leads: bool


@dataclass(slots=True)
class JsonState:
    """What has to be remembered between two runs of one document."""

    open: list[_Level] = field(default_factory=list)
    goes_on: bool = False
    """The last run ended in a masked string of which more follows."""

    @property
    def active(self) -> bool:
        return bool(self.open) or self.goes_on


class JsonFields:
    """Masks what these fields hold: a string stays a string, a number or truth value becomes null, lists and objects
    keep their shape. `whole` makes the mask of a value."""

    def __init__(self, fields: Fields, whole: Callable[[str], str]) -> None:
        self.fields = fields
        self._whole = whole

    def wants(self, data: bytes, state: JsonState) -> bool:
        """Whether this run has to be read."""
        return state.active or self.fields.may_occur(data)

    def mask(self, text: str, state: JsonState, nested: int = 0) -> str:
        """One run of whole tokens that `wants` wants. Raises `Refused` where it is no JSON."""
        self._check(text)
        return _Reading(self, text, state, nested).masked()

    def value(self, token: str, nested: int) -> str:
        """A string that is not masked itself: it may hold JSON of its own."""
        if nested >= _MOST_NESTED or token[1:2] not in "{[" or "\\" not in token:
            return token
        try:
            text = json.loads(token, strict=False)
            masked = self.mask(text, JsonState(), nested + 1)
        except (ValueError, Refused):
            return token
        return token if masked == text else json.dumps(masked, ensure_ascii=False)

    def whole(self, token: str) -> str:
        """The mask of a string, as a string."""
        try:
            text = json.loads(token, strict=False)
        except ValueError:
            text = token
        return json.dumps(self._whole(text), ensure_ascii=False)

    def _check(self, text: str) -> None:
        if any(word not in _WORDS for word in _WORD.findall(_STRINGS.sub("", text))):
            raise Refused("what was sent is no JSON, so its fields cannot be told")


class _Reading:
    """One run, token by token."""

    def __init__(self, owner: JsonFields, text: str, state: JsonState, nested: int) -> None:
        self._owner, self._fields = owner, owner.fields
        self._text, self._state, self._nested = text, state, nested
        self._pieces: list[str] = []
        self._done = 0
        self._path, self._is_masked, self._leads = self._outside()

    def _outside(self) -> tuple[str, bool, bool]:
        """What holds for a value without a key of its own."""
        if self._state.open:
            level = self._state.open[-1]
            return level.path, level.masked, level.leads
        # Only where every text is read is the beginning of a path known.
        return ("$", False, True) if self._fields.everywhere else ("", False, False)

    def masked(self) -> str:
        position, state = 0, self._state
        goes_on, state.goes_on = state.goes_on, False
        while found := (_MASKED if self._is_masked else _SEEN).search(self._text, position):
            position = found.end()
            if found["colon"]:
                position = self._key(found)
            elif string := found["string"]:
                self._string(string, found.start(), found.end(), goes_on)
            elif found[0] in "{[":
                self._opens()
            elif found[0] in "}]":
                if state.open:
                    state.open.pop()
                self._path, self._is_masked, self._leads = self._outside()
            else:
                self._replace(found.start(), found.end(), "null")
            goes_on = False
        if not (state.open and state.open[-1].leads):
            state.open.clear()
        self._pieces.append(self._text[self._done :])
        return "".join(self._pieces)

    def _key(self, found: re.Match[str]) -> int:
        """What follows has this name; the place to go on at."""
        outer, masked, leads = self._outside()
        name = found["string"][1:-1]
        if "\\" in name:
            try:
                name = json.loads(found["string"], strict=False)
            except ValueError:
                masked = True
        self._path = f"{outer}.{name}" if outer else name
        self._is_masked = masked or self._fields.match(self._path)
        self._leads = leads or self._is_masked or self._fields.may_lead(name)
        if self._is_masked and (scalar := _SCALAR.match(self._text, found.end())):
            self._replace(scalar.start("scalar"), scalar.end(), "null")
            self._path, self._is_masked, self._leads = outer, masked, leads
            return scalar.end()
        return found.end()

    def _string(self, token: str, start: int, end: int, goes_on: bool) -> None:
        if goes_on:
            self._replace(start, end, '""')
        elif self._is_masked:
            self._replace(start, end, self._owner.whole(token))
        elif (shown := self._owner.value(token, self._nested)) != token:
            self._replace(start, end, shown)
        if (goes_on or self._is_masked) and not _ENDS_VALUE.search(self._text, end):
            self._state.goes_on = True
        self._path, self._is_masked, self._leads = self._outside()

    def _opens(self) -> None:
        if len(self._state.open) >= _DEEPEST:
            raise Refused("the JSON is nested too deep to be looked into")
        self._state.open.append(_Level(self._path, self._is_masked, self._leads))

    def _replace(self, start: int, end: int, shown: str) -> None:
        self._pieces += self._text[self._done : start], shown
        self._done = end
