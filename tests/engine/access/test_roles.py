"""The file of roles: what it means, what is wrong with it and where, and that it counts while sessions are open."""

import asyncio
import os
from pathlib import Path

import psycopg
import pytest

from hoopaddon import ConfigError, Refused, Target, User
from hoopaddon.access import guard
from hoopaddon.access.guard import HeldToRoles
from hoopaddon.access.roles import Roles, load_roles
from hoopaddon.gateway import serving
from hoopaddon.testing import Bench, command, http_request, session
from tests.servers.http import Upstream, exchange, get
from tests.servers.postgres import APP, Database, PostgresServer

ROLES = """
dba:
  groups: [dba]
  targets: ["*"]
  may: admin
agents:
  users: ["agent-*"]
  targets: [test, {env: staging}]
  may:
    - read
    - verbs: [insert]
      objects: [orders]
"""


def roles(tmp_path: Path, text: str, mode: int = 0o644) -> Roles:
    path = tmp_path / "roles.yaml"
    path.write_text(text)
    path.chmod(mode)
    return load_roles(path)


def test_who_may_what(tmp_path: Path) -> None:
    policy = HeldToRoles()
    policy.roles = roles(tmp_path, ROLES)
    with Bench(policy) as bench:
        for user, groups, text, passes in (
            ("ann", ["dba"], "DROP TABLE orders", True),
            ("agent-7", [], "SELECT 1", True),
            ("agent-7", [], "INSERT INTO orders VALUES (1)", True),
            ("agent-7", [], "INSERT INTO customers VALUES (1)", False),
            ("agent-7", [], "DELETE FROM orders", False),
            ("bob", ["dev"], "SELECT 1", False),
        ):
            verdict = bench.judge(command(text, user=user, groups=groups))
            assert verdict.passes is passes, (user, text, verdict)
        staging = session(user="agent-7", target="other", labels={"env": "staging"})
        bench.start(staging)
        assert bench.judge(command("SELECT 1", session=staging)).passes
        with pytest.raises(Refused, match="you have no role for other"):
            bench.start(session(user="agent-7", target="other", labels={"env": "prod"}))
        assert not bench.judge(http_request("DELETE /orders/1", user="agent-7")).passes


def test_a_missing_label_is_no_empty_one(tmp_path: Path) -> None:
    found = roles(tmp_path, 'a: {users: ["*"], targets: [{env: "*"}], may: read}')
    assert not found.of(User("ann"), Target("x", "ssh", "x:22"))


WRONG = [
    ("", "has no roles", None),
    ("- a", "has to be a mapping of names to roles", 1),
    ("a: read", "has to be a mapping", 1),
    ("{}", "has no roles", 1),
    ("a:\n  users: [x]\n  group: [x]\n  targets: [y]\n  may: read", "did you mean groups", 3),
    ("a:\n  targets: [y]\n  may: read", "is for nobody", 1),
    ("a:\n  groups: [x]\n  targets: []\n  may: read", "has to be a list of targets", 3),
    ("a:\n  groups: {x: y}\n  targets: [y]\n  may: read", "has to be a list of texts", 2),
    ("a:\n  groups: [true]\n  targets: [y]\n  may: read", "put it between quotes", 2),
    ("a:\n  groups: [[x]]\n  targets: [y]\n  may: read", "has to be a text", 2),
    ("a:\n  groups: ['']\n  targets: [y]\n  may: read", "is empty", 2),
    ("a:\n  users: &u [x, *u]\n  targets: [y]\n  may: read", "has to be a text", 2),
    ("a:\n  groups: [x]\n  targets: [y]\n  may: reed", "has to be a level", 4),
    ("a:\n  groups: [x]\n  targets: [y]\n  may:\n    - read\n    - verb: [select]", "did you mean verbs", 6),
    ("a:\n  groups: [x]\n  targets: [y]\n  may:\n    - verbs: [select]\n      tables: [a]", "no such key", 6),
    ("a:\n  groups: [x]\n  targets: [y]\n  may:\n    - verbs: []", "has no verb", 5),
    ("a:\n  groups: [x]\n  targets: [{}]\n  may: read", "has no labels", 3),
    ("a:\n  groups: [x]\n  targets: [y]\n  may: []", "has to say what is allowed", 4),
    ("a:\n  groups: [x]\n  targets: [y]\n  may: {verbs: select}\n  <<: {}", "keys of another mapping", 5),
    ("a:\n  groups: [x]\n  targets: [y]", "may is missing", 1),
    ("a: {groups: [x], targets: [y], may: read}\na: {groups: [x]}", "is there twice", 2),
    ("a: !role {groups: [x]}", "has a tag", 1),
    ("a: {", "is not YAML", 1),
]


@pytest.mark.parametrize(("text", "message", "line"), WRONG)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, message: str, line: int | None) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        roles(tmp_path, text)
    assert caught.value.file == str(tmp_path / "roles.yaml")
    assert caught.value.line == line


def test_who_can_write_it_decides_so_nobody_else_may(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="others can write it"):
        roles(tmp_path, ROLES, 0o666)


async def test_it_counts_at_once_over_http(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "LOOK_EVERY_S", 0.05)
    path = tmp_path / "roles.yaml"
    path.write_text('all: {users: ["*"], targets: ["*"], may: read}')
    async with Upstream() as upstream:
        modes = [f"http:http://127.0.0.1:{upstream.port}?name=api@0"]
        async with serving(modes=modes, confdir=str(tmp_path / "conf"), roles=str(path)) as gateway:
            address = gateway.servers.listen_addrs()[0][:2]
            assert b" 200 " in (await exchange(address, get("/a")))[:20]
            refused = await exchange(address, get("/a").replace(b"GET", b"DELETE"))
            assert b" 403 " in refused[:20]
            assert b"more than your role all may do" in refused
            path.write_text("broken")
            await asyncio.sleep(0.3)
            assert b" 200 " in (await exchange(address, get("/a")))[:20]
            path.write_text('none: {users: [nobody], targets: ["*"], may: read}')
            async with asyncio.timeout(10):
                while b"no role for api" not in (await exchange(address, get("/a"))):
                    await asyncio.sleep(0.05)
            os.remove(path)
            await asyncio.sleep(0.3)
            assert b"no role for api" in await exchange(address, get("/a"))


async def test_sessions_of_who_loses_the_role_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres: PostgresServer, database: Database
) -> None:
    monkeypatch.setattr(guard, "LOOK_EVERY_S", 0.05)
    path = tmp_path / "roles.yaml"
    path.write_text(f"a: {{users: [{APP}], targets: [db], may: read}}")
    modes = [f"postgres:{postgres.host}:{postgres.port}?name=db@0"]
    async with serving(modes=modes, confdir=str(tmp_path / "conf"), roles=str(path)) as gateway:
        port = gateway.servers.listen_addrs()[0][1]
        dsn = postgres.dsn(APP, database.name).replace(f":{postgres.port}/", f":{port}/")
        async with asyncio.timeout(30):
            connection = await psycopg.AsyncConnection.connect(dsn, autocommit=True)
            await connection.execute("SELECT 1")
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="more than your role a may do"):
                await connection.execute("WITH gone AS (DELETE FROM orders RETURNING 1) SELECT * FROM gone")
            path.write_text("a: {users: [nobody], targets: [db], may: read}")
            with pytest.raises(psycopg.errors.AdminShutdown, match="you have no role for db"):
                await connection.execute("SELECT pg_sleep(20)")
            with pytest.raises(psycopg.OperationalError, match="you have no role for db"):
                await psycopg.AsyncConnection.connect(dsn, autocommit=True)
