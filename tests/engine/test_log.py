"""The lines that the program prints: what becomes of them when they cannot be printed."""

import io
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from hoopaddon.log import TerminalLog

logger = logging.getLogger("tests.log")


@contextmanager
def terminal(out: IO[str], on_broken: Callable[[], None]) -> Iterator[None]:
    root = logging.getLogger()
    level = root.level
    log = TerminalLog(on_broken, out)
    try:
        yield
    finally:
        log.uninstall()
        root.setLevel(level)


def fails() -> None:
    raise AssertionError("nobody has gone")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /dev/full")
def test_a_full_disk_costs_lines_and_nothing_else() -> None:
    gone: list[str] = []
    with open("/dev/full", "w") as full:
        with terminal(full, lambda: gone.append("gone")):
            for _ in range(1000):
                logger.warning("a line")
        # What is left in its buffer would otherwise raise here, as it would at Python's exit.
        full.flush()
    assert not gone


def test_what_is_missing_is_said() -> None:
    class Disk(io.StringIO):
        full = True

        def write(self, text: str) -> int:
            if self.full:
                raise OSError(28, "No space left on device")
            return super().write(text)

    disk = Disk()
    with terminal(disk, fails):
        for _ in range(3):
            logger.warning("lost")
        disk.full = False
        logger.warning("kept")
        logger.warning("kept too")
    lines = [line.split(" ", 1)[1] for line in disk.getvalue().splitlines()]
    assert lines == ["kept", "This log could not be written for a while: up to 3 lines are missing.", "kept too"]


def test_who_has_gone_is_noted_once() -> None:
    gone: list[str] = []
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as pipe, terminal(pipe, lambda: gone.append("gone")):
        logger.warning("one")
        logger.warning("two")
    assert gone == ["gone"]


def test_a_character_that_the_terminal_does_not_have_is_escaped(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("w", encoding="ascii") as file, terminal(file, fails):
        logger.warning("é €")
    assert path.read_text().endswith(r"\xe9 \u20ac" + "\n")
