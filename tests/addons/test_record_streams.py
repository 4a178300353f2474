"""What streams to a client is recorded as it was sent, with its times, up to its limits."""

import base64
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from hoopaddon import Command, Output, Session
from hoopaddon.addons.record import Record
from hoopaddon.store import PublicKeys
from hoopaddon.store.streams import bytes_of, size_of, text_of
from hoopaddon.store.verify import Status, verify
from hoopaddon.testing import Bench, command, session
from tests.addons.recorded import events, journals


@pytest.fixture
def who() -> Session:
    return session("ada", protocol="ssh")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    options = {"confdir": str(tmp_path), "record_bytes": 100, "record_terminal_bytes": 1000}
    with Bench(Record(), options=options) as made:
        yield made


def begun(bench: Bench, who: Session, text: str = "true") -> Command:
    made = command(text, protocol="ssh", session=who)
    assert bench.judge(made).passes
    return made


def sent(bench: Bench, of: Command, kind: str, data: bytes) -> None:
    said = bench.output(Output(of.session, kind, data.decode("utf-8", "surrogateescape"), of))
    assert said.encode("utf-8", "surrogateescape") == data


def test_bytes_of_every_kind_survive(bench: Bench, who: Session, tmp_path: Path) -> None:
    one = begun(bench, who)
    pieces = [b"plain\n", "grün €\n".encode(), "€".encode()[:2], "€".encode()[2:], bytes(range(256)), b"\xff\xfe"]
    for piece in pieces:
        sent(bench, one, "terminal", piece)
    bench.stop(who)
    found = events(tmp_path, "output")
    assert [bytes_of(event) for event in found] == pieces
    assert [("text" in event, "base64" in event) for event in found[:3]] == [
        (True, False),
        (True, False),
        (False, True),
    ]
    assert text_of(found[-1]) == "\ufffd\ufffd"
    assert verify(journals(tmp_path)[0], PublicKeys.load(tmp_path / "signing.pub")).status is Status.OK


def test_an_event_that_says_nonsense_says_nothing() -> None:
    assert bytes_of({"base64": "%%%"}) == bytes_of({"text": 7}) == bytes_of({}) == b""
    assert size_of("80x24") == (80, 24)
    assert [size_of(text) for text in ("80", "0x24", "ax2", "x", "-1x5")] == [None] * 5


def test_times_are_those_at_which_it_was_sent(bench: Bench, who: Session, tmp_path: Path) -> None:
    one = begun(bench, who)
    for letter in b"abc":
        sent(bench, one, "terminal", bytes([letter]))
    bench.stop(who)
    times = [event["at"] for event in events(tmp_path)]
    assert all(later >= earlier for earlier, later in itertools.pairwise(times))
    assert all(isinstance(at, float) and at % 1 for at in times[1:3])


def test_what_a_program_prints_is_recorded_up_to_its_limit(bench: Bench, who: Session, tmp_path: Path) -> None:
    one, other = begun(bench, who), begun(bench, who)
    for _ in range(6):
        sent(bench, one, "stdout", b"x" * 30)
    sent(bench, other, "stderr", b"y" * 100)
    bench.stop(who)
    of_one = [event for event in events(tmp_path, "output", "cut") if event["command"] == one.number]
    assert b"".join(map(bytes_of, of_one)) == b"x" * 100
    assert [event["type"] for event in of_one] == ["output"] * 4 + ["cut"]
    assert [event["type"] for event in events(tmp_path) if event.get("kind") == "stderr"] == ["output"]


def test_terminals_are_recorded_whole_up_to_the_limit_of_their_session(
    bench: Bench, who: Session, tmp_path: Path
) -> None:
    one, other = begun(bench, who), begun(bench, who)
    bench.output(Output(who, "resize", "80x24", one))
    for number in range(20):
        sent(bench, one if number % 2 else other, "terminal", "ü".encode() * 45)
    bench.output(Output(who, "resize", "100x40", one))
    bench.stop(who)
    found = events(tmp_path, "output", "cut")
    assert sum(len(bytes_of(event)) for event in found if event["kind"] == "terminal") == 1000
    assert [event["type"] for event in found[-2:]] == ["output", "cut"]
    assert [event["text"] for event in found if event["kind"] == "resize"] == ["80x24"]


def test_a_limit_in_the_middle_of_a_letter_keeps_the_bytes_before_it(
    bench: Bench, who: Session, tmp_path: Path
) -> None:
    one = begun(bench, who)
    sent(bench, one, "stdout", b"x" * 99 + "ü".encode())
    bench.stop(who)
    (kept,) = events(tmp_path, "output")
    assert base64.b64decode(kept["base64"]) == b"x" * 99 + b"\xc3"


def test_what_a_program_prints_is_not_withheld_for_a_secret_in_its_command_line(
    bench: Bench, who: Session, tmp_path: Path
) -> None:
    one = begun(bench, who, "mysql -phunter2 -e 'SHOW TABLES'")
    sent(bench, one, "stdout", b"orders\n")
    bench.stop(who)
    assert events(tmp_path, "command")[0]["text"] == "mysql -p[redacted] -e 'SHOW TABLES'"
    assert "hunter2" not in journals(tmp_path)[0].read_text()
    assert [event["text"] for event in events(tmp_path, "output")] == ["orders\n"]


def test_nothing_is_kept_in_memory_of_what_has_passed(bench: Bench, who: Session) -> None:
    one = begun(bench, who)
    for _ in range(2000):
        sent(bench, one, "terminal", b"x" * 100)
    recording = who.vars["record"]
    assert len(recording.journal._state[3]) <= 32 * 1024
    assert list(recording.running) == [one.number]
