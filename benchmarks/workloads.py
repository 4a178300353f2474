"""What is measured: point selects by pgbench, bulk results by libpq, memory by the kernel."""

import os
import re
import statistics
import subprocess
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.contenders import DATABASE, Contender
from tests.servers.postgres import APP, PostgresServer

_CHUNK_ROWS = 1_000
_TPS = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)

# Nothing in `quiet` resembles personal data; every row of `people` has an e-mail address.
_TABLES = """
CREATE TABLE quiet AS
SELECT n AS id, 'part number ' || chr(65 + n % 26) || n % 100 AS part, 'shelf ' || n % 40 AS place,
       'in stock, ships within two days' AS note, (n % 900) + 0.5 AS price
FROM generate_series(1, {rows}) AS n;
CREATE TABLE people AS
SELECT n AS id, 'Customer ' || chr(65 + n % 26) AS name, 'customer' || n || '@example.com' AS email,
       'in good standing, pays by invoice' AS note, (n % 900) + 0.5 AS balance
FROM generate_series(1, {rows}) AS n;
ANALYZE quiet; ANALYZE people;
"""


@dataclass(frozen=True, slots=True)
class PointSelects:
    """`pgbench -S`; its result is transactions per second, and with one client the median latency as well."""

    bin_dir: Path
    mode: str
    clients: int
    seconds: int

    @property
    def name(self) -> str:
        return f"pgbench -S, {self.mode}, {self.clients} client{'s' if self.clients > 1 else ''}"

    def run(self, contender: Contender) -> tuple[float, float | None]:
        """Transactions per second; the median latency in microseconds, with one client."""
        threads = min(self.clients, os.cpu_count() or 1)
        command = [str(self.bin_dir / "pgbench"), "-S", "-n", "-M", self.mode, "-T", str(self.seconds)]
        command += ["-c", str(self.clients), "-j", str(threads)]
        with tempfile.TemporaryDirectory(prefix="hoopaddon-pgbench-") as folder:
            if self.clients == 1:
                command += ["-l", f"--log-prefix={folder}/log"]
            environment = {**os.environ, **contender.environment}
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            found = _TPS.search(done.stdout)
            if done.returncode or not found:
                raise RuntimeError(f"pgbench through {contender.name} failed:\n{done.stderr[-2000:]}")
            return float(found[1]), _median_latency_us(Path(folder))


def _median_latency_us(folder: Path) -> float | None:
    times = [int(line.split()[2]) for log in folder.glob("log*") for line in log.read_text().splitlines()]
    return statistics.median(times) if times else None


@dataclass(frozen=True, slots=True)
class Select:
    """One big result, taken as fast as libpq can; its result is rows per second."""

    name: str
    table: str
    rows: int

    def run(self, contender: Contender) -> tuple[float, float | None]:
        """Rows per second."""
        with psycopg.connect(contender.conninfo, sslmode="disable") as connection:
            began = time.perf_counter()
            rows = select(connection, f"SELECT * FROM {self.table}")
            took = time.perf_counter() - began
        if rows != self.rows:
            raise RuntimeError(f"{self.name} through {contender.name}: {rows} rows instead of {self.rows}")
        return rows / took, None


@dataclass(frozen=True, slots=True)
class CopyOut:
    """One big COPY to psql, which counts nothing and writes to nowhere; its result is rows per second."""

    name: str
    table: str
    rows: int
    bin_dir: Path

    def run(self, contender: Contender) -> tuple[float, float | None]:
        """Rows per second, connecting included."""
        command = [
            str(self.bin_dir / "psql"),
            "-X",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            f"COPY {self.table} TO STDOUT",
        ]
        environment = {**os.environ, **contender.environment}
        began = time.perf_counter()
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        return self.rows / (time.perf_counter() - began), None


def select(connection: "psycopg.Connection[tuple[object, ...]]", sql: str) -> int:
    """Read the whole result in libpq's chunked mode, without making Python objects of it; the number of rows."""
    pgconn = connection.pgconn
    pgconn.send_query(sql.encode())
    pgconn.set_chunked_rows_mode(_CHUNK_ROWS)
    rows = 0
    while result := pgconn.get_result():
        if result.status == psycopg.pq.ExecStatus.FATAL_ERROR:
            raise RuntimeError(result.error_message.decode(errors="replace"))
        rows += result.ntuples
    return rows


def prepare(server: PostgresServer, rows: int, scale: int) -> None:
    """Create and fill the tables."""
    login = {"PGPASSWORD": server.passwords[APP]}
    where = ["-h", server.host, "-p", str(server.port), "-U", APP, DATABASE]
    subprocess.run(
        [server.bin_dir / "pgbench", "-i", "-q", "-s", str(scale), *where],
        env={**os.environ, **login},
        check=True,
        capture_output=True,
    )
    server.execute(_TABLES.format(rows=rows), DATABASE, APP)
    server.execute("CHECKPOINT")


def memory_bytes(pid: int, which: str) -> int:
    """The process's memory as the kernel counts it: `VmRSS` is resident now, `VmHWM` the most there ever was."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(rf"^{which}:\s+(\d+) kB", status, re.MULTILINE)[0]) * 1024


@dataclass(frozen=True, slots=True)
class Memory:
    """What a process in the middle holds: more at the peak of a big result, and for each idle session."""

    grown_bytes: int
    per_session_bytes: float


def memory(contender: Contender, result_bytes: int, sessions: int) -> Memory:
    """Open idle sessions, then send a big result; only a fresh process has no freed memory that would hide it."""
    with ExitStack() as idle:
        # The first sessions load what is loaded once.
        idle.enter_context(_session(contender))
        idle.enter_context(_session(contender))
        before = memory_bytes(contender.pid, "VmRSS")
        for _ in range(sessions):
            idle.enter_context(_session(contender))
        per_session = (memory_bytes(contender.pid, "VmRSS") - before) / sessions
    with _session(contender) as connection:
        before = memory_bytes(contender.pid, "VmRSS")
        # The peak that the sessions left is forgotten (proc(5): clear_refs).
        Path(f"/proc/{contender.pid}/clear_refs").write_text("5")
        select(connection, f"SELECT repeat('x', 1000) FROM generate_series(1, {result_bytes // 1_000})")
    return Memory(memory_bytes(contender.pid, "VmHWM") - before, per_session)


def _session(contender: Contender) -> "psycopg.Connection[tuple[object, ...]]":
    connection = psycopg.connect(contender.conninfo, sslmode="disable", autocommit=True)
    connection.execute("SELECT 1")
    return connection
