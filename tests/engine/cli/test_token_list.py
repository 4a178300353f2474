"""`hoopaddon token list` and `revoke`: what was signed here, and taking it back."""

import json
from pathlib import Path

import pytest

from hoopaddon.cli.token import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_token_is_listed_and_revoked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--confdir", str(tmp_path))
    _, token, _ = run(capsys, "--user", "agent-7", "--groups", "dev", "--target", "orders", *where)
    run(capsys, "--user", "ada", *where)
    code, out, _ = run(capsys, "list", "--json", *where)
    listed = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert {(one["user"], one["target"], tuple(one["groups"])) for one in listed} == {
        ("agent-7", "orders", ("dev",)),
        ("ada", "", ()),
    }
    assert token.strip() not in out
    agent = next(one["id"] for one in listed if one["user"] == "agent-7")
    assert run(capsys, "revoke", agent[:9], *where)[:2] == (0, f"revoked {agent} of agent-7\n")
    assert "agent-7" not in run(capsys, "list", *where)[1]
    shown = run(capsys, "list", "--all", *where)[1]
    assert "agent-7" in shown
    assert "revoked" in shown


def test_all_of_a_users_are_revoked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--confdir", str(tmp_path))
    for _ in range(2):
        run(capsys, "--user", "ada", *where)
    code, out, _ = run(capsys, "revoke", "--user", "Ada", *where)
    assert (code, out) == (0, "revoked what was issued to Ada until now; 2 tokens of it are listed\n")
    assert run(capsys, "list", *where)[1] == "no token is good now\n"


def test_what_cannot_be_revoked_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--confdir", str(tmp_path))
    code, _, err = run(capsys, "revoke", "--user", "ada", *where)
    assert code == 2
    assert "--store DIR" in err
    run(capsys, "--user", "ada", *where)
    code, _, err = run(capsys, "revoke", "nope", *where)
    assert (code, "no token here has this id" in err) == (1, True)
    code, _, err = run(capsys, "revoke", "--user", "", *where)
    assert (code, "--user" in err) == (2, True)
    with pytest.raises(SystemExit):
        main(["revoke", *where])


def test_a_token_that_cannot_be_listed_is_not_signed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "store").write_text("a file where the folder has to be")
    code, out, err = run(capsys, "--user", "ada", "--confdir", str(tmp_path))
    assert (code, out) == (2, "")
    assert "cannot open" in err


def test_the_list_may_be_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--confdir", str(tmp_path / "conf"), "--store", str(tmp_path / "kept"))
    run(capsys, "--user", "ada", *where)
    assert (tmp_path / "kept" / "tokens.db").exists()
    assert "ada" in run(capsys, "list", *where)[1]
