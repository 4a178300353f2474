"""Facts about a PostgreSQL command: computed once per text, and only if a policy asks."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pglast import parser

from hoopaddon.adapters.postgres.sql.statement import NOTHING, Statement
from hoopaddon.adapters.postgres.sql.syntax import stack_depth_exceeded
from hoopaddon.adapters.postgres.sql.walk import Walker
from hoopaddon.facts import Facts
from hoopaddon.generations import Generations

CACHED_TEXTS = 10_000
CACHED_BYTES = 8 * 1024 * 1024
LONGEST_NORMALIZED = 8 * 1024
"""Longer texts are not looked up by their form: there, what saves most is not to parse twice."""

_WORDS_AND_NUMBERS = re.compile(r"[ \t\n\ra-zA-Z_0-9=<>().,;:*+-]*+")
# A digit comes first because the search is fastest for that.
_NUMBER = re.compile(r"[0-9](?<![\w.][0-9])[0-9]{0,8}(?![\w.])", re.ASCII)
_DIGIT = re.compile("[0-9]")
_ROW_VERBS = frozenset({"select", "insert", "update", "delete"})
_NO_PREPARED: Mapping[str, tuple[Statement, ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class PostgresFacts(Facts):
    """What a command's text says: `verbs` and `objects` of every statement at any depth, and each of these.

    Only `statements` says what belongs together: in `DELETE FROM a WHERE x IN (SELECT y FROM b)` the two verbs
    and the two tables are of one command, and `a` is what its `delete` writes.
    """

    tables: frozenset[str] = NOTHING
    functions: frozenset[str] = NOTHING
    statements: tuple[Statement, ...] = ()
    prepares: Mapping[str, tuple[Statement, ...]] = _NO_PREPARED
    """What SQL PREPARE keeps for later, by name. Also among `statements`."""
    executes: frozenset[str] = NOTHING
    """Names of prepared statements that SQL EXECUTE runs."""

    @classmethod
    def of(
        cls,
        statements: Iterable[Statement],
        prepares: Mapping[str, tuple[Statement, ...]] = _NO_PREPARED,
        executes: Iterable[str] = (),
    ) -> "PostgresFacts":
        found = tuple(statements)
        return cls(
            frozenset(statement.verb for statement in found),
            frozenset().union(*(statement.objects for statement in found)),
            frozenset().union(*(statement.tables for statement in found)),
            frozenset().union(*(statement.functions for statement in found)),
            found,
            prepares,
            frozenset(executes) or NOTHING,
        )


_by_text: Generations[PostgresFacts] = Generations(CACHED_TEXTS, CACHED_BYTES)
_by_form: Generations[PostgresFacts] = Generations(CACHED_TEXTS, CACHED_BYTES)
_by_shape: Generations[PostgresFacts] = Generations(CACHED_TEXTS // 4, CACHED_BYTES // 4)
_SHAPE = bytes.maketrans(b"123456789", b"000000000")
"""A text's shape has a zero in the place of every digit."""


def facts_of(text: str) -> PostgresFacts:
    """The facts about a text. Raises `Unparsable`, with what PostgreSQL would say, for one that is not SQL."""
    facts = _by_text.get(text)
    if facts is not None:
        return facts
    shape = _shape(text)
    facts = _by_shape.get(shape) if shape else None
    if facts is not None:
        return facts
    outline = _outline(text)
    facts = _by_form.get(outline) if outline else None
    if facts is None:
        facts = _read_once(text, outline)
        _by_text.put(text, facts, _weight(text, facts))
    elif not _DIGIT.search(outline):
        # Every digit was of a constant, and so it is in all texts of this shape.
        _by_shape.put(shape, facts, _weight(shape, facts))
    return facts


def _read_once(text: str, outline: str) -> PostgresFacts:
    """The facts about a text, read where none of the same form has been."""
    form = _form(text)
    facts = _by_form.get(form) if form else None
    form_decides = facts is not None
    if facts is None:
        facts, form_decides = read(text)
    if form and form_decides:
        for same in {form, outline} - {""}:
            _by_form.put(same, facts, _weight(same, facts))
    return facts


def read(text: str) -> tuple[PostgresFacts, bool]:
    """The facts about a text, and whether every text of the same form has them. Asks no cache."""
    walker = Walker()
    try:
        walker.command(text)
    except RecursionError:
        raise stack_depth_exceeded() from None
    statements: list[Statement] = []
    prepared: dict[str, list[Statement]] = {}
    for draft in walker.drafts:
        statement = draft.done()
        statements.append(statement)
        if draft.prepared_as:
            prepared.setdefault(draft.prepared_as, []).append(statement)
    prepares = MappingProxyType({name: tuple(kept) for name, kept in prepared.items()}) if prepared else _NO_PREPARED
    facts = PostgresFacts.of(_distinct(statements), prepares, walker.executes)
    return facts, not walker.constants_read and facts.verbs <= _ROW_VERBS


def _shape(text: str) -> str:
    # Of bytes, which are translated by a table; of a text every character is looked up, and raises where it is not.
    is_short = len(text) <= LONGEST_NORMALIZED and text.isascii()
    return text.encode("ascii").translate(_SHAPE).decode("ascii") if is_short else ""


def _outline(text: str) -> str:
    """The text with its whole numbers replaced by `$`, or nothing where that is not safe without a parser.

    Without quotes, comments and brackets, digits that touch no word and no dot are a constant, and PostgreSQL's
    grammar takes any other up to nine digits in its place. `float(24)` is another type than `float(25)`.
    """
    if len(text) > LONGEST_NORMALIZED or not _WORDS_AND_NUMBERS.fullmatch(text):
        return ""
    if "--" in text or "float" in text.lower():
        return ""
    return _NUMBER.sub("$", text)


def _form(text: str) -> str:
    """The text with its constants replaced by `$1`, `$2` …, or nothing where that is no use.

    A text with a `$` of its own is left alone: what it says by `$1` could be what another says by a constant.
    """
    if "$" in text or "\0" in text or len(text) > LONGEST_NORMALIZED:
        return ""
    try:
        return parser.normalize(text)
    except (parser.ParseError, UnicodeEncodeError):
        return ""


def _distinct(statements: list[Statement]) -> list[Statement]:
    """A text may hold 100,000 times the same one."""
    if len(statements) < 100:
        return statements
    seen: dict[tuple[object, ...], Statement] = {}
    for statement in statements:
        seen.setdefault(_key(statement), statement)
    return list(seen.values())


def _key(statement: Statement) -> tuple[object, ...]:
    values = [getattr(statement, name) for name in Statement.__slots__]
    return tuple(tuple(value.items()) if isinstance(value, Mapping) else value for value in values)


def _weight(text: str, facts: PostgresFacts) -> int:
    """About the bytes that an entry keeps alive."""
    names = len(facts.objects) + len(facts.functions)
    return len(text) + 600 * len(facts.statements) + 200 * names
