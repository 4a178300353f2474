"""Roles of one session's own: what they may do, that they go, and that no gateway takes another's away."""

import re
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from demo.postgres import SUPERUSER
from hoopaddon.access.scope import read_scope
from hoopaddon.adapters.postgres.login.ephemeral import PREFIX
from hoopaddon.adapters.postgres.protocol.login import StartupMessage
from hoopaddon.identity.tokens import sign
from hoopaddon.store.grants import Grants
from hoopaddon.store.keys import SigningKey
from hoopaddon.store.person import Person
from tests.conftest import StartGateway
from tests.servers.gateway import Gateway
from tests.servers.postgres import Database

MAKER = "rolemaker"
ROLES = """
readers: {groups: [dev], targets: [orders], may: read}
writers: {groups: [ops], targets: [orders], may: [{verbs: [select, insert, update], objects: [orders]}]}
admins: {groups: [dba], targets: [orders], may: admin}
"""


@pytest.fixture(params=["18", "15"])
def target(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database in which a role that is no superuser, and owns nothing, makes roles."""
    database: Database = request.getfixturevalue("database" if request.param == "18" else "database15")
    server = database.server
    if MAKER not in server.passwords:
        server.create_role(MAKER)
        database.execute(f"ALTER ROLE {MAKER} CREATEROLE", SUPERUSER)
    name = database.name
    for text in (
        f"GRANT ALL ON DATABASE {name} TO {MAKER} WITH GRANT OPTION",
        f"GRANT ALL ON SCHEMA public TO {MAKER} WITH GRANT OPTION",
        'CREATE TABLE "Odd ""Name" (n int)',
        "CREATE TABLE numbered (id serial, n int)",
        "CREATE SCHEMA shop",
        "CREATE TABLE shop.orders (n int)",
        f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {MAKER} WITH GRANT OPTION",
        f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {MAKER} WITH GRANT OPTION",
        f"GRANT ALL ON SCHEMA shop TO {MAKER} WITH GRANT OPTION",
        f"GRANT ALL ON ALL TABLES IN SCHEMA shop TO {MAKER} WITH GRANT OPTION",
    ):
        database.execute(text, SUPERUSER)
    yield database
    assert left(database) == []


def left(database: Database) -> list[str]:
    """The roles of sessions that the server has."""
    rows = database.execute(f"SELECT rolname FROM pg_roles WHERE rolname LIKE '{PREFIX}%' ORDER BY 1", SUPERUSER)
    return [name for (name,) in rows]


def granted(database: Database, role: str) -> list[tuple[str, str]]:
    """What a role may do with which tables."""
    rows = database.execute(
        "SELECT table_schema || '.' || table_name, privilege_type FROM information_schema.role_table_grants"
        f" WHERE grantee = '{role}' ORDER BY 1, 2",
        SUPERUSER,
    )
    return [(table, privilege) for table, privilege in rows]


@pytest.fixture
def start(gateway: StartGateway, tmp_path: Path, target: Database) -> Callable[[], Gateway]:
    roles = tmp_path / "roles.yaml"
    roles.write_text(ROLES)

    def started() -> Gateway:
        settings = {"name": "orders", "user": MAKER, "password": "env:MAKER_PASSWORD", "login": "ephemeral"}
        return gateway(
            target.server,
            settings={**settings, "database": target.name},
            options={"roles": roles},
            environment={"MAKER_PASSWORD": target.server.passwords[MAKER]},
        )

    return started


def connect(gateway: Gateway, *groups: str, user: str = "ann") -> "psycopg.Connection[tuple[object, ...]]":
    token = sign(SigningKey.load_or_create(gateway.confdir), subject=user, groups=groups, ttl_s=300)
    return psycopg.connect(
        host=gateway.host, port=gateway.port, user=user, password=token, dbname="orders", autocommit=True
    )


def role_of(session: "psycopg.Connection[tuple[object, ...]]") -> str:
    """Who the server takes the session for."""
    (name,) = session.execute("SELECT current_user").fetchone() or ("",)
    return str(name)


def wait_until(condition: Callable[[], bool], within_s: float = 20) -> None:
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_session_has_a_role_of_its_own_with_no_more_than_is_allowed(
    target: Database, start: Callable[[], Gateway]
) -> None:
    gateway = start()
    with connect(gateway, "dev") as reader, connect(gateway, "ops") as writer:
        one, other = role_of(reader), role_of(writer)
        assert one != other
        assert sorted([one, other]) == left(target)
        assert reader.execute("SELECT count(*) FROM orders").fetchone() == (48,)
        assert reader.execute('SELECT count(*) FROM "Odd ""Name"').fetchone() == (0,)
        assert {privilege for _, privilege in granted(target, one)} == {"SELECT"}
        assert granted(target, other) == [("public.orders", verb) for verb in ("INSERT", "SELECT", "UPDATE")]
        attributes = "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolconnlimit"
        assert target.execute(f"{attributes} FROM pg_roles WHERE rolname = '{one}'", SUPERUSER) == [
            (False, False, False, False, False, 1)
        ]
    wait_until(lambda: left(target) == [])


def test_the_server_holds_to_it_what_no_policy_sees(target: Database, start: Callable[[], Gateway]) -> None:
    target.execute("CREATE FUNCTION quiet() RETURNS int LANGUAGE sql AS 'SELECT count(*)::int FROM customers'")
    gateway = start()
    with connect(gateway, "ops") as writer:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="more than your role"):
            writer.execute("SELECT * FROM customers")
        # A function's body is the server's.
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied for table customers"):
            writer.execute("SELECT quiet() FROM orders")
    wait_until(lambda: left(target) == [])


def test_a_grant_for_a_while_is_all_that_its_role_has(target: Database, gateway: StartGateway) -> None:
    settings = {"name": "orders", "user": MAKER, "password": "env:MAKER_PASSWORD", "login": "ephemeral"}
    started = gateway(
        target.server,
        scripts=["jit_access.py"],
        settings={**settings, "database": target.name},
        environment={"MAKER_PASSWORD": target.server.passwords[MAKER]},
    )
    grants = Grants(started.confdir / "store" / "grants.db")
    ann, bob = (Person(name, frozenset(), "token") for name in ("ann", "bob"))
    asked = grants.ask(ann, "orders", read_scope(["select:orders"]), 600.0, "ticket 1")
    with pytest.raises(psycopg.OperationalError, match="access"):
        connect(started)
    assert left(target) == []
    grants.answer(asked.id, bob, approve=True)
    with connect(started) as session:
        assert session.execute("SELECT count(*) FROM orders").fetchone() == (48,)
        assert granted(target, role_of(session)) == [("public.orders", "SELECT")]
        grants.revoke(asked.id, bob)
        with pytest.raises(psycopg.errors.AdminShutdown):
            session.execute("SELECT pg_sleep(20)")
    wait_until(lambda: left(target) == [])
    grants.close()


def test_what_an_administrator_makes_stays(target: Database, start: Callable[[], Gateway]) -> None:
    gateway = start()
    with connect(gateway, "dba") as admin:
        admin.execute("CREATE TABLE made (n serial)")
        admin.execute("INSERT INTO made DEFAULT VALUES")
        admin.execute("INSERT INTO numbered (n) VALUES (1)")
    wait_until(lambda: left(target) == [])
    assert target.execute("SELECT tableowner FROM pg_tables WHERE tablename = 'made'", SUPERUSER) == [(MAKER,)]


def test_who_has_no_role_gets_none(target: Database, start: Callable[[], Gateway]) -> None:
    gateway = start()
    with pytest.raises(psycopg.OperationalError, match="you have no role for orders"):
        connect(gateway, "nobody")
    assert left(target) == []


def test_the_name_of_a_database_leads_nowhere_else(target: Database, start: Callable[[], Gateway]) -> None:
    gateway = start()
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.settimeout(1)
        host, port = elsewhere.getsockname()
        for name in (
            f"host={host} port={port}",
            f"postgresql://{host}:{port}/postgres",
            f"x' host='{host}' port='{port}",
            f"x\\' host={host} port={port} dbname='x",
            "\udcff",
        ):
            login = StartupMessage(0x30000, {"user": "ann@orders", "database": name}).serialize()
            with socket.create_connection((gateway.host, gateway.port), timeout=20) as client:
                client.sendall(login)
                client.recv(64)
                token = sign(SigningKey.load_or_create(gateway.confdir), subject="ann", groups=["dev"], ttl_s=300)
                client.sendall(b"p" + (len(token) + 5).to_bytes(4, "big") + token.encode() + b"\0")
                assert b"the gateway has no role for you at orders now" in b"".join(
                    iter(lambda: client.recv(4096), b"")
                )
        with pytest.raises(TimeoutError):
            elsewhere.accept()
    assert left(target) == []


def test_many_at_once(target: Database, start: Callable[[], Gateway]) -> None:
    # Two gateways know nothing of each other's changes, which are to the same tables.
    gateways = [start(), start()]
    with ThreadPoolExecutor(12) as pool:
        asked = [pool.submit(connect, gateways[n % 2], "dev" if n % 3 else "ops") for n in range(24)]
        sessions = [one.result() for one in asked]
        assert len(left(target)) == 24
        assert {session.execute("SELECT count(*) FROM orders").fetchone() for session in sessions} == {(48,)}
        list(pool.map(lambda session: session.close(), sessions))
    wait_until(lambda: left(target) == [])
    assert not any("is not dropped" in gateway.log() for gateway in gateways)


def test_no_password_is_in_the_server_s_log_nor_in_the_gateway_s(
    target: Database, start: Callable[[], Gateway]
) -> None:
    gateway = start()
    before = len(target.server.log())
    with connect(gateway, "dev"):
        (name,) = left(target)
        said = target.server.log()[before:]
        made = re.findall(rf'CREATE ROLE "{name}" .* PASSWORD \'([^\']*)\'', said)
        assert made
        assert all(verifier.startswith("SCRAM-SHA-256$4096:") for verifier in made)
        assert "SCRAM-SHA-256" not in gateway.log()
    wait_until(lambda: left(target) == [])


def test_what_a_killed_gateway_leaves_is_dropped_by_the_next_and_nothing_of_another(
    target: Database, start: Callable[[], Gateway]
) -> None:
    killed, living = start(), start()
    with connect(living, "dev") as kept:
        lost = [connect(killed, "dev"), connect(killed, "ops")]
        name = role_of(kept)
        assert len(left(target)) == 3
        killed.kill()
        assert len(left(target)) == 3
        following = start()
        wait_until(lambda: left(target) == [name])
        assert "left by a session, is dropped" in following.log()
        assert kept.execute("SELECT count(*) FROM orders").fetchone() == (48,)
        for one in lost:
            one.close()
    wait_until(lambda: left(target) == [])


def test_a_gateway_that_is_stopped_takes_its_roles_along(target: Database, start: Callable[[], Gateway]) -> None:
    gateway = start()
    sessions = [connect(gateway, "dev") for _ in range(3)]
    assert len(left(target)) == 3
    gateway.stop()
    assert left(target) == []
    for session in sessions:
        session.close()


def test_others_roles_of_a_name_like_ours_are_let_be(target: Database, start: Callable[[], Gateway]) -> None:
    target.execute(f"CREATE ROLE {PREFIX}backup", SUPERUSER)
    try:
        gateway = start()
        with connect(gateway, "dev"):
            pass
        wait_until(lambda: left(target) == [f"{PREFIX}backup"])
        time.sleep(1.5)
        assert left(target) == [f"{PREFIX}backup"]
    finally:
        target.execute(f"DROP ROLE {PREFIX}backup", SUPERUSER)


def test_without_the_right_to_make_roles_the_client_is_told_no_more_than_that(
    database: Database, gateway: StartGateway, tmp_path: Path
) -> None:
    (tmp_path / "roles.yaml").write_text(ROLES)
    settings = {"name": "orders", "user": "app", "password": "env:APP_PASSWORD", "login": "ephemeral"}
    started = gateway(
        database.server,
        settings={**settings, "database": database.name},
        options={"roles": tmp_path / "roles.yaml"},
        environment={"APP_PASSWORD": database.server.passwords["app"]},
    )
    with pytest.raises(psycopg.OperationalError, match="the gateway has no role for you at orders now"):
        connect(started, "dev")
    assert "permission denied to create role" in started.log()
