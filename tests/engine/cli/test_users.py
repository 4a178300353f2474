"""`hoopaddon users hash` makes what the file of users keeps."""

import io
from pathlib import Path

import pytest

from hoopaddon.cli import users
from hoopaddon.identity.scram import ScramVerifier
from hoopaddon.identity.ssh_keys import SshKey
from hoopaddon.identity.users import Users
from tests.servers.ssh import new_key, public


def type_in(monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
    """A terminal at which these passwords are typed."""
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)
    typed = iter(answers)
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(typed))


def test_a_piped_password_becomes_a_verifier(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("pencil \nnot this\n"))
    assert users.main(["hash"]) == 0
    said = capsys.readouterr().out
    assert ScramVerifier.parse(said.strip()).accepts("pencil ")
    assert "pencil" not in said


def test_a_typed_password_is_asked_for_twice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    type_in(monkeypatch, "pencil", "pencil")
    assert users.main(["hash"]) == 0
    assert ScramVerifier.parse(capsys.readouterr().out.strip()).accepts("pencil")


def test_two_different_passwords_make_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    type_in(monkeypatch, "pencil", "pen")
    assert users.main(["hash"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "not the same" in said.err
    assert "pen" not in said.err.replace("hoopaddon", "")


def test_an_empty_password_makes_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert users.main(["hash"]) == 2
    assert "empty" in capsys.readouterr().err


def test_keys_are_added_and_comments_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, ann, bob = tmp_path / "users.yaml", new_key(tmp_path / "ann"), new_key(tmp_path / "bob")
    assert users.main(["add-key", "--users", str(file), "--user", "ann", str(public(ann))]) == 0
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text(f"# ours\n{file.read_text()}  groups: [dev]  # for now\n")
    for key, name in ((bob, "ann"), (bob, "ann"), (bob, "bob")):
        assert users.main(["add-key", "--users", str(file), "--user", name, str(public(key))]) == 0
    assert "# ours\n" in file.read_text()
    assert "[dev]  # for now\n" in file.read_text()
    found = Users.load(file)
    entry = found.get("ann")
    assert entry is not None
    assert entry.ssh_keys == {SshKey.parse(public(key).read_text()) for key in (ann, bob)}
    assert entry.scram_verifier is None
    assert list(found) == ["ann", "bob"]
    assert "SHA256:" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("content", "key", "says"),
    [
        ("", "hello", "is not TYPE BASE64"),
        ("", "-----BEGIN OPENSSH PRIVATE KEY-----", "is a private key"),
        ("", "ssh-ed25519 AAAA\nssh-ed25519 AAAA", "more than one line"),
        ("- a\n", "", "has to be a mapping"),
        ("ann: {ssh_keys: none}\n", "", "has to be a list of public keys"),
    ],
)
def test_what_is_no_key_or_no_file_of_users_stays_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, key: str, says: str
) -> None:
    file, source = tmp_path / "users.yaml", tmp_path / "key.pub"
    file.write_text(content)
    file.chmod(0o600)
    source.write_text(key or public(new_key(tmp_path / "key2")).read_text())
    assert users.main(["add-key", "--users", str(file), "--user", "ann", str(source)]) == 2
    assert says in capsys.readouterr().err
    assert file.read_text() == content
