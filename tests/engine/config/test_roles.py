"""`roles:` in the file itself: in force from the start, and with each version of it that is right."""

from pathlib import Path

import psycopg
import pytest

from demo.server import free_port
from hoopaddon.errors import ConfigError
from tests.engine.config.test_live import connect, postgres_file, running
from tests.servers.postgres import APP, PostgresServer

READ = f"roles:\n  a: {{users: [{APP}], targets: [db], may: read}}\n"
NOBODY = "roles:\n  a: {users: [nobody], targets: ['*'], may: admin}\n"
WRITE = READ.replace("may: read", "may: [read, {verbs: [create]}, admin]")
DENIED = "more than your role a may do"


async def test_open_sessions_are_judged_by_each_new_version(postgres: PostgresServer, folder: Path) -> None:
    port = free_port()
    path = folder / "hoopaddon.yaml"
    path.write_text(postgres_file(("db", postgres, port)))
    async with running(folder) as (_, live), await connect(postgres, port) as session:
        await session.execute("CREATE TEMP TABLE t (n int)")
        path.write_text(postgres_file(("db", postgres, port), more=READ))
        await live.reload()
        await session.execute("SELECT * FROM t")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match=DENIED):
            await session.execute("DROP TABLE t")
        path.write_text(postgres_file(("db", postgres, port), more=WRITE))
        await live.reload()
        await session.execute("DROP TABLE t")
        path.write_text(postgres_file(("db", postgres, port), more=NOBODY))
        await live.reload()
        with pytest.raises(psycopg.Error, match="you have no role for db"):
            await session.execute("SELECT 1")
        with pytest.raises(psycopg.OperationalError, match="you have no role for db"):
            await connect(postgres, port)
        path.write_text(postgres_file(("db", postgres, port)))
        await live.reload()
        async with await connect(postgres, port) as another:
            await another.execute("SELECT 1")


@pytest.mark.parametrize(
    "wrong",
    [
        WRITE.replace("admin", "adnim"),
        "roles:\n",
        WRITE + "options:\n  policy_timeout: never\n",
        WRITE + "addons: [nothing.py]\n",
        NOBODY + "options:\n  store: elsewhere\n",
        "options:\n  roles: missing.yaml\n",
    ],
)
async def test_a_version_with_a_mistake_leaves_the_roles_as_they_were(
    postgres: PostgresServer, folder: Path, wrong: str
) -> None:
    port = free_port()
    path = folder / "hoopaddon.yaml"
    path.write_text(postgres_file(("db", postgres, port), more=READ))
    async with running(folder) as (_, live), await connect(postgres, port) as session:
        path.write_text(postgres_file(("db", postgres, port), more=wrong))
        with pytest.raises(ConfigError):
            await live.reload()
        await session.execute("SELECT 1")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match=DENIED):
            await session.execute("CREATE TEMP TABLE t (n int)")


async def test_from_a_file_of_their_own_to_here_and_back(postgres: PostgresServer, folder: Path) -> None:
    port = free_port()
    path = folder / "hoopaddon.yaml"
    (folder / "roles.yaml").write_text(f"b: {{users: [{APP}], targets: [db], may: read}}")
    elsewhere = postgres_file(("db", postgres, port), more="options:\n  roles: roles.yaml\n")
    path.write_text(elsewhere)
    async with running(folder) as (_, live), await connect(postgres, port) as session:
        for text, says in (
            (postgres_file(("db", postgres, port), more=READ), "your role a"),
            (elsewhere, "your role b"),
        ):
            path.write_text(text)
            await live.reload()
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match=says):
                await session.execute("CREATE TEMP TABLE t (n int)")


async def test_two_places_are_one_too_many(postgres: PostgresServer, folder: Path) -> None:
    (folder / "roles.yaml").write_text("b: {users: [x], targets: [db], may: read}")
    (folder / "hoopaddon.yaml").write_text(postgres_file(("db", postgres, free_port()), more=READ))
    with pytest.raises(ConfigError, match="--set roles names a file of them as well"):
        async with running(folder, "--set", "roles=roles.yaml"):
            pass
