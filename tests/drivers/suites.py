"""The suites, what each wants from the server, and where their sources come from."""

import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from demo.postgres import SUPERUSER
from tests.servers.postgres import PostgresServer

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "drivers"
LIBRARIES = BUILD / "libraries"

_SQLALCHEMY_ROLE, _SQLALCHEMY_PASSWORD = "scott", "tiger"
_SQLALCHEMY_DATABASE = "test"
_SQLALCHEMY_SQL = """
CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE EXTENSION btree_gist;
CREATE SCHEMA test_schema; CREATE SCHEMA test_schema_2;
CREATE COLLATION "en_US" FROM "C";
ALTER DATABASE test SET default_text_search_config = 'pg_catalog.english';
"""


@dataclass(frozen=True, slots=True)
class Way:
    """How a suite reaches its server."""

    name: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Suite:
    """One driver's tests. `left_out` says why a test is not run at all, `expected` why one may end differently."""

    name: str
    distribution: str
    tests: Sequence[str]
    least_passed: int
    dialect: str = ""
    left_out: Mapping[str, str] = field(default_factory=dict)
    expected: Mapping[str, str] = field(default_factory=dict)

    hba: Sequence[str] = ()

    @property
    def folder(self) -> Path:
        """Where the unpacked source is."""
        return BUILD / f"{self.distribution}-{version(self.distribution)}"

    def prepare(self, server: PostgresServer) -> None:
        """Create what the suite takes for granted."""
        if not self.dialect:
            server.execute("CREATE EXTENSION hstore")
            return
        # Some of its tests write these two down themselves.
        server.create_role(_SQLALCHEMY_ROLE, "LOGIN SUPERUSER", password=_SQLALCHEMY_PASSWORD)
        server.execute(f"CREATE DATABASE {_SQLALCHEMY_DATABASE} OWNER {_SQLALCHEMY_ROLE}")
        server.execute(_SQLALCHEMY_SQL, _SQLALCHEMY_DATABASE)

    def arguments(self, server: PostgresServer, way: Way) -> list[str]:
        """What pytest is given beside the tests."""
        if not self.dialect:
            return ["--benchmark-disable"]
        login = f"{_SQLALCHEMY_ROLE}:{server.passwords[_SQLALCHEMY_ROLE]}"
        return [f"--dburi=postgresql+{self.dialect}://{login}@{way.host}:{way.port}/{_SQLALCHEMY_DATABASE}"]

    def environment(self, server: PostgresServer, way: Way) -> dict[str, str]:
        """The variables that tell the suite where its server is."""
        if self.dialect:
            return {}
        return {"PGHOST": way.host, "PGPORT": str(way.port), "PGPASSWORD": server.passwords[SUPERUSER]}


def _sqlalchemy(dialect: str, tests: Sequence[str], least_passed: int) -> Suite:
    return Suite(f"sqlalchemy-{dialect}", "sqlalchemy", tests, least_passed, dialect)


_KERBEROS = "a login by Kerberos names the server it is for, so the gateway refuses it, in words of its own"
SUITES = (
    Suite(
        "pg8000",
        "pg8000",
        ["test"],
        least_passed=800,
        hba=["host pg8000_gss all 127.0.0.1/32 gss"],
        left_out={
            "test/test_readme.py::test_readme": "needs a server on port 5432 with a certain password",
        },
        expected={
            "test/dbapi/auth/test_gss.py::test_gss": _KERBEROS,
            "test/legacy/auth/test_gss.py::test_gss": _KERBEROS,
            "test/native/auth/test_gss.py::test_gss": _KERBEROS,
            "test/native/auth/test_scram-sha-256.py::test_scram_sha_256_ssl_True": (
                "it turns the server's TLS off and expects none; the gateway's TLS with the client is its own"
            ),
        },
    ),
    _sqlalchemy("psycopg", ["test/dialect/test_suite.py", "test/dialect/postgresql"], 12_000),
    _sqlalchemy("pg8000", ["test/dialect/test_suite.py"], 1_800),
    _sqlalchemy("asyncpg", ["test/dialect/test_suite.py"], 1_800),
)


def fetch(suites: Sequence[Suite]) -> None:
    """Get the suites' sources and what they import, once; kept under build/."""
    BUILD.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip"]
    if not LIBRARIES.exists():
        aside = BUILD / "libraries.unfinished"
        group = f"{ROOT / 'pyproject.toml'}:drivers"
        _run([*pip, "install", "-qq", "--no-deps", "--upgrade", "--target", str(aside), "--group", group])
        aside.rename(LIBRARIES)
    for suite in suites:
        if not suite.folder.exists():
            wanted = f"{suite.distribution}=={version(suite.distribution)}"
            source = ["download", "-qq", "--no-deps", "--no-binary", ":all:", "-d", str(BUILD), wanted]
            _run([*pip, *source], {"DISABLE_SQLALCHEMY_CEXT": "1"})
            with tarfile.open(next(BUILD.glob(f"{suite.folder.name}.tar.gz"))) as archive:
                archive.extractall(BUILD, filter="data")


def _run(command: list[str], environment: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(command, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise SystemExit("The drivers' sources could not be fetched: pip's message is above.")
