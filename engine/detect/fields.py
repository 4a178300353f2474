"""Fields by name: which keys, columns and paths a list of patterns means."""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from hoopaddon.detect.prefilter import scanner

_MOST_REMEMBERED = 8192
_LITERAL = re.compile(r"[^*?\[.]*")
_ASCII = re.compile(r"[\x21-\x7e]+")
# A key may be written with escapes, and a form's key with percents.
_HIDING = rb"\\u00[2-7]|%[2-7]"


class Fields:
    """Patterns such as `ssn`, `customer.email`, `*.password`, `$.token`, without regard to case.

    A path is the names from the outside in, with dots; what stands in a list has the list's path. A pattern is
    compared with each end of a path, `email` and `customer.email`, and with the whole of it after `$.`; `*` stands
    for anything, dots included.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = tuple(pattern.lower() for pattern in patterns)
        # What the first name on the way to any match holds.
        self._beginnings = tuple({_beginning(pattern) for pattern in self._patterns})
        literals = {_longest_ascii(beginning) for beginning in self._beginnings}
        self.everywhere = "" in literals
        """Nothing can be told by a literal: every text has to be looked at."""
        searched = [(re.escape(literal.encode()), True) for literal in sorted(literals)]
        self._scanner = scanner([*searched, (_HIDING, False)]) if self._patterns and not self.everywhere else None
        self._remembered: dict[str, bool] = {}

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def may_occur(self, data: bytes) -> bool:
        """Whether a name may stand here that is, or leads to, a field that is meant. No false negative."""
        if self._scanner is None:
            return bool(self._patterns)
        return self._scanner.hit(data)

    def may_lead(self, name: str) -> bool:
        """Whether a field that is meant may be this one or stand below it."""
        name = name.lower()
        return any(beginning in name for beginning in self._beginnings)

    def match(self, path: str) -> bool:
        """Whether the field with this path is meant."""
        found = self._remembered.get(path)
        if found is None:
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            found = self._remembered[path] = self._match(path.lower())
        return found

    def _match(self, path: str) -> bool:
        names = path.removeprefix("$.").split(".")
        ends = [".".join(names[first:]) for first in range(len(names))]
        ends += "." + names[-1], path
        return any(fnmatchcase(end, pattern) for pattern in self._patterns for end in ends)


def _beginning(pattern: str) -> str:
    if pattern.startswith("$"):
        return ""
    found = _LITERAL.match(pattern.lstrip("*."))
    return found[0] if found else ""


def _longest_ascii(text: str) -> str:
    return max(_ASCII.findall(text), key=len, default="")
