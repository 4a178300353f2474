"""`hoopaddon users hash` makes what the file of users keeps."""

import io

import pytest

from hoopaddon.cli import users
from hoopaddon.identity.scram import ScramVerifier


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
