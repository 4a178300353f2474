"""What policies note of a command is in its record before it runs."""

from pathlib import Path

import orjson
import pytest

from hoopaddon import Command
from hoopaddon.cli.sessions import main
from hoopaddon.testing import Bench, command, load, session


class Notes:
    def command(self, command: Command) -> None:
        command.note("by right of\x1b[31m k7m2qx")
        command.note("by right of\x1b[31m k7m2qx")
        if "again" in command.text:
            command.rewrite("SELECT 1")


def test_a_note_is_recorded_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    who = session()
    with Bench(Notes(), load("record.py"), options={"store": str(tmp_path), "confdir": str(tmp_path)}) as bench:
        bench.start(who)
        judged = command("SELECT 'again'", session=who)
        assert bench.judge(judged).passes
        bench.end(judged)
        who.end("your access has ended")
        bench.stop(who)
    events = [orjson.loads(line) for path in tmp_path.rglob("*.jsonl") for line in path.read_bytes().splitlines()]
    (asked,) = [event for event in events if event["type"] == "command"]
    assert asked["notes"] == [["Notes", "by right of\x1b[31m k7m2qx"]]
    assert main(["show", who.id, "--store", str(tmp_path), "--confdir", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "k7m2qx (Notes)" in shown
    assert "ended by a policy: your access has ended" in shown
    assert "\x1b[31m" not in shown


def test_in_shadow_nothing_is_noted() -> None:
    with Bench(Notes(), shadow=True) as bench:
        judged = command("SELECT 1")
        assert bench.judge(judged).passes
        assert judged.notes == ()
