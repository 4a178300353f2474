"""PostgreSQL's own programs: psql, pgbench, pg_dump and pg_restore."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.postgres.clients.conftest import Compare, Endpoint, endpoints
from tests.conftest import StartGateway
from tests.servers.gateway import Gateway
from tests.servers.postgres import Database, PostgresServer, new_database

type Seen = list[Any]

SCRIPT = r"""
\set VERBOSITY verbose
SELECT 'ü' AS text, 1.5 AS number, NULL AS nothing;
SELECT id, name, email FROM customers ORDER BY id LIMIT 3 \gx
SELECT id, item, amount FROM orders WHERE id < 4 \gdesc
\d customers
\dt
\dn+
\df pg_catalog.pg_sleep
\l template1
\copy orders to 'orders.csv' (format csv, header)
CREATE TABLE again (LIKE orders);
\copy again from 'orders.csv' (format csv, header)
SELECT count(*) FROM again;
\copy (select 1, 'é') to stdout
COPY (SELECT id, item FROM orders ORDER BY id LIMIT 3) TO STDOUT;
SELECT 1 AS a\; SELECT 2 AS b\; UPDATE orders SET item = 'many' WHERE id = 1;
BEGIN;
INSERT INTO again SELECT * FROM orders;
SAVEPOINT s;
SELECT 1/0;
SELECT 2;
ROLLBACK TO s;
COMMIT;
SELECT count(*) FROM again;
SELEC 1;
SELECT nowhere
  FROM customers;
INSERT INTO customers (id, name, email) VALUES (100, 'x', 'amara.osei@example.com');
\echo :ERROR :SQLSTATE :LAST_ERROR_MESSAGE
DO $$ BEGIN RAISE NOTICE 'told % times', 3; END $$;
SELECT $1::int + $2::int AS sum \bind 3 4 \g
SELECT n FROM generate_series(1, 3) AS n \watch interval=0.01 count=2
\set FETCH_COUNT 5
SELECT id, item FROM orders ORDER BY id LIMIT 12;
\set FETCH_COUNT 0
LISTEN news;
NOTIFY news, 'payload';
SELECT format('SELECT %s AS made', n) FROM generate_series(1, 2) n \gexec
\encoding LATIN1
SELECT length('abc');
\encoding UTF8
EXPLAIN (COSTS OFF) SELECT * FROM orders WHERE id = 1;
PREPARE p (int) AS SELECT item FROM orders WHERE id = $1;
EXECUTE p (2);
\q
"""
PIPELINE = r"""
\startpipeline
SELECT 1 AS a \bind \sendpipeline
SELECT $1::text AS b \bind é \sendpipeline
\flushrequest
\getresults
SELECT 1/$1::int \bind 0 \sendpipeline
SELECT 3 \bind \sendpipeline
\endpipeline
SELECT $1::int AS named \parse s
\bind_named s 7 \g
"""


def program(at: Endpoint, name: str, *arguments: str, folder: Path, **how: Any) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [at.server.bin_dir / name, *arguments],
        cwd=folder,
        env=at.environment,
        capture_output=True,
        text=True,
        timeout=60,
        **how,
    )


def shown(text: str) -> str:
    """A program's output without what no two runs have in common."""
    text = re.sub(r"server process with PID \d+", "server process", text)
    text = re.sub(r"\b[A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ [\d:]+ \d{4}.*", "a time", text)
    # Where the gateway gives the server's answer to a syntax error, it does not name the line of its source.
    return re.sub(r"LOCATION: .*\n", "", text)


def test_psql(compare: Compare, tmp_path: Path) -> None:
    def scenario(at: Endpoint) -> Seen:
        done = program(at, "psql", "-X", "-f", "-", folder=tmp_path, input=SCRIPT)
        return [done.returncode, shown(done.stdout), shown(done.stderr)]

    _, out, errors = compare(scenario)
    assert "Asynchronous notification" in out
    assert "amara.osei@example.com" in out
    assert errors.count("ERROR:") >= 5


def test_psqls_pipelines(compare: Compare, tmp_path: Path) -> None:
    def scenario(at: Endpoint) -> Seen:
        done = program(at, "psql", "-X", "-f", "-", folder=tmp_path, input=PIPELINE)
        return [done.returncode, shown(done.stdout), shown(done.stderr)]

    compare(scenario)


