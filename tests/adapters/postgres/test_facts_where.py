"""Conditions that tell rows apart, and those that only look like it."""

import pytest

from hoopaddon.adapters.postgres.sql.facts import facts_of

NOT_EFFECTIVE = r"""
true
TRUE
NOT false
NOT NOT true
1=1
1 = 1 AND 2 = 2
2 > 1
0 < 1
1 <> 2
1 <= 1
1 + 1 = 2
1 BETWEEN 0 AND 2
1 NOT BETWEEN 5 AND 6
1 IN (1, 2)
3 NOT IN (1, 2)
'a'='a'
'a' <> 'b'
'a' || 'b' = 'ab'
't'
't'::bool
'yes'::boolean
'1'::bool
1::bool
bool 't'
CAST(1 AS boolean)
true::text::bool
1::int = 1
NULL IS NULL
1 IS NOT NULL
true IS TRUE
false IS NOT TRUE
NULL IS NOT TRUE
NULL IS UNKNOWN
true IS NOT UNKNOWN
NOT (1 = 2)
NOT (true AND false)
true OR id = 5
id = 5 OR true
id = 5 OR 1=1
id = 5 OR 'a'='a'
id = 5 OR NOT false
id = 5 OR NULL IS NULL
(id = 5 AND name = 'x') OR 1=1
id = id
t.id = id
t.id = t.id
public.t.id = t.id
id >= id
id <= id
id = (id)
id::text = id::text
id::bigint = id
id + 0 = id
id * 1 = id
id = id - 0
name || '' = name
lower(name) = lower(name)
coalesce(name, '') = coalesce(name, '')
id IS NOT DISTINCT FROM id
NOT (id <> id)
NOT (id IS DISTINCT FROM id)
NOT id < id
id BETWEEN id AND id
id IN (id)
id IN (1, id)
id = ANY (ARRAY[id])
id = ANY (ARRAY[1, id])
id <> ALL ('{}')
id <> ALL (ARRAY[]::int[])
(id, name) = (id, name)
ROW(id) = ROW(id)
t = t
t.* IS NOT NULL
t IS NOT NULL
ctid IS NOT NULL
t.ctid IS NOT NULL
tableoid IS NOT NULL
xmin IS NOT NULL
NOT (ctid IS NULL)
ctid = ctid
ctid IS NOT NULL AND xmin IS NOT NULL
id IS NULL OR id IS NOT NULL
id IS NOT NULL OR id IS NULL
id IS NULL OR NOT (id IS NULL)
(id IS NULL) IS NOT NULL
id IS NULL IS NOT NULL
(id = 1) IS NOT NULL
(id = 1) IS NOT UNKNOWN
(id = NULL) IS NULL
(id = NULL) IS NOT TRUE
(id = NULL) IS UNKNOWN
id = 1 OR id <> 1
id = 1 OR NOT id = 1
NOT id = 1 OR id = 1
id > 0 OR id <= 0
id > 0 OR 0 >= id
id > 0 OR id < 5
id >= 0 OR id < 0
id < 5 OR id > 3 OR id = 4
NOT (id = 1 AND id <> 1)
NOT (id > 5 AND id < 2)
active OR NOT active
NOT active OR active
active = true OR active = false OR NOT active OR active
(1=1) = true
true = (1=1)
(id = id) = true
(id = id) IS TRUE
(id = id) IS NOT FALSE
(id <> id) IS FALSE
(id <> id) = false
name LIKE '%'
name LIKE '%%'
name ILIKE '%'
name LIKE '_%'
name ~~ '%'
name ~ ''
name ~ '.*'
name ~ '^'
name ~ '^.*$'
name ~* '.*'
name !~~ '' OR true
name SIMILAR TO '%'
id::text LIKE '%'
name NOT LIKE 'x' OR true
length(name) >= 0
length(name) > -1
abs(id) >= 0
0 <= length(name)
NOT length(name) < 0 OR true
coalesce(null, true)
coalesce(id = NULL, true)
coalesce(name, '') IS NOT NULL
CASE WHEN true THEN true ELSE id = 1 END
CASE WHEN id = 1 THEN true ELSE true END
CASE WHEN id = NULL THEN false ELSE true END
CASE id WHEN 1 THEN true ELSE true END
CASE WHEN 1=1 THEN true END
CASE WHEN false THEN id = 1 ELSE true END
EXISTS (SELECT 1)
EXISTS (VALUES (1))
EXISTS (SELECT 1 FROM t)
EXISTS (SELECT 1 FROM u WHERE x = 1)
EXISTS (SELECT 1 FROM u WHERE u.x = 1)
EXISTS (SELECT t.id)
EXISTS (SELECT t.id FROM u)
EXISTS (SELECT 1 FROM u WHERE t.id = t.id)
EXISTS (SELECT 1 FROM t t2 WHERE t2.id = t.id)
NOT EXISTS (SELECT 1 WHERE false)
NOT EXISTS (SELECT 1 FROM u WHERE u.id = t.id AND 1=2)
NOT EXISTS (SELECT 1 FROM u LIMIT 0)
(SELECT true)
(SELECT 1) = 1
(SELECT count(*) FROM t) > 0
(SELECT id = id)
id = (SELECT id)
id = (SELECT t.id)
id IN (SELECT id FROM t)
id IN (SELECT t.id)
id IN (SELECT id)
id IN (SELECT x.id FROM t x)
id IN (SELECT id FROM t WHERE true)
id IN (SELECT id FROM t WHERE 1=1)
id IN (SELECT id FROM t WHERE id = id)
id IN (SELECT id FROM t ORDER BY id)
id IN (SELECT id FROM (SELECT id FROM t) s)
id IN (SELECT id FROM t UNION SELECT 5)
id IN (VALUES (id))
id = ANY (SELECT id FROM t)
id = ANY (ARRAY(SELECT id FROM t))
id NOT IN (SELECT id FROM t WHERE false)
id <> ALL (SELECT id FROM t WHERE false)
1 IN (SELECT 1)
$1
$1 = 1
$1 IS NULL OR id = $1
current_user = 'me'
now() > '2000-01-01'
random() < 2
current_date > '1970-01-01'
pg_backend_pid() > 0
(id = 1) IS TRUE OR true
0.1 + 0.2 = 0.3
1.0 = 1.00
'NaN'::float8 = 'NaN'::float8
1e0 = 1
'a' = 'A' COLLATE nd
'ab'::varchar(1) = 'a'
'a' < 'B'
12::numeric(2,-1) = 10
U&'\0061' = 'a'
E'\x61' = 'a'
$$a$$ = 'a'
'a'
lower('A') = 'a'
nullif(id, id) IS NULL
id + NULL IS NULL
random() + id <> random() + id
1 OPERATOR(pg_catalog.=) 1
id OPERATOR(pg_catalog.=) id
id IS NOT DISTINCT FROM t.id
x'1' = x'1'
ARRAY[1] = ARRAY[1]
ROW(1, 2) = ROW(1, 2)
greatest(1, 2) = 2
id /* c */ = /* d */ id
"""

