"""block_destructive against its two collections of statements, through the chain that the gateway uses."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pglast import parser

from hoopaddon import Verdict
from hoopaddon.adapters.postgres.sql.command import PostgresQuery
from hoopaddon.addons.block_destructive import RULES, BlockDestructive
from hoopaddon.testing import Bench, session
from tests.addons.corpus import cases

DESTRUCTIVE = cases("destructive")
INNOCENT = cases("innocent")
OPTIONS = [*RULES, "block_functions"]


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench(BlockDestructive()) as bench:
        yield bench


@pytest.fixture(scope="module")
def one_rule_each() -> Iterator[dict[str, Bench]]:
    """For each option a bench on which that option alone is on."""
    benches = {name: Bench(BlockDestructive(), options={o: o == name for o in OPTIONS}) for name in OPTIONS}
    yield benches
    for bench in benches.values():
        bench.close()


def judged(bench: Bench, text: str, prepared: Mapping[str, Collection[str]] | None = None) -> Verdict:
    return bench.judge(PostgresQuery(session(), text, prepared=prepared))


def test_the_collections_are_large_enough() -> None:
    assert len({text for _, text in DESTRUCTIVE}) == len(DESTRUCTIVE) >= 130
    assert len({text for _, text in INNOCENT}) == len(INNOCENT) >= 60
    assert {f"block_{rule}" for rule, _ in DESTRUCTIVE} == set(OPTIONS)


@pytest.mark.parametrize(("rule", "text"), DESTRUCTIVE)
def test_destructive(rule: str, text: str, bench: Bench, one_rule_each: dict[str, Bench]) -> None:
    everything = judged(bench, text)
    alone = judged(one_rule_each[f"block_{rule}"], text)
    assert not everything.passes
    assert not alone.passes
    assert everything.code == "", "refused by the policy, not for its syntax"


@pytest.mark.parametrize(("_heading", "text"), DESTRUCTIVE + INNOCENT)
def test_a_rule_names_every_verb_that_it_refuses(_heading: str, text: str) -> None:
    found = [
        (s.verb, rule) for s in PostgresQuery(session(), text).statements for rule in RULES.values() if rule.check(s)
    ]
    assert [verb for verb, rule in found if rule.verbs and verb not in rule.verbs] == []


@pytest.mark.parametrize(("_heading", "text"), INNOCENT)
def test_innocent(_heading: str, text: str, bench: Bench) -> None:
    assert judged(bench, text).reason == ""


@pytest.mark.parametrize(("_rule", "text"), DESTRUCTIVE)
def test_a_reason_quotes_no_constant(_rule: str, text: str, bench: Bench) -> None:
    reason = judged(bench, text).reason
    literals = re.findall(r"'([^']{3,})'", text)
    assert not [literal for literal in literals if literal in reason and not literal.strip().isidentifier()]
    assert len(reason) < 120


@pytest.mark.parametrize(("rule", "text"), DESTRUCTIVE)
def test_with_its_rule_off_it_is_not_refused_for_that(rule: str, text: str, one_rule_each: dict[str, Bench]) -> None:
    others = [name for name in OPTIONS if name != f"block_{rule}"]
    reasons = {judged(one_rule_each[name], text).reason for name in others}
    assert judged(one_rule_each[f"block_{rule}"], text).reason not in reasons


SPACES = ["\n", "\t", " \r\n ", "/**/", "/* ; */", "-- x\n", "/* /* nested */ ' */", "\f"]


@st.composite
def mangled(draw: st.DrawFn) -> str:
    """A destructive statement with other spaces, comments and case, which mean nothing to PostgreSQL."""
    _, text = draw(st.sampled_from(DESTRUCTIVE))
    pieces, end = [], 0
    for token in parser.scan(text):
        if token.name in ("SQL_COMMENT", "C_COMMENT"):
            continue
        word = text[token.start : token.end + 1]
        # A string goes on after a line end, and UESCAPE belongs to what stands before it.
        between = text[end : token.start]
        if between.strip() or (between and draw(st.booleans())):
            between = draw(st.sampled_from(SPACES)) if not word.startswith(("'", '"')) else " "
        if token.kind != "NO_KEYWORD" or (token.name == "IDENT" and '"' not in word):
            word = draw(st.sampled_from([word.lower(), word.upper(), word.title()]))
        pieces += [between, word]
        end = token.end + 1
    return "".join(pieces)


@settings(deadline=None, max_examples=300)
@given(text=mangled())
def test_a_mangled_statement_stays_blocked(text: str, bench: Bench) -> None:
    verdict = judged(bench, text)
    assert not verdict.passes
    assert verdict.code == ""


def test_execute_of_what_was_prepared_is_judged_by_that(bench: Bench) -> None:
    prepared = {"gone": {"DELETE FROM users"}, "sql": {"SELECT 1; PREPARE sql AS SELECT 2; DROP TABLE x"}}
    assert "DELETE" in judged(bench, "EXECUTE gone", prepared).reason
    assert judged(bench, "EXECUTE sql", prepared).passes
    assert "not prepared" in judged(bench, "EXECUTE other", prepared).reason


def test_allowed_tables() -> None:
    with Bench(BlockDestructive(), options={"block_allow_tables": ["staging, public.tmp"]}) as bench:
        assert judged(bench, "DROP TABLE staging").passes
        assert judged(bench, "TRUNCATE staging, public.tmp").passes
        assert judged(bench, "DELETE FROM staging").passes
        assert not judged(bench, "DROP TABLE staging CASCADE").passes
        assert not judged(bench, "DROP TABLE staging, users").passes
        assert not judged(bench, "TRUNCATE tmp").passes
        assert not judged(bench, 'DROP TABLE "public.tmp"').passes
        assert not judged(bench, "DROP VIEW staging").passes
        assert not judged(bench, "GRANT ALL ON staging TO public").passes
        assert not judged(bench, "DELETE FROM staging; DELETE FROM users").passes
        assert not judged(bench, "WITH staging AS (SELECT 1) DELETE FROM users").passes
        assert not judged(bench, "WITH users AS (SELECT 1) DELETE FROM users").passes
        assert not judged(bench, "ALTER TABLE staging DROP COLUMN a, OWNER TO x").passes


def test_extra_functions() -> None:
    options: dict[str, Any] = {"block_extra_functions": ["setval,audit.purge"], "block_functions": False}
    with Bench(BlockDestructive(), options=options) as bench:
        assert judged(bench, "SELECT pg_read_file('x')").passes
        assert not judged(bench, "SELECT setval('s', 1)").passes
        assert not judged(bench, "SELECT pg_catalog.setval('s', 1)").passes
        assert not judged(bench, "CALL audit.purge()").passes
        assert judged(bench, "CALL purge()").passes


def test_what_does_not_parse_is_refused_as_postgresql_would(bench: Bench) -> None:
    verdict = judged(bench, "SELECT 1 FROM WHERE")
    assert (verdict.code, verdict.position) == ("42601", 15)
    assert judged(bench, "\ufeffDROP TABLE users").code == "42601"
