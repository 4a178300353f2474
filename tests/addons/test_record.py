"""The record policy: what is forwarded is recorded first, as it is forwarded, and without secrets."""

import asyncio
import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from hoopaddon import Command, ConfigError, Decision, Output, Refused, Unparsable
from hoopaddon.addons.record import Record
from hoopaddon.store import PublicKeys
from hoopaddon.store.verify import Status, verify
from hoopaddon.testing import Bench, rows
from tests.addons.recorded import Guard, Unread, events, journals, run
from tests.engine.store.journals import a_session


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench(Record(), Guard(), options={"confdir": str(tmp_path)}, approve=True) as made:
        yield made


def test_a_session_is_recorded_from_start_to_end(bench: Bench, tmp_path: Path) -> None:
    session = a_session()
    bench.start(session)
    run(bench, session, "SELECT $1", "x", None, 7, b"\x01", rows=2, bytes=80, duration_s=0.25, tag="SELECT 2")
    bench.stop(session)
    start, command, end, last = events(tmp_path)
    assert (start["type"], start["session"], start["user"]) == ("session", session.id, "agent-7")
    assert (command["type"], command["text"], command["kind"]) == ("command", "SELECT $1", "command")
    assert command["parameters"] == ["x", None, "7", "\\x01"]
    assert (end["type"], end["verdict"], end["rows"], end["bytes"]) == ("command_end", "allowed", 2, 80)
    assert (end["seconds"], end["tag"]) == (0.25, "SELECT 2")
    assert [line[:3] for line in end["trace"]] == [["Guard", "command", "passed"], ["Record", "command", "passed"]]
    assert (last["type"], last["commands"]) == ("end", 1)
    keys = PublicKeys.load(tmp_path / "signing.pub")
    assert verify(journals(tmp_path)[0], keys).status is Status.OK


def test_a_command_is_in_the_file_before_it_is_forwarded(bench: Bench, tmp_path: Path) -> None:
    session = a_session()
    assert bench.judge(Unread(session, "SELECT 1")).passes
    assert [event["text"] for event in events(tmp_path, "command")] == ["SELECT 1"]


def test_sees_the_command_as_it_is_forwarded_though_it_is_listed_first(bench: Bench, tmp_path: Path) -> None:
    run(bench, a_session(), "SELECT old")
    (command,) = events(tmp_path, "command")
    assert (command["text"], command["asked"]) == ("SELECT new", "SELECT old")


def test_a_refused_command_is_recorded_once_with_what_was_asked(bench: Bench, tmp_path: Path) -> None:
    session = a_session()
    run(bench, session, "DROP TABLE t", 7)
    bench.stop(session)
    assert events(tmp_path, "command") == []
    (end,) = events(tmp_path, "command_end")
    assert (end["text"], end["parameters"]) == ("DROP TABLE t", ["7"])
    assert (end["verdict"], end["addon"], end["reason"]) == ("refused", "Guard", "DROP needs a ticket")
    assert "rows" not in end


def test_says_who_approved(bench: Bench, tmp_path: Path) -> None:
    command = Unread(a_session(), "DELETE FROM t")
    assert bench.judge(command).passes
    (given,) = events(tmp_path, "command")[0]["approvals"]
    assert (given["policy"], tuple(given["approvers"])) == ("Guard", command.decisions[0][1].approvers)
    assert isinstance(command.decisions[0][1], Decision)


def test_every_command_ends_once_in_any_order(bench: Bench, tmp_path: Path) -> None:
    session = a_session()
    commands = [Unread(session, f"SELECT {number}") for number in range(5)]
    for command in commands:
        bench.judge(command)
    for command in reversed(commands):
        bench.end(command)
    bench.stop(session)
    assert [event["command"] for event in events(tmp_path, "command")] == [1, 2, 3, 4, 5]
    assert [event["command"] for event in events(tmp_path, "command_end")] == [5, 4, 3, 2, 1]


def test_output_is_recorded(bench: Bench, tmp_path: Path) -> None:
    session = a_session()
    command = Unread(session, "SELECT 1")
    bench.judge(command)
    bench.output(Output(session, "notice", "careful", command))
    bench.output(Output(session, "notification", "x" * 10_000))
    bench.end(command, error="division by zero")
    bench.stop(session)
    first, second = events(tmp_path, "output")
    assert (first["kind"], first["text"], first["command"]) == ("notice", "careful", 1)
    assert (second["kind"], len(second["text"]), "command" in second) == ("notification", 8192, False)
    assert events(tmp_path, "command_end")[0]["error"] == "division by zero"


