"""Facts about statements: what is found, at any depth, and what is refused for want of a parse."""

from typing import Any

import pytest

from hoopaddon.adapters.postgres.sql.facts import PostgresFacts, facts_of
from hoopaddon.adapters.postgres.sql.statement import Statement
from hoopaddon.adapters.postgres.sql.syntax import LARGE_TREE_BYTES, MAX_TEXT_BYTES
from hoopaddon.errors import Unparsable


def facts(text: str) -> PostgresFacts:
    return facts_of(text)


def only(text: str) -> Statement:
    (statement,) = facts(text).statements
    return statement


def named(text: str, verb: str) -> Statement:
    return next(statement for statement in facts(text).statements if statement.verb == verb)


@pytest.mark.parametrize("text", ["", ";", " ;; ; ", "-- DROP TABLE x", "/* x */", "\n"])
def test_no_statement(text: str) -> None:
    assert facts(text) == PostgresFacts()


@pytest.mark.parametrize(
    ("text", "verbs"),
    [
        ("SELECT 1", "select"),
        ("VALUES (1)", "select"),
        ("TABLE t", "select"),
        ("SELECT 1 UNION SELECT 2", "select"),
        ("INSERT INTO t VALUES (1)", "insert"),
        ("INSERT INTO t DEFAULT VALUES", "insert"),
        ("INSERT INTO t VALUES ((SELECT 1))", "insert select"),
        ("INSERT INTO t SELECT 1", "insert select"),
        ("INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 1", "insert update"),
        ("INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING", "insert"),
        ("DELETE FROM t WHERE a IN (SELECT 1)", "delete select"),
        ("WITH x AS (UPDATE t SET a = 1 RETURNING a) SELECT * FROM x", "select update"),
        ("WITH x AS (WITH y AS (DELETE FROM t RETURNING a) SELECT * FROM y) SELECT 1", "delete select"),
        ("MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DO NOTHING", "merge"),
        ("MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (1)",
         "merge delete insert"),
        ("SELECT 1 INTO t", "select create"),
        ("CREATE TABLE t AS SELECT 1", "create select"),
        ("CREATE TABLE t AS EXECUTE p", "create execute"),
        ("EXPLAIN SELECT 1", "explain select"),
        ("EXPLAIN ANALYZE UPDATE t SET a = 1", "explain update"),
        ("PREPARE p AS DELETE FROM t", "prepare delete"),
        ("DECLARE c CURSOR FOR SELECT 1", "declare select"),
        ("COPY (DELETE FROM t RETURNING a) TO STDOUT", "copy delete"),
        ("COPY t FROM STDIN", "copy"),
        ("CREATE VIEW v AS SELECT 1", "create select"),
        ("CREATE RULE r AS ON INSERT TO t DO ALSO (DELETE FROM u; NOTIFY x)", "create delete notify"),
        ("CREATE SCHEMA s CREATE TABLE t (a int) GRANT ALL ON t TO x", "create grant"),
        ("ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM x", "alter revoke"),
        ("DO $$ BEGIN DELETE FROM t; PERFORM f(); END $$", "do delete select"),
        ("DO $$ BEGIN EXECUTE 'TRUNCATE t'; END $$", "do truncate"),
        ("DO $$ DECLARE x int := 1; BEGIN x := x + 1; END $$", "do"),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'DELETE FROM t; SELECT 1'", "create delete select"),
        ("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END", "create select"),
        ("CREATE FUNCTION f() RETURNS int RETURN 1", "create"),
        ("BEGIN; START TRANSACTION; COMMIT; END; ROLLBACK; ABORT", "begin commit rollback"),
        ("SAVEPOINT a; RELEASE a; ROLLBACK TO a; COMMIT PREPARED 'x'", "savepoint release rollback commit"),
        ("SET a = 1; SET LOCAL a = 1; RESET a; RESET ALL; SHOW a", "set reset show"),
        ("FETCH 1 FROM c; MOVE c; CLOSE c", "fetch move close"),
        ("VACUUM; ANALYZE; CLUSTER; REINDEX TABLE t; CHECKPOINT", "vacuum analyze cluster reindex checkpoint"),
        ("GRANT a TO b; REVOKE a FROM b; GRANT SELECT ON t TO b", "grant revoke"),
        ("ALTER TABLE t RENAME TO u; ALTER TABLE t SET SCHEMA s; ALTER TABLE t OWNER TO x", "alter"),
        ("COMMENT ON TABLE t IS ''; SECURITY LABEL ON TABLE t IS ''", "comment|security label"),
        ("REASSIGN OWNED BY a TO b; DROP OWNED BY a; DISCARD ALL; LOAD 'x'", "reassign drop discard load"),
        ("LISTEN a; NOTIFY a; UNLISTEN a; LOCK t; CALL f(); TRUNCATE t", "listen notify unlisten lock call truncate"),
        ("REFRESH MATERIALIZED VIEW m; IMPORT FOREIGN SCHEMA a FROM SERVER b INTO c", "refresh import"),
    ],
)  # fmt: skip
def test_verbs(text: str, verbs: str) -> None:
    assert facts(text).verbs == frozenset(verbs.split("|") if "|" in verbs else verbs.split())


