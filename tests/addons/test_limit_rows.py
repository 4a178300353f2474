"""The limit_rows policy: what it counts together, and for whom."""

from typing import Any

import asyncpg
import psycopg
import pytest

from hoopaddon import Command, ConfigError, Refused, Session
from hoopaddon.addons import limit_rows
from hoopaddon.addons.limit_rows import KEY, LimitRows
from hoopaddon.testing import Bench, command, rows, session
from tests.conftest import StartGateway
from tests.servers.postgres import APP, Database


def limited(limit: int, **options: Any) -> Bench:
    return Bench(LimitRows(), options={"limit_rows": limit, **options})


def brings(bench: Bench, query: Command, count: int) -> None:
    assert bench.judge(query).passes
    bench.rows(rows(query, ["a"], [[1]] * count))


def fetches(
    bench: Bench, who: Session, text: str, count: int, *, tag: str = "", values: tuple[str, ...] = ()
) -> None:
    query = command(text, values, session=who)
    brings(bench, query, count)
    bench.end(query, rows=count, tag=tag)


def test_batches_of_one_result_are_counted_together() -> None:
    with limited(3) as bench:
        query = command("SELECT 1")
        brings(bench, query, 2)
        brings(bench, query, 1)
        with pytest.raises(Refused, match="more than 3 rows: add a LIMIT"):
            brings(bench, query, 1)
        bench.end(query, error="withheld")


def test_results_of_different_statements_are_not() -> None:
    with limited(3) as bench:
        who = session()
        for _ in range(3):
            fetches(bench, who, "SELECT 1", 3, tag="SELECT 3")
        assert who.vars[KEY].running == {}
        assert not who.vars[KEY].unfinished


@pytest.mark.parametrize("text", ["FETCH 2 FROM c", "fetch forward 2 in C", 'FETCH 2 "c"', "FETCH ALL c; SELECT 1"])
def test_fetches_from_one_cursor_are_counted_together(text: str) -> None:
    with limited(3) as bench:
        who = session()
        fetches(bench, who, "FETCH 2 FROM c", 2, tag="FETCH 2")
        fetches(bench, who, "FETCH 2 FROM other", 2, tag="FETCH 2")
        with pytest.raises(Refused):
            fetches(bench, who, text, 2, tag="FETCH 2")


def test_a_cursor_that_is_declared_anew_is_another_one() -> None:
    with limited(3) as bench:
        who = session()
        fetches(bench, who, "FETCH 3 FROM c", 3, tag="FETCH 3")
        declares = command("DECLARE c CURSOR FOR SELECT 1", session=who)
        assert bench.judge(declares).passes
        # There is one of that name already, so the server says no, and a savepoint can bring the old one back.
        bench.end(declares, error='42P03 cursor "c" already exists')
        with pytest.raises(Refused):
            fetches(bench, who, "FETCH 1 FROM c", 1)
        assert bench.judge(declares).passes
        bench.end(declares, tag="DECLARE CURSOR")
        fetches(bench, who, "FETCH 3 FROM c", 3, tag="FETCH 3")


def test_a_portal_that_is_executed_again_goes_on_where_it_was() -> None:
    with limited(3) as bench:
        who = session()
        fetches(bench, who, "SELECT $1", 2, values=("a",))
        fetches(bench, who, "SELECT $1", 2, values=("b",))
        with pytest.raises(Refused):
            fetches(bench, who, "SELECT $1", 2, values=("a",))


def test_portals_begin_anew_after_their_transaction() -> None:
    with limited(3) as bench:
        who = session()
        for ending in ("COMMIT", "rollback", "END", "ABORT"):
            fetches(bench, who, "SELECT 1", 2)
            fetches(bench, who, "SELECT 1", 1, tag="SELECT 1")
            fetches(bench, who, ending, 0, tag="COMMIT")


@pytest.mark.parametrize("text", ["ROLLBACK TO a", "COMMIT PREPARED 'x'", "SAVEPOINT a; ROLLBACK TO a", "SELECT 1"])
def test_nothing_else_has_a_portal_begin_anew(text: str) -> None:
    # `SELECT … LIMIT f()` under one text: one portal at its end says nothing of another that is open.
    with limited(3) as bench:
        who = session()
        fetches(bench, who, "SELECT 1", 2)
        fetches(bench, who, text, 0, tag="ROLLBACK")
        with pytest.raises(Refused):
            fetches(bench, who, "SELECT 1", 2)


