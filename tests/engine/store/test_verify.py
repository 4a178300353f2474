"""Whoever changes a journal is found out."""

import os
import random
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import orjson
import pytest

from hoopaddon.store.journal import Journal
from hoopaddon.store.keys import SigningKey
from hoopaddon.store.verify import Known, Status, verify
from tests.engine.store.journals import KEY, a_session, write_journal

type Lines = list[bytes]

KEYS = KEY.public_keys


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    return write_journal(tmp_path, "SELECT 1", "DELETE FROM orders WHERE id = 7", "SELECT 2")


@pytest.fixture
def unclosed(tmp_path: Path) -> Path:
    return write_journal(tmp_path, "SELECT 1", "DELETE FROM orders WHERE id = 7", "SELECT 2", close=False)


def test_what_the_gateway_wrote_verifies(closed: Path) -> None:
    found = verify(closed, KEYS)
    assert (found.status, found.lines, found.line) == (Status.OK, 11, None)


def test_every_single_byte_counts(closed: Path) -> None:
    original = closed.read_bytes()
    chosen = random.Random(7).sample(range(len(original)), 400)
    for position in [0, len(original) - 1, *chosen]:
        closed.write_bytes(original[:position] + bytes([original[position] ^ 1]) + original[position + 1 :])
        assert verify(closed, KEYS).status is not Status.OK, position


def test_every_bit_of_the_end_counts(closed: Path) -> None:
    original = closed.read_bytes()
    start = original.rindex(b"\n", 0, -1) + 1
    for position in range(start, len(original)):
        for bit in range(8):
            changed = bytes([original[position] ^ (1 << bit)])
            closed.write_bytes(original[:position] + changed + original[position + 1 :])
            # The hexadecimal digits of the signature may be written in capitals: the signature is the same.
            same = changed.isalpha() and changed.lower() == original[position : position + 1]
            if not (same and original.rindex(b'"signature"') < position):
                assert verify(closed, KEYS).status is not Status.OK, (position, bit)


EDITS: dict[str, Callable[[Lines], Lines]] = {
    "a line removed": lambda lines: lines[:4] + lines[5:],
    "the first line removed": lambda lines: lines[1:],
    "a line added": lambda lines: [*lines[:4], lines[1], *lines[4:]],
    "two lines swapped": lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]],
    "an empty line added": lambda lines: [*lines[:4], b"\n", *lines[4:]],
    "something after the end": lambda lines: [*lines, lines[1]],
    "a byte after the end": lambda lines: [*lines, b"x"],
    "a space in a line": lambda lines: [*lines[:4], lines[4].replace(b",", b", ", 1), *lines[5:]],
    "another line feed": lambda lines: [*lines[:4], lines[4].replace(b"\n", b"\r\n"), *lines[5:]],
    "no line at all that is JSON": lambda lines: [b"x\n" for _ in lines],
    "a number for an event": lambda lines: [*lines[:4], b"7\n", *lines[5:]],
}


@pytest.mark.parametrize("edit", EDITS)
def test_is_found_out(closed: Path, edit: str) -> None:
    lines = closed.read_bytes().splitlines(keepends=True)
    closed.write_bytes(b"".join(EDITS[edit](lines)))
    assert verify(closed, KEYS).status is Status.EDITED


def test_says_which_line_was_changed(closed: Path) -> None:
    lines = closed.read_bytes().splitlines(keepends=True)
    lines[4] = lines[4].replace(b"id = 7", b"id = 8")
    closed.write_bytes(b"".join(lines))
    found = verify(closed, KEYS)
    assert (found.status, found.line, found.detail) == (Status.EDITED, 5, "was changed after it was written")


def rechain(lines: Lines) -> Lines:
    """What somebody without the key can do: make every hash fit again."""
    chained: Lines = []
    for n, line in enumerate(lines):
        event = orjson.loads(line)
        event["n"], event["prev"] = n, sha256(chained[-1] if chained else b"").hexdigest()
        chained.append(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE))
    return chained


def test_a_chain_made_anew_lacks_the_signature(closed: Path) -> None:
    lines = closed.read_bytes().splitlines(keepends=True)
    closed.write_bytes(b"".join(rechain(lines[:4] + lines[5:])))
    assert verify(closed, KEYS).status is Status.BAD_SIGNATURE


def test_a_chain_made_anew_and_signed_with_another_key_is_not_believed(tmp_path: Path) -> None:
    session = a_session()
    forged = Journal.open(tmp_path, session, SigningKey.generate())
    forged.append("command", {"command": 1, "text": "SELECT 1"}, durable=True)
    forged.close()
    found = verify(forged.path, KEYS)
    assert found.status is Status.BAD_SIGNATURE
    assert "not among the public keys" in found.detail


