"""Batches of DataRow messages."""

import copy
import struct
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoopaddon.adapters.postgres.protocol.encodings import ascii_only, codec_of, embeds_ascii
from hoopaddon.adapters.postgres.values.cells import sized
from hoopaddon.adapters.postgres.values.description import (
    Field,
    describe_columns,
    parse_row_description,
    with_formats,
)
from hoopaddon.adapters.postgres.values.rows import PostgresRows
from hoopaddon.errors import PeerError
from tests.adapters.postgres.batches import command, only_the_server_to_blame

TEXT, INT8, UUID, VARCHAR = 25, 20, 2950, 1043


def field(name: str, oid: int = TEXT, format: int = 0, modifier: int = -1) -> Field:
    return Field(name, 0, 0, oid, -1, modifier, format)


def data_row(*cells: bytes | None) -> bytes:
    body = b"".join(map(sized, cells))
    return struct.pack("!BiH", ord("D"), len(body) + 6, len(cells)) + body


def batch(fields: list[Field], *rows: tuple[bytes | None, ...], encoding: str = "utf-8") -> PostgresRows:
    data = b"".join(data_row(*row) for row in rows)
    return PostgresRows(command(), describe_columns(fields, {}, {}), fields, data, len(rows), encoding)


def people() -> PostgresRows:
    return batch(
        [field("name"), field("mail")], (b"Ada", b"ada@example.org"), (b"Bob", None), (b"", b"b@example.org")
    )


def test_cells_read_as_text() -> None:
    assert people().cells == [["Ada", "ada@example.org"], ["Bob", None], ["", "b@example.org"]]


def test_what_nobody_edits_is_the_very_same_bytes() -> None:
    rows = people()
    before = rows.wire()
    assert rows.haystack is before
    rows.texts(1)
    rows.replace(0, 0, "Ada")
    assert rows.wire() is before
    assert not rows.edited


def test_an_edit_changes_its_cell_alone() -> None:
    rows = people()
    rows[0]["mail"] = "[email]"
    rows[2]["mail"] = None
    rows[1]["mail"] = "x"
    assert rows.edited
    assert rows.wire() == data_row(b"Ada", b"[email]") + data_row(b"Bob", b"x") + data_row(b"", None)
    assert rows.texts(1) == ["[email]", "x", None]


def test_the_last_of_several_edits_counts() -> None:
    rows = people()
    for text in ("1", "22", "333"):
        rows.replace(-1, 1, text)
    rows.replace(2, 0, "z")
    assert rows.wire().endswith(data_row(b"z", b"333"))


def test_a_text_that_does_not_fit_is_null_for_everybody() -> None:
    fields = [field("id", INT8), field("id2", INT8, 1), field("short", VARCHAR, 0, 4 + 3)]
    rows = batch(fields, (b"12", struct.pack(">q", 12), b"abc"))
    for column in range(3):
        rows.replace(0, column, "[redacted]")
    assert rows.cells == [[None, None, None]]
    assert rows.wire() == data_row(None, None, None)


def test_a_binary_cell_is_replaced_in_binary() -> None:
    rows = batch([field("id", INT8, 1)], (struct.pack(">q", 12),), (struct.pack(">q", -1),))
    assert rows.texts(0) == ["12", "-1"]
    rows.replace(0, 0, "7")
    assert rows.wire() == data_row(struct.pack(">q", 7)) + data_row(struct.pack(">q", -1))


def test_the_haystack_has_what_bytes_hide() -> None:
    card, key = 4111111111111111, uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
    rows = batch(
        [field("n", INT8, 1), field("u", UUID, 1), field("t", TEXT, 1)], (struct.pack(">q", card), key.bytes, b"x@y")
    )
    for text in (b"4111111111111111", str(key).encode(), b"x@y"):
        assert text in rows.haystack


def test_the_haystack_has_what_an_earlier_policy_wrote() -> None:
    rows = people()
    rows.replace(0, 0, "4111111111111111")
    assert b"4111111111111111" in rows.haystack


