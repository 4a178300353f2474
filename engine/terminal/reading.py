"""What a line is that is about to be submitted: what the keys say, checked against what the screen shows."""

import re
from typing import NamedTuple

from hoopaddon.terminal.command import HIDDEN, KNOWN, UNSURE
from hoopaddon.terminal.line import Line
from hoopaddon.terminal.screen import Place, Screen

_SEARCH = re.compile(r"^.*?\((?:failed |wrapped |reverse-|fwd-|bck-)*i-search\)`(?P<query>.*?)': (?P<text>.*)$")
_BULLETS = "*•● \x07"
_MOST_PROMPTS = 16
_LEAST_OF_A_LONG_LINE = 40


class Reading(NamedTuple):
    """The line as far as it is known; `others` are what it may be as well."""

    text: str
    knowledge: str = KNOWN
    others: tuple[str, ...] = ()


class Prompts:
    """What has stood before lines that were typed and shown."""

    def __init__(self) -> None:
        self._seen: list[str] = []
        self.first = ""
        """What stood before the last line that was no continuation."""
        self._claims_search = self._is_first = False

    def stands(self, screen: Screen) -> None:
        """A line begins behind what the screen has now."""
        self._claims_search = _SEARCH.match(screen.line()) is not None
        self._is_first = not screen.events

    def searching(self, screen: Screen, line: Line) -> re.Match[str] | None:
        """What a search in the history has found, where it is one, and no prompt that only looks so."""
        return _SEARCH.match(screen.line()) if line.searches and not self._claims_search else None

    def asks(self) -> bool:
        """Whether something stood on the screen when the line began: nobody asks for a password without a word."""
        return not self._is_first

    def add(self, prompt: str) -> None:
        """A line was typed and shown behind this."""
        if prompt.strip() and not self.knows(prompt):
            self._seen = [prompt, *self._seen][:_MOST_PROMPTS]

    def knows(self, prompt: str) -> bool:
        """Whether it looks like one of them, in another folder perhaps."""
        return bool(prompt.strip()) and any(alike(prompt, seen) for seen in self._seen)


def alike(one: str, other: str) -> bool:
    """Whether two prompts are of the same shell: they begin and end alike."""
    heads = [re.split(r"[:/~ ]", prompt, maxsplit=1)[0] for prompt in (one, other)]
    return heads[0] == heads[1] and one.rstrip()[-1:] == other.rstrip()[-1:]


def shows(screen: Screen, line: Line, start: Place | None) -> bool:
    """Whether the screen has what was typed, as it was typed."""
    text = _last_row(line.text).rstrip()
    if not text:
        return True
    if start is not None and _last_row(line.text) is line.text:
        shown = screen.between(start).rstrip()
        if shown == text or (shown.startswith(text) and screen.between(start, screen.place).rstrip() == text):
            return True
    before = screen.before(screen.place).rstrip()
    if start is not None and screen.has_lost(start) and len(before) >= _LEAST_OF_A_LONG_LINE:
        return text.endswith(before)
    # Where wide characters do not fit at the end of a row, line editors fill it up.
    return before.endswith(text) or (not text.isascii() and _without_blanks(before).endswith(_without_blanks(text)))


def _without_blanks(text: str) -> str:
    return text.replace(" ", "")


def _last_row(text: str) -> str:
    return text if "\n" not in text else text.rpartition("\n")[2]


def read(screen: Screen, line: Line, start: Place | None, prompts: Prompts, *, settled: bool) -> Reading | None:
    """The line; None where there is nothing on it, and that is known."""
    typed = line.text
    if search := prompts.searching(screen, line):
        found = search["text"].rstrip()
        return Reading(found) if settled and typed.endswith(search["query"]) else Reading(found, UNSURE, (typed,))
    nothing = None if line.certain else Reading("", UNSURE)
    if start is None:
        return nothing if line.touched else None
    shown = screen.between(start).strip()
    prompt = screen.before(start)
    if line.certain and shows(screen, line, start):
        if typed.strip():
            prompts.add(prompt)
            return Reading(typed)
        return Reading(shown, UNSURE) if shown else None
    unsure = Reading(typed, UNSURE) if typed.strip() else nothing
    if line.in_paste and screen.brackets_paste:
        return unsure
    if not screen.printed.strip(_BULLETS):
        # A shell's prompt asks for no password: its echo is off.
        hides = prompts.asks() and not prompts.knows(prompt)
        return Reading("", HIDDEN) if typed and hides else unsure
    # Where the screen has nothing else than before the keys that change the line, they may not have been answered.
    if settled and prompts.knows(prompt) and "\n" not in typed and not line.surely.startswith(shown):
        return Reading(shown)
    others = tuple(text for text in (typed.strip(), shown) if text)
    return Reading(shown or typed.strip(), UNSURE, others) if others else nothing
