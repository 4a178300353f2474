"""node-postgres and PostgreSQL's JDBC driver, each in its own language."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.adapters.postgres.clients.conftest import Compare, Endpoint
from tests.servers.clients import java, node

HERE = Path(__file__).parent

type Seen = tuple[int, str, str]


def test_node_postgres(compare: Compare, tmp_path: Path) -> None:
    program, environment = node()

    def scenario(at: Endpoint) -> Seen:
        done = subprocess.run(
            [program, "--no-deprecation", HERE / "scenario.mjs"],
            cwd=tmp_path,
            env={**environment, **at.environment, "NODE_PATH": environment["NODE_PATH"]},
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stdout, done.stderr

    code, out, errors = compare(scenario)
    assert code == 0, errors
    assert len(out.splitlines()) == 21


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Java, and the class path with the scenario in it."""
    program, driver = java()
    folder = tmp_path_factory.mktemp("java")
    compiler = program.with_name("javac")
    subprocess.run([compiler, "-cp", driver, "-d", folder, HERE / "Scenario.java"], check=True, timeout=120)
    return program, os.pathsep.join([str(driver), str(folder)])


def test_jdbc(compare: Compare, compiled: tuple[Path, str], tmp_path: Path) -> None:
    program, class_path = compiled

    def scenario(at: Endpoint) -> Seen:
        url = f"jdbc:postgresql://{at.host}:{at.port}/{at.database}"
        done = subprocess.run(
            [
                program,
                "-Xshare:auto",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                class_path,
                "Scenario",
                url,
                at.user,
                at.password,
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return done.returncode, done.stdout, done.stderr

    code, out, errors = compare(scenario)
    assert code == 0, errors
    assert out.count("== ") == 6