def test_the_haystack_is_utf8_whatever_the_client_speaks() -> None:
    rows = batch([field("name")], ("Zoë".encode("latin-1"),), encoding="iso8859_1")
    assert "Zoë".encode() in rows.haystack
    rows.replace(0, 0, "Chloé")
    assert rows.wire() == data_row("Chloé".encode("latin-1"))
    rows.replace(0, 0, "日本")
    assert rows.texts(0) == [None]


def test_a_type_that_is_not_known_shows_its_bytes_and_becomes_null() -> None:
    rows = batch([field("x", 99999, 1)], (b"\0a@example.org\xff",))
    assert rows.texts(0) == ["\0a@example.org\\xff"]
    assert b"a@example.org" in rows.haystack
    rows.replace(0, 0, "[email]")
    assert rows.wire() == data_row(None)


def test_a_type_is_known_by_its_columns_name() -> None:
    fields = [field("x", 99999), field("y", 99998, 1)]
    columns = describe_columns(fields, {}, {99999: "citext", 99998: "citext"})
    rows = PostgresRows(command(), columns, fields, data_row(b"a", b"b"), 1)
    rows.replace(0, 0, "[a]")
    rows.replace(0, 1, "[b]")
    assert rows.wire() == data_row(b"[a]", b"[b]")


def test_bytes_that_are_not_in_the_encoding_stay() -> None:
    rows = batch([field("x"), field("y")], (b"\xff@", b"a"))
    assert rows.texts(0) == ["\\xff@"]
    rows.replace(0, 1, "b")
    assert rows.wire() == data_row(b"\xff@", b"b")


def test_a_copy_is_edited_apart() -> None:
    rows = people()
    rows.replace(0, 0, "A")
    twin = copy.deepcopy(rows, {id(rows.command): rows.command})
    twin.replace(0, 0, "B")
    twin.replace(1, 0, "C")
    assert rows.texts(0) == ["A", "Bob", ""]
    assert twin.texts(0) == ["B", "C", ""]
    assert data_row(b"A", b"ada@example.org") in rows.wire()
    assert data_row(b"B", b"ada@example.org") in twin.wire()


def test_there_is_no_cell_outside() -> None:
    rows = people()
    for row, column in ((3, 0), (-4, 0), (0, 2), (0, -1)):
        with pytest.raises(IndexError):
            rows.replace(row, column, "x")


def test_rows_without_columns_and_results_without_rows() -> None:
    rows = batch([], (), ())
    assert (len(rows), rows.cells, rows.wire()) == (2, [[], []], data_row() * 2)
    assert batch([field("x")]).texts(0) == []


@pytest.mark.parametrize(
    "data",
    [
        data_row(b"a"),
        data_row(b"a", b"b", b"c"),
        data_row(b"a", b"b") * 2,
        data_row(b"a", b"b")[:-1],
        data_row(b"a", b"b") + b"D",
        b"E" + data_row(b"a", b"b")[1:],
        struct.pack("!BiHi", 68, 14, 2, -2) + b"\0\0\0\0",
        struct.pack("!BiHi", 68, 14, 2, 2**31 - 1) + b"\0\0\0\0",
        struct.pack("!BiHi", 68, 15, 2, 0) + b"\0\0\0\0x",
        b"",
    ],
)
def test_messages_that_are_not_what_they_say_are_refused(data: bytes) -> None:
    fields = [field("a"), field("b")]
    with pytest.raises(PeerError) as caught:
        PostgresRows(command(), describe_columns(fields, {}, {}), fields, data, 1).texts(0)
    assert caught.value.side == "server"


cells = st.none() | st.binary(max_size=12)