@pytest.mark.parametrize(
    ("text", "tables"),
    [
        ('SELECT * FROM Users, "Users", public.users, db.public.orders', "users Users public.users public.orders"),
        ('SELECT * FROM "a.b", "c""d"', '"a.b" "c""d"'),
        ("SELECT * FROM a JOIN b ON true LEFT JOIN LATERAL (SELECT * FROM c) x ON true", "a b c"),
        ("WITH x AS (SELECT * FROM a) SELECT * FROM x, public.x", "a public.x"),
        ("WITH users AS (SELECT * FROM users) SELECT * FROM users", "users"),
        ("WITH RECURSIVE x AS (SELECT 1 UNION SELECT * FROM x) SELECT * FROM x", ""),
        ("WITH a AS (SELECT * FROM b), b AS (SELECT * FROM a) SELECT * FROM b", "b"),
        ("WITH x AS (SELECT 1) SELECT (SELECT count(*) FROM x), (WITH y AS (SELECT 1) SELECT 1 FROM y, z)", "z"),
        ("SELECT (WITH y AS (SELECT 1) SELECT 1 FROM y), (SELECT 1 FROM y)", "y"),
        ("WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a", ""),
        ("WITH a AS (WITH b AS (SELECT * FROM c) SELECT * FROM b), c AS (SELECT * FROM a, b) SELECT * FROM c", "c b"),
        ("WITH a AS (SELECT 1) SELECT (WITH a AS (TABLE a) SELECT 1 FROM a), (WITH b AS (TABLE b) TABLE b)", "b"),
        ("WITH t AS (SELECT 1) DELETE FROM t", "t"),
        ("WITH t AS (SELECT 1) INSERT INTO t SELECT * FROM t", "t"),
        ("MERGE INTO a USING b ON a.x = b.x WHEN MATCHED THEN DELETE", "a b"),
        ("TRUNCATE a, s.b", "a s.b"),
        ("DROP TABLE a, s.b; DROP VIEW v; DROP INDEX i; DROP TRIGGER g ON s.t", "a s.b v i s.t"),
        ("COPY s.t FROM STDIN", "s.t"),
        ("CREATE TABLE a (b int REFERENCES c) INHERITS (d)", "a c d"),
        ("CREATE TABLE a (LIKE b)", "a b"),
        ("SELECT 1 INTO x FROM y", "x y"),
        ("LOCK a; VACUUM b; GRANT SELECT ON c TO d", "a b c"),
        ("DO $$ BEGIN EXECUTE 'SELECT * FROM a'; INSERT INTO b SELECT * FROM c; END $$", "a b c"),
        ("SELECT 'x'::regclass, nextval('s')", ""),
        ("SELECT a.b.c FROM a.b", "a.b"),
    ],
)
def test_tables(text: str, tables: str) -> None:
    assert facts(text).tables == frozenset(tables.split())


