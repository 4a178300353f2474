"""Fixtures for every test: real servers, started once per test process and only when asked for."""

import itertools
import os
import signal
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest

from demo.postgres import EmbeddedPostgres
from tests.servers.gateway import Gateway
from tests.servers.pgbouncer import PgBouncer
from tests.servers.postgres import Database, PostgresServer, debian_15, new_database
from tests.servers.ssh import SshGateway, SshServer

type Wrapper[Report] = Generator[None, Report, Report]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that starts the tests in the background has them, and their children, ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

NO_SKIP = bool(os.environ.get("HOOPADDON_NO_SKIP"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Wrapper[pytest.TestReport]:
    """Where everything can be installed, as in CI, a skipped test is one that was lost: it fails."""
    report = yield
    if not hasattr(report, "wasxfail"):
        _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Wrapper[pytest.CollectReport]:
    """The same for a file that skips as a whole."""
    report = yield
    _fail_if_skipped(report)
    return report


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    if NO_SKIP and report.outcome == "skipped":
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"HOOPADDON_NO_SKIP is set, and this was skipped: {why}"


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


class StartGateway(Protocol):
    """Starts a gateway in front of a server; see `Gateway` for what it takes."""

    def __call__(
        self,
        upstream: EmbeddedPostgres,
        *,
        scripts: Sequence[str | Path] = (),
        options: Mapping[str, object] | None = None,
        settings: Mapping[str, object] | None = None,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> Gateway: ...


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[StartGateway]:
    """Starts gateways as processes of their own; each has to end well when the test has ended."""
    started: list[Gateway] = []
    numbers = itertools.count(1)

    def start(upstream: EmbeddedPostgres, **how: Any) -> Gateway:
        folder = tmp_path / f"gateway{next(numbers)}"
        started.append(Gateway(upstream, folder, **how))
        return started[-1].start()

    yield start
    for one in started:
        one.stop()


@pytest.fixture(scope="session")
def sshd() -> Iterator[SshServer]:
    """OpenSSH's server."""
    with SshServer() as server:
        yield server


class StartSshGateway(Protocol):
    """Starts a gateway in front of anything with `host` and `port`; see `SshGateway` for what else it takes."""

    def __call__(
        self,
        upstream: Any,
        *,
        scripts: Sequence[str | Path] = (),
        options: Mapping[str, object] | None = None,
        settings: Mapping[str, object] | None = None,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> SshGateway: ...


@pytest.fixture
def ssh_gateway(tmp_path: Path) -> Iterator[StartSshGateway]:
    """Starts gateways in front of SSH servers; each has to end well when the test has ended.

    For an `SshServer` the mode has what it takes to log in there, unless `settings` say otherwise.
    """
    started: list[SshGateway] = []
    numbers = itertools.count(1)

    def start(upstream: Any, *, settings: Mapping[str, object] | None = None, **how: Any) -> SshGateway:
        folder = tmp_path / f"ssh_gateway{next(numbers)}"
        login = upstream.settings if settings is None and isinstance(upstream, SshServer) else settings
        started.append(SshGateway(upstream, folder, settings=login, **how))
        return started[-1].start()

    yield start
    for one in started:
        one.stop()
