"""A recording keeps commands before they run, and the rest of what happened with the next write."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from hoopaddon import Column, Command, Rows, Session
from hoopaddon.command import ALLOWED
from hoopaddon.store.journal import Journal, JournalError
from hoopaddon.store.recording import Recording
from hoopaddon.store.verify import Status, verify
from tests.engine.store.journals import KEY, a_session

ROWS, BYTES = 1000, 1 << 20
COLUMNS = (Column("id"), Column("email"))


def begin(folder: Path, session: Session) -> Recording:
    return Recording(Journal.open(folder, session, KEY))


def asked(recording: Recording, session: Session, text: str) -> Command:
    command = Command(session, text)
    recording.command(command, ROWS, BYTES)
    return command


def answered(recording: Recording, command: Command, *cells: list[str | None]) -> None:
    recording.rows(Rows(command, COLUMNS, cells))
    command.verdict, command.rows = ALLOWED, len(cells)
    recording.command_end(command)


def events(path: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def said(path: Path) -> list[tuple[str, int | None]]:
    return [(event["type"], event.get("command")) for event in events(path)]


def test_ends_go_out_with_the_next_command(tmp_path: Path) -> None:
    session = a_session()
    recording = begin(tmp_path, session)
    path = recording.journal.path
    answered(recording, asked(recording, session, "SELECT 1"), ["1", None])
    assert said(path) == [("session", None), ("command", 1)]
    asked(recording, session, "SELECT 2")
    assert said(path) == [("session", None), ("command", 1), ("command_end", 1), ("command", 2)]
    assert events(path)[2]["cells"] == [["1", None]]


def test_the_end_of_a_session_leaves_nothing_behind(tmp_path: Path) -> None:
    session = a_session()
    recording = begin(tmp_path, session)
    answered(recording, asked(recording, session, "SELECT 1"), ["1", None])
    unfinished = asked(recording, session, "SELECT 2")
    recording.rows(Rows(unfinished, COLUMNS, [["2", None]]))
    recording.close(session)
    found = said(recording.journal.path)[1:]
    assert found == [("command", 1), ("command_end", 1), ("command", 2), ("rows", 2), ("end", None)]
    assert verify(recording.journal.path, KEY.public_keys).status is Status.OK


def test_one_write_is_all_that_a_command_costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = a_session()
    recording = begin(tmp_path, session)
    real, sizes = os.write, list[int]()

    def write(fd: int, data: bytes) -> int:
        sizes.append(len(data))
        return real(fd, data)

    monkeypatch.setattr(os, "write", write)
    for number in range(20):
        answered(recording, asked(recording, session, f"SELECT {number}"), [str(number), None])
    assert len(sizes) == 20


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.engine.store.journals import a_session
from tests.engine.store.test_recording import answered, asked, begin
session = a_session()
recording = begin(Path(sys.argv[1]), session)
moments = int(sys.argv[2])
for number in range(1, 100):
    if (moments := moments - 1) < 0:
        break
    command = asked(recording, session, f"SELECT {number}")
    os.write(1, b"%d\\n" % number)
    if (moments := moments - 1) < 0:
        break
    answered(recording, command, [str(number), None])
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("moments", [1, 2, 3, 4, 5, 8])
def test_kill_9_takes_ends_and_never_a_command(tmp_path: Path, moments: int) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), str(moments)], stdout=subprocess.PIPE)
    assert killed.returncode == -signal.SIGKILL
    forwarded = [int(line) for line in killed.stdout.splitlines()]
    assert len(forwarded) == (moments + 1) // 2
    (path,) = tmp_path.rglob("*.jsonl")
    assert [number for type_, number in said(path) if type_ == "command"] == forwarded
    # All but the last end went out with the command after it.
    assert [number for type_, number in said(path) if type_ == "command_end"] == forwarded[:-1]
    assert verify(path, KEY.public_keys).status is Status.OPEN


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], None]:
    """How many bytes the disk still takes; None: all."""
    real, left = os.write, None

    def write(fd: int, data: bytes) -> int:
        nonlocal left
        if left is None:
            return real(fd, data)
        if left == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = real(fd, data[:left])
        left -= written
        return written

    def set_room(value: int | None) -> None:
        nonlocal left
        left = value

    monkeypatch.setattr(os, "write", write)
    return set_room


@pytest.mark.parametrize("fits", ["nothing", "half of the end", "the end", "half of the command", "nearly all"])
def test_a_write_that_fails_midway_refuses_the_command_and_keeps_the_chain(
    tmp_path: Path, room: Callable[[int | None], None], fits: str
) -> None:
    end, command = measured(tmp_path / "measured")
    bytes_that_fit = {
        "nothing": 0,
        "half of the end": end // 2,
        "the end": end,
        "half of the command": end + command // 2,
        # The time in a line is a few digits longer or shorter.
        "nearly all": end + command - 20,
    }
    session = a_session()
    recording = begin(tmp_path / "kept", session)
    path = recording.journal.path
    answered(recording, asked(recording, session, "SELECT 1"), ["1", None])
    before = path.read_bytes()
    room(bytes_that_fit[fits])
    with pytest.raises(JournalError, match="No space left"):
        asked(recording, session, "SELECT 2")
    assert path.read_bytes() == before
    assert list(recording.running) == []
    assert verify(path, KEY.public_keys).status is Status.OPEN
    room(None)
    answered(recording, asked(recording, session, "SELECT 3"))
    recording.close(session)
    commands = [("command", 1), ("command_end", 1), ("command", 3), ("command_end", 3)]
    assert said(path) == [("session", None), *commands, ("end", None)]
    assert verify(path, KEY.public_keys).status is Status.OK


def measured(folder: Path) -> tuple[int, int]:
    """About how long the lines of an end and of the command after it are."""
    session = a_session()
    recording = begin(folder, session)
    answered(recording, asked(recording, session, "SELECT 1"), ["1", None])
    asked(recording, session, "SELECT 2")
    *_, end, command = recording.journal.path.read_bytes().splitlines(keepends=True)
    return len(end), len(command)


CELLS: list[list[str | None]] = [["1", "a" * 9], ["2", "é" * 4], ["3", None], ["4", "\udcff" * 3], ["5", "b"]]


@pytest.mark.parametrize("batches", [(5,), (1, 1, 1, 1, 1), (2, 3), (1, 4), (4, 1), (3, 1, 1)])
@pytest.mark.parametrize(
    ("rows_limit", "bytes_limit", "kept"),
    [
        (5, 1000, 5),
        (4, 1000, 4),
        (1, 1000, 1),
        (0, 1000, 0),
        (9, 32, 5),
        (9, 31, 4),
        (9, 19, 2),
        (9, 10, 1),
        (9, 9, 0),
    ],
)
def test_what_fits_does_not_depend_on_the_batches(
    tmp_path: Path, batches: tuple[int, ...], rows_limit: int, bytes_limit: int, kept: int
) -> None:
    session = a_session()
    recording = begin(tmp_path, session)
    command = Command(session, "SELECT")
    recording.command(command, rows_limit, bytes_limit)
    left = iter(CELLS)
    for size in batches:
        recording.rows(Rows(command, COLUMNS, [next(left) for _ in range(size)]))
    command.verdict, command.rows = ALLOWED, len(CELLS)
    recording.command_end(command)
    recording.close(session)
    found = events(recording.journal.path)
    ids = [row[0] for event in found for row in event.get("cells", ())]
    assert ids == [str(number) for number in range(1, kept + 1)]
    assert [event.get("recorded_rows", 5) for event in found if event["type"] == "command_end"] == [kept]


def test_the_same_columns_again_are_named_again(tmp_path: Path) -> None:
    session = a_session()
    recording = begin(tmp_path, session)
    other = (Column("name"),)
    for columns in (COLUMNS, COLUMNS, other, COLUMNS):
        command = asked(recording, session, "SELECT")
        recording.rows(Rows(command, columns, [["1"] * len(columns)]))
        recording.command_end(command)
    recording.close(session)
    named = [event["columns"] for event in events(recording.journal.path) if "cells" in event]
    assert named == [["id", "email"], ["id", "email"], ["name"], ["id", "email"]]


def test_what_is_recorded_of_a_row_does_not_change_with_it(tmp_path: Path) -> None:
    session = a_session()
    recording = begin(tmp_path, session)
    command = asked(recording, session, "SELECT")
    rows = Rows(command, COLUMNS, [["1", "as the client saw it"]])
    recording.rows(rows)
    rows[0]["email"] = "later"
    recording.command_end(command)
    recording.close(session)
    assert events(recording.journal.path)[2]["cells"] == [["1", "as the client saw it"]]
