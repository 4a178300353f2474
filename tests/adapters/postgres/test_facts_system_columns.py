"""Conditions on what PostgreSQL itself keeps with a row: its place, its table, its transactions."""

import pytest

from tests.adapters.postgres.test_facts_where import every_row

NOT_EFFECTIVE = """
ctid > '(0,0)'
t.ctid > '(0,0)'::tid
'(0,0)' < ctid
ctid >= '(0,1)'
ctid >= ' ( 0 , 1 ) '
ctid <> '(7,0)'
ctid <= '(4294967295,65535)'
ctid BETWEEN '(0,0)' AND '(4294967295,65535)'
NOT (ctid <= '(0,0)')
NOT (ctid = '(0,0)')
ctid > ALL (ARRAY['(0,0)'::tid])
ctid > '(0,0)' AND ctid IS NOT NULL
ctid > '(0,0)' OR id = 1
tableoid = 't'::regclass
t.tableoid = 't'::regclass
tableoid > 0
tableoid IN ('t'::regclass)
tableoid = (SELECT oid FROM pg_class WHERE relname = 't')
EXISTS (SELECT 1 FROM pg_class c WHERE c.oid = t.tableoid)
xmax = 0
cmin = 0
xmin IS NOT NULL AND cmax = cmin
"""
EFFECTIVE = """
ctid IN ('(0,1)', '(0,2)')
ctid = ANY ($1)
ctid > $1
ctid > 'nonsense'
ctid >= '(0,2)'
ctid < '(100,0)'
ctid BETWEEN '(0,0)' AND '(100,0)'
ctid > '(0,0)' AND id = 1
ctid <= '(0,0)'
xmin = '4711'
tableoid = 't'::regclass AND id = 1
xmax = 0 AND id = 1
id = (SELECT max(o.id) FROM orders o WHERE o.tableoid > 0 AND o.id = t.id)
"""


@pytest.mark.parametrize("condition", NOT_EFFECTIVE.strip().splitlines())
def test_a_condition_that_every_row_meets(condition: str) -> None:
    assert every_row(f"DELETE FROM t WHERE {condition}") == [True]
    assert every_row(f"UPDATE t SET a = 1 WHERE {condition}") == [True]


@pytest.mark.parametrize("condition", EFFECTIVE.strip().splitlines())
def test_a_condition_that_tells_rows_apart(condition: str) -> None:
    assert every_row(f"DELETE FROM t WHERE {condition}") == [False]
