"""A password that somebody writes where its reference belongs is not shown again."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    "mode",
    [
        "postgres:db:5432?user=app&password=hunter2@15432",
        "postgres:db:5432?password=hunter2&user=app@15432",
        "postgress:db:5432?user=app&password=hunter2@15432",
        "postgres:db:5432?user=app&password=hunter2@too@15432",
    ],
)
def test_a_password_in_a_mode_is_not_shown(mode: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hoopaddon", "--set", f"confdir={tmp_path}", "--mode", mode]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 1
    assert "hunter2" not in run.stdout + run.stderr
    assert "--mode postgres" in run.stderr
