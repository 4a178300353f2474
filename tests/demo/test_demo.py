"""The demonstration as its users start it: what it claims to have seen, and that it sees what is wrong."""

import os
import re
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.by_hand import NEXT_PAGE
from demo.gateway import POLICIES
from demo.report import OUTCOMES
from tests.servers.postgres import PostgresServer

ROOT = Path(__file__).parents[2]
WITHIN_S = 120

NOTHING = "addons = []"
BROKEN = """
def command(command):
    raise RuntimeError(command.text)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for temporary files that a server of another user may enter; it has to be empty in the end."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(stat.S_IRWXU | stat.S_IXGRP | stat.S_IXOTH)
        yield path
        assert [child.name for child in path.iterdir()] == []


def start(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "TMPDIR": str(folder), "COLUMNS": "80", "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "demo", *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def once(folder: Path, *arguments: str) -> tuple[int, str]:
    with start(folder, "--once", *arguments) as process:
        printed, _ = process.communicate(timeout=WITHIN_S)
        return process.returncode, printed


def test_every_outcome_is_observed(folder: Path) -> None:
    code, printed = once(folder)
    assert code == 0, printed
    assert "missing:" not in printed
    assert "Traceback" not in printed
    for outcome in OUTCOMES:
        found = re.search(rf"^ +{outcome} +(\d+) of (\d+) ", printed, re.MULTILINE)
        assert found, printed
        assert int(found[1]) == int(found[2]) > 0
    # Options of a command line stand whole in their line.
    too_wide = [line for line in printed.splitlines() if len(line) > 80 and not line.startswith("      --")]
    assert too_wide == []
    assert printed.rstrip().endswith(NEXT_PAGE)
    assert (ROOT / NEXT_PAGE).is_file()


def with_other_text(folder: Path, policy: str, text: str) -> tuple[int, str]:
    """The demonstration with another text in the place of one policy."""
    with tempfile.TemporaryDirectory() as scripts:
        script = Path(scripts) / policy
        script.write_text(text)
        chosen = (str(script) if name == policy else name for name in POLICIES)
        return once(folder, *(word for name in chosen for word in ("-s", name)))


@pytest.mark.parametrize(
    ("policy", "missing", "present"),
    [
        ("block_destructive.py", "blocked: both tables are as they were", "masked"),
        ("mask_pii.py", "masked: none of the 17 real values reached the agent", "blocked"),
    ],
)
def test_a_policy_that_does_nothing_is_noticed(folder: Path, policy: str, missing: str, present: str) -> None:
    code, printed = with_other_text(folder, policy, NOTHING)
    assert code == 1, printed
    assert f"missing: {missing}" in printed
    assert f"missing: {present}" not in printed
    assert "Traceback" not in printed


def test_a_policy_that_breaks_is_noticed(folder: Path) -> None:
    code, printed = with_other_text(folder, "block_destructive.py", BROKEN)
    assert code == 1, printed
    assert "missing: allowed: the rows are the database's own" in printed
    assert "policy block_destructive.py failed" in printed
    assert "Traceback" not in printed


def test_a_policy_that_is_missing_is_an_error_at_the_start(folder: Path) -> None:
    code, printed = once(folder, "-s", "no_such_policy.py")
    assert code == 1
    assert "no_such_policy.py" in printed
    assert "Traceback" not in printed


def test_it_stays_up_for_the_user_until_ctrl_c(folder: Path, postgres: PostgresServer) -> None:
    with start(folder) as process:
        try:
            line, printed = psql_line(process)
            path = f"{postgres.bin_dir}:{os.environ['PATH']}"
            for sql, code, said in (
                ("SELECT email FROM customers", 0, "[email]"),
                ("DROP TABLE customers", 1, "DROP TABLE is refused"),
            ):
                done = subprocess.run(
                    ["bash", "-c", f"{line} -c '{sql}'"],
                    env={**os.environ, "PATH": path},
                    capture_output=True,
                    text=True,
                    timeout=WITHIN_S,
                )
                assert (done.returncode, said in done.stdout + done.stderr) == (code, True), done
        finally:
            process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=WITHIN_S)
        assert process.returncode == 0, printed + rest
        assert "Everything is stopped and removed." in rest
        assert "Traceback" not in rest


def psql_line(process: "subprocess.Popen[str]") -> tuple[str, str]:
    """The line that the demonstration ends with, once the last of its advice is there."""
    line, printed = "", ""
    until = time.monotonic() + WITHIN_S
    assert process.stdout
    for read in process.stdout:
        printed += read
        if "PGPASSWORD=" in read:
            line = read.strip()
        if "What the gateway says" in read:
            return line, printed
        if time.monotonic() > until:
            break
    raise AssertionError(f"it did not stay up:\n{printed}")
