"""What was on a screen is found, though it came letter by letter and in colours."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hoopaddon.store import queries
from hoopaddon.store.index import Index
from hoopaddon.store.journal import Journal
from hoopaddon.store.layout import Layout
from hoopaddon.store.queries import Filter
from hoopaddon.store.streams import encoded, fields_of
from tests.engine.store.journals import KEY, a_session


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


@pytest.fixture
def journal(layout: Layout) -> Journal:
    made = Journal.open(layout.sessions, a_session(), KEY)
    made.append("command", {"command": 1, "kind": "ssh_shell", "text": "shell"}, durable=True)
    return made


def show(journal: Journal, *pieces: str, kind: str = "terminal") -> None:
    for piece in pieces:
        journal.append("output", {"command": 1, "kind": kind, **fields_of(piece, encoded(piece))}, durable=False)
    journal.flush()


def found(layout: Layout, words: str) -> list[str]:
    with Index(layout) as index:
        index.refresh()
        return [hit.rows for hit in queries.search(index.db, words, Filter())]


def test_a_word_typed_letter_by_letter_is_found(journal: Journal, layout: Layout) -> None:
    show(journal, *"$ cat se")
    assert found(layout, "secret") == []
    # Another reader goes on where the first one stopped.
    show(journal, "c", "x", "\b", "\x1b[K", "ret", "\r\n", "\x1b[31mhid\x1b[1mden\x1b[0m\r\n")
    assert found(layout, "secret") == ["$ cat secret"]
    assert found(layout, "hidden") == ["hidden"]


def test_what_has_no_line_feed_is_found_at_the_end(journal: Journal, layout: Layout) -> None:
    show(journal, "no line feed")
    assert found(layout, "feed") == []
    journal.append("command_end", {"command": 1, "verdict": "allowed"}, durable=True)
    assert found(layout, "feed") == ["no line feed"]


def test_the_end_of_a_session_is_the_end_of_its_screens(journal: Journal, layout: Layout) -> None:
    show(journal, "no line feed")
    journal.close()
    assert found(layout, "feed") == ["no line feed"]
    with Index(layout) as index:
        assert index.db.execute("SELECT count(*) FROM screens").fetchone()[0] == 0


def test_bytes_that_are_no_text_do_not_hide_what_is(journal: Journal, layout: Layout) -> None:
    show(journal, "caf\udce9 alpha \udcff\udcfe beta\n", kind="stdout")
    assert found(layout, "alpha") == found(layout, "beta")
    assert "alpha" in found(layout, "alpha")[0]


def test_streams_are_not_mixed(journal: Journal, layout: Layout) -> None:
    show(journal, "alp", kind="stdout")
    show(journal, "oops\n", kind="stderr")
    show(journal, "ha\n", kind="stdout")
    assert found(layout, "alpha") == ["alpha\n"]


def test_a_size_is_no_word(journal: Journal, layout: Layout) -> None:
    show(journal, "123x45", kind="resize")
    journal.close()
    assert found(layout, "123x45") == []


def test_an_index_of_the_version_before_is_taken_over(journal: Journal, layout: Layout) -> None:
    with Index(layout) as index:
        index.refresh()
        index.db.execute("DROP TABLE screens")
        index.db.execute("PRAGMA user_version = 1")
    show(journal, "alpha\n")
    assert found(layout, "alpha") == ["alpha\n"]
    with closing(sqlite3.connect(layout.index)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (2,)
