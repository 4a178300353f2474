"""Batches of many rows, which are split and made anew all at once, or only where something may be in them."""

import copy
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoopaddon.adapters.postgres.values.cells import (
    NULL_CELL,
    cell_texts,
    cells_in_turn,
    data_row_head,
    data_row_starts,
    data_rows,
    short_cells,
    sized,
    split_cells,
)
from hoopaddon.adapters.postgres.values.description import Field, describe_columns
from hoopaddon.adapters.postgres.values.rows import PostgresRows
from hoopaddon.errors import PeerError
from tests.adapters.postgres.batches import command

TEXT, INT8 = 25, 20


def data_row(*cells: bytes | None) -> bytes:
    body = b"".join(map(sized, cells))
    return data_row_head(len(body) + 6, len(cells)) + body


def batch(rows: list[list[bytes | None]], width: int) -> PostgresRows:
    fields = [Field(f"c{n}", 0, 0, TEXT, -1, -1, 0) for n in range(width)]
    data = b"".join(data_row(*row) for row in rows)
    return PostgresRows(command(), describe_columns(fields, {}, {}), fields, data, len(rows))


# What looks like a row, like lengths, and lengths at which the fast way ends.
INNER = data_row(b"x", b"y")
cells = st.one_of(
    st.none(),
    st.binary(max_size=12),
    st.sampled_from([b"", b"D", b"\xff" * 4, INNER, INNER[:-1], b"z" * 255, b"z" * 256, b"z" * 70_000]),
)


@given(st.data())
def test_the_fast_ways_split_as_the_slow_one(data: st.DataObject) -> None:
    width = data.draw(st.integers(1, 4))
    rows = data.draw(st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=8))
    wire = b"".join(data_row(*row) for row in rows)
    starts = data_row_starts(wire, width, len(rows))
    slow = [
        split_cells(wire, start + 7, end, width) for start, end in zip(starts, [*starts[1:], len(wire)], strict=True)
    ]
    columns = cells_in_turn(wire, starts, width)
    assert columns is not None
    assert list(zip(*columns, strict=True)) == slow
    assert data_rows([list(column) for column in columns]) == wire
    columns = short_cells(wire, starts, width)
    if columns is None:
        assert any(cell is not None and len(cell) > 255 for row in rows for cell in row)
    else:
        assert list(zip(*columns, strict=True)) == slow
    assert [list(row) for row in slow] == [list(map(sized, row)) for row in rows]


@given(st.lists(st.lists(cells, min_size=2, max_size=2), min_size=1, max_size=4), st.data())
def test_what_is_no_row_is_split_by_no_way(rows: list[list[bytes | None]], data: st.DataObject) -> None:
    wire = bytearray(b"".join(data_row(*row) for row in rows))
    starts = data_row_starts(bytes(wire), 2, len(rows))
    for _ in range(data.draw(st.integers(1, 3))):
        # Lengths stand near the beginnings.
        near = data.draw(st.sampled_from(starts)) + data.draw(st.integers(0, 20))
        wire[min(near, len(wire) - 1)] = data.draw(st.sampled_from([0, 1, 2, 4, 0x44, 0x7F, 0x80, 0xFF]))
    cut = bytes(wire[: data.draw(st.one_of(st.just(len(wire)), st.integers(0, len(wire))))])
    bounds = [*starts[1:], len(cut)]
    try:
        slow = [split_cells(cut, start + 7, end, 2) for start, end in zip(starts, bounds, strict=True)]
    except PeerError:
        assert cells_in_turn(cut, starts, 2) is None
        return
    columns = cells_in_turn(cut, starts, 2)
    assert columns is not None
    assert list(zip(*columns, strict=True)) == slow


def test_cells_as_text() -> None:
    assert cell_texts([sized(b"a"), NULL_CELL, sized(b""), sized(b"\xff")], "utf-8") == ["a", None, "", "\\xff"]
    assert cell_texts([sized(b"\xe9")], "iso8859_1") == ["é"]


