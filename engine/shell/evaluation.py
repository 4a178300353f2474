"""What shells run in texts that they take for expressions: the substitutions in a subscript, in the text itself or in
the value of a variable that it names (bash(1), ARITHMETIC EVALUATION and Arrays)."""

import re
from collections.abc import Callable

from hoopaddon.errors import Unparsable
from hoopaddon.shell.parser import Parser
from hoopaddon.shell.program import Around
from hoopaddon.shell.syntax import Word

DEEPEST = 8
MOST = 1_000
"""Of one line: values that are expressions, and texts that are expanded once more."""

_SUBSCRIPT = re.compile(r"[A-Za-z_]\w*\s*\[")
_NAME = re.compile(r"[A-Za-z_]\w*")
_SUBSTITUTES = re.compile(r"[$`]")


class Evaluator:
    """Runs what evaluating a text would run; `expand` makes a word's text, and runs what that substitutes."""

    def __init__(self, expand: Callable[[Word, Around], str]) -> None:
        self._expand = expand
        self._left = MOST

    def number(self, text: str, around: Around, seen: frozenset[str] = frozenset()) -> None:
        """The text is an expression. Raises `Unparsable` for what goes on too long."""
        if len(seen) >= DEEPEST:
            raise Unparsable("an expression whose variables name each other")
        if seen:
            self._count()
        self.subscripts(text, around)
        for name in set(_NAME.findall(text)) - seen:
            value = around.scope.variables.get(name, "")
            for one in [value] if isinstance(value, str) else list(value):
                # Most values are numbers and words.
                if _NAME.search(one) is not None and (self._has_more(one, around) or _SUBSTITUTES.search(one)):
                    self.number(one, around, seen | {name})

    def _has_more(self, text: str, around: Around) -> bool:
        return any(name in around.scope.variables for name in _NAME.findall(text))

    def subscripts(self, text: str, around: Around) -> None:
        """The text names an element of an array, perhaps: all that stands behind its bracket is expanded."""
        found = _SUBSCRIPT.search(text)
        if found is not None:
            self.prompt(text[found.end() :], around)

    def prompt(self, text: str, around: Around) -> None:
        """The text is expanded once more, as prompts are."""
        if _SUBSTITUTES.search(text) is None:
            return
        self._count()
        self._expand(Parser(text).expression(text, quotes=True), around)

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Unparsable("a command line of too many expressions")