@given(st.lists(st.tuples(cells, cells), max_size=5), st.data())
def test_mutated_messages_raise_peer_error_and_nothing_else(
    listed: list[tuple[bytes | None, ...]], data: st.DataObject
) -> None:
    wire = bytearray(b"".join(data_row(*row) for row in listed))
    for _ in range(data.draw(st.integers(0, 3))):
        if wire:
            wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    fields = [field("a", data.draw(st.sampled_from([TEXT, INT8, UUID, 1700, 1007])), 1), field("b")]
    rows = PostgresRows(command(), describe_columns(fields, {}, {}), fields, bytes(wire), len(listed))
    with only_the_server_to_blame():
        assert len(rows.haystack) >= len(wire)
        for row in range(len(rows)):
            rows.replace(row, 1, "x")
            rows.replace(row, 0, None)
        assert len(PostgresRows(command(), rows.columns, fields, rows.wire(), len(listed)).cells) == len(listed)


@given(
    st.lists(
        st.tuples(*[st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"))] * 2), min_size=1
    ),
    st.data(),
)
def test_edits_read_back(texts: list[tuple[str | None, str | None]], data: st.DataObject) -> None:
    fields = [field("a"), field("b")]
    rows = batch(fields, *[tuple(None if text is None else text.encode() for text in row) for row in texts])
    expected = [list(row) for row in texts]
    for _ in range(data.draw(st.integers(0, 4))):
        row, column = data.draw(st.integers(0, len(texts) - 1)), data.draw(st.integers(0, 1))
        expected[row][column] = text = data.draw(st.none() | st.text("aé", max_size=4))
        rows.replace(row, column, text)
    assert rows.cells == expected
    assert PostgresRows(command(), rows.columns, fields, rows.wire(), len(texts)).cells == expected


# -- RowDescription


def described(*fields: tuple[bytes, int, int, int, int, int, int]) -> bytes:
    return struct.pack("!H", len(fields)) + b"".join(
        name + b"\0" + struct.pack("!IhIhih", *rest) for name, *rest in fields
    )


def test_a_description_is_read_whole() -> None:
    payload = described((b"id", 16385, 1, 23, 4, -1, 0), ("é".encode(), 0, 0, 4000000000, -1, 24, 1))
    fields = parse_row_description(payload)
    assert fields == (Field("id", 16385, 1, 23, 4, -1, 0), Field("é", 0, 0, 4000000000, -1, 24, 1))
    columns = describe_columns(fields, {(16385, 1): ("public.people", "id")}, {4000000000: "citext"})
    assert [(c.name, c.type, c.table, c.source) for c in columns] == [
        ("id", "int4", "public.people", "id"),
        ("é", "citext", "", ""),
    ]
    assert [f.format for f in with_formats(fields, (1,))] == [1, 1]
    assert [f.format for f in with_formats(fields, ())] == [0, 0]
    assert with_formats(fields, (0, 1)) is fields


@given(st.data())
def test_mutated_descriptions_raise_peer_error_and_nothing_else(data: st.DataObject) -> None:
    payload = bytearray(described((b"id", 1, 1, 23, 4, -1, 0), (b"b", 0, 0, 25, -1, 24, 1)))
    payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    with only_the_server_to_blame():
        assert len(parse_row_description(bytes(payload[: data.draw(st.integers(0, len(payload)))]))) <= 2


# -- encodings


def test_encodings_have_pythons_names() -> None:
    named = {"UTF8": "utf-8", "latin1": "iso8859_1", "SQL_ASCII": "utf-8", "WIN1252": "cp1252", "EUC_JP": "euc_jp"}
    named |= {"ISO_8859_5": "iso8859_5", "SJIS": "cp932", "MULE_INTERNAL": "ascii", "ISO-8859-5": "iso8859_5"}
    for name, codec in named.items():
        assert codec_of(name) == codec
        assert "a".encode(codec) == b"a"


def test_what_looks_like_ascii_in_a_longer_character_is_blotted_out() -> None:
    line = "表\\n|ソ".encode("cp932")
    assert line.count(b"\\") == 3
    assert ascii_only(line, "cp932") == b"\xff\xff\\n|\xff\xff"
    assert ascii_only(line, "utf-8") is line
    assert embeds_ascii("gb18030")
    assert not embeds_ascii("euc_jp")
    assert ascii_only("\U0001f600".encode("gb18030"), "gb18030") == b"\xff" * 4
