"""Commands beside a gateway find its folders, its store and its provider by `hoopaddon.yaml`, as it does itself."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hoopaddon.cli import access, approvals, kubeconfig, sessions, token
from hoopaddon.cli.place import Place, add_place
from hoopaddon.errors import ConfigError
from hoopaddon.store.approvals import Approvals
from hoopaddon.store.grants import Grants
from tests.engine.store.requests import a_request

FILE = """
store:
  folder: kept
options:
  confdir: conf
identity:
  issuer: https://login.example.com
  audience: [gateway]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HOOPADDON_TOKEN", raising=False)
    (tmp_path / "hoopaddon.yaml").write_text(FILE)
    (tmp_path / "kept").mkdir(mode=0o700)
    return tmp_path


def place(*arguments: str) -> Place:
    parser = argparse.ArgumentParser()
    add_place(parser)
    return Place.of(parser.parse_args(arguments))


def test_the_file_says_where_unless_the_command_does(folder: Path) -> None:
    found = place()
    assert found.confdir == Path("conf")
    assert found.layout.folder == Path("kept")
    assert found.options.oidc_issuer == "https://login.example.com"
    assert found.options.oidc_audience == ["gateway"]
    assert place("--store", "s", "--confdir", "c").layout.folder == Path("s")
    assert place("--confdir", "c").confdir == Path("c")
    (folder / "other.yaml").write_text("store: {folder: elsewhere}\n")
    assert place("--config", "other.yaml").layout.folder == Path("elsewhere")


def test_without_a_file_the_confdir_s_own_says_it(folder: Path) -> None:
    (folder / "hoopaddon.yaml").unlink()
    (folder / "c").mkdir()
    (folder / "c" / "config.yaml").write_text("store: there\n")
    assert place("--confdir", "c").layout.folder == Path("there")
    assert place().layout.folder == folder / "home" / ".hoopaddon" / "store"


def test_tokens_are_signed_listed_and_taken_back_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert token.main(["--user", "ann"]) == 0
    assert (folder / "conf" / "signing.key").exists()
    assert (folder / "kept" / "tokens.db").exists()
    assert not (folder / "home").exists()
    capsys.readouterr()
    assert token.main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["user"] == "ann"
    assert token.main(["revoke", "--user", "ann"]) == 0


def test_requests_are_seen_and_answered_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = Approvals(folder / "kept" / "approvals.db")
    id = kept.add(a_request())
    kept.close()
    Grants(folder / "kept" / "grants.db").close()
    assert approvals.main(["approve", id]) == 0
    assert "approved" in capsys.readouterr().out
    assert access.main(["list"]) == 0
    (folder / "kept" / "sessions").mkdir()
    assert sessions.main(["list"]) == 0
    assert not (folder / "home").exists()


@pytest.mark.parametrize("main", [approvals.main, access.main, sessions.main])
def test_a_file_with_a_mistake_is_one_clear_error(
    main: Callable[[list[str]], int], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "hoopaddon.yaml").write_text("store:\n  foldr: kept\n")
    assert main(["list"]) == 2
    said = capsys.readouterr().err
    assert "hoopaddon.yaml:2: store.foldr: there is no such key\n  did you mean folder?" in said


def test_everybody_s_file_is_nobody_s(folder: Path) -> None:
    (folder / "hoopaddon.yaml").chmod(0o666)
    with pytest.raises(ConfigError, match="everybody can write it"):
        place()


def test_a_plug_in_of_kubectl_does_not_take_the_folder_that_it_is_run_in_for_the_gateway_s(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kubeconfig.main(["--user", "ann", "--server", "http://127.0.0.1:1"]) == 0
    printed = capsys.readouterr().out
    assert str(folder / "conf") in printed
    assert str(folder / "kept") in printed
    (folder / "strange").mkdir()
    monkeypatch.chdir(folder / "strange")
    Path("hoopaddon.yaml").write_text("options: {confdir: mine}\n")
    told = ["--exec-credential", "--user", "ann", "--confdir", str(folder / "c"), "--store", str(folder / "kept")]
    assert token.main(told) == 0
    assert not Path("mine").exists()