def test_the_signature_of_another_session_does_not_fit(tmp_path: Path) -> None:
    one, other = write_journal(tmp_path, "SELECT 1"), write_journal(tmp_path, "SELECT 1")
    end_of_other = other.read_bytes().splitlines(keepends=True)[-1]
    lines = one.read_bytes().splitlines(keepends=True)
    one.write_bytes(b"".join([*lines[:-1], end_of_other]))
    assert verify(one, KEYS).status is Status.EDITED


def test_two_files_that_changed_places_are_found_out(tmp_path: Path) -> None:
    one, other = write_journal(tmp_path, "SELECT 1"), write_journal(tmp_path, "SELECT 2")
    shutil.copy(other, one)
    found = verify(one, KEYS)
    assert (found.status, found.line) == (Status.EDITED, 1)
    assert "another session" in found.detail


def test_without_its_end_a_journal_is_open(closed: Path) -> None:
    lines = closed.read_bytes().splitlines(keepends=True)
    closed.write_bytes(b"".join(lines[:-1]))
    assert verify(closed, KEYS).status is Status.OPEN


def test_with_an_end_of_somebody_without_the_key_it_is_not_closed(unclosed: Path) -> None:
    lines = unclosed.read_bytes().splitlines(keepends=True)
    end = {"n": len(lines), "at": 1.0, "type": "end", "key": KEY.key_id, "prev": sha256(lines[-1]).hexdigest()}
    for extra in ({}, {"signature": ""}, {"signature": "00" * 64}, {"signature": 7}, {"signature": "zz"}):
        unclosed.write_bytes(b"".join([*lines, orjson.dumps({**end, **extra}, option=orjson.OPT_APPEND_NEWLINE)]))
        assert verify(unclosed, KEYS).status is Status.BAD_SIGNATURE, extra


@pytest.mark.parametrize("torn", [1, 10, 100])
def test_a_torn_last_line_is_no_event(unclosed: Path, torn: int) -> None:
    content = unclosed.read_bytes()
    unclosed.write_bytes(content[:-torn])
    found = verify(unclosed, KEYS)
    assert (found.status, found.lines) == (Status.OPEN, 9)
    assert found.detail == "its gateway ended without closing it; the last line is torn"


def test_says_whether_the_session_goes_on(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, a_session(), KEY)
    assert verify(journal.path, KEYS).detail == "its session goes on"
    journal.close()
    assert verify(journal.path, KEYS).status is Status.OK


class TestKnown:
    """What the index has seen of a journal before."""

    def test_an_end_that_was_seen_cannot_be_taken_away(self, closed: Path) -> None:
        seen = verify(closed, KEYS)
        known = Known(seen.lines, seen.head, closed=True)
        lines = closed.read_bytes().splitlines(keepends=True)
        assert verify(closed, KEYS, known).status is Status.OK
        closed.write_bytes(b"".join(lines[:-1]))
        assert verify(closed, KEYS, known).status is Status.TRUNCATED

    def test_events_that_were_seen_cannot_be_taken_away(self, unclosed: Path) -> None:
        seen = verify(unclosed, KEYS)
        known = Known(seen.lines, seen.head, closed=False)
        lines = unclosed.read_bytes().splitlines(keepends=True)
        unclosed.write_bytes(b"".join(lines[:-2]))
        assert verify(unclosed, KEYS).status is Status.OPEN
        assert verify(unclosed, KEYS, known).status is Status.TRUNCATED

    def test_events_that_were_seen_cannot_be_changed(self, unclosed: Path) -> None:
        seen = verify(unclosed, KEYS)
        known = Known(seen.lines, seen.head, closed=False)
        lines = unclosed.read_bytes().splitlines(keepends=True)
        unclosed.write_bytes(b"".join(rechain([*lines[:4], *lines[7:], *lines[4:7]])))
        assert verify(unclosed, KEYS).status is Status.OPEN
        assert verify(unclosed, KEYS, known).status is Status.EDITED

    def test_growth_is_no_change(self, tmp_path: Path) -> None:
        journal = Journal.open(tmp_path, a_session(), KEY)
        seen = verify(journal.path, KEYS)
        journal.append("command", {"command": 1}, durable=True)
        journal.close()
        assert verify(journal.path, KEYS, Known(seen.lines, seen.head, closed=False)).status is Status.OK


def test_a_file_that_is_gone_is_missing(tmp_path: Path) -> None:
    assert verify(tmp_path / "gone.jsonl", KEYS).status is Status.MISSING


def test_what_is_no_file_is_not_read(tmp_path: Path, closed: Path) -> None:
    (tmp_path / "link.jsonl").symlink_to(closed)
    os.mkfifo(tmp_path / "pipe.jsonl")
    assert verify(tmp_path / "link.jsonl", KEYS).status is Status.UNREADABLE
    assert verify(tmp_path / "pipe.jsonl", KEYS).status is Status.UNREADABLE


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    assert verify(tmp_path / "empty.jsonl", KEYS).status is Status.OPEN
