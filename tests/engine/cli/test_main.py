"""The first word, and the last stop of every error."""

import sys
from types import ModuleType

import pytest

from hoopaddon.cli import main as program
from hoopaddon.errors import ConfigError

DATA = "what-was-on-the-wire"


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A command `try` of our own."""
    module = ModuleType("fake_command")
    monkeypatch.setitem(sys.modules, "fake_command", module)
    monkeypatch.setitem(program.COMMANDS, "try", ("fake_command", ""))
    return module


def test_a_command_gets_the_rest_of_the_arguments(command: ModuleType) -> None:
    given: list[list[str]] = []

    def run(arguments: list[str]) -> int:
        given.append(arguments)
        return 7

    vars(command)["main"] = run
    assert program.main(["try", "-s", "x.py"]) == 7
    assert given == [["-s", "x.py"]]


def test_a_command_that_returns_nothing_has_succeeded(command: ModuleType) -> None:
    vars(command)["main"] = lambda arguments: None
    assert program.main(["try"]) == 0


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (
            ConfigError("no such thing", file="x.yaml", line=3, hint="write that"),
            1,
            "x.yaml:3: no such thing\n  write",
        ),
        (KeyboardInterrupt(), 130, ""),
        (ValueError(DATA), 1, "unexpected ValueError at "),
    ],
)
def test_no_error_shows_a_traceback(
    command: ModuleType,
    error: BaseException,
    code: int,
    says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(_arguments: list[str]) -> int:
        raise error

    vars(command)["main"] = fail
    assert program.main(["try"]) == code
    shown = capsys.readouterr()
    assert says in shown.err
    assert "Traceback" not in shown.err
    assert DATA not in shown.err
    assert shown.out == ""


def test_verbose_shows_where_and_still_no_data(command: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(_arguments: list[str]) -> int:
        raise ValueError(DATA)

    vars(command)["main"] = fail
    assert program.main(["try", "-v"]) == 1
    shown = capsys.readouterr().err
    assert "in fail" in shown
    assert DATA not in shown


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("sesions", "did you mean sessions?"),
        ("mask_pii.py", "hoopaddon -s mask_pii.py --mode"),
        ("postgres", "commands are try, token"),
    ],
)
def test_a_first_word_that_is_no_command(word: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main([word]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith(f"hoopaddon: no such command: {word}\n")
    assert says in shown


def test_every_command_is_there() -> None:
    from importlib import import_module

    for module, what in program.COMMANDS.values():
        assert callable(import_module(module).main)
        assert what
