"""What a person sees: vim and tmux draw the same screen with and without the gateway."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import pyte
import pytest

from tests.adapters.ssh.clients.conftest import Way
from tests.servers.missing import program

COLUMNS, ROWS = 90, 30
WITHIN_S = 20


class Person:
    """Somebody at a terminal: types, and looks at the screen until it shows what is expected."""

    def __init__(self, way: Way, command: str) -> None:
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self.screen)
        self._master, slave = pty.openpty()
        self.resize(COLUMNS, ROWS)
        environment = {**way.environment, "TERM": "linux", "LANG": "C.UTF-8"}
        self._process = subprocess.Popen(
            ["ssh", "-F", str(way.config), "-tt", "target", command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            start_new_session=True,
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.kill()
        self._process.wait(WITHIN_S)
        os.close(self._master)

    def resize(self, columns: int, rows: int) -> None:
        """Another size of the window."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    def type(self, keys: str) -> None:
        """A key at a time, as people do."""
        for key in keys:
            os.write(self._master, key.encode())
            self._look(0.01)

    def sees(self, expected: str | Callable[[str], bool]) -> str:
        """The screen, once it shows that and nothing moves any more."""
        deadline = time.monotonic() + WITHIN_S
        while time.monotonic() < deadline:
            moved = self._look(0.15)
            shown = "\n".join(self.screen.display)
            if not moved and (expected in shown if isinstance(expected, str) else expected(shown)):
                return shown
        raise AssertionError(f"{expected!r} was not seen:\n" + "\n".join(self.screen.display))

    def leaves(self) -> int:
        """The exit status, once the program has ended."""
        deadline = time.monotonic() + WITHIN_S
        while self._process.poll() is None and time.monotonic() < deadline:
            self._look(0.05)
        return self._process.wait(1)

    def _look(self, within_s: float) -> bool:
        moved = False
        with suppress(OSError):
            while select.select([self._master], [], [], within_s)[0]:
                data = os.read(self._master, 65_536)
                if not data:
                    break
                self._stream.feed(data)
                moved = True
        return moved

    def appearance(self) -> list[list[tuple[object, ...]]]:
        """Every cell with its colours."""
        buffer = self.screen.buffer
        columns, lines = range(self.screen.columns), range(self.screen.lines)
        return [[(c.data, c.fg, c.bg, c.bold, c.reverse) for c in (buffer[y][x] for x in columns)] for y in lines]


def test_vim_looks_the_same(ways: Sequence[Way], tmp_path: Path) -> None:
    vim = program("vim.tiny")
    looks = []
    for way in ways:
        file = tmp_path / way.name / "file"
        file.parent.mkdir()
        file.write_text("first line\nsecond line äöü 漢字\n" + "".join(f"line {n}\n" for n in range(100)))
        with Person(way, f"cd {file.parent} && {vim} -N -u NONE -i NONE -n file") as person:
            person.sees("first line")
            before = person.appearance()
            person.type("Gotyped at the end\x1bgg")
            person.sees("first line")
            person.resize(70, 20)
            person.type("\x0c")
            person.sees("line 15")
            after = person.appearance()
            person.type(":wq\r")
            status = person.leaves()
        looks.append((before, after, status, file.read_text()))
    assert looks[1] == looks[0]
    assert looks[1][3].endswith("typed at the end\n")


def test_tmux_looks_the_same(ways: Sequence[Way], tmp_path: Path) -> None:
    tmux = program("tmux")
    looks = []
    for way in ways:
        socket, settings = tmp_path / way.name, tmp_path / "tmux.conf"
        shell = "set -g default-command 'PS1=\"$ \" sh'"
        settings.write_text(f"set -g status-right ''\nset -g status-left 'here '\n{shell}\n")
        command = f"cd {tmp_path} && {tmux} -u -f {settings} -S {socket} new-session -n w"
        with Person(way, command) as person:
            person.sees("$ ")
            person.type("seq 5\r")
            person.sees("5")
            person.type("\x02%")
            person.sees(lambda shown: shown.count("$") == 3)
            person.type("echo right\r")
            person.sees(lambda shown: shown.count("right") >= 2)
            seen = person.appearance()
            person.type("exit\r")
            person.sees(lambda shown: "│" not in shown)
            person.type("exit\r")
            looks.append((seen, person.leaves()))
    assert looks[1] == looks[0]


@pytest.mark.parametrize("keys", ["echo typed; exit 3\r", "stty size; exit\r", "echo $TERM; exit 1\r"])
def test_a_shell_looks_the_same(ways: Sequence[Way], keys: str) -> None:
    looks = []
    for way in ways:
        with Person(way, "PS1='$ ' exec sh -i") as person:
            person.sees("$ ")
            person.type(keys)
            looks.append((person.leaves(), person.screen.display))
    assert looks[1] == looks[0]