def test_output_without_end_is_recorded_up_to_a_size(tmp_path: Path) -> None:
    with Bench(Record(), options={"confdir": str(tmp_path), "record_bytes": 1000}) as bench:
        session = a_session()
        command = Unread(session, "DO")
        bench.judge(command)
        for _ in range(50):
            bench.output(Output(session, "notice", "x" * 100, command))
        bench.stop(session)
    assert len(events(tmp_path, "output")) == 10


@pytest.mark.parametrize(
    ("text", "parameters"),
    [("ALTER ROLE bob PASSWORD 'hunter2'", []), ("SELECT pgp_sym_encrypt('hunter2', $1), $2", ["hunter2", "7"])],
)
def test_secrets_are_not_recorded(bench: Bench, tmp_path: Path, text: str, parameters: list[str]) -> None:
    session = a_session()
    command = Unread(session, text, parameters)
    bench.judge(command)
    bench.output(Output(session, "error", "syntax error at hunter2", command))
    bench.end(command, error="syntax error at hunter2")
    run(bench, session, f"DROP TABLE t; {text}", *parameters, error="hunter2")
    run(bench, session, f"{text} -- old", *parameters)
    bench.stop(session)
    assert "hunter2" not in journals(tmp_path)[0].read_text()
    recorded = events(tmp_path, "command")[0]
    assert recorded.get("parameters", []) == ["[withheld: a secret]", "7"][: len(parameters)]
    assert len(recorded["text_hmac"]) == 64


def test_what_is_wrong_with_a_text_does_not_quote_its_secret(tmp_path: Path) -> None:
    class Reader:
        """Finds fault with every text, in PostgreSQL's words."""

        def command(self, command: Command) -> None:
            raise Unparsable('syntax error at or near "hunter2"', code="42601")

    with Bench(Reader(), Record(), options={"confdir": str(tmp_path)}) as bench:
        session = a_session()
        run(bench, session, "ALTER ROLE bob PASSWORD 'it''s' 'hunter2'")
        run(bench, session, "SELECT syntax")
        bench.stop(session)
    secret, other = events(tmp_path, "command_end")
    assert "hunter2" not in str(secret)
    assert other["reason"] == 'syntax error at or near "hunter2"'


def test_long_parameters_are_cut(bench: Bench, tmp_path: Path) -> None:
    run(bench, a_session(), "SELECT $1", "x" * 100_000)
    assert events(tmp_path, "command")[0]["parameters"][0].endswith("x [and 34464 characters more]")


def test_the_whole_text_is_recorded(bench: Bench, tmp_path: Path) -> None:
    text = "SELECT '" + "x" * 3_000_000 + "'"
    run(bench, a_session(), text)
    assert events(tmp_path, "command")[0]["text"] == text


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bool], None]]:
    """Whether writing fails as on a full disk."""
    real, full = os.write, False

    def write(fd: int, data: bytes) -> int:
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, data)

    def set_full(value: bool) -> None:
        nonlocal full
        full = value

    monkeypatch.setattr(os, "write", write)
    yield set_full
    full = False


def test_what_cannot_be_recorded_is_refused_until_it_can(
    bench: Bench, tmp_path: Path, full_disk: Callable[[bool], None]
) -> None:
    session = a_session()
    bench.start(session)
    assert run(bench, session, "SELECT 1").verdict.passes
    full_disk(True)
    refused = run(bench, session, "SELECT 2")
    assert not refused.verdict.passes
    assert refused.verdict.reason.startswith("it cannot be recorded, so it cannot run (")
    assert "No space left" in refused.verdict.reason
    with pytest.raises(Refused, match="this session cannot be recorded"):
        bench.start(a_session())
    full_disk(False)
    assert run(bench, session, "SELECT 3").verdict.passes
    bench.start(other := a_session())
    bench.stop(other)
    bench.stop(session)
    first, second = journals(tmp_path)
    keys = PublicKeys.load(tmp_path / "signing.pub")
    assert [verify(path, keys).status for path in (first, second)] == [Status.OK, Status.OK]
    recorded = [orjson.loads(line) for path in (first, second) for line in path.read_bytes().splitlines()]
    texts = [(event["type"], event["text"]) for event in recorded if "text" in event]
    assert texts == [("command", "SELECT 1"), ("command_end", "SELECT 2"), ("command", "SELECT 3")]