EFFECTIVE = """
id = 5
t.id = 5
public.t.id = 5
5 = id
id = $1
id = $1 AND true
1=1 AND id = 5
id > 5
id > -1
id <> 1
NOT id = 1
NOT (id = 1)
id = 1 OR id = 2
id = 1 OR name = 'x'
id > 5 OR id < 3
id IN (1, 2, 3)
id NOT IN (1, 2, 3)
id = ANY ($1)
id = ANY (ARRAY[1, 2])
id = ANY ('{1,2}')
id BETWEEN 1 AND 10
id NOT BETWEEN 1 AND 10
name LIKE 'a%'
name LIKE '%a%'
name LIKE '__'
name ~ '^a'
name ~ '^$'
name ~ 'a.*'
name SIMILAR TO 'a%'
name = ''
name IS NULL
name IS NOT NULL
deleted_at IS NOT NULL
deleted_at < now()
created_at < now() - interval '30 days'
active
NOT active
active IS TRUE
active IS NOT TRUE
active = true
active = false
active AND id = 1
id = name
lower(name) = lower(other)
lower(name) = 'x'
coalesce(name, '') = ''
coalesce(active, false)
length(name) > 5
length(name) >= 1
data->>'a' IS NOT NULL
data @> '{"a": 1}'
(data->>'n')::int = 5
tags && ARRAY['a']
ctid = '(0,1)'
id = (SELECT max(id) FROM t)
id IN (SELECT id FROM t LIMIT 5)
id IN (SELECT id FROM t WHERE name = 'x')
id IN (SELECT user_id FROM orders)
id IN (SELECT user_id FROM orders WHERE x = 1)
id NOT IN (SELECT user_id FROM orders)
id IN (SELECT max(id) FROM t GROUP BY name)
id IN (SELECT id FROM other)
id IN (SELECT other.id FROM other)
EXISTS (SELECT 1 FROM u WHERE u.id = t.id)
EXISTS (SELECT 1 FROM u WHERE u.id = t.id AND u.banned)
NOT EXISTS (SELECT 1 FROM u WHERE u.id = t.id)
EXISTS (SELECT 1 FROM t t2 WHERE t2.name = t.name AND t2.id < t.id)
EXISTS (SELECT 1 FROM u JOIN v ON v.id = u.id AND u.t = t.id)
(id, name) = (1, 'x')
(id, name) IN (SELECT a, b FROM u)
CASE WHEN id = 1 THEN true ELSE false END
CASE id WHEN 1 THEN true END
false
1=0
1=2
NULL
NOT true
id = 5 AND false
id <> id
id = NULL
current_user = owner
id = 1 IS TRUE
(id = 1) IS NOT FALSE
nullif(name, '') IS NULL
"""


