"""What is measured side by side: the same server, reached in five ways."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGTERM

from demo.guard import Guard, end
from demo.server import free_port
from tests.servers.gateway import Gateway
from tests.servers.pgbouncer import PgBouncer
from tests.servers.postgres import APP, PostgresServer

DIRECT, RELAY, PGBOUNCER, PLAIN, POLICIES = "direct", "bare relay", "PgBouncer", "gateway", "gateway + 4 policies"
SHIPPED = ("mask_pii.py", "block_destructive.py", "require_approval.py", "record.py")
GATEWAYS: dict[str, tuple[str, ...]] = {PLAIN: (), POLICIES: SHIPPED}
DATABASE = "bench"
MAX_CLIENTS = 1_200


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to the server. `pid` is the process in the middle, 0 where there is none to look at."""

    name: str
    host: str
    port: int
    password: str
    pid: int = 0
    user: str = APP

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which a PostgreSQL program goes this way."""
        return {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
            "PGDATABASE": DATABASE,
            "PGSSLMODE": "disable",
        }

    @property
    def conninfo(self) -> str:
        """The same, for libpq."""
        keys = {
            "PGHOST": "host",
            "PGPORT": "port",
            "PGUSER": "user",
            "PGPASSWORD": "password",
            "PGDATABASE": "dbname",
        }
        return " ".join(f"{keys[name]}={value}" for name, value in self.environment.items() if name in keys)


@contextmanager
def start_all() -> Iterator[tuple[PostgresServer, list[Contender], list[str]]]:
    """The server, the ways to it that are there, and a line on each that is not."""
    settings: dict[str, str | int] = {"max_connections": MAX_CLIENTS + 100, "log_statement": "none"}
    with ExitStack() as stack:
        server = stack.enter_context(PostgresServer(settings=settings))
        server.execute(f"CREATE DATABASE {DATABASE} OWNER {APP}")
        password = server.passwords[APP]
        found, absent = [Contender(DIRECT, server.host, server.port, password)], []
        pid, port = stack.enter_context(_relay(server.port))
        found.append(Contender(RELAY, server.host, port, password, pid))
        if shutil.which("pgbouncer") or Path("/usr/sbin/pgbouncer").exists():
            pooler = stack.enter_context(PgBouncer(server, max_clients=MAX_CLIENTS))
            found.append(Contender(PGBOUNCER, pooler.host, pooler.port, password))
        else:
            absent.append(f"{PGBOUNCER} is not installed (scripts/install-test-servers does it)")
        for name in GATEWAYS:
            try:
                found.append(stack.enter_context(start_gateway(name, server)))
            except RuntimeError as error:
                absent.append(f"{name} is not measured: {error}")
        yield server, found, absent


@contextmanager
def start_gateway(name: str, server: PostgresServer) -> Iterator[Contender]:
    """A gateway with the policies that go with its name."""
    with (
        tempfile.TemporaryDirectory(prefix="hoopaddon-bench-") as folder,
        Gateway(server, Path(folder), scripts=GATEWAYS[name], options={"max_connections": MAX_CLIENTS}) as gateway,
    ):
        yield Contender(name, gateway.host, gateway.port, server.passwords[APP], gateway.pid)


@contextmanager
def _relay(target_port: int) -> Iterator[tuple[int, int]]:
    port = free_port()
    root = Path(__file__).parents[1]
    command = [sys.executable, "-m", "benchmarks.bare_relay", str(port), str(target_port)]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, start_new_session=True) as process:
        guard = Guard(process.pid, SIGTERM)
        if process.stdout:
            process.stdout.readline()
        try:
            yield process.pid, port
        finally:
            end(process, SIGTERM, guard)