@pytest.mark.parametrize(
    ("text", "functions"),
    [
        ("SELECT F(1), S.g(2), db.s.h(3)", "f g s.g h s.h"),
        ('SELECT "F"(1), U&"\\0067"()', "F g"),
        ("SELECT * FROM a(), ROWS FROM (b(), c()) ", "a b c"),
        ("SELECT x FILTER_ME FROM t WHERE p(x) GROUP BY q(x) HAVING r(x) ORDER BY s(x) LIMIT u(1)", "p q r s u"),
        ("SELECT count(*) FILTER (WHERE a(x)) OVER (PARTITION BY b(x)) FROM t TABLESAMPLE c(1)", "count a b"),
        ("INSERT INTO t VALUES (a()) RETURNING b()", "a b"),
        ("UPDATE t SET (a, b) = (SELECT f(), g())", "f g"),
        ("CALL s.p(f())", "p s.p f"),
        ("CREATE TABLE t (a int DEFAULT f(), CHECK (g(a)))", "f g"),
        ("CREATE TRIGGER t AFTER INSERT ON u EXECUTE FUNCTION s.f()", "f s.f"),
        ("CREATE EVENT TRIGGER t ON ddl_command_end EXECUTE FUNCTION f()", "f"),
        ("CREATE OPERATOR ## (FUNCTION = f, LEFTARG = int4)", "f int4"),
        ("CREATE CAST (a AS b) WITH FUNCTION f(a)", "f"),
        ("DROP FUNCTION f()", ""),
        ("CREATE FUNCTION f() RETURNS int RETURN g()", "g"),
        ("DO $$ BEGIN RAISE NOTICE '%', f(); IF g() THEN PERFORM h(); END IF; END $$", "f g h"),
        (
            "SELECT JSON_OBJECT('a': f()), XMLELEMENT(NAME a, g()), COALESCE(h(), 1), ARRAY[i()], ROW(j())",
            "f g h i j",
        ),
        ("EXECUTE p(f())", "f"),
    ],
)
def test_functions(text: str, functions: str) -> None:
    assert facts(text).functions == frozenset(functions.split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("DELETE FROM s.t USING u WHERE t.a = u.a", {"writes": {"s.t"}, "tables": {"s.t", "u"}, "attributes": {"a"}}),
        ("INSERT INTO t SELECT 1 FROM u", {"verb": "insert", "writes": {"t"}}),
        ("DROP SCHEMA a, b CASCADE", {"kind": "schema", "objects": {"a", "b"}, "clauses": {"cascade"}}),
        ("DROP FUNCTION s.f(int), g", {"kind": "function", "objects": {"s.f", "g"}}),
        ("DROP OWNED BY a", {"kind": "owned", "roles": {"a"}}),
        ("DROP MATERIALIZED VIEW m", {"kind": "materialized view", "writes": {"m"}}),
        ("ALTER TABLE t DROP COLUMN a, DISABLE TRIGGER ALL", {"clauses": {"drop column", "disable trig all"}}),
        ("BEGIN READ ONLY", {"clauses": {"read only"}}),
        ("SET TRANSACTION DEFERRABLE, READ WRITE", {"clauses": {"transaction_deferrable", "read write"}}),
        ("COMMIT PREPARED 'x'", {"clauses": {"two-phase"}}),
        ("PREPARE TRANSACTION 'x'", {"clauses": {"two-phase"}}),
        ("SELECT a FROM t FOR NO KEY UPDATE", {"clauses": {"lock rows"}, "writes": set()}),
        ("LOCK t IN ACCESS SHARE MODE", {"clauses": {"access share"}}),
        ("LOCK t", {"clauses": set()}),
        ("COPY t TO PROGRAM 'x'", {"clauses": {"to", "program"}, "writes": set()}),
        ("COPY t FROM '/x' (FORMAT csv)", {"clauses": {"from", "file", "format"}, "writes": {"t"}}),
        ("ALTER ROLE a SUPERUSER NOLOGIN", {"kind": "role", "clauses": {"superuser", "nocanlogin"}, "roles": {"a"}}),
        ("CREATE ROLE a IN ROLE b", {"clauses": {"addroleto"}, "roles": {"a", "b"}}),
        ("GRANT SELECT, UPDATE (a) ON t TO PUBLIC WITH GRANT OPTION",
         {"clauses": {"select", "update", "grant option"}, "roles": {"public"}, "tables": {"t"}}),
        ("GRANT a, b TO CURRENT_USER", {"kind": "role", "objects": {"a", "b"}, "roles": {"current_user"}}),
        ("ALTER SYSTEM SET Work_Mem = '1MB'", {"kind": "system", "settings": {"work_mem": "1MB"}}),
        ("SET search_path = a, 'b'", {"settings": {"search_path": "a, b"}}),
        ("SET SESSION AUTHORIZATION DEFAULT", {"settings": {"session_authorization": "default"}}),
        ("SELECT set_config('A', 'b', true)", {"settings": {"a": "b"}}),
        ("SELECT set_config('a' || 'b', x, true) FROM t", {"settings": {"ab": None}}),
        ("SELECT set_config($1, 'x', true)", {"settings": {"*": "x"}}),
        ("SELECT set_config(NULL, NULL, true), set_config()", {"settings": {"*": None}}),
        ("SELECT set_config(a, 'x', true), set_config(b, 'x', true)", {"settings": {"*": "x"}}),
        ("SELECT set_config('a', 'x', true), set_config('A', 'y', true)", {"settings": {"a": None}}),
        ("SELECT set_config('a', x, true), set_config('a', 'x', true), f(set_config('a', 'x', true))",
         {"settings": {"a": None}}),
        ("CREATE EXTENSION \"Dblink\" CASCADE", {"kind": "extension", "objects": {"Dblink"}}),
        ("LOAD 'lib'", {"objects": {"lib"}}),
        ("SELECT (x).f, t.g, h FROM t", {"attributes": {"f", "g"}}),
        ("DO LANGUAGE plperl 'x'", {"opaque": True}),
        ("DO $$ BEGIN not plpgsql $$", {"opaque": True}),
        ("DO $$ BEGIN EXECUTE x || 'a'; END $$", {"dynamic": True}),
        ("DO $$ BEGIN EXECUTE 'SELEC'; END $$", {"opaque": True, "dynamic": False}),
        ("EXECUTE p", {"verb": "execute", "dynamic": False}),
    ],
)  # fmt: skip
def test_a_statement(text: str, expected: dict[str, Any]) -> None:
    statement = facts(text).statements[0]
    found = {name: getattr(statement, name) for name in expected}
    assert {n: dict(v) if n == "settings" else v for n, v in found.items()} == expected