def conditions(table: str) -> list[str]:
    return table.strip().splitlines()


def every_row(text: str) -> list[bool]:
    return [s.every_row for s in facts_of(text).statements if s.verb in ("delete", "update")]


@pytest.mark.parametrize("condition", conditions(NOT_EFFECTIVE))
def test_a_condition_that_is_none(condition: str) -> None:
    assert every_row(f"DELETE FROM t WHERE {condition}") == [True]
    assert every_row(f"UPDATE t SET a = 1 WHERE {condition}") == [True]
    assert every_row(f"DELETE FROM t WHERE ({condition})") == [True]
    assert every_row(f"DELETE FROM t WHERE {condition} /* id = 5 */") == [True]


@pytest.mark.parametrize("condition", conditions(EFFECTIVE))
def test_an_effective_condition(condition: str) -> None:
    assert every_row(f"DELETE FROM t WHERE {condition}") == [False]
    assert every_row(f"UPDATE t SET a = 1 WHERE {condition}") == [False]


@pytest.mark.parametrize(
    "text",
    [
        "DELETE FROM t",
        "DELETE FROM ONLY t",
        "DELETE FROM t AS x WHERE x.id = x.id",
        "DELETE FROM t RETURNING *",
        "DELETE FROM t USING u",
        "DELETE FROM t USING u WHERE u.id = 1",
        "DELETE FROM t USING u WHERE u.id = u.id",
        "DELETE FROM t USING t t2 WHERE t.id = t2.id",
        "DELETE FROM t USING (SELECT id FROM t) s WHERE s.id = t.id",
        "DELETE FROM t USING (SELECT 1 AS x) s WHERE x = 1",
        "DELETE FROM t USING (VALUES (1)) s(x) WHERE x = 1",
        "DELETE FROM t USING generate_series(1, 1) g WHERE g = 1",
        "DELETE FROM t USING generate_series(1, 1) g WHERE t.id = t.id AND g = 1",
        "WITH x AS (SELECT id FROM t) DELETE FROM t USING x WHERE x.id = t.id",
        "WITH x AS (SELECT id FROM t) DELETE FROM t WHERE id IN (SELECT id FROM x)",
        "WITH x AS (SELECT id FROM t) DELETE FROM t WHERE id IN (SELECT x.id FROM x WHERE true)",
        "WITH t AS (SELECT * FROM t) DELETE FROM t USING t x WHERE x.id = t.id",
        "WITH t AS (SELECT * FROM t) DELETE FROM t WHERE id IN (SELECT id FROM t)",
        "WITH x AS (TABLE t), y AS (TABLE x), x2 AS (TABLE y) DELETE FROM t USING x2 WHERE x2.id = t.id",
        "DELETE FROM t USING (WITH y AS (SELECT * FROM t) SELECT * FROM y) x WHERE x.id = t.id",
        "DELETE FROM t WHERE id IN (WITH y AS (SELECT id FROM t) SELECT id FROM y)",
        "UPDATE t SET a = 1",
        "UPDATE t SET a = u.a FROM u",
        "UPDATE t SET a = u.a FROM u WHERE u.b = 5",
        "UPDATE t SET a = 1 FROM t x WHERE x.ctid = t.ctid",
        "INSERT INTO t SELECT * FROM t ON CONFLICT (id) DO UPDATE SET a = 1",
        "INSERT INTO t SELECT * FROM t x WHERE 1=1 ON CONFLICT (id) DO UPDATE SET a = 1 WHERE true",
        "MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE",
        "MERGE INTO t USING (SELECT 1) u ON t.id = t.id WHEN MATCHED THEN DELETE",
        "MERGE INTO t USING t u ON t.id = u.id WHEN MATCHED THEN DELETE",
        "MERGE INTO t USING u ON t.id = u.id WHEN NOT MATCHED BY SOURCE THEN DELETE",
        "MERGE INTO t USING u ON 1=1 WHEN MATCHED AND true THEN UPDATE SET a = 1",
    ],
)
def test_every_row(text: str) -> None:
    assert every_row(text) == [True]


