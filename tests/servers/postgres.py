"""PostgreSQL servers with a role for each way to log in, and databases that cost milliseconds."""

import itertools
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from psycopg.rows import TupleRow

import demo
from demo.postgres import SUPERUSER, EmbeddedPostgres
from tests.servers.missing import missing

APP = "app"
MD5, CLEARTEXT, TRUSTED, CERTIFIED = "md5user", "plainuser", "trusteduser", "certuser"
SAMPLE = "sample"

_HBA = (
    f"host all {MD5} 127.0.0.1/32 md5",
    f"host all {CLEARTEXT} 127.0.0.1/32 password",
    f"host all {TRUSTED} 127.0.0.1/32 trust",
    f"hostssl all {CERTIFIED} 127.0.0.1/32 cert",
)
_CUSTOMERS = Path(demo.__file__).parent / "customers.sql"
_DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")


class PostgresServer(EmbeddedPostgres):
    """A server with the roles that tests log in as, and a database to copy, `sample`, with the demo's tables.

    `app` (SCRAM, owns the sample), `md5user` (a stored md5 hash, asked for md5), `plainuser` (asked for the
    password in clear), `trusteduser` (asked for nothing) and `certuser` (asked for a certificate, over TLS).
    """

    def __init__(
        self, *, bin_dir: Path | None = None, settings: Mapping[str, str | int] | None = None, hba: Sequence[str] = ()
    ) -> None:
        super().__init__(bin_dir=bin_dir, settings=settings, hba=[*hba, *_HBA])

    def start(self) -> "PostgresServer":
        fresh = not self.data_dir.exists()
        super().start()
        if fresh:
            for role in (APP, CLEARTEXT, TRUSTED, CERTIFIED):
                self.create_role(role)
            self.create_role(MD5, password_encryption="md5")
            self.execute(f"CREATE DATABASE {SAMPLE} OWNER {APP}")
            self.execute(_CUSTOMERS.read_text(), SAMPLE, APP)
            # A template cannot be copied while anybody is connected to it.
            self.execute(f"ALTER DATABASE {SAMPLE} ALLOW_CONNECTIONS false")
        return self


@dataclass(frozen=True, slots=True)
class Database:
    """A database of one test's own, with the demo's tables; `app` owns it."""

    server: PostgresServer
    name: str

    def dsn(self, user: str = APP, **parameters: str) -> str:
        """A libpq URL, directly to the server."""
        return self.server.dsn(user, self.name, **parameters)

    def execute(self, sql: str, user: str = APP) -> list[TupleRow]:
        """Run the statements directly on the server; the rows of the last one."""
        return self.server.execute(sql, self.name, user)

    def logged(self) -> list[str]:
        """The statements on this database that reached the server, in order, as its log has them."""
        # A statement's further lines are indented by a tab.
        text = self.server.log().replace("\n\t", "\x00")
        found = re.findall(rf"@{self.name} LOG:  (?:statement|execute [^:]+): (.*)", text)
        return [statement.replace("\x00", "\n") for statement in found]


_numbers = itertools.count(1)


@contextmanager
def new_database(server: PostgresServer, template: str = SAMPLE) -> Iterator[Database]:
    """A copy of the sample database, dropped afterwards."""
    name = f"t{os.getpid()}_{next(_numbers)}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {APP}")
    try:
        yield Database(server, name)
    finally:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)", "postgres", SUPERUSER)


def debian_15() -> Path:
    """The folder of PostgreSQL 15's programs; the test is skipped without them."""
    return _DEBIAN_15 if (_DEBIAN_15 / "postgres").exists() else missing("postgresql-15")
