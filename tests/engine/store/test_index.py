"""The index follows the files, whatever they are, and whoever reads at the same time."""

import os
import shutil
import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from hoopaddon.store import queries
from hoopaddon.store.index import Index, IndexUnusable, forget
from hoopaddon.store.journal import Journal
from hoopaddon.store.layout import Layout
from hoopaddon.store.queries import Filter, NoSuchSession
from hoopaddon.store.verify import Status, verify
from tests.engine.store.journals import KEY, a_session, write_journal


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


def numbers(index: Index, words: str, wanted: Filter | None = None) -> list[int]:
    return sorted(hit.number for hit in queries.search(index.db, words, wanted or Filter()))


def test_lists_sessions_with_what_became_of_their_commands(layout: Layout) -> None:
    session = a_session()
    journal = Journal.open(layout.sessions, session, KEY)
    journal.append("command", {"command": 1, "text": "SELECT 1"}, durable=True)
    journal.append("command_end", {"command": 1, "verdict": "allowed", "rows": 1}, durable=False)
    refused = {"command": 2, "text": "DROP TABLE t", "verdict": "refused", "addon": "guard", "reason": "no"}
    journal.append("command_end", refused, durable=False)
    journal.close()
    with Index(layout) as index:
        index.refresh()
        (found,) = queries.sessions(index.db, Filter())
        assert (found.id, found.user, found.groups, found.target) == (session.id, "agent-7", ["dev"], "prod")
        assert (found.commands, found.refused, found.damage) == (2, 1, "")
        assert found.ended is not None
        (hit,) = queries.search(index.db, "drop", Filter())
        assert (hit.number, hit.verdict, hit.reason) == (2, "refused", "no")


def test_takes_in_only_what_is_new(layout: Layout) -> None:
    journal = Journal.open(layout.sessions, a_session(), KEY)
    journal.append("command", {"command": 1, "text": "SELECT alpha"}, durable=True)
    with Index(layout) as index:
        index.refresh()
        assert numbers(index, "alpha") == [1]
        journal.append("command", {"command": 2, "text": "SELECT beta"}, durable=True)
        assert numbers(index, "beta") == []
        index.refresh()
        index.refresh()
        assert numbers(index, "select") == [1, 2]
    journal.close()


def test_a_torn_line_is_taken_in_when_it_is_whole(layout: Layout) -> None:
    path = write_journal(layout.sessions, "SELECT alpha", "SELECT beta")
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"beta")])
    with Index(layout) as index:
        index.refresh()
        assert numbers(index, "select") == [1]
        path.write_bytes(whole)
        index.refresh()
        assert numbers(index, "select") == [1, 2]
        known = index.known(path.stem)
    assert known is not None
    assert verify(path, KEY.public_keys, known[1]).status is Status.OK


def test_finds_words_in_text_user_and_rows(layout: Layout) -> None:
    write_journal(layout.sessions, "SELECT * FROM customer_orders", session=a_session("ada@example.com"))
    write_journal(layout.sessions, "SELECT 2", session=a_session("bob"))
    with Index(layout) as index:
        index.refresh()

        def users(words: str) -> set[str]:
            return {hit.user for hit in queries.search(index.db, words, Filter())}

        assert users("customer_orders") == {"ada@example.com"}
        assert users("CUSTOM*") == {"ada@example.com"}
        assert users("ada@example.com select") == {"ada@example.com"}
        assert users("2") == {"bob"}
        assert users("custom") == set()
        # As the client saw it; the mask has no word in it, the column's name is not searched.
        assert users("email") == set()


@pytest.mark.parametrize(
    "words", ['"', "'", "*", "OR", "a AND", "NEAR(", "text:x", "-x", "^a", "( )", "a\0b", '""*', "é"]
)
def test_nothing_that_is_searched_for_is_syntax(layout: Layout, words: str) -> None:
    write_journal(layout.sessions, "SELECT 1")
    with Index(layout) as index:
        index.refresh()
        assert numbers(index, words) == []


def test_filters(layout: Layout) -> None:
    write_journal(layout.sessions, "SELECT 1", session=a_session("ada", "prod"))
    write_journal(layout.sessions, "SELECT 1", session=a_session("bob", "test", started_at=1000.0))
    with Index(layout) as index:
        index.refresh()

        def users(wanted: Filter) -> list[str]:
            return [found.user for found in queries.sessions(index.db, wanted)]

        assert users(Filter()) == ["ada", "bob"]
        assert users(Filter(user="ada")) == ["ada"]
        assert users(Filter(target="test")) == ["bob"]
        assert users(Filter(since=2000.0)) == ["ada"]
        assert users(Filter(verdict="refused")) == []
        assert users(Filter(verdict="allowed", limit=1)) == ["ada"]


def test_the_beginning_of_an_id_will_do_if_it_is_the_only_one(layout: Layout) -> None:
    for id in ("aabb", "aacc"):
        write_journal(layout.sessions, session=a_session(id=id))
    with Index(layout) as index:
        index.refresh()
        assert queries.session_id(index.db, "aab") == "aabb"
        for wrong in ("aa", "b", "%", "", "a_"):
            with pytest.raises(NoSuchSession):
                queries.session_id(index.db, wrong)


def test_a_session_whose_file_is_gone_is_still_known(layout: Layout) -> None:
    path = write_journal(layout.sessions, "SELECT 1")
    with Index(layout) as index:
        index.refresh()
    path.unlink()
    with Index(layout) as index:
        index.refresh()
        known = index.known(path.stem)
        assert known is not None
        assert verify(*known[:1], KEY.public_keys, known[1]).status is Status.MISSING


