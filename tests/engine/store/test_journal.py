"""A journal holds what was appended, survives what befalls it, and stays valid."""

import errno
import os
import random
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson
import pytest

from hoopaddon.store import journal as journal_in_use
from hoopaddon.store.journal import BUFFER_BYTES, Journal, JournalError
from hoopaddon.store.verify import Status, verify
from tests.engine.store.journals import KEY, a_session, write_journal


def events(path: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def test_lines_are_numbered_and_each_names_the_hash_of_the_one_before(tmp_path: Path) -> None:
    path = write_journal(tmp_path, "SELECT 1", "SELECT 2")
    lines = path.read_bytes().splitlines(keepends=True)
    found = events(path)
    assert [event["n"] for event in found] == list(range(8))
    assert [event["type"] for event in found] == ["session", *["command", "rows", "command_end"] * 2, "end"]
    for before, event in zip([b"", *lines], found, strict=False):
        assert event["prev"] == sha256(before).hexdigest()


def test_the_first_line_says_whose_journal_it_is(tmp_path: Path) -> None:
    session = a_session(parameters={"database": "shop"})
    first = events(write_journal(tmp_path, session=session))[0]
    assert first["session"] == session.id
    assert (first["user"], first["groups"], first["address"]) == ("agent-7", ["dev"], "192.0.2.7:5555")
    assert first["target"]["name"] == "prod"
    assert first["target"]["labels"] == {"env": "prod"}
    assert first["parameters"] == {"database": "shop"}
    assert first["key"] == KEY.key_id


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = write_journal(tmp_path / "store" / "sessions")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for folder in list(path.parents)[:4]:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_lies_where_its_day_says(tmp_path: Path) -> None:
    session = a_session(started_at=1795305600.0)
    assert write_journal(tmp_path, session=session) == tmp_path / "2026/11/22" / f"{session.id}.jsonl"


def test_never_replaces_a_file_and_follows_no_link(tmp_path: Path) -> None:
    session = a_session()
    path = write_journal(tmp_path, session=session)
    with pytest.raises(JournalError, match="cannot create"):
        Journal.open(tmp_path, session, KEY)
    other = a_session()
    (path.parent / f"{other.id}.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(JournalError, match="cannot create"):
        Journal.open(tmp_path, other, KEY)
    assert not (tmp_path / "elsewhere").exists()


def test_a_durable_event_is_in_the_file_when_append_returns(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, a_session(), KEY)
    journal.append("command_end", {"command": 1}, durable=False)
    assert len(events(journal.path)) == 1
    journal.append("command", {"command": 2}, durable=True)
    assert [event["type"] for event in events(journal.path)] == ["session", "command_end", "command"]
    journal.append("command_end", {"command": 2}, durable=False)
    journal.flush()
    assert len(events(journal.path)) == 4


def test_the_buffer_is_bounded(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, a_session(), KEY)
    for _ in range(100):
        journal.append("rows", {"cells": [["x" * 1000]]}, durable=False)
    assert journal.path.stat().st_size > 100_000 - BUFFER_BYTES
    journal.close()
    assert len(events(journal.path)) == 102


def test_takes_any_text_that_python_has(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, a_session(), KEY)
    hostile = {
        "text": "a\udcff\x00\n\u2028\x1b[0m",
        "number": 2**70,
        "nested": [{"\ud800": ("\udc80", 1.5, None, True)}],
    }
    journal.append("command", hostile, durable=True)
    journal.close()
    found = events(journal.path)[1]
    assert found["text"] == "a\\udcff\x00\n\u2028\x1b[0m"
    assert found["number"] == str(2**70)
    assert found["nested"] == [{"\\ud800": ["\\udc80", 1.5, None, True]}]
    assert verify(journal.path, KEY.public_keys).status is Status.OK


@pytest.mark.parametrize("field", ["n", "at", "type", "prev", "signature"])
def test_an_event_cannot_pose_as_the_chain(tmp_path: Path, field: str) -> None:
    journal = Journal.open(tmp_path, a_session(), KEY)
    with pytest.raises(ValueError, match=field):
        journal.append("command", {field: 0}, durable=True)


def test_a_closed_journal_takes_nothing(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, a_session(), KEY)
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="closed"):
        journal.append("command", {}, durable=True)


class Disk:
    """Stands in for the calls that write, and fails as a full or broken disk does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room: int | None = None
        self.cannot_cut = False
        self._write, self._ftruncate = os.write, os.ftruncate
        monkeypatch.setattr(os, "write", self.write)
        monkeypatch.setattr(os, "ftruncate", self.ftruncate)

    def write(self, fd: int, data: bytes) -> int:
        if self.room is None:
            return self._write(fd, data)
        if self.room == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = self._write(fd, data[: self.room])
        self.room -= written
        return written

    def ftruncate(self, fd: int, length: int) -> None:
        if self.cannot_cut:
            raise OSError(errno.EIO, "Input/output error")
        self._ftruncate(fd, length)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.mark.parametrize("room", [0, 1, 50])
def test_a_full_disk_refuses_the_event_and_leaves_a_valid_file(tmp_path: Path, disk: Disk, room: int) -> None:
    journal = Journal.open(tmp_path, a_session(), KEY)
    journal.append("command", {"command": 1}, durable=True)
    before = journal.path.read_bytes()
    disk.room = room
    with pytest.raises(JournalError, match="No space left"):
        journal.append("command", {"command": 2}, durable=True)
    assert journal.path.read_bytes() == before

    disk.room = None
    journal.append("command", {"command": 3}, durable=True)
    journal.close()
    assert [event.get("command") for event in events(journal.path)] == [None, 1, 3, None]
    assert verify(journal.path, KEY.public_keys).status is Status.OK


def test_what_was_buffered_goes_out_when_there_is_room_again(tmp_path: Path, disk: Disk) -> None:
    journal = Journal.open(tmp_path, a_session(), KEY)
    journal.append("command_end", {"command": 1}, durable=False)
    disk.room = 30
    with pytest.raises(JournalError):
        journal.flush()
    with pytest.raises(JournalError):
        journal.append("command", {"command": 2}, durable=True)
    disk.room = None
    journal.append("command", {"command": 3}, durable=True)
    journal.close()
    assert [event.get("command") for event in events(journal.path)] == [None, 1, 3, None]
    assert verify(journal.path, KEY.public_keys).status is Status.OK


def test_says_how_many_events_it_could_not_keep(tmp_path: Path, disk: Disk) -> None:
    journal = Journal.open(tmp_path, a_session(), KEY)
    disk.room = 0
    dropped = 0
    for number in range(300):
        try:
            journal.append("command_end", {"command": number, "text": "x" * 1000}, durable=False)
        except JournalError:
            dropped += 1
    assert dropped > 200
    disk.room = None
    journal.append("command", {"command": 300}, durable=True)
    journal.close()
    found = events(journal.path)
    assert [event["events"] for event in found if event["type"] == "lost"] == [dropped]
    assert sum(event["type"] == "command_end" for event in found) == 300 - dropped
    assert verify(journal.path, KEY.public_keys).status is Status.OK


def test_repairs_a_torn_line_before_it_writes_another(tmp_path: Path, disk: Disk) -> None:
    journal = Journal.open(tmp_path, a_session(), KEY)
    disk.room, disk.cannot_cut = 10, True
    with pytest.raises(JournalError):
        journal.append("command", {"command": 1}, durable=True)
    assert verify(journal.path, KEY.public_keys).status is Status.OPEN
    disk.room = None
    with pytest.raises(JournalError, match="cannot repair"):
        journal.append("command", {"command": 2}, durable=True)
    disk.cannot_cut = False
    journal.append("command", {"command": 3}, durable=True)
    journal.close()
    assert [event.get("command") for event in events(journal.path)] == [None, 3, None]
    assert verify(journal.path, KEY.public_keys).status is Status.OK


def test_a_journal_that_cannot_begin_leaves_no_file(tmp_path: Path, disk: Disk) -> None:
    disk.room = 20
    with pytest.raises(JournalError):
        Journal.open(tmp_path, a_session(), KEY)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_an_interruption_at_any_moment_leaves_a_chain_that_goes_on(tmp_path: Path) -> None:
    # A policy's deadline is a signal whose handler raises wherever the journal happens to be.
    # Where the module is compiled, nothing can interrupt it between two lines; so this runs its source.
    source = Path(journal_in_use.__file__).with_name("journal.py")
    plain_journal = ModuleType("plain_journal")
    exec(compile(source.read_text(), str(source), "exec"), vars(plain_journal))

    class Interrupted(BaseException):
        pass

    def interrupt_at(step: int) -> Callable[..., Any]:
        left = step

        def trace(frame: Any, event: str, _: Any) -> Any:
            nonlocal left
            frame.f_trace_opcodes = True
            if event == "opcode" and frame.f_code.co_filename == str(source):
                left -= 1
                if left == 0:
                    raise Interrupted
            return trace

        return trace

    interrupted = 0
    for step in range(1, 400, 3):
        journal = plain_journal.Journal.open(tmp_path, a_session(), KEY)
        journal.append("command_end", {"command": 1}, durable=False)
        tracer = sys.gettrace()
        sys.settrace(interrupt_at(step))
        try:
            journal.append("command_end", {"command": 2}, durable=False)
            journal.append("command", {"command": 3}, durable=True)
        except Interrupted:
            interrupted += 1
        finally:
            sys.settrace(tracer)
        journal.append("command", {"command": 4}, durable=True)
        journal.close()
        assert verify(journal.path, KEY.public_keys).status is Status.OK
        assert events(journal.path)[-2]["command"] == 4
    # At every third step, up to past the last.
    assert 50 < interrupted < 133


WRITER = """
import sys
from pathlib import Path
from hoopaddon.store.journal import Journal, JournalError
from hoopaddon.store.keys import SigningKey
from tests.engine.store.journals import a_session
journal = Journal.open(Path(sys.argv[1]) / "sessions", a_session(), SigningKey.load_or_create(sys.argv[1]))
if len(sys.argv) > 2:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
number = 0
while True:
    number += 1
    try:
        journal.append("command", {"command": number, "text": "SELECT 1" * (number % 50)}, durable=True)
    except JournalError as e:
        print("refused", e, flush=True)
        break
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
    journal.append("command_end", {"command": number, "verdict": "allowed"}, durable=False)
"""


def writer(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-c", WRITER, *arguments], stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_writer_has_recorded_whatever_it_went_on_from(tmp_path: Path, seed: int) -> None:
    with writer(str(tmp_path)) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(random.Random(seed).random() * 0.05)
        process.send_signal(signal.SIGKILL)
        said = [line for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    went_on_from = int(said[-1]) if said else 1
    (path,) = (tmp_path / "sessions").rglob("*.jsonl")
    complete = path.read_bytes().rpartition(b"\n")[0].splitlines()
    recorded = {event["command"] for event in map(orjson.loads, complete) if event["type"] == "command"}
    assert recorded.issuperset(range(1, went_on_from + 1))
    found = verify(path, KEY.public_keys)
    assert (found.status, found.detail.partition(";")[0]) == (Status.OPEN, "its gateway ended without closing it")


def test_a_file_that_may_not_grow_refuses_the_command(tmp_path: Path) -> None:
    with writer(str(tmp_path), "20000") as process:
        output, _ = process.communicate()
    *numbers, refusal = output.splitlines()
    assert refusal.startswith("refused cannot write the session's record: File too large")
    (path,) = (tmp_path / "sessions").rglob("*.jsonl")
    assert path.stat().st_size <= 20000
    assert path.read_bytes().endswith(b"\n")
    assert sum(event["type"] == "command" for event in events(path)) == len(numbers)


def test_with_fsync_each_durable_event_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    journal = Journal.open(tmp_path, a_session(), KEY, fsync=True)
    begun = len(synced)
    journal.append("command", {}, durable=True)
    journal.append("command_end", {}, durable=False)
    assert (begun, len(synced)) == (1, 2)
    journal.close()
