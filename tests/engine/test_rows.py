"""Rows that are held in memory, and their searching."""

import pytest

from hoopaddon import Column, Rows
from hoopaddon.detect import Prefilter
from hoopaddon.testing import command


def people(count: int = 100) -> Rows:
    cells = [[str(n), f"name {n}"] for n in range(count)]
    return Rows(command("SELECT 1"), [Column("id"), Column("name")], cells)


def test_a_search_says_which_rows() -> None:
    prefilter, rows = Prefilter(["email"]), people()
    assert list(rows.suspects(prefilter.parts)) == []
    rows.replace(7, 1, "ann@example.com")
    rows[99]["name"] = "bob@example.com"
    # What two cells have between them is no suspect, what one has is.
    rows.replace(50, 0, "cy@")
    rows.replace(50, 1, "example.com")
    assert list(rows.suspects(prefilter.parts)) == [7, 99]


def test_a_search_that_cannot_tell_means_all_rows() -> None:
    assert list(people(3).suspects(lambda data, starts: None)) == [0, 1, 2]


def test_a_search_is_given_every_row_once() -> None:
    rows, seen = people(3), []

    def search(data: bytes, starts: object) -> list[int]:
        seen.append((data, starts))
        return [2, 0]

    assert rows.suspects(search) == [0, 2]
    assert seen == [(b"0\0name 0\x001\0name 1\x002\0name 2", [0, 9, 18])]


def test_a_columns_haystack_is_its_own() -> None:
    rows = people(2)
    rows.replace(0, 1, None)
    assert rows.haystack_of(1) == b"name 1"


def test_a_rewritten_column_changes_where_it_differs() -> None:
    rows = people(3)
    rows.rewrite(1, ["name 0", None, "x"])
    assert [row[1] for row in rows] == ["name 0", None, "x"]
    assert rows.text(2, 1) == "x"
    assert rows.edited
    same = people(3)
    same.rewrite(1, list(same.texts(1)))
    assert not same.edited
    with pytest.raises(ValueError, match="one text for each row"):
        rows.rewrite(1, [])
    rows.read_only = True
    with pytest.raises(TypeError):
        rows.rewrite(1, ["a", "b", "c"])