def test_what_does_not_follow_is_noted(layout: Layout) -> None:
    path = write_journal(layout.sessions, "SELECT 1", close=False)
    with Index(layout) as index:
        index.refresh()
        with path.open("ab") as file:
            file.write(b'{"n":4,"type":"command","command":2,"text":"SELECT forged","prev":"00"}\n')
        index.refresh()
        assert queries.sessions(index.db, Filter())[0].damage == "line 5 does not follow the one before"
        shutil.copy(path, path.with_suffix(".copy"))
        path.write_bytes(b"")
        index.refresh()
        assert queries.sessions(index.db, Filter())[0].damage == "line 5 does not follow the one before"


HOSTILE = [
    b"\xff\xfe\n",
    b"[]\n",
    b'{"type":["session"]}\n',
    b'{"type":"session","user":7,"target":[],"groups":"x","started":"soon"}\n',
    b'{"type":"command","command":"x","text":{"a":1},"at":true,"approvers":3}\n',
    b'{"type":"command_end","command":1e999,"seconds":[]}\n',
    b'{"type":"command_end","command":99999999999999999999999,"rows":99999999999999999999999}\n',
    b'{"type":"rows","command":1,"cells":[1,[2,null,"x"],{}]}\n',
    b'{"type":"output"}\n{"type":"end","at":"never"}\n',
    b'{"n":null,"prev":7}\n',
]


def test_a_file_of_anything_is_taken_in_and_noted(layout: Layout) -> None:
    folder = layout.sessions / "2026"
    folder.mkdir(parents=True)
    for number, content in enumerate(HOSTILE):
        (folder / f"{number:04}.jsonl").write_bytes(content * 2)
    write_journal(layout.sessions, "SELECT 1")
    with Index(layout) as index:
        index.refresh()
        damaged = index.db.execute("SELECT count(*) FROM files WHERE damage <> ''").fetchone()[0]
        assert damaged == len(HOSTILE)
        assert numbers(index, "select") == [1]


def test_a_link_in_the_store_is_not_followed(layout: Layout, tmp_path: Path) -> None:
    path = write_journal(tmp_path / "elsewhere", "SELECT 1")
    layout.sessions.mkdir()
    (layout.sessions / path.name).symlink_to(path)
    write_journal(layout.sessions, "SELECT 2")
    with Index(layout) as index:
        index.refresh()
        assert [found.damage for found in queries.sessions(index.db, Filter())] == [""]
        assert (
            index.db.execute("SELECT damage FROM files WHERE path = ?", (path.name,))
            .fetchone()[0]
            .startswith("cannot")
        )


def test_a_reader_sees_whole_events_while_they_are_written(layout: Layout) -> None:
    journal = Journal.open(layout.sessions, a_session(), KEY)
    looked, done = threading.Event(), threading.Event()

    def write() -> None:
        for number in range(1, 2001):
            journal.append("command", {"command": number, "text": f"SELECT word{number}"}, durable=True)
            journal.append("command_end", {"command": number, "verdict": "allowed"}, durable=False)
            if number % 500 == 0:
                looked.clear()
                looked.wait(10)
        journal.close()
        done.set()

    writer = threading.Thread(target=write)
    passes = 0
    with Index(layout) as index:
        writer.start()
        while not done.is_set():
            index.refresh()
            passes += 1
            looked.set()
        index.refresh()
        assert numbers(index, "select", Filter(limit=5000)) == list(range(1, 2001))
        assert queries.sessions(index.db, Filter())[0].damage == ""
    writer.join()
    assert passes >= 4


def test_several_readers_bring_it_up_to_date_at_once(layout: Layout) -> None:
    for number in range(30):
        write_journal(layout.sessions, f"SELECT word{number}")
    errors: list[Exception] = []

    def read() -> None:
        try:
            with Index(layout) as index:
                index.refresh()
                assert len(queries.sessions(index.db, Filter())) == 30
                assert index.db.execute("SELECT count(*) FROM words WHERE words MATCH 'select'").fetchone()[0] == 30
        except (Exception, AssertionError) as e:
            errors.append(e)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert errors == []


def test_is_private(layout: Layout) -> None:
    write_journal(layout.sessions, "SELECT 1")
    before = os.umask(0)
    try:
        with Index(layout) as index:
            index.refresh()
            for path in layout.folder.glob("index.db*"):
                assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(before)


def test_is_built_in_memory_where_it_cannot_be_written(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    write_journal(layout.sessions, "SELECT 1")
    layout.index.symlink_to(layout.folder / "nowhere" / "index.db")
    with Index(layout) as index:
        index.refresh()
        assert numbers(index, "select") == [1]


def test_one_that_is_broken_is_a_clear_error_and_can_be_rebuilt(layout: Layout) -> None:
    write_journal(layout.sessions, "SELECT 1")
    layout.index.write_bytes(b"this is no database" * 100)
    with pytest.raises(IndexUnusable, match="cannot be read"):
        Index(layout)
    forget(layout)
    with Index(layout) as index:
        index.refresh()
        assert numbers(index, "select") == [1]


def test_one_of_another_version_is_not_read(layout: Layout) -> None:
    write_journal(layout.sessions, "SELECT 1")
    db = sqlite3.connect(layout.index)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(IndexUnusable, match="another version"):
        Index(layout)


def test_no_store_is_a_clear_error(layout: Layout) -> None:
    with pytest.raises(IndexUnusable, match="nothing has been recorded"):
        Index(layout)