@pytest.mark.parametrize("arguments", [["-c", "SELECT 1; SELECT 2/0"], ["-1", "-c", "SELECT 1", "-c", "SELECT nope"]])
def test_psqls_exit_code(compare: Compare, tmp_path: Path, arguments: list[str]) -> None:
    def scenario(at: Endpoint) -> Seen:
        done = program(at, "psql", "-X", "-v", "ON_ERROR_STOP=1", *arguments, folder=tmp_path)
        return [done.returncode, done.stdout, done.stderr]

    assert compare(scenario)[0] != 0


@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
def test_pgbench(compare: Compare, tmp_path: Path, mode: str) -> None:
    def scenario(at: Endpoint) -> Seen:
        made = program(at, "pgbench", "-i", "-q", "-s", "1", folder=tmp_path)
        arguments = ["-M", mode, "-c", "4", "-j", "2", "-t", "40", "--no-vacuum", "--failures-detailed"]
        done = program(at, "pgbench", *arguments, folder=tmp_path)
        numbers = re.findall(r"number of (?:transactions|failed).*: .*", done.stdout)
        sums = at.server.execute(
            "SELECT sum(abalance) = (SELECT sum(delta) FROM pgbench_history) FROM pgbench_accounts", at.database
        )
        return [made.returncode, done.returncode, done.stderr.count("error"), numbers, sums]

    assert compare(scenario)[:2] == [0, 0]


@pytest.mark.parametrize("form", ["plain", "custom", "inserts"])
def test_pg_dump_and_restore(compare: Compare, tmp_path: Path, form: str) -> None:
    def scenario(at: Endpoint) -> Seen:
        at.server.execute(
            "CREATE TYPE mood AS ENUM ('ok', 'é'); CREATE VIEW v AS SELECT name FROM customers;"
            "CREATE TABLE bytes (b bytea, m mood); INSERT INTO bytes VALUES ('\\xff00', 'é')",
            at.database,
            at.user,
        )
        file = tmp_path / f"dump.{at.port}"
        arguments = {"plain": [], "custom": ["-Fc"], "inserts": ["--rows-per-insert=7"]}[form]
        dumped = program(at, "pg_dump", *arguments, "-f", str(file), folder=tmp_path)
        text = program(at, "pg_restore", "-f", "-", str(file), folder=tmp_path).stdout if form == "custom" else ""
        at.server.execute("DROP OWNED BY app", at.database)
        if form == "custom":
            restored = program(
                at, "pg_restore", "-d", at.database, "--no-owner", "--no-acl", str(file), folder=tmp_path
            )
        else:
            restored = program(at, "psql", "-X", "-q", "-f", str(file), folder=tmp_path)
        rows = at.server.execute("SELECT md5(string_agg(c::text, '|' ORDER BY id)) FROM customers c", at.database)
        text = text or file.read_text()
        # pg_dump of a recent version puts a random key around its text.
        text = re.sub(r"(?m)^(\\(un)?restrict .*|-- (Started|Completed) on .*|;     Archive created.*)$", "", text)
        return [dumped.returncode, dumped.stderr, text, restored.returncode, restored.stderr, rows]

    assert compare(scenario)[0] == 0


@pytest.mark.parametrize("arguments", [[], ["--inserts"], ["--serializable-deferrable"]])
def test_pg_dump_with_every_shipped_policy(
    postgres: PostgresServer, database: Database, gateway: StartGateway, tmp_path: Path, arguments: list[str]
) -> None:
    policies = ["block_destructive.py", "mask_pii.py", "record.py", "require_approval.py"]
    at = endpoints(gateway(postgres, scripts=policies), database.name)[1]
    dumped = program(at, "pg_dump", *arguments, folder=tmp_path)
    assert (dumped.returncode, dumped.stderr) == (0, "")
    assert "view, foreign-table" in "".join(database.logged())
    assert "CREATE TABLE public.customers" in dumped.stdout
    assert "Amara Osei" in dumped.stdout
    assert "amara.osei@example.com" not in dumped.stdout


def test_large_objects_need_the_function_call_that_is_refused(through: Gateway, tmp_path: Path) -> None:
    server = through.upstream
    assert isinstance(server, PostgresServer)
    with new_database(server) as database:
        database.execute("SELECT lo_from_bytea(4711, '\\xdead')")
        dumped = program(endpoints(through, database.name)[1], "pg_dump", folder=tmp_path)
    assert dumped.returncode != 0
    assert "the FunctionCall message is refused by this gateway" in dumped.stderr