def test_what_it_remembers_is_bounded_and_forgetting_gives_nobody_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limit_rows, "MOST_UNFINISHED", 2)
    with limited(3) as bench:
        who = session()
        for name in ("a", "b", "c"):
            fetches(bench, who, f"FETCH 2 FROM {name}", 2, tag="FETCH 2")
        assert len(who.vars[KEY].unfinished) == 2
        with pytest.raises(Refused):
            fetches(bench, who, "FETCH 2 FROM a", 2, tag="FETCH 2")


@pytest.mark.parametrize(
    ("groups", "passes"),
    [
        ([], False),
        (["dev"], False),
        (["analysts"], True),
        (["analysts", "dev"], True),
        (["dba", "interns"], True),
        (["interns"], False),
    ],
)
def test_the_most_generous_group_counts(groups: list[str], passes: bool) -> None:
    with limited(3, limit_rows_for=["analysts=10,dba=0", "interns=1"]) as bench:
        query = command("SELECT 1", groups=groups)
        if passes:
            brings(bench, query, 5)
        else:
            with pytest.raises(Refused):
                brings(bench, query, 5)


def test_other_targets_and_no_limit() -> None:
    for options in ({"limit_rows_labels": ["env=prod"]}, {"limit_rows": 0}):
        with Bench(LimitRows(), options={"limit_rows": 1, **options}) as bench:
            brings(bench, command("SELECT 1", labels={"env": "test"}), 5)


@pytest.mark.parametrize(
    "options",
    [
        {"limit_rows": -1},
        {"limit_rows_for": ["analysts"]},
        {"limit_rows_for": ["analysts=many"]},
        {"limit_rows_for": ["=5"]},
        {"limit_rows_for": ["a=-5"]},
        {"limit_rows_labels": ["prod"]},
    ],
)
def test_what_makes_no_sense_is_an_error_that_says_what_to_write(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="write"):
        Bench(LimitRows(), options=options)


# -- in front of a server


@pytest.mark.parametrize("text", ["SELECT * FROM orders", "COPY orders TO STDOUT", "SELECT 1; SELECT * FROM orders"])
def test_a_result_ends_with_an_error_and_the_session_goes_on(
    gateway: StartGateway, database: Database, text: str
) -> None:
    proxy = gateway(database.server, scripts=["limit_rows.py"], options={"limit_rows": 20})
    with proxy.connect(database) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="more than 20 rows: add a LIMIT"):
            read(connection, text)
        assert len(connection.execute("SELECT * FROM orders LIMIT 20").fetchall()) == 20


def read(connection: "psycopg.Connection[Any]", text: str) -> None:
    cursor = connection.cursor()
    if text.startswith("COPY"):
        with cursor.copy(text) as copy:
            list(copy)
    else:
        cursor.execute(text)


def test_cursors_are_counted_over_their_fetches(gateway: StartGateway, database: Database) -> None:
    proxy = gateway(database.server, scripts=["limit_rows.py"], options={"limit_rows": 20})
    with proxy.connect(database) as connection:
        connection.execute("BEGIN")
        connection.execute("DECLARE c CURSOR FOR SELECT * FROM orders")
        assert len(connection.execute("FETCH 15 FROM c").fetchall()) == 15
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="more than 20 rows"):
            connection.execute("FETCH 15 FROM c")


async def test_portals_are_counted_over_their_executions(gateway: StartGateway, database: Database) -> None:
    proxy = gateway(database.server, scripts=["limit_rows.py"], options={"limit_rows": 20})
    connection = await asyncpg.connect(proxy.dsn(APP, database.name))
    try:
        assert await stepwise(connection, "SELECT * FROM orders LIMIT 18") == 18
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="more than 20 rows"):
            await stepwise(connection, "SELECT * FROM orders")
        assert await stepwise(connection, "SELECT * FROM orders LIMIT 18") == 18
    finally:
        await connection.close()


async def stepwise(connection: "asyncpg.Connection[Any]", text: str) -> int:
    """How many rows come, six at a time."""
    seen = 0
    async with connection.transaction():
        cursor = await connection.cursor(text)
        while found := await cursor.fetch(6):
            seen += len(found)
    return seen