def test_explain_without_analyze_is_only_planned() -> None:
    assert named("EXPLAIN DELETE FROM t", "delete").explained
    assert named("EXPLAIN (ANALYZE off) DELETE FROM t", "delete").explained
    assert named("EXPLAIN WITH x AS (DELETE FROM t RETURNING a) SELECT 1", "delete").explained
    assert not named("EXPLAIN (ANALYZE) DELETE FROM t", "delete").explained
    assert not named("EXPLAIN (ANALYZE 0, ANALYZE 1) DELETE FROM t", "delete").explained
    assert not named('EXPLAIN ("ANALYZE") DELETE FROM t', "delete").explained
    assert not named("EXPLAIN SELECT 1; DELETE FROM t", "delete").explained


def test_what_is_prepared_and_executed_is_known_by_name() -> None:
    found = facts("PREPARE p AS WITH x AS (SELECT 1) DELETE FROM t; EXECUTE q; SELECT f()")
    assert [statement.verb for statement in found.prepares["p"]] == ["delete", "select"]
    assert found.executes == {"q"}


def test_bodies_in_bodies_are_followed_so_far() -> None:
    def nested(levels: int) -> str:
        text = "DROP TABLE t"
        for level in range(levels):
            text = f"DO $a{level}$ BEGIN EXECUTE $b{level}${text}$b{level}$; END $a{level}$"
        return text

    assert "drop" in facts(nested(5)).verbs
    assert "drop" not in facts(nested(30)).verbs
    assert any(statement.opaque for statement in facts(nested(30)).statements)


