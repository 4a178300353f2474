"""The caches change what facts cost, and nothing else."""

import gc
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoopaddon.adapters.postgres.sql import facts
from hoopaddon.adapters.postgres.sql.facts import PostgresFacts, facts_of, read
from hoopaddon.errors import Unparsable
from hoopaddon.generations import Generations

# Texts of the same form whose facts differ stand next to each other.
FORMS = [
    "DELETE FROM t WHERE {}",
    "DELETE FROM t WHERE id = {}",
    "DELETE FROM t WHERE id = {} OR {}",
    "DELETE FROM t WHERE id > {} OR id < {}",
    "DELETE FROM t WHERE NOT (id = {} AND id <> {})",
    "DELETE FROM t WHERE name LIKE {}",
    "DELETE FROM t WHERE name ~ {}",
    "DELETE FROM t WHERE {} = {}",
    "DELETE FROM t WHERE {} < {}",
    "DELETE FROM t WHERE id + {} = id",
    "DELETE FROM t WHERE id NOT IN ({}, {})",
    "DELETE FROM t WHERE {} IN ({}, {})",
    "DELETE FROM t WHERE id BETWEEN {} AND {}",
    "DELETE FROM t WHERE (id = {}) IS NOT TRUE",
    "DELETE FROM t WHERE (id = {}) IS NULL",
    "DELETE FROM t WHERE (id = {}) = {}",
    "DELETE FROM t WHERE id IS DISTINCT FROM {}",
    "DELETE FROM t WHERE CASE WHEN id = {} THEN {} ELSE {} END",
    "DELETE FROM t WHERE coalesce(id = {}, {})",
    "DELETE FROM t WHERE length(name) >= {}",
    "DELETE FROM t WHERE {}::bool",
    "DELETE FROM t WHERE id <> ALL ({})",
    "DELETE FROM t WHERE EXISTS (SELECT {} WHERE {})",
    "DELETE FROM t WHERE id <> ALL (SELECT id FROM u LIMIT {})",
    "DELETE FROM t WHERE id <> ALL (SELECT id FROM u WHERE {})",
    "DELETE FROM t WHERE id IN ({}) IS NOT TRUE",
    "DELETE FROM t WHERE id = ANY (ARRAY[{}, {}])",
    "DELETE FROM t WHERE (SELECT {})",
    "DELETE FROM t WHERE id = (SELECT {}) OR (id, {}) = ({}, id)",
    "INSERT INTO t SELECT * FROM t WHERE {} ON CONFLICT (id) DO UPDATE SET a = {} WHERE {}",
    "WITH x AS (SELECT id FROM t LIMIT {}) DELETE FROM t WHERE id IN (SELECT id FROM x WHERE {})",
    "DELETE FROM t WHERE id IN (SELECT id FROM t LIMIT {})",
    "DELETE FROM t WHERE NOT EXISTS (SELECT 1 FROM u WHERE u.id = t.id AND {} LIMIT {})",
    "DELETE FROM t WHERE x || {} IS NULL",
    "UPDATE t SET a = {} WHERE nullif(a, {}) = nullif(a, {})",
    "SELECT set_config({}, {}, true)",
    "SELECT f({}), 'x'::regclass, {} FROM t LIMIT {}",
    "INSERT INTO t VALUES ({}, {})",
    "DELETE FROM t WHERE a::float({}) = a::float({})", "DELETE FROM t WHERE a::int[{}] = a::int[{}]",
    "DELETE FROM t WHERE a::varchar({}) = a::varchar({})", "DELETE FROM t WHERE a[{}] = a[{}]",
    "DELETE FROM t WHERE a + {} = a + {}", "DELETE FROM t WHERE a.b{} = a.b{}", "DELETE FROM t{} WHERE t.a = {}",
    "DELETE FROM t WHERE a::interval({}) = a::interval({})", "DELETE FROM t WHERE a -{} = a --{}\n",
    "SELECT{}", "SELECT a{}", "SELECT * FROM t LIMIT{}", "SELECT a AS b{}",
    "SET work_mem = {}", "COPY t FROM {}", "DO {}", "SELECT $1, {}", "DELETE FROM t WHERE $1 = {}",
]  # fmt: skip
CONSTANTS = [
    "1", "0", "-1", "- 1", "2", "12345678901", "1e1", "1.", ".5", "1_0", "0x1",
    "'a'", "'%'", "''", "'{}'", "'t'", "true", "false", "NULL", "1.5", "E'a'",
    "U&'\\0061'", "'role'", "B'1'", "$1", "$$a$$", "'begin drop table x; end'", "'a' 'b'", "'it''s'",
    "/* c */ 1", "'it''s' -- x\n",
]  # fmt: skip


