"""A line that somebody submits at a terminal, as policies see it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType

from hoopaddon.commands import ShellCommand, ShellProgram
from hoopaddon.errors import Unparsable
from hoopaddon.session import Session
from hoopaddon.shell.facts import Scope, ShellFacts, facts_behind, facts_of
from hoopaddon.shell.parser import whole_commands

KNOWN = "known"
"""It was typed and shown so, or recalled and shown so."""
UNSURE = "unsure"
"""What was typed and what is shown differ, or only a part is known: something else may run as well."""
HIDDEN = "hidden"
"""It was typed where nothing is shown, as a password is: its text is kept from everybody."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """What may run beside, and cannot be known; see `ShellProgram`."""

    name: str = ""
    words: tuple[str | None, ...] = ()
    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    fed_by: tuple[str, ...] = ()
    dynamic: bool = True
    code: str = "unsure"
    sets: Mapping[str, str | None] = MappingProxyType({})
    folder: str = ""
    path: str = ""

    @property
    def opaque(self) -> bool:
        return True


class TypedLine(ShellCommand):
    """A line that somebody submits in an interactive shell, or in a program that runs there.

    `text` is what will run as far as that is known, and `parameters` has one word that says how far: `known`,
    `unsure` or `hidden`. What is unsure has a program without a name that is `opaque` among its programs, as has a
    line that is no shell's; only a policy that asks for that refuses it.
    """

    __slots__ = ("_behind", "_facts", "_facts_text", "_others", "_unfinished")

    def __init__(
        self,
        session: Session,
        text: str,
        knowledge: str = KNOWN,
        others: Iterable[str] = (),
        *,
        behind: Scope | None = None,
        unfinished: bool = False,
    ) -> None:
        super().__init__(session, text, (knowledge,))
        self._others = tuple(others)
        self._behind = behind
        # Of a line that goes on, only what was typed last is read: the whole is, before it runs.
        self._unfinished = text if unfinished else None
        self._facts: ShellFacts | None = None
        self._facts_text = text

    @property
    def facts(self) -> ShellFacts:
        """Facts about the line and whatever else it may be, computed when first read."""
        facts = self._facts
        if facts is None or self._facts_text is not self.text:
            texts = dict.fromkeys(self._others if self._unfinished is self.text else (self.text, *self._others))
            found = [_read(text) for text in texts]
            if self._behind is not None and self._behind.entries:
                found += _read_behind(texts, self._behind)
            facts = _merged(found, unsure=self.parameters[0] == UNSURE)
            self._facts, self._facts_text = facts, self.text
        return facts

    @property
    def programs(self) -> tuple[ShellProgram, ...]:
        """Every program at any depth, in the order of the line."""
        return self.facts.programs


def _merged(all_facts: list[ShellFacts], *, unsure: bool) -> ShellFacts:
    programs: list[ShellProgram] = []
    for facts in all_facts:
        programs += [program for program in facts.programs if program not in programs]
    if unsure and not any(program.opaque and not program.name for program in programs):
        programs.append(Unknown())
    return ShellFacts(
        verbs=frozenset().union(*(facts.verbs for facts in all_facts)),
        objects=frozenset().union(*(facts.objects for facts in all_facts)),
        programs=tuple(programs),
    )


def _read(text: str) -> ShellFacts:
    """The facts about a line, which may be the first of several, or be meant for something that is no shell."""
    for whole in _closed(text):
        facts: ShellFacts | None
        try:
            facts = facts_of(whole, typed=True)
        except Unparsable:
            facts = _without_comments(whole)
        if facts is None:
            continue
        if _recalls(whole) or "fc" in facts.verbs:
            return _merged([facts], unsure=True)
        return facts
    return ShellFacts(programs=(Unknown(),))


def _without_comments(text: str) -> ShellFacts | None:
    """The facts whether `#` begins a comment where this is typed, or does not."""
    if "#" not in text:
        return None
    found = []
    for one in (text, text.replace("#", "\\#")):
        try:
            found.append(facts_of(one))
        except Unparsable:
            continue
    return _merged(found, unsure=True) if found else None


def _read_behind(texts: Iterable[str], scope: Scope) -> list[ShellFacts]:
    """What lines are where earlier ones have set variables, defined names, or gone to another folder."""
    found = []
    for text in texts:
        for whole in _closed(text):
            with suppress(Unparsable):
                found.append(facts_behind(whole, scope.apart()))
                break
    return found


_HERE_DOCUMENT = re.compile(r"""<<-?[ \t]*(['"]?)\\?(\w+)\1""")
_ENDS = ("'", '"', "`", ")", "}", "\nfi", "\ndone", "\nesac", "))", "')", '")', " :", " ]]")


def _closed(text: str) -> Iterator[str]:
    """The line, and then with what it may still wait for: a line that is not finished is read as if it were."""
    yield text
    documents = "".join(f"\n{found[2]}" for found in _HERE_DOCUMENT.finditer(text))
    if documents:
        yield text + documents
    if text.endswith("\\"):
        yield text[:-1]
    for end in _ENDS:
        yield text + end + documents


_QUOTED = re.compile(r"'[^']*'")
_RECALL = re.compile(r"""(?<![$\\{])![^\s=("';]|^\^[^^]*\^""")


def _recalls(text: str) -> bool:
    """Whether bash would put something of its history into the line: `!!`, `!rm`, `^old^new`."""
    return _RECALL.search(_QUOTED.sub("", text)) is not None


def is_finished(text: str) -> bool:
    """Whether a shell would run this as it stands, or say what is wrong with it, and not wait for more."""
    return not whole_commands(text + "\n")[1]