@settings(deadline=None)
@given(st.data())
def test_edits_in_any_order_reach_the_client(data: st.DataObject) -> None:
    width = data.draw(st.integers(1, 3))
    sent = data.draw(st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=40))
    rows = batch(sent, width)
    expected = [[None if c is None else c.decode("utf-8", "backslashreplace") for c in row] for row in sent]
    changed: dict[tuple[int, int], str | None] = {}
    texts = st.one_of(st.none(), st.text(st.characters(blacklist_characters="\0"), max_size=5))
    for _ in range(data.draw(st.integers(0, 6))):
        column = data.draw(st.integers(0, width - 1))
        if data.draw(st.booleans()):
            new = {row: data.draw(texts) for row in range(len(sent)) if data.draw(st.booleans())}
            rows.rewrite(column, [new.get(row, expected[row][column]) for row in range(len(sent))])
        else:
            row = data.draw(st.integers(0, len(sent) - 1))
            new = {row: data.draw(texts)}
            rows.replace(row, column, new[row])
        for row, text in new.items():
            if text != expected[row][column]:
                changed[row, column] = expected[row][column] = _fits(text)
        if data.draw(st.booleans()):
            rows = copy.deepcopy(rows)
        row = data.draw(st.integers(0, len(sent) - 1))
        assert rows.text(row, column) == expected[row][column]
    assert rows.cells == expected
    wire = b"".join(
        data_row(*(_wire(changed[r, c]) if (r, c) in changed else cell for c, cell in enumerate(row)))
        for r, row in enumerate(sent)
    )
    assert rows.wire() == wire


def _fits(text: str | None) -> str | None:
    """A text that has no UTF-8 becomes NULL."""
    return None if text is None or _wire(text) is None else text


def _wire(text: str | None) -> bytes | None:
    try:
        return None if text is None else text.encode()
    except UnicodeEncodeError:
        return None


def test_only_the_rows_that_are_asked_for_are_split() -> None:
    sent: list[list[bytes | None]] = [[b"%d" % n, b"name"] for n in range(500)]
    rows = batch(sent, 2)
    for number in (3, -1):
        rows[number]["c1"] = "x"
    assert rows._sent is None, "so that few hits in a page cost little"
    assert rows.wire() == b"".join(data_row(b"%d" % n, b"x" if n in (3, 499) else b"name") for n in range(500))
    for row in rows:
        row[0] = "y"
    assert rows.wire() == b"".join(data_row(b"y", b"x" if n in (3, 499) else b"name") for n in range(500))


def test_a_column_is_rewritten_by_one_text_for_each_row_and_not_by_an_observer() -> None:
    rows = batch([[b"a"], [b"b"]], 1)
    with pytest.raises(ValueError, match="one text for each row"):
        rows.rewrite(0, ["x"])
    rows.read_only = True
    with pytest.raises(TypeError):
        rows.rewrite(0, ["x", "y"])
    assert not rows.edited


@pytest.mark.parametrize("column", [-1, 1])
def test_a_cell_that_there_is_not_is_no_other_one(column: int) -> None:
    rows = batch([[b"a"], [b"b"]], 1)
    for row in (0, 2, -3):
        with pytest.raises(IndexError):
            rows.text(row if column == 1 else 2, column if row == 0 else 0)
    with pytest.raises(IndexError):
        rows.texts(column)


@pytest.mark.parametrize(
    "body",
    [
        struct.pack("!Hi", 1, 9) + b"abc",
        struct.pack("!Hi", 1, 2) + b"abc",
        struct.pack("!Hi", 1, -2),
        struct.pack("!H", 1),
        struct.pack("!Hi", 2, 3) + b"abc",
    ],
)
def test_one_bad_row_among_many_is_never_passed_over_where_all_are_read(body: bytes) -> None:
    good = data_row(b"abc")
    bad = struct.pack("!Bi", ord("D"), len(body) + 4) + body
    fields = [Field("c", 0, 0, TEXT, -1, -1, 0)]
    rows = PostgresRows(command(), describe_columns(fields, {}, {}), fields, good * 50 + bad + good * 50, 101)
    with pytest.raises(PeerError) as caught:
        rows.texts(0)
    assert caught.value.side == "server"


def test_rows_whose_lengths_make_up_for_each_other_are_refused() -> None:
    one, other = bytearray(data_row(b"abc")), bytearray(data_row(b"abc"))
    one[4] += 1
    other[4] -= 1
    fields = [Field("c", 0, 0, TEXT, -1, -1, 0)]
    rows = PostgresRows(command(), describe_columns(fields, {}, {}), fields, bytes(one + other), 2)
    with pytest.raises(PeerError):
        rows.texts(0)
