"""Just-in-time access, from the request at a terminal to the end of the session, on PostgreSQL and HTTP."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hoopaddon import ConfigError, Refused
from hoopaddon.access.scope import read_scope
from hoopaddon.cli.access import main
from hoopaddon.gateway import serving
from hoopaddon.identity.tokens import sign
from hoopaddon.store.grants import Grant, Grants
from hoopaddon.store.keys import SigningKey
from hoopaddon.store.person import Person
from hoopaddon.testing import Bench, command, load, session
from tests.servers.http import Upstream, exchange, get
from tests.servers.postgres import APP, Database, PostgresServer

BOB = Person("bob", frozenset({"dba"}), "token")
WITHIN_S = 60


@pytest.fixture
def grants(tmp_path: Path) -> Iterator[Grants]:
    with closing(Grants(tmp_path / "store" / "grants.db")) as grants:
        yield grants


def granted(grants: Grants, user: str = "alice", target: str = "test", *scope: str, seconds: float = 600) -> Grant:
    who = Person(user, frozenset(), "token")
    asked = grants.ask(who, target, read_scope(scope or ["read"]), seconds, "ticket 1")
    return grants.answer(asked.id, BOB, approve=True)


def bench(tmp_path: Path, policy: object | None = None, **options: Any) -> Bench:
    options = {"store": str(tmp_path / "store"), **options}
    return Bench(policy or load("jit_access.py"), options=options)


# -- without servers


def test_nobody_has_standing_access(tmp_path: Path, grants: Grants) -> None:
    with bench(tmp_path) as judging:
        with pytest.raises(Refused, match="hoopaddon access request test --for 30m"):
            judging.start(session())
        assert not judging.judge(command("SELECT 1")).passes
        granted(grants)
        who = session()
        judging.start(who)
        judged = command("SELECT 1", session=who)
        assert judging.judge(judged).passes
        ((policy, note),) = judged.notes
        assert policy == "jit_access.py"
        assert "of alice for read, approved by bob: ticket 1" in note
        refused = judging.judge(command("WITH x AS (DELETE FROM t RETURNING 1) SELECT * FROM x", session=who))
        assert "it is more than your grant" in refused.reason
        for user, target in (("bob", "test"), ("alice", "other"), ("Alice", "test")):
            with pytest.raises(Refused):
                judging.start(session(user=user, target=target))
        judging.stop(who)
    (used,) = grants.active("alice", "test")
    assert used.sessions == (who.id,)


def test_other_targets_are_left_alone(tmp_path: Path) -> None:
    with bench(tmp_path, access_targets=["prod-*"]) as judging:
        assert judging.judge(command("DROP TABLE t")).passes
        assert not judging.judge(command("SELECT 1", session=session(target="prod-db"))).passes


def test_a_grant_that_was_forged_does_not_count(tmp_path: Path, grants: Grants) -> None:
    with bench(tmp_path, access_count=2, access_emergency=["oncall"]) as judging:
        asked = grants.ask(Person("alice", frozenset(), "token"), "test", read_scope(["admin"]), 60, "x")
        grants._db.execute("UPDATE grants SET status = 'active', starts = 1, ends = 9e9 WHERE id = ?", (asked.id,))
        assert not judging.judge(command("SELECT 1")).passes
    with bench(tmp_path) as judging:
        grants._db.execute("UPDATE grants SET emergency = 1 WHERE id = ?", (asked.id,))
        assert not judging.judge(command("SELECT 1")).passes


def test_a_store_that_breaks_lets_nobody_through(tmp_path: Path, grants: Grants) -> None:
    with bench(tmp_path) as judging:
        granted(grants)
        who = session()
        assert judging.judge(command("SELECT 1", session=who)).passes
        grants._db.execute("DROP TABLE grant_uses")
        grants._db.execute("DROP TABLE grant_answers")
        verdict = judging.judge(command("SELECT 2", session=who))
        verdict = judging.judge(command("SELECT 2", session=who))
        assert (verdict.passes, verdict.reason) == (False, "it is not known now who has access here")
        judging.stop(who)


def test_a_clock_that_is_set_back_gives_no_time(
    tmp_path: Path, grants: Grants, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = load("jit_access.py")
    now = [1000.0]
    policy.addons[0]._monotonic = lambda: now[0]
    with bench(tmp_path, policy) as judging:
        granted(grants, seconds=60)
        who = session()
        assert judging.judge(command("SELECT 1", session=who)).passes
        wall = time.time()
        monkeypatch.setattr(time, "time", lambda: wall - 3600)
        now[0] += 61
        grants.used(grants.list()[0].id, "another")
        assert not judging.judge(command("SELECT 1", session=who)).passes
        judging.stop(who)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("access_count", 0),
        ("access_longest", "8"),
        ("access_within", "0m"),
        ("access_rules", ["prod-* owner dba"]),
    ],
)
def test_options_that_are_wrong_are_said(tmp_path: Path, option: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=option), bench(tmp_path, **{option: value}):
        pass


# -- at a terminal


class Terminal:
    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self._capsys, self._monkeypatch = folder, capsys, monkeypatch

    def run(self, *words: str, user: str = "alice", groups: tuple[str, ...] = ()) -> tuple[int, str, str]:
        token = sign(SigningKey.load_or_create(self.folder), subject=user, groups=groups, ttl_s=600)
        self._monkeypatch.setenv("HOOPADDON_TOKEN", token)
        code = main([*words, "--confdir", str(self.folder), "--store", str(self.folder / "store")])
        out = self._capsys.readouterr()
        return code, out.out, out.err


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    return Terminal(tmp_path, capsys, monkeypatch)


ASK = ("request", "test", "--for", "30m", "--scope", "read", "--reason", "ticket 1")


def test_asked_for_and_granted(tmp_path: Path, terminal: Terminal) -> None:
    (tmp_path / "store").mkdir(mode=0o700)
    code, _, err = terminal.run(*ASK)
    assert (code, "no gateway grants access here" in err) == (1, True)
    with bench(tmp_path, access_approvers=["dba"]) as judging:
        code, out, _ = terminal.run(*ASK, "--json")
        id = json.loads(out)["id"]
        assert code == 0
        assert "1 person of dba" in terminal.run("show", id[:4])[1]
        for user, groups, why in (
            ("alice", ("dba",), "nobody answers their own requests"),
            ("eve", (), "only members of dba"),
        ):
            code, _, err = terminal.run("approve", id, user=user, groups=groups)
            assert (code, why in err) == (1, True), err
        assert not judging.judge(command("SELECT 1")).passes
        code, out, _ = terminal.run("approve", id, user="bob", groups=("dba",))
        assert (code, out) == (0, f"approved {id} as bob (token)\n")
        who = session()
        assert judging.judge(command("SELECT 1", session=who)).passes
        listed = terminal.run("list")[1]
        assert id in listed
        assert "active" in listed
        code, _, err = terminal.run("extend", id, "--for", "5m")
        assert (code, "say why" in err) == (1, True)
        code, out, _ = terminal.run("extend", id, "--for", "5m", "--reason", "slow", user="bob", groups=("dba",))
        assert code == 0
        assert f"{id} is extended" in out
        assert terminal.run("revoke", id, "--reason", "done")[0] == 0
        assert not judging.judge(command("SELECT 1", session=who)).passes
        assert "revoked" in terminal.run("show", id)[1]
        judging.stop(who)


def test_an_emergency_is_loud(tmp_path: Path, terminal: Terminal, caplog: pytest.LogCaptureFixture) -> None:
    glass = ("break-glass", "test", "--for", "10m", "--scope", "admin", "--reason", "it burns")
    with bench(tmp_path, access_emergency=["oncall"]) as judging:
        code, _, err = terminal.run(*glass)
        assert (code, "only members of oncall" in err) == (1, True)
        code, out, _ = terminal.run(*glass, groups=("oncall",))
        assert code == 0
        assert out.startswith("EMERGENCY access ")
        who = session()
        judged = command("DROP TABLE t", session=who)
        assert judging.judge(judged).passes
        assert "EMERGENCY grant" in judged.notes[0][1]
        judging.stop(who)
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert any("EMERGENCY: alice has taken access" in text and "it burns" in text for text in warned)
    assert "EMERGENCY" in terminal.run("list")[1]


def test_who_watches_sees_requests_and_emergencies(
    tmp_path: Path, grants: Grants, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = Person("ada", frozenset({"oncall"}), "token")
    asked: list[Grant] = []

    def meanwhile(_seconds: float) -> None:
        if not asked:
            asked.append(grants.ask(ada, "test", read_scope(["read"]), 60, "ticket 2"))
            grants.break_glass(ada, "test", read_scope(["admin"]), 60, "it burns")
        elif not asked[0].answers:
            asked[0] = grants.answer(asked[0].id, BOB, approve=False, reason="no")
        else:
            raise KeyboardInterrupt

    with bench(tmp_path, access_emergency=["oncall"]):
        monkeypatch.setattr("hoopaddon.cli.access.time.sleep", meanwhile)
        code, out, _ = terminal.run("watch")
    assert code == 0
    for part in ("ticket 2", "EMERGENCY", "nobody: the glass was broken", "it burns", f"{asked[0].id} denied by bob"):
        assert part in out


@pytest.mark.parametrize("approve", [True, False])
def test_who_asks_may_wait(
    tmp_path: Path, grants: Grants, terminal: Terminal, monkeypatch: pytest.MonkeyPatch, approve: bool
) -> None:
    def meanwhile(_seconds: float) -> None:
        grants.answer(grants.list()[0].id, BOB, approve=approve)

    with bench(tmp_path):
        monkeypatch.setattr("hoopaddon.cli.access.time.sleep", meanwhile)
        code, out, _ = terminal.run(*ASK, "--wait")
    assert code == (0 if approve else 1)
    assert ("active by bob, until" if approve else "denied by bob") in out


@pytest.mark.parametrize(
    "words",
    [
        ("request", "test", "--for", "30", "--scope", "read", "--reason", "x"),
        ("request", "test", "--for", "0m", "--scope", "read", "--reason", "x"),
        ("request", "test", "--for", "30m", "--reason", "x"),
    ],
)
def test_words_that_are_wrong(terminal: Terminal, words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit):
        terminal.run(*words)


def test_a_scope_that_is_none(tmp_path: Path, terminal: Terminal) -> None:
    with bench(tmp_path):
        code, _, err = terminal.run("request", "test", "--for", "30m", "--scope", "all", "--reason", "x")
        assert (code, "--scope: 'all' is no level" in err) == (1, True)
        code, _, err = terminal.run("request", "test", "--for", "9h", "--scope", "read", "--reason", "x")
        assert (code, "480 minutes at most" in err) == (1, True)
        code, _, err = terminal.run("show", "zzzzzz")
        assert (code, "there is no grant" in err) == (1, True)


# -- on servers


@asynccontextmanager
async def in_front(tmp_path: Path, postgres: PostgresServer, database: Database) -> AsyncIterator[str]:
    modes = [f"postgres:{postgres.host}:{postgres.port}?name=test@0"]
    async with serving(modes=modes, scripts=["jit_access.py"], confdir=str(tmp_path)) as gateway:
        port = gateway.servers.listen_addrs()[0][1]
        async with asyncio.timeout(WITHIN_S):
            yield postgres.dsn(APP, database.name).replace(f":{postgres.port}/", f":{port}/")


async def connect(dsn: str) -> "psycopg.AsyncConnection[Any]":
    return await psycopg.AsyncConnection.connect(dsn, autocommit=True)


async def test_on_postgres_it_ends_in_the_middle(
    tmp_path: Path, postgres: PostgresServer, database: Database, grants: Grants
) -> None:
    async with in_front(tmp_path, postgres, database) as dsn:
        with pytest.raises(psycopg.OperationalError, match="you have no access to test now"):
            await connect(dsn)
        granted(grants, APP, "test", "select,copy:orders")
        connection = await connect(dsn)
        async with connection:
            cursor = await connection.execute("SELECT count(*) FROM orders")
            assert await cursor.fetchone() == (48,)
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="more than your grant"):
                await connection.execute("SELECT * FROM customers")
        await asyncio.to_thread(grants.revoke, grants.active(APP, "test")[0].id, BOB, "done")
        short = granted(grants, APP, "test", "read", seconds=2)
        connection = await connect(dsn)
        began = time.monotonic()
        with pytest.raises(psycopg.errors.AdminShutdown, match=f"your grant {short.id} has ended"):
            await connection.execute("SELECT pg_sleep(30)")
        assert time.monotonic() - began < 15
        with pytest.raises(psycopg.OperationalError, match="you have no access to test now"):
            await connect(dsn)


async def test_on_postgres_it_is_revoked_and_extended(
    tmp_path: Path, postgres: PostgresServer, database: Database, grants: Grants
) -> None:
    async with in_front(tmp_path, postgres, database) as dsn:
        grant = granted(grants, APP, "test", "write", seconds=8)
        connection = await connect(dsn)
        await connection.execute("BEGIN")
        await connection.execute("DELETE FROM orders")
        grants.extend(grant.id, BOB, 600, "slow")
        await asyncio.sleep(8.5)
        await connection.execute("SELECT 1")
        grants.revoke(grant.id, BOB, "that is enough")
        with pytest.raises(psycopg.errors.AdminShutdown, match="was revoked by bob: that is enough"):
            await connection.execute("SELECT pg_sleep(30)")
    assert database.execute("SELECT count(*) FROM orders") == [(48,)]


async def test_over_http(tmp_path: Path, grants: Grants) -> None:
    async with (
        Upstream() as upstream,
        serving(
            modes=[f"http:http://127.0.0.1:{upstream.port}?name=api@0"],
            scripts=["jit_access.py"],
            confdir=str(tmp_path),
        ) as gateway,
        asyncio.timeout(WITHIN_S),
    ):
        address = gateway.servers.listen_addrs()[0][:2]
        assert b"hoopaddon access request api" in await exchange(address, get("/a"))
        grant = granted(grants, "anonymous", "api", "get:/orders/*")
        assert b" 200 " in (await exchange(address, get("/orders/1")))[:20]
        assert b"more than your grant" in await exchange(address, get("/users/1"))
        assert b"more than your grant" in await exchange(address, get("/orders/1").replace(b"GET", b"DELETE"))
        grants.revoke(grant.id, BOB)
        # The session that had it is told, the next one is none.
        said = await exchange(address, get("/orders/1"))
        assert f"your grant {grant.id} was revoked by bob".encode() in said or b"you have no access" in said
        async with asyncio.timeout(10):
            while b"you have no access to api now" not in await exchange(address, get("/orders/1")):
                await asyncio.sleep(0.05)
    assert bytes(upstream.seen).count(b"HTTP/1.1\r\n") == 1