@pytest.mark.parametrize(
    "text",
    [
        "DELETE FROM t WHERE CURRENT OF c",
        "INSERT INTO t SELECT * FROM u ON CONFLICT (id) DO UPDATE SET a = 1",
        "INSERT INTO t SELECT * FROM t WHERE id = 5 ON CONFLICT (id) DO UPDATE SET a = 1",
        "INSERT INTO t SELECT * FROM t ON CONFLICT (id) DO UPDATE SET a = 1 WHERE t.id = 5",
        "INSERT INTO t VALUES (1) ON CONFLICT (id) DO UPDATE SET a = 1",
        "DELETE FROM t x WHERE x.id = 1",
        "DELETE FROM t USING u WHERE u.id = t.id",
        "DELETE FROM t USING u WHERE t.id = 1",
        "DELETE FROM t a USING t b WHERE a.id < b.id AND a.email = b.email",
        "UPDATE t SET a = u.a FROM u WHERE u.id = t.u_id",
        "UPDATE t SET a = u.a FROM u WHERE u_id = u.id",
        "UPDATE t SET a = u.a FROM u JOIN v USING (id) WHERE u.id = t.id",
        "WITH x AS (SELECT id FROM t LIMIT 5) DELETE FROM t USING x WHERE x.id = t.id",
        "WITH x AS (SELECT id FROM t WHERE old) DELETE FROM t WHERE id IN (SELECT id FROM x)",
        "WITH x AS (SELECT id FROM t), t AS (SELECT id FROM u) DELETE FROM t WHERE id IN (SELECT id FROM t)",
        "MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN DELETE",
        "MERGE INTO t USING u ON t.id = u.id WHEN MATCHED AND u.gone THEN DELETE",
        "MERGE INTO t USING u ON true WHEN MATCHED AND t.id = 5 THEN UPDATE SET a = 1",
        "MERGE INTO t USING u ON t.id = u.id WHEN NOT MATCHED BY SOURCE AND t.old THEN DELETE",
    ],
)
def test_some_rows(text: str) -> None:
    assert every_row(text) == [False]


def test_what_lies_too_deep_counts_as_none() -> None:
    assert every_row("DELETE FROM t WHERE " + "(NOT " * 200 + "id = 1" + ")" * 200) == [True]
    assert every_row("DELETE FROM t WHERE id = 1" + " + 1" * 300) == [False]
