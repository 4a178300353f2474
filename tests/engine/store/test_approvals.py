"""Who may answer, how often, and until when."""

import os
import re
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hoopaddon.store.approvals import Approvals, NotCounted, Status
from hoopaddon.store.database import StoreUnusable
from hoopaddon.store.person import Person
from tests.engine.store.requests import ADA, BOB, EVE, a_request


@pytest.fixture
def approvals(tmp_path: Path) -> Iterator[Approvals]:
    made = Approvals(tmp_path / "store" / "approvals.db")
    yield made
    made.close()


def test_a_request_comes_back_as_it_was(approvals: Approvals) -> None:
    request = a_request()
    id = approvals.add(request)
    found = approvals.get(id)
    assert found is not None
    assert re.fullmatch("[2-9b-df-hj-np-tv-xz]{6}", id)
    assert {**vars_of(found), "id": ""} == vars_of(request)


def vars_of(request: object) -> dict[str, object]:
    return {name: getattr(request, name) for name in type(request).__dataclass_fields__}  # type: ignore[attr-defined]


def test_one_yes_is_enough_where_one_is_needed(approvals: Approvals) -> None:
    id = approvals.add(a_request())
    settled = approvals.answer(id.upper(), ADA, approve=True, reason="ticket 12")
    assert settled.status is Status.APPROVED
    assert settled.settled is not None
    assert [(a.approver, a.via, a.approved, a.reason) for a in settled.answers] == [
        ("ada", "token", True, "ticket 12")
    ]


def test_different_people_are_counted_once_each(approvals: Approvals) -> None:
    id = approvals.add(a_request(needed=2))
    assert approvals.answer(id, ADA, approve=True).status is Status.PENDING
    for again in (ADA, Person("ADA", ADA.groups, "operating system"), Person(" ada ", ADA.groups, "token")):
        with pytest.raises(NotCounted, match="approved it already; 1 more has to"):
            approvals.answer(id, again, approve=True)
    assert approvals.answer(id, BOB, approve=True).status is Status.APPROVED


def test_one_no_ends_it(approvals: Approvals) -> None:
    id = approvals.add(a_request(needed=3))
    approvals.answer(id, ADA, approve=True)
    assert approvals.answer(id, BOB, approve=False).status is Status.DENIED
    with pytest.raises(NotCounted, match="denied already"):
        approvals.answer(id, EVE, approve=True)


def test_a_yes_can_be_taken_back_while_it_waits(approvals: Approvals) -> None:
    id = approvals.add(a_request(needed=2))
    approvals.answer(id, ADA, approve=True)
    settled = approvals.answer(id, ADA, approve=False)
    assert settled.status is Status.DENIED
    assert [answer.approved for answer in settled.answers] == [False]


@pytest.mark.parametrize("name", ["agent-7", "AGENT-7", " agent-7\t", "ａｇｅｎｔ-7"])
def test_nobody_answers_their_own_requests(approvals: Approvals, name: str) -> None:
    id = approvals.add(a_request())
    for approve in (True, False):
        with pytest.raises(NotCounted, match="nobody answers their own"):
            approvals.answer(id, Person(name, frozenset({"dba"}), "token"), approve=approve)


def test_the_account_of_the_requester_is_the_requester(approvals: Approvals) -> None:
    id = approvals.add(a_request(user="Ada@example.com"))
    with pytest.raises(NotCounted, match="nobody answers their own"):
        approvals.answer(id, Person("ada", frozenset(), "operating system"), approve=True)
    assert (
        approvals.answer(id, Person("bob", frozenset(), "operating system"), approve=True).status is Status.APPROVED
    )


def test_neither_an_agent_nor_its_human_answers_what_it_asked(approvals: Approvals) -> None:
    id = approvals.add(
        a_request(user="zoe@example.com", actors=["agent-7"], names=["agent-7", "u-1", "zoe@example.com"])
    )
    everybody = frozenset({"dba"})
    for person in (
        Person("zoe@example.com", everybody, "token"),
        Person("Zoe", everybody, "operating system"),
        Person("AGENT-7", everybody, "token"),
        Person("agent-7", everybody, "operating system"),
        Person("zoe.z", everybody, "token", names=frozenset({"u-1"})),
    ):
        with pytest.raises(NotCounted, match="nobody answers their own"):
            approvals.answer(id, person, approve=True)
    assert approvals.answer(id, ADA, approve=True).status is Status.APPROVED


def test_an_agent_answers_for_nobody(approvals: Approvals) -> None:
    id = approvals.add(a_request())
    with pytest.raises(NotCounted, match="only people answer"):
        approvals.answer(id, Person("ada", ADA.groups, "token", agent="agent-7"), approve=True)


def test_a_file_of_an_earlier_version_goes_on(approvals: Approvals, tmp_path: Path) -> None:
    id = approvals.add(a_request())
    with sqlite3.connect(tmp_path / "store" / "approvals.db") as earlier:
        for name in ("actors", "names"):
            earlier.execute(f"ALTER TABLE requests DROP COLUMN {name}")
    earlier.close()
    again = Approvals(tmp_path / "store" / "approvals.db")
    found = again.get(id)
    assert found is not None
    assert (found.actors, found.names) == ([], [])
    assert again.answer(id, ADA, approve=True).status is Status.APPROVED
    again.close()


def test_only_members_of_the_named_groups_answer(approvals: Approvals) -> None:
    id = approvals.add(a_request(approvers=["dba", "security"]))
    for approve in (True, False):
        with pytest.raises(NotCounted, match="only members of dba or security"):
            approvals.answer(id, EVE, approve=approve)
    assert approvals.answer(id, BOB, approve=True).status is Status.APPROVED


