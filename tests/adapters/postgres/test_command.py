"""A query as a policy reads it."""

import pytest

from hoopaddon import Facts, Unparsable
from hoopaddon.adapters.postgres.sql.command import PostgresQuery
from hoopaddon.testing import session


def query(text: str, prepared: dict[str, set[str]] | None = None) -> PostgresQuery:
    return PostgresQuery(session(), text, prepared=prepared)


def test_what_a_policy_reads() -> None:
    command = query("SELECT f(a) FROM s.t")
    assert isinstance(command.facts, Facts)
    assert command.verbs == {"select"}
    assert command.objects == command.tables == {"s.t"}
    assert command.functions == {"f"}
    assert [statement.verb for statement in command.statements] == ["select"]
    assert type(command.parsed[0].stmt).__name__ == "SelectStmt"
    assert command.protocol == "postgres"
    assert command.hook == "postgres_query"


def test_facts_follow_a_rewrite() -> None:
    command = query("DELETE FROM t")
    assert command.verbs == {"delete"}
    command.rewrite("SELECT 1")
    assert command.verbs == {"select"}
    command.rewrite("nonsense")
    with pytest.raises(Unparsable):
        _ = command.facts
    with pytest.raises(Unparsable):
        _ = command.statements
    with pytest.raises(Unparsable):
        _ = command.parsed


def test_what_cannot_be_read_costs_nothing_until_it_is_asked_for() -> None:
    assert query("nonsense").text == "nonsense"


def test_execute_has_the_facts_of_what_was_prepared() -> None:
    prepared = {"p": {"DELETE FROM t", "SELECT f() FROM u"}}
    command = query("EXECUTE p", prepared)
    assert command.verbs == {"execute", "delete", "select"}
    assert command.tables == {"t", "u"}
    assert command.functions == {"f"}
    assert not any(statement.dynamic for statement in command.statements)


def test_execute_takes_from_a_text_only_what_it_prepares() -> None:
    prepared = {"p": {"DROP TABLE x; PREPARE p AS SELECT 1 FROM t; PREPARE q AS DELETE FROM u"}}
    assert query("EXECUTE p", prepared).tables == {"t"}


def test_execute_of_an_unknown_name_is_dynamic() -> None:
    mappings: list[dict[str, set[str]] | None] = [None, {}, {"P": {"SELECT 1"}}, {"p": set()}]
    for prepared in mappings:
        (statement,) = query("EXECUTE p", prepared).statements
        assert statement.dynamic


def test_execute_follows_execute() -> None:
    prepared = {"a": {"EXECUTE b"}, "b": {"EXECUTE a", "DELETE FROM t"}}
    command = query("EXPLAIN ANALYZE EXECUTE a", prepared)
    assert "delete" in command.verbs
    assert not any(statement.dynamic for statement in command.statements)
    assert any(s.dynamic for s in query("EXECUTE a", {"a": {"EXECUTE c"}}).statements)


def test_the_mapping_of_prepared_statements_is_live() -> None:
    prepared: dict[str, set[str]] = {}
    before, after = query("EXECUTE p", prepared), query("EXECUTE p", prepared)
    assert before.statements[0].dynamic
    prepared["p"] = {"SELECT 1"}
    assert not after.statements[0].dynamic


def test_prepare_and_execute_in_one_text() -> None:
    command = query("PREPARE p AS DELETE FROM t; EXECUTE p")
    assert not any(statement.dynamic for statement in command.statements)
    assert command.verbs == {"prepare", "execute", "delete"}
