"""`hoopaddon sessions show` of an SSH session: shells, commands, files, forwards and refusals."""

from pathlib import Path
from typing import Any

import pytest

from hoopaddon.cli.sessions import main
from hoopaddon.store import Journal, SigningKey
from hoopaddon.store.layout import Layout
from hoopaddon.store.streams import encoded, fields_of
from tests.engine.store.journals import a_session

HASH = "5e" * 32


@pytest.fixture
def shown(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.delenv("COLUMNS", raising=False)
    journal = Journal.open(Layout(tmp_path / "store").sessions, a_session(), SigningKey.load_or_create(tmp_path))

    def add(type: str, number: int, **fields: Any) -> None:
        journal.append(type, {"command": number, **fields}, durable=False)

    def end(number: int, verdict: str = "allowed", **fields: Any) -> None:
        sent = {"rows": 0, "bytes": 7, "seconds": 0.5} if verdict == "allowed" else {}
        add("command_end", number, verdict=verdict, **sent, **fields)

    add("command", 1, kind="ssh_shell", text="shell", parameters=["xterm", "100", "30"])
    add("output", 1, kind="terminal", text="$ \x1b[31mnever printed by show\x1b[0m")
    add("command", 2, kind="ssh_input", text="ls -l")
    end(2)
    end(3, "refused", kind="ssh_input", text="rm -rf /\x1b[5n", addon="guard", reason="not that")
    add("command", 4, kind="ssh_exec", text="make")
    for number in range(30):
        add("output", 4, kind="stdout", **fields_of(f"line {number}\n", b""))
    add("output", 4, kind="stderr", **fields_of("caf\udce9 \x1b[31mbad\x1b[0m\n", encoded("caf\udce9 bad\n")))
    add("cut", 4, kind="stdout")
    end(4, tag="exit 2")
    add("command", 5, kind="sftp_operation", text="write /srv/a")
    end(5, tag=f"7 bytes written, sha256 {HASH}")
    add("command", 6, kind="ssh_forward", text="local db:5432")
    end(6)
    end(1)
    journal.close()
    assert main(["show", journal.session_id, "--rows", "3", "--confdir", str(tmp_path)]) == 0
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines() if line.strip()]


def after(shown: list[str], beginning: str) -> str:
    """The line after the one that begins so."""
    return shown[next(n for n, line in enumerate(shown) if line.startswith(beginning)) + 1]


def test_a_shell_comes_before_what_is_typed_into_it(shown: list[str]) -> None:
    opened = next(n for n, line in enumerate(shown) if "a shell is opened (xterm, 100x30)" in line)
    typed = shown.index("> ls -l")
    over = next(n for n, line in enumerate(shown) if "hoopaddon sessions replay" in line)
    assert opened < typed < over
    assert "never printed" not in str(shown)


def test_a_refused_line_says_why_and_harms_no_terminal(shown: list[str]) -> None:
    assert after(shown, "> rm -rf /\\x1b[5n") == "guard: not that"


def test_the_first_lines_of_what_was_printed(shown: list[str]) -> None:
    printed = shown[shown.index("$ make") :]
    assert printed[1:7] == [
        "line 0",
        "line 1",
        "line 2",
        "…",
        "caf\ufffd bad",
        "the rest was not recorded: it is beyond the limit",
    ]
    assert any(line.endswith("7 bytes 500 ms exit 2") for line in shown)


def test_a_file_has_its_whole_hash(shown: list[str]) -> None:
    assert any(line.endswith(f"7 bytes written, sha256 {HASH}") for line in shown)
    assert "file: write /srv/a" in shown


def test_a_forward(shown: list[str]) -> None:
    assert "forward: local db:5432" in shown
    assert "0 rows" not in str(shown)
