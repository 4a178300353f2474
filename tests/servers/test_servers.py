"""The test servers are what the other tests take them for."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from tests.servers.pgbouncer import PgBouncer
from tests.servers.postgres import APP, CERTIFIED, CLEARTEXT, MD5, TRUSTED, Database, PostgresServer, new_database

# libpq says which exchange it is willing to do: a server that asks for another one is refused.
EXCHANGES = {
    APP: "scram-sha-256",
    MD5: "md5",
    CLEARTEXT: "password",
    TRUSTED: "none",
}


@pytest.mark.parametrize(("role", "exchange"), EXCHANGES.items())
def test_each_role_logs_in_its_own_way(postgres: PostgresServer, role: str, exchange: str) -> None:
    with postgres.connect(role, require_auth=exchange) as connection:
        assert connection.execute("SELECT current_user").fetchone() == (role,)
    with pytest.raises(psycopg.OperationalError):
        postgres.connect(role, require_auth=f"!{exchange}")


def test_a_certificate_logs_in_its_role_and_no_other(postgres: PostgresServer) -> None:
    pair = postgres.issue_certificate(CERTIFIED)
    tls = {
        "sslmode": "verify-full",
        "sslrootcert": str(postgres.ca_file),
        "sslcert": str(pair.cert_file),
        "sslkey": str(pair.key_file),
    }
    with postgres.connect(CERTIFIED, **tls) as connection:
        assert connection.pgconn.ssl_in_use
    wrong = postgres.issue_certificate("somebody-else")
    with pytest.raises(psycopg.OperationalError, match="certificate authentication failed"):
        postgres.connect(CERTIFIED, **{**tls, "sslcert": str(wrong.cert_file), "sslkey": str(wrong.key_file)})


def test_a_wrong_password_is_refused(postgres: PostgresServer) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres.dsn(APP).replace(postgres.passwords[APP], "wrong"))


def test_each_database_is_a_copy_and_its_log_is_its_own(postgres: PostgresServer, database: Database) -> None:
    with new_database(postgres) as other:
        database.execute("DELETE FROM orders")
        assert other.execute("SELECT count(*) FROM orders") == [(48,)]
        assert database.execute("SELECT count(*) FROM orders") == [(0,)]
        with psycopg.connect(database.dsn()) as connection:
            connection.execute("SELECT item\nFROM orders\nWHERE id = %s", (3,))
        wanted = [
            "DELETE FROM orders",
            "SELECT count(*) FROM orders",
            "BEGIN",
            "SELECT item\nFROM orders\nWHERE id = $1",
        ]
        assert database.logged()[:4] == wanted


def test_versions(postgres: PostgresServer, postgres15: PostgresServer) -> None:
    assert postgres.execute("SHOW server_version_num")[0][0].startswith("18")
    assert postgres15.execute("SHOW server_version_num")[0][0].startswith("15")


def test_pgbouncer_reaches_the_server(pgbouncer: PgBouncer, database: Database) -> None:
    with psycopg.connect(pgbouncer.dsn(APP, database.name)) as connection:
        assert connection.execute("SELECT count(*) FROM customers").fetchone() == (12,)


def test_it_recovers_from_a_crash() -> None:
    with PostgresServer() as server:
        server.execute("CREATE TABLE kept AS SELECT 1 AS n")
        server.execute("CHECKPOINT")
        server.crash()
        with pytest.raises(psycopg.OperationalError):
            server.connect()
        server.start()
        assert server.execute("SELECT n FROM kept") == [(1,)]


def test_a_missing_system_library_is_named(tmp_path: Path) -> None:
    program = tmp_path / "postgres"
    program.write_text("#!/bin/sh\necho 'error while loading shared libraries: libxml2.so.2' >&2\nexit 127\n")
    program.chmod(0o755)
    with (
        pytest.raises(RuntimeError, match=r"(?s)libxml2\.so\.2.*Debian and Ubuntu have them"),
        PostgresServer(bin_dir=tmp_path),
    ):
        pass


_OWNER = """
import sys, time
from tests.servers.postgres import PostgresServer
server = PostgresServer().start()
print(server.pid, server.folder, flush=True)
time.sleep(60)
"""


def test_a_server_does_not_outlive_its_killed_owner() -> None:
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", _OWNER], cwd=root, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout
        pid, folder = owner.stdout.readline().split()
        os.kill(owner.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and (_runs(int(pid)) or Path(folder).exists()):
        time.sleep(0.02)
    assert not _runs(int(pid))
    assert not Path(folder).exists()


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False