def test_a_store_that_goes_away_refuses_new_sessions(bench: Bench, tmp_path: Path) -> None:
    sessions = tmp_path / "store" / "sessions"
    sessions.rename(tmp_path / "gone")
    sessions.touch()
    with pytest.raises(Refused, match="this session cannot be recorded"):
        bench.start(a_session())
    sessions.unlink()
    bench.start(a_session())
    assert len(journals(tmp_path)) == 1


def test_a_store_that_cannot_be_written_is_an_error_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError) as error, Bench(Record(), options={"store": str(tmp_path / "file" / "store")}):
        pass
    assert str(tmp_path / "file" / "store") in str(error.value)
    assert "--set store=DIR" in str(error.value)


def test_a_store_that_others_can_write_is_an_error_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store").chmod(0o777)
    with (
        pytest.raises(ConfigError, match="others can write there") as error,
        Bench(Record(), options={"confdir": str(tmp_path)}),
    ):
        pass
    assert "chmod 700" in str(error.value)


def test_what_is_kept_is_private(bench: Bench, tmp_path: Path) -> None:
    run(bench, a_session(), "SELECT 1")
    for path in (tmp_path / "store").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def test_the_store_may_lie_elsewhere(tmp_path: Path) -> None:
    with Bench(Record(), options={"confdir": str(tmp_path / "conf"), "store": str(tmp_path / "kept")}) as bench:
        run(bench, a_session(), "SELECT 1")
    assert len(list((tmp_path / "kept" / "sessions").rglob("*.jsonl"))) == 1
    assert not (tmp_path / "conf" / "store").exists()


def test_ends_reach_the_file_by_themselves(tmp_path: Path) -> None:
    record = Record()
    with Bench(record, options={"confdir": str(tmp_path)}) as bench:
        command = Unread(a_session(), "SELECT 1")
        bench.judge(command)

        async def end() -> None:
            record.command_end(command)
            assert events(tmp_path, "command_end") == []
            async with asyncio.timeout(5):
                while not events(tmp_path, "command_end"):
                    await asyncio.sleep(0.02)

        asyncio.run(end())


def test_without_a_loop_nothing_waits(tmp_path: Path) -> None:
    record = Record()
    with Bench(record, options={"confdir": str(tmp_path)}) as bench:
        command = Unread(a_session(), "SELECT 1")
        bench.judge(command)
        record.command_end(command)
        assert len(events(tmp_path, "command_end")) == 1


def test_a_new_version_of_the_policy_goes_on_with_the_same_record(tmp_path: Path) -> None:
    session = a_session()
    for number in range(3):
        with Bench(Record(), options={"confdir": str(tmp_path)}) as bench:
            run(bench, session, f"SELECT {number}")
            if number == 2:
                bench.stop(session)
    assert [event["text"] for event in events(tmp_path, "command")] == ["SELECT 0", "SELECT 1", "SELECT 2"]
    assert verify(journals(tmp_path)[0], PublicKeys.load(tmp_path / "signing.pub")).status is Status.OK


def test_a_new_version_writes_what_the_old_one_had_not(tmp_path: Path) -> None:
    # The old one is dropped in the middle: its timer never fires, and it is not told that it is done.
    session = a_session()
    old, new = Record(), Record()
    with (
        Bench(old, options={"confdir": str(tmp_path)}) as before,
        Bench(new, options={"confdir": str(tmp_path)}) as after,
    ):
        command, unfinished = Unread(session, "SELECT 1"), Unread(session, "SELECT 2")
        before.judge(command)
        before.judge(unfinished)

        async def end() -> None:
            old.rows(rows(command, ["id"], [["1"]]))
            old.command_end(command)
            old.rows(rows(unfinished, ["id"], [["2"]]))
            assert old._timer is not None
            old._timer.cancel()

        asyncio.run(end())
        assert events(tmp_path, "command_end", "rows") == []
        run(after, session, "SELECT 3")
        assert [event["cells"] for event in events(tmp_path, "command_end")[:1]] == [[["1"]]]
        new.command_end(unfinished)
        after.stop(session)
    assert [event["command"] for event in events(tmp_path, "command_end")] == [1, 3, 2]
    assert events(tmp_path, "command_end")[2]["cells"] == [["2"]]
    assert verify(journals(tmp_path)[0], PublicKeys.load(tmp_path / "signing.pub")).status is Status.OK


def test_nothing_is_kept_of_a_command_that_has_ended(bench: Bench) -> None:
    session = a_session()
    for _ in range(50):
        run(bench, session, "SELECT 1")
    assert session.vars["record"].running == {}
    bench.stop(session)
    assert session.vars == {}
