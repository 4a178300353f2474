"""`hoopaddon sessions replay` and `export`: what was on a screen comes back, in time, and does no harm."""

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hoopaddon.cli.sessions import main
from hoopaddon.cli.sessions_play import seconds
from hoopaddon.errors import ConfigError
from hoopaddon.store import Journal, SigningKey
from hoopaddon.store.layout import Layout
from hoopaddon.store.streams import encoded, fields_of
from tests.engine.cli.program import environment
from tests.engine.store.journals import a_session

BEGAN = 1_760_000_000.0


class Recorded:
    """A session that is written event by event, at times of the test's own choice."""

    def __init__(self, confdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.confdir = confdir
        self.capsys = capsys
        self.at = BEGAN
        monkeypatch.setattr("hoopaddon.store.journal.time", lambda: self.at)
        self.journal = Journal.open(
            Layout(confdir / "store").sessions, a_session(), SigningKey.load_or_create(confdir)
        )

    def add(self, at_s: float, type: str, command: int, **fields: Any) -> None:
        self.at = BEGAN + at_s
        self.journal.append(type, {"command": command, **fields}, durable=True)

    def asked(self, at_s: float, command: int, kind: str, text: str, *parameters: str) -> None:
        said = {"parameters": list(parameters)} if parameters else {}
        self.add(at_s, "command", command, kind=kind, text=text, **said)

    def shown(self, at_s: float, command: int, data: str, kind: str = "terminal") -> None:
        self.add(at_s, "output", command, kind=kind, **fields_of(data, encoded(data)))

    def ended(self, at_s: float, command: int, verdict: str = "allowed", **fields: Any) -> None:
        self.add(at_s, "command_end", command, verdict=verdict, **fields)

    def run(self, *arguments: str, code: int = 0) -> str:
        self.journal.close()
        name, *rest = arguments
        assert main([name, self.journal.session_id, *rest, "--confdir", str(self.confdir)]) == code
        said = self.capsys.readouterr()
        return said.err if code else said.out


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Recorded:
    return Recorded(tmp_path, monkeypatch, capsys)


@pytest.fixture
def terminal(recorded: Recorded) -> Recorded:
    recorded.asked(0.0, 1, "ssh_shell", "shell", "xterm-256color", "100", "30")
    recorded.shown(0.25, 1, "\x1b]0;owned\x07$ ")
    recorded.shown(1.5, 1, "l")
    recorded.shown(1.6125, 1, "s\r\n")
    recorded.asked(1.7, 2, "ssh_input", "ls")
    recorded.shown(2.0, 1, "gr\udcc3")
    recorded.shown(2.001, 1, "\udcbcn \udcff\x1b[c\r\n")
    recorded.add(3.0, "output", 1, kind="resize", text="120x40")
    recorded.shown(4.0, 1, "bye\r\n")
    recorded.ended(5.0, 1)
    return recorded


def test_a_terminal_is_written_at_once_where_nobody_watches(terminal: Recorded) -> None:
    assert terminal.run("replay") == "$ ls\r\ngrün \ufffd\r\nbye\r\n"


def test_asciicast_2_has_sizes_times_and_what_was_seen(terminal: Recorded) -> None:
    header, *events = map(json.loads, terminal.run("export").splitlines())
    assert (header["version"], header["width"], header["height"], header["timestamp"]) == (2, 100, 30, int(BEGAN))
    assert (header["env"], header["duration"]) == ({"TERM": "xterm-256color"}, 4.0)
    assert events == [
        [0.25, "o", "$ "],
        [1.5, "o", "l"],
        [1.612, "o", "s\r\n"],
        [2.0, "o", "gr"],
        [2.001, "o", "ün \ufffd\r\n"],
        [3.0, "r", "120x40"],
        [4.0, "o", "bye\r\n"],
    ]


def test_asciicast_3_counts_from_event_to_event(terminal: Recorded) -> None:
    header, *events = map(json.loads, terminal.run("export", "--asciicast-version", "3").splitlines())
    assert header["term"] == {"cols": 100, "rows": 30, "type": "xterm-256color"}
    assert [event[0] for event in events] == [0.25, 1.25, 0.112, 0.388, 0.001, 0.999, 1.0]


def test_a_raw_export_has_what_was_sent(terminal: Recorded) -> None:
    assert "owned" in terminal.run("export", "--raw")


def test_asciinema_plays_what_is_exported(terminal: Recorded, tmp_path: Path) -> None:
    cast = tmp_path / "session.cast"
    assert "wrote" in terminal.run("export", "--out", str(cast))
    played = subprocess.run(
        [sys.executable, "-m", "asciinema", "cat", str(cast)], capture_output=True, timeout=30, check=True
    )
    assert played.stdout.decode() == "$ ls\r\ngrün \ufffd\r\nbye\r\n"


def test_json_has_every_event_and_whether_they_are_believed(terminal: Recorded) -> None:
    document = json.loads(terminal.run("export", "--format", "json"))
    assert document["verification"] == {"status": "ok", "line": None, "detail": ""}
    assert [event["n"] for event in document["events"]] == list(range(12))
    assert document["events"][0]["type"] == "session"


def test_programs_without_a_terminal_are_played_one_after_another(recorded: Recorded) -> None:
    recorded.asked(0.0, 1, "ssh_exec", "echo one")
    recorded.shown(0.1, 1, "one\n", "stdout")
    recorded.ended(0.2, 1)
    refused = {"kind": "ssh_exec", "text": "rm -rf /\x1b[5n", "reason": "no", "addon": "guard"}
    recorded.ended(0.3, 2, "refused", **refused)
    recorded.asked(0.4, 3, "ssh_exec", "cat big")
    recorded.shown(0.5, 3, "big", "stdout")
    recorded.add(0.6, "cut", 3, kind="stdout")
    shown = re.sub(r"\x1b\[[0-9;]*m", "", recorded.run("replay"))
    assert shown.splitlines() == [
        "$ echo one",
        "one",
        "$ rm -rf /\\x1b[5n",
        " hoopaddon: no (guard) ",
        "$ cat big",
        "big hoopaddon: the rest was not recorded: it is beyond the limit ",
    ]


def test_one_of_several_terminals_is_chosen(recorded: Recorded) -> None:
    for number in (1, 2):
        recorded.asked(number, number, "ssh_shell", "shell", "xterm", "80", "24")
        recorded.shown(number, number, f"terminal {number} ")
        recorded.shown(number + 5.0, number, "on\r\n")
    assert recorded.run("replay", "--terminal", "2") == "terminal 2 on\r\n"


def test_a_terminal_that_is_not_there_is_an_error(terminal: Recorded) -> None:
    assert "there is no terminal 7 in this session; terminals: 1" in terminal.run("replay", "--terminal", "7", code=1)


def test_a_session_without_a_screen_says_so(recorded: Recorded) -> None:
    recorded.asked(0.0, 1, "postgres_query", "SELECT 1")
    recorded.ended(0.1, 1)
    assert "nothing in this session went to a terminal" in recorded.run("replay", code=1)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("90", 90),
        ("90s", 90),
        ("1m30s", 90),
        ("1h", 3600),
        ("1:30", 90),
        ("1:00:05", 3605),
        ("0.5s", 0.5),
        ("2m", 120),
    ],
)
def test_lengths_of_time(said: str, meant: float) -> None:
    assert seconds(said, "--from") == meant