@st.composite
def texts(draw: st.DrawFn) -> str:
    form = draw(st.sampled_from(FORMS))
    for _ in range(form.count("{}")):
        form = form.replace("{}", draw(st.sampled_from(CONSTANTS)), 1)
    return form


def outcome(text: str, cached: bool) -> PostgresFacts | tuple[str, str, int | None]:
    try:
        return facts_of(text) if cached else read(text)[0]
    except Unparsable as e:
        return (e.reason, e.code, e.position)


@settings(deadline=None, max_examples=1500)
@given(texts())
def test_cached_facts_are_those_of_the_text(text: str) -> None:
    # The caches are not cleared: what an earlier example left there is what would go wrong.
    assert outcome(text, cached=True) == outcome(text, cached=False)
    assert outcome(text, cached=True) == outcome(text, cached=False)


@pytest.mark.parametrize("form", FORMS)
def test_no_constant_is_taken_for_another_of_the_same_form(form: str) -> None:
    count = form.count("{}")
    for text in (form.format(*[constant] * count) for constant in CONSTANTS):
        assert outcome(text, cached=True) == outcome(text, cached=False)


def test_texts_that_differ_in_constants_are_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    facts_of("SELECT a FROM cached_once WHERE id = 1")
    monkeypatch.setattr(facts, "read", lambda text: pytest.fail("was parsed"))
    assert facts_of("SELECT a FROM cached_once WHERE id = 2").tables == {"cached_once"}
    assert facts_of("SELECT a FROM cached_once WHERE id = 'x'").tables == {"cached_once"}


def test_texts_that_differ_in_whole_numbers_need_no_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    facts_of("SELECT a FROM numbered WHERE id = 1 AND b = -77")
    monkeypatch.setattr(facts, "_form", lambda text: pytest.fail("was parsed"))
    assert facts_of("SELECT a FROM numbered WHERE id = 2 AND b = -8").tables == {"numbered"}


def test_texts_of_one_shape_need_no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (11, 12):
        facts_of(f"SELECT a FROM shaped WHERE id = {number}")
    monkeypatch.setattr(facts, "_outline", lambda text: pytest.fail("was searched"))
    assert facts_of("SELECT a FROM shaped WHERE id = 99").tables == {"shaped"}


@pytest.mark.parametrize(
    "form",
    ["SELECT a FROM t{} WHERE id = {}", "SELECT a{} FROM t WHERE id = {}", "SELECT a::float({}), {} FROM t"],
)
def test_digits_of_names_and_types_keep_texts_apart(form: str) -> None:
    for pair in ((1, 2), (1, 3), (2, 3), (25, 12), (24, 13), (25, 13)) * 2:
        text = form.format(*pair)
        assert outcome(text, cached=True) == outcome(text, cached=False)


@pytest.mark.parametrize(
    "text",
    [
        "DELETE FROM t WHERE true",
        "SELECT set_config('a', 'b', true)",
        "SET a = 1",
        "DO 'begin end'",
        "COPY t FROM '/x'",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "EXPLAIN DELETE FROM t",
    ],
)
def test_facts_that_hang_on_a_constant_are_not_shared(text: str) -> None:
    assert read(text)[1] is False


def test_memory_stays_within_bounds() -> None:
    gc.collect()
    tracemalloc.start()
    try:
        for n in range(40):
            facts_of(f"INSERT INTO t VALUES (1, '{'x' * 1_000_000}{n}')")
        for n in range(3000):
            facts_of(f"SELECT {n}, column_{n} FROM table_{n} WHERE id = {n}")
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 24 * 1024 * 1024


def test_generations() -> None:
    cache: Generations[int] = Generations(entries=8, limit_bytes=8000)
    for n in range(100):
        cache.put(str(n), n, 10)
        assert cache.get(str(n)) == n
        assert cache.get("0") == 0, "what is asked for again and again stays"
        assert len(cache) <= 8
    assert cache.get("50") is None
    cache.put("huge", 1, 1001)
    assert cache.get("huge") is None
    for n in range(20):
        cache.put(f"big{n}", n, 999)
    assert len(cache) <= 8
    cache.clear()
    assert len(cache) == 0