@pytest.mark.parametrize(
    ("text", "message", "code", "position"),
    [
        ("SELEC 1", 'syntax error at or near "SELEC"', "42601", 1),
        ("SELECT 'é', é FRM é é", 'syntax error at or near "é"', "42601", 19),
        ("SELECT 1; SELECT * FRM t", 'syntax error at or near "FRM"', "42601", 20),
        ("GRANT -- é", "syntax error at end of input", "42601", 11),
        ("SELECT 'abc", 'unterminated quoted string at or near "\'abc"', "42601", 8),
        ("SELECT U&'\\d800'", "invalid Unicode surrogate pair", "42601", 16),
        ("SELECT E'\\xff'", 'invalid byte sequence for encoding "UTF8": 0xff', "22021", None),
        ("CREATE TABLE t (a int REFERENCES b MATCH PARTIAL)", "MATCH PARTIAL not yet implemented", "0A000", 36),
        ("SELECT 1\0; DROP TABLE t", 'invalid byte sequence for encoding "UTF8": 0x00', "22021", None),
        ("SELECT '\ud800'", 'invalid byte sequence for encoding "UTF8"', "22021", None),
        ("x" * (MAX_TEXT_BYTES + 1), "statement is too long", "54000", None),
    ],
)
def test_unparsable(text: str, message: str, code: str, position: int | None) -> None:
    with pytest.raises(Unparsable) as refused:
        facts(text)
    assert (refused.value.reason, refused.value.code, refused.value.position) == (message, code, position)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT " + "(" * 100_000 + "1" + ")" * 100_000,
        "SELECT 1" + "+1" * 500_000,
        "SELECT 1" + " UNION SELECT 1" * 200_000,
        "SELECT 1" + "::int" * 200_000,
        "SELECT " + "NOT " * 200_000 + "true",
        "SELECT " + "f(" * 100_000 + ")" * 100_000,
        "SELECT " + "(SELECT " * 100_000 + "1" + ")" * 100_000,
        "SELECT a" + " AT TIME ZONE b" * 20_000,
        "SELECT * FROM a" + " JOIN b ON true" * 100_000,
        "CREATE TABLE t (a int DEFAULT 1" + "+1" * 500_000 + ")",
        "DELETE FROM t WHERE " + "CASE WHEN " * 50_000,
        "DO $$ BEGIN " + "IF true THEN " * 50_000 + "END IF; " * 50_000 + "END $$",
        "DO $$ BEGIN PERFORM 1" + "+1" * 500_000 + "; END $$",
    ],
    ids=lambda text: text[:20],
)
def test_deep_nesting_is_an_error_and_no_crash(text: str) -> None:
    if text.startswith("DO"):
        assert facts(text).statements[0].opaque
        return
    with pytest.raises(Unparsable) as refused:
        facts(text)
    assert refused.value.code in ("42601", "54001")


def test_what_real_programs_nest_is_read() -> None:
    assert facts("SELECT 1" + " UNION ALL SELECT f(a) FROM t" * 800).tables == {"t"}
    assert facts("SELECT " + "||".join("f(a)" for _ in range(400))).functions == {"f"}
    assert facts("DELETE FROM t WHERE " + " OR ".join(f"id = {n}" for n in range(5000))).tables == {"t"}


def test_a_large_statement_has_the_same_facts() -> None:
    rows = ",".join(f"({n}, 'x\\\"}}{{', f({n}), NULL, -1.5, true, B'1')" for n in range(10_000))
    text = f"INSERT INTO s.t VALUES {rows} ON CONFLICT DO NOTHING"
    assert len(text) > LARGE_TREE_BYTES
    assert only(text) == only("INSERT INTO s.t VALUES (1, f(1)) ON CONFLICT DO NOTHING")


def test_padding_does_not_make_a_condition_effective() -> None:
    padding = "SELECT " + ",".join("'DROP'" for _ in range(20_000))
    assert named(f"{padding}; DELETE FROM t WHERE 1=1", "delete").every_row
    assert named(f"{padding}; DELETE FROM t WHERE id = 5 OR true", "delete").every_row
    assert not named(f"{padding}; DELETE FROM t WHERE id = 5", "delete").every_row
    assert dict(facts(f"{padding}, set_config('role', 'x', false)").statements[0].settings) == {"*": None}


def test_the_same_statement_many_times_is_one() -> None:
    assert len(facts("SELECT 1;" * 5000).statements) == 1