def test_nothing_counts_after_the_time_is_over(approvals: Approvals) -> None:
    id = approvals.add(a_request(expires=time.time() - 0.001))
    with pytest.raises(NotCounted, match="expired already"):
        approvals.answer(id, ADA, approve=True)
    found = approvals.get(id)
    assert found is not None
    assert found.status is Status.EXPIRED


def test_what_is_settled_stays_so(approvals: Approvals) -> None:
    id = approvals.add(a_request())
    approvals.answer(id, ADA, approve=True)
    for status in (Status.EXPIRED, Status.WITHDRAWN):
        after = approvals.end(id, status)
        assert after is not None
        assert after.status is Status.APPROVED


def test_what_was_withdrawn_cannot_be_answered(approvals: Approvals) -> None:
    id = approvals.add(a_request())
    approvals.end(id, Status.WITHDRAWN)
    with pytest.raises(NotCounted, match="withdrawn already"):
        approvals.answer(id, ADA, approve=True)


def test_what_is_not_there_cannot_be_answered(approvals: Approvals) -> None:
    with pytest.raises(NotCounted, match="no request"):
        approvals.answer("zzzzzz", ADA, approve=True)


def test_lists_what_waits_newest_first(approvals: Approvals) -> None:
    now = time.time()
    old, new = approvals.add(a_request(created=now - 10)), approvals.add(a_request(created=now - 1))
    gone = approvals.add(a_request(created=now - 20, expires=now - 5))
    assert [request.id for request in approvals.list(pending=True)] == [new, old]
    assert [request.id for request in approvals.list()] == [new, old, gone]
    assert [request.id for request in approvals.list(since=now - 15)] == [new, old]


def test_the_beginning_of_an_id_means_what_waits(approvals: Approvals) -> None:
    ids = [approvals.add(a_request()) for _ in range(3)]
    for id in ids[1:]:
        approvals.end(id, Status.WITHDRAWN)
    assert [request.id for request in approvals.find(ids[0][:2])] == [ids[0]]
    assert [request.id for request in approvals.find(ids[1])] == [ids[1]]
    assert [request.id for request in approvals.find("")] == [ids[0]]


def test_a_reason_is_one_harmless_line(approvals: Approvals) -> None:
    id = approvals.add(a_request())
    settled = approvals.answer(id, ADA, approve=False, reason="not\x1b[31m\n now\x00 \u202e" + "x" * 1000)
    assert settled.answers[0].reason.startswith("not[31m now x")
    assert len(settled.answers[0].reason) == 500


def test_is_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        approvals = Approvals(tmp_path / "store" / "approvals.db")
        approvals.add(a_request())
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "store").iterdir()}
        approvals.close()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "store").stat().st_mode) == 0o700
    assert "approvals.db-wal" in modes
    assert set(modes.values()) == {0o600}


def test_a_file_that_is_no_database_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "approvals.db").write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(StoreUnusable, match="not a database"):
        Approvals(tmp_path / "approvals.db")
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(StoreUnusable, match="cannot open"):
        Approvals(tmp_path / "folder.db")


def test_sees_that_another_process_has_changed_something(approvals: Approvals, tmp_path: Path) -> None:
    before = approvals.version
    assert approvals.version == before
    other = Approvals(tmp_path / "store" / "approvals.db")
    other.add(a_request())
    other.close()
    assert approvals.version != before


APPROVER = """
import sys, time
from pathlib import Path
from hoopaddon.store.approvals import Approvals, NotCounted
from hoopaddon.store.person import Person
approvals = Approvals(Path(sys.argv[1]))
print("ready", flush=True)
for id in sys.stdin.readline().split():
    try:
        answer = approvals.answer(id, Person(sys.argv[2], frozenset(), "token"), approve=sys.argv[3] == "yes")
        print("counted", answer.status, flush=True)
    except NotCounted as e:
        print("not", e, flush=True)
"""


def race(path: Path, ids: list[str], *people: tuple[str, str]) -> list[list[str]]:
    """Answer all requests from one process per person, all at once; what each was told."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", APPROVER, str(path), *person],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for person in people
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(" ".join(ids) + "\n")
        process.stdin.flush()
    return [process.communicate()[0].splitlines() for process in processes]


def test_two_approvers_at_once_cannot_both_settle_it(approvals: Approvals, tmp_path: Path) -> None:
    ids = [approvals.add(a_request()) for _ in range(40)]
    told = race(tmp_path / "store" / "approvals.db", ids, ("ada", "yes"), ("bob", "no"))
    for position, id in enumerate(ids):
        request = approvals.get(id)
        assert request is not None
        counted = [lines[position] for lines in told if lines[position].startswith("counted")]
        assert counted == [f"counted {request.status}"]
        assert len(request.answers) == 1


def test_the_same_person_twice_at_once_is_one(approvals: Approvals, tmp_path: Path) -> None:
    ids = [approvals.add(a_request(needed=2)) for _ in range(40)]
    told = race(tmp_path / "store" / "approvals.db", ids, ("ada", "yes"), ("Ada", "yes"))
    for position, id in enumerate(ids):
        request = approvals.get(id)
        assert request is not None
        assert request.status is Status.PENDING
        assert sorted(lines[position].partition(" ")[0] for lines in told) == ["counted", "not"]


def test_the_tables_keep_to_the_known_statuses(approvals: Approvals, tmp_path: Path) -> None:
    id = approvals.add(a_request())
    db = sqlite3.connect(tmp_path / "store" / "approvals.db")
    with pytest.raises(sqlite3.IntegrityError):
        db.execute("UPDATE requests SET status = 'yes' WHERE id = ?", (id,))
    db.close()
