"""Fixtures for every test: real servers, started once per test process and only when asked for."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.servers.pgbouncer import PgBouncer
from tests.servers.postgres import Database, PostgresServer, debian_15, new_database

NO_SKIP = bool(os.environ.get("HOOPADDON_NO_SKIP"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Where everything can be installed, as in CI, a skipped test is one that was lost: it fails."""
    report: Any = yield
    if NO_SKIP and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and HOOPADDON_NO_SKIP is set: {report.longrepr[2]}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    """The same for a file that skips as a whole."""
    report: Any = yield
    if NO_SKIP and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, and HOOPADDON_NO_SKIP is set: {report.longrepr[2]}"
    return report


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """PostgreSQL 18 from its package."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def postgres15() -> Iterator[PostgresServer]:
    """Debian's PostgreSQL 15."""
    with PostgresServer(bin_dir=debian_15()) as server:
        yield server


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    """A database of the test's own on PostgreSQL 18, with the demo's tables."""
    with new_database(postgres) as database:
        yield database


@pytest.fixture
def database15(postgres15: PostgresServer) -> Iterator[Database]:
    """A database of the test's own on PostgreSQL 15, with the demo's tables."""
    with new_database(postgres15) as database:
        yield database


@pytest.fixture(scope="session")
def pgbouncer(postgres: PostgresServer) -> Iterator[PgBouncer]:
    """PgBouncer in front of PostgreSQL 18."""
    with PgBouncer(postgres) as pooler:
        yield pooler