@pytest.mark.parametrize("said", ["x", "-1s", "1d", "s", "1:2:3:4", "1h1h", ""])
def test_what_is_no_length_of_time(said: str) -> None:
    with pytest.raises(ConfigError, match="--from"):
        seconds(said, "--from")


@pytest.mark.parametrize("arguments", [("--speed", "0"), ("--speed", "-1"), ("--max-idle", "x"), ("--from", "x")])
def test_bad_arguments_are_errors(terminal: Recorded, arguments: tuple[str, ...]) -> None:
    assert arguments[0] in terminal.run("replay", *arguments, code=2)


class Screen:
    """`hoopaddon sessions replay` on a terminal of its own."""

    def __init__(self, confdir: Path, *arguments: str) -> None:
        self.ours, self.theirs = pty.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.settings = termios.tcgetattr(self.theirs)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hoopaddon", "sessions", "replay", *arguments, "--confdir", str(confdir)],
            stdin=self.theirs,
            stdout=self.theirs,
            stderr=subprocess.PIPE,
            env=environment(confdir),
            start_new_session=True,
        )
        self.seen = b""

    def until(self, text: bytes, within_s: float = 20) -> None:
        deadline = time.monotonic() + within_s
        while text not in self.seen:
            assert time.monotonic() < deadline, self.seen
            if select.select([self.ours], [], [], 0.05)[0]:
                self.seen += os.read(self.ours, 65536)

    def press(self, keys: bytes) -> None:
        os.write(self.ours, keys)

    def end(self) -> int:
        code = self.process.wait(20)
        assert self.process.stderr
        self.process.stderr.close()
        assert termios.tcgetattr(self.theirs) == self.settings
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)


@pytest.fixture
def long(recorded: Recorded) -> Recorded:
    recorded.asked(0.0, 1, "ssh_shell", "shell", "xterm", "100", "30")
    recorded.shown(0.1, 1, "\x1b[?1049hfirst\x1b[?25l")
    recorded.shown(1000.0, 1, "second")
    recorded.shown(2000.0, 1, "third")
    recorded.journal.close()
    return recorded


@pytest.fixture
def screen(long: Recorded) -> Iterator[Screen]:
    made = Screen(long.confdir, long.journal.session_id)
    yield made
    made.close()


def test_keys_jump_and_quit_and_leave_the_terminal_as_it_was(screen: Screen) -> None:
    screen.until(b"first")
    assert b"second" not in screen.seen
    screen.press(b" ")
    screen.press(b"\x1b[A" * 17)
    screen.until(b"second")
    screen.press(b"q")
    screen.until(b"\x1b[?1049l")
    screen.until(b"\x1b[?25h")
    assert b"third" not in screen.seen
    assert screen.end() == 0


def test_ctrl_c_leaves_the_terminal_as_it_was(screen: Screen) -> None:
    screen.until(b"first")
    screen.process.send_signal(2)
    screen.until(b"\x1b[?1049l")
    assert screen.end() == 130


def test_being_ended_leaves_the_terminal_as_it_was(screen: Screen) -> None:
    screen.until(b"first")
    screen.process.terminate()
    screen.until(b"\x1b[?1049l")
    assert screen.end() == 130


def test_a_start_shows_what_was_on_the_screen_then(long: Recorded) -> None:
    screen = Screen(long.confdir, long.journal.session_id, "--from", "16m41s", "--max-idle", "0.01s")
    try:
        screen.until(b"third")
        assert screen.seen.index(b"first") < screen.seen.index(b"second")
        screen.until(b"\x1b[?25h")
        assert screen.end() == 0
    finally:
        screen.close()
