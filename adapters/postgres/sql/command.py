"""A query as policies see it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import pglast
from mypy_extensions import mypyc_attr

from hoopaddon.adapters.postgres.sql.facts import PostgresFacts, facts_of
from hoopaddon.adapters.postgres.sql.statement import Statement
from hoopaddon.command import Command
from hoopaddon.commands import SqlCommand
from hoopaddon.session import Session


@mypyc_attr(allow_interpreted_subclasses=True, serializable=True)
class PostgresQuery(SqlCommand):
    """A statement, or several in one string, with the values bound to it.

    `prepared` are the texts that this session has prepared under each name: what SQL EXECUTE runs is looked up
    there. It is the session's own mapping and may grow.
    """

    hook: ClassVar[str] = "postgres_query"
    protocol: ClassVar[str] = "postgres"

    __slots__ = ("_facts", "_facts_text", "_prepared")

    def __init__(
        self,
        session: Session,
        text: str,
        parameters: Sequence[Any] = (),
        *,
        prepared: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        super().__init__(session, text, parameters)
        self._prepared = prepared
        self._facts: PostgresFacts | None = None
        self._facts_text = text

    def __copy__(self) -> Self:
        twin = super().__copy__()
        twin._prepared, twin._facts, twin._facts_text = self._prepared, self._facts, self._facts_text
        return twin

    @property
    def facts(self) -> PostgresFacts:
        """Facts about the text, computed when first read. Raises `Unparsable` where the text is not SQL."""
        facts = self._facts
        if facts is None or self._facts_text is not self.text:
            facts = facts_of(self.text)
            if facts.executes:
                facts = _with_executed(facts, self._prepared or {})
            # Last, as a text that cannot be read must not be left with the facts of the one before.
            self._facts, self._facts_text = facts, self.text
        return facts

    @property
    def statements(self) -> tuple[Statement, ...]:
        """Every statement at any depth, those that an EXECUTE runs included."""
        return self.facts.statements

    @property
    def tables(self) -> frozenset[str]:
        """Tables, views and sequences, as written: `orders`, `public.orders`."""
        return self.facts.tables

    @property
    def functions(self) -> frozenset[str]:
        """Functions, by bare name and, where it is written, by qualified name."""
        return self.facts.functions

    @property
    def parsed(self) -> tuple[Any, ...]:
        """pglast's syntax tree, for what the facts do not say. Raises `Unparsable`."""
        # libpg_query checks the depth of the tree while the facts are read; parse_sql alone would not.
        _ = self.facts
        return tuple(pglast.parse_sql(self.text))


# A compiled class does not tell its keywords to the one that it derives from.
Command.types[PostgresQuery.hook] = PostgresQuery


def _with_executed(facts: PostgresFacts, prepared: Mapping[str, Collection[str]]) -> PostgresFacts:
    """The facts with those of the prepared statements that are executed. An unknown one could be anything."""
    statements = list(facts.statements)
    known = True
    names, seen = set(facts.executes), set(facts.executes)
    while names:
        name = names.pop()
        texts = prepared.get(name, ())
        known = known and (bool(texts) or name in facts.prepares)
        for text in texts:
            inner = facts_of(text)
            statements += inner.prepares.get(name, inner.statements)
            names |= inner.executes - seen
            seen |= inner.executes
    if not known:
        statements = [replace(s, dynamic=True) if s.verb == "execute" else s for s in statements]
    return PostgresFacts.of(statements, facts.prepares, facts.executes)
