"""A password that somebody writes where its reference belongs is not shown again."""

from pathlib import Path

import pytest

from tests.engine.cli.program import run


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
    ended = run(tmp_path, "--set", f"confdir={tmp_path}", "--mode", mode)
    assert ended.returncode == 1
    assert "hunter2" not in ended.stdout + ended.stderr
    assert "--mode postgres" in ended.stderr
