"""COPY … TO STDOUT, cut into messages in every way."""

import copy
import csv
import io
import struct

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.pq import ExecStatus

from hoopaddon import Column
from hoopaddon.adapters.postgres.values.copy_data import CopyReader, CopyRows
from hoopaddon.adapters.postgres.values.copy_format import CopyFormat
from hoopaddon.errors import PeerError
from tests.adapters.postgres.batches import command, only_the_server_to_blame
from tests.servers.postgres import PostgresServer

TEXT = CopyFormat()
CSV = CopyFormat("csv", ",", "")
BINARY = CopyFormat("binary")
HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack("!II", 0, 0)
TRAILER = b"\xff\xff"

AB = (Column("a"), Column("b"))


def message(payload: bytes) -> bytes:
    return struct.pack("!ci", b"d", len(payload) + 4) + payload


def messages(*payloads: bytes) -> bytes:
    return b"".join(map(message, payloads))


def payloads(wire: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(wire):
        (length,) = struct.unpack_from("!i", wire, at + 1)
        found.append(wire[at + 5 : at + 1 + length])
        at += 1 + length
    assert at == len(wire)
    return found


def tuple_of(*cells: bytes | None) -> bytes:
    sized = [struct.pack("!i", -1) if cell is None else struct.pack("!i", len(cell)) + cell for cell in cells]
    return struct.pack("!h", len(cells)) + b"".join(sized)


def read(format: CopyFormat, data: bytes, columns: tuple[Column, ...] = AB, types: tuple[int, ...] = ()) -> CopyRows:
    return CopyReader(format, columns, types).read(command(), data)


# -- text


def test_text_is_unescaped() -> None:
    rows = read(TEXT, messages(b"1\ta\\tb\\n\\\\\\b\\f\\r\\v\n", b"\\N\t\\101\\x42\\q\n"))
    assert rows.cells == [["1", "a\tb\n\\\b\f\r\v"], [None, "ABq"]]


def test_what_nobody_edits_is_the_very_same_bytes() -> None:
    data = messages(b"1\ta\n", b"2\tb\n")
    rows = read(TEXT, data)
    assert rows.haystack is data
    assert rows.cells == [["1", "a"], ["2", "b"]]
    rows.replace(0, 1, "a")
    assert rows.wire() is data
    assert not rows.edited


def test_a_replaced_cell_is_escaped() -> None:
    rows = read(TEXT, messages(b"1\ta\n", b"2\tb\n", b"3\tc\n"))
    rows[0]["b"] = "x\ty\nz\\N"
    rows[2]["b"] = None
    rows[1]["a"] = "\\N"
    assert payloads(rows.wire()) == [b"1\tx\\ty\\nz\\\\N\n", b"\\\\N\tb\n", b"3\t\\N\n"]
    assert rows.texts(1) == ["x\ty\nz\\N", "b", None]


def test_another_delimiter_and_null() -> None:
    format = CopyFormat(delimiter="|", null="nil")
    rows = read(format, messages(b"a\\|b|nil\n", b"\\\\|x\n"))
    assert rows.cells == [["a|b", None], ["\\", "x"]]
    rows.replace(0, 1, "p|q")
    rows.replace(1, 0, None)
    rows.replace(1, 1, "nil")
    assert payloads(rows.wire()) == [b"a\\|b|p\\|q\n", b"nil|nil\n"]
    assert rows.texts(1) == ["p|q", None], "what is spelt like NULL is NULL"


def test_the_haystack_has_what_is_escaped() -> None:
    rows = read(TEXT, messages(b"1\tline one\\nline two\n", b"\\N\tplain\n"))
    assert b"line one\nline two" in rows.haystack
    assert read(TEXT, data := messages(b"\\N\tplain\n")).haystack is data
    rows = read(CSV, messages(b'1,"say ""hi"""\n'))
    assert b'say "hi"' in rows.haystack


def test_an_encoding_that_hides_delimiters() -> None:
    format = CopyFormat(delimiter="|", encoding="cp932")
    # The second bytes of these characters are a backslash and a vertical bar.
    rows = read(format, messages("表|ポ\n".encode("cp932")))
    assert rows.cells == [["表", "ポ"]]
    rows.replace(0, 1, "ソ")
    assert payloads(rows.wire()) == ["表|ソ\n".encode("cp932")]
    with pytest.raises(PeerError, match="encoding"):
        read(format, messages("表|ポ".encode("cp932"), b"\n"))


def test_types_that_are_known_have_to_fit() -> None:
    rows = read(TEXT, messages(b"1\ta\n"), types=(23, 25))
    rows.replace(0, 0, "[id]")
    rows.replace(0, 1, "[b]")
    assert payloads(rows.wire()) == [b"\\N\t[b]\n"]
    assert rows.cells == [[None, "[b]"]]


# -- CSV


def test_csv_is_unquoted() -> None:
    rows = read(CSV, messages(b'1,"a,""b""\nc"\n', b'"",\n', b'"x",y z\n'))
    assert rows.cells == [["1", 'a,"b"\nc'], ["", None], ["x", "y z"]]


def test_csv_is_quoted_where_it_has_to_be() -> None:
    rows = read(CSV, messages(b"1,a\n", b'2,"b"\n', b"3,c\n", b"4,d\n", b"5,e\n"))
    for row, text in enumerate(['x"y', "plain", "", None, "\\."]):
        rows.replace(row, 1, text)
    assert payloads(rows.wire()) == [b'1,"x""y"\n', b'2,"plain"\n', b'3,""\n', b"4,\n", b'5,"\\."\n']


def test_csv_with_an_escape_of_its_own() -> None:
    format = CopyFormat("csv", ";", "NULL", "'", "\\")
    rows = read(format, messages(b"'a\\'b\\\\c\\d;';NULL\n", b"x\\;'y'\n"))
    assert rows.cells == [["a'b\\c\\d;", None], ["x\\", "y"]]
    rows.replace(0, 0, "it's \\ here")
    rows.replace(1, 1, "NULL")
    assert payloads(rows.wire()) == [b"'it\\'s \\\\ here';NULL\n", b"x\\;'NULL'\n"]


def test_the_header_is_no_row() -> None:
    format = CopyFormat("csv", ",", "", header=True)
    reader = CopyReader(format, AB)
    rows = reader.read(command(), messages(b'a,"b\nb"\n', b"1,x\n"))
    assert rows.cells == [["1", "x"]]
    rows.replace(0, 1, "y")
    assert payloads(rows.wire()) == [b'a,"b\nb"\n', b"1,y\n"]
    assert reader.read(command(), messages(b"2,z\n")).cells == [["2", "z"]]


# -- binary


def test_binary_tuples_read_and_edit() -> None:
    data = messages(HEADER + tuple_of(b"a@x", struct.pack("!i", 7)), tuple_of(None, None), TRAILER)
    rows = read(BINARY, data, types=(25, 23))
    assert rows.cells == [["a@x", "7"], [None, None]]
    assert b"7" in rows.haystack
    assert rows.wire() is data
    rows.replace(0, 0, "[email]")
    rows.replace(1, 1, "8")
    assert payloads(rows.wire()) == [
        HEADER + tuple_of(b"[email]", struct.pack("!i", 7)),
        tuple_of(None, struct.pack("!i", 8)),
        TRAILER,
    ]


def test_a_binary_cell_of_unknown_type_becomes_null() -> None:
    rows = read(BINARY, messages(HEADER + tuple_of(b"a@x", b"\0\0\0\7")))
    assert rows.texts(0) == ["a@x"]
    assert b"a@x" in rows.haystack
    rows.replace(0, 0, "[email]")
    assert payloads(rows.wire()) == [HEADER + tuple_of(None, b"\0\0\0\7")]


@pytest.mark.parametrize(
    "payload",
    [
        b"PGCOPX" + HEADER[6:] + tuple_of(b"a", b"b"),
        HEADER[:11] + struct.pack("!II", 1 << 16, 0) + tuple_of(b"a", b"b"),
        HEADER + tuple_of(b"a"),
        HEADER + tuple_of(b"a", b"b", b"c"),
        HEADER + struct.pack("!hi", 2, -2),
        HEADER + TRAILER + tuple_of(b"a", b"b"),
        HEADER + TRAILER + TRAILER,
    ],
)
def test_binary_data_that_is_none_is_refused(payload: bytes) -> None:
    with pytest.raises(PeerError):
        read(BINARY, message(payload))


# -- cut anywhere

STREAMS: dict[str, tuple[CopyFormat, bytes, list[list[str | None]]]] = {
    "text": (TEXT, b"1\ta\\nb\n\\N\tx y\n3\t\n", [["1", "a\nb"], [None, "x y"], ["3", ""]]),
    "csv": (CSV, b'1,"a\n""b"""\n,x y\n3,""\n', [["1", 'a\n"b"'], [None, "x y"], ["3", ""]]),
    "escape": (
        CopyFormat("csv", ",", "", '"', "\\"),
        b'1,"a\n\\"b\\\\"\n,x\\y\n3,""\n',
        [["1", 'a\n"b\\'], [None, "x\\y"], ["3", ""]],
    ),
    "binary": (
        BINARY,
        HEADER + tuple_of(b"1", b"a") + tuple_of(None, b"") + TRAILER,
        [["1", "a"], [None, ""]],
    ),
}


@pytest.mark.parametrize("kind", STREAMS)
@given(data=st.data())
def test_any_cut_gives_the_same_rows_and_the_same_bytes(kind: str, data: st.DataObject) -> None:
    format, stream, expected = STREAMS[kind]
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)))))
    parts = [stream[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    reader, cells, sent = CopyReader(format, AB), [], b""
    while parts:
        taken = data.draw(st.integers(1, len(parts)))
        rows = reader.read(command(), messages(*parts[:taken]))
        del parts[:taken]
        cells += rows.cells
        sent += b"".join(payloads(rows.wire()))
    rest = reader.finish(command())
    assert cells + rest.cells == expected
    assert sent + b"".join(payloads(rest.wire())) == stream


@pytest.mark.parametrize("kind", STREAMS)
def test_every_single_cut_and_every_byte_apart(kind: str) -> None:
    format, stream, expected = STREAMS[kind]
    cut = [[stream[:at], stream[at:]] for at in range(len(stream) + 1)]
    for parts in [*cut, [bytes((byte,)) for byte in stream]]:
        reader = CopyReader(format, AB)
        batches = [reader.read(command(), message(part)) for part in parts]
        assert [row for rows in batches for row in rows.cells] == expected
        for rows in batches:
            for row in range(len(rows)):
                rows.replace(row, 1, None)
        again = CopyReader(format, AB).read(command(), b"".join(rows.wire() for rows in batches))
        assert again.cells == [[first, None] for first, _ in expected]


def test_a_last_line_without_its_newline_is_a_row() -> None:
    reader = CopyReader(TEXT, AB)
    assert reader.read(command(), message(b"1\ta")).cells == []
    rows = reader.finish(command())
    rows.replace(0, 1, "b")
    assert payloads(rows.wire()) == [b"1\tb"]


def test_a_tuple_without_its_end_is_refused() -> None:
    reader = CopyReader(BINARY, AB)
    assert reader.read(command(), message(HEADER + tuple_of(b"a", b"b")[:-1])).cells == []
    with pytest.raises(PeerError, match="ends in a row"):
        reader.finish(command())


@pytest.mark.parametrize("format", [TEXT, CSV, BINARY])
def test_a_row_has_a_limit(format: CopyFormat) -> None:
    start = HEADER + struct.pack("!hi", 2, 2**30) if format is BINARY else b"x"
    reader = CopyReader(format, AB, limit_bytes=1000)
    for _ in range(9):
        reader.read(command(), message(start))
        start = b"x" * 100
    with pytest.raises(PeerError) as caught:
        reader.read(command(), messages(*[b"x" * 100] * 3))
    assert caught.value.limit == 1000
    whole = HEADER + tuple_of(b"x" * 20, b"y") if format is BINARY else b"x" * 20 + b"\n"
    with pytest.raises(PeerError):
        CopyReader(format, AB, limit_bytes=10).read(command(), message(whole))


@pytest.mark.parametrize("kind", STREAMS)
@given(data=st.data())
def test_mutated_data_raises_peer_error_and_nothing_else(kind: str, data: st.DataObject) -> None:
    format, stream, _ = STREAMS[kind]
    mutated = bytearray(stream)
    for _ in range(data.draw(st.integers(1, 4))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    with only_the_server_to_blame():
        reader = CopyReader(format, AB)
        rows = reader.read(command(), message(bytes(mutated)))
        assert len(rows.haystack) >= len(rows.wire())
        for row in range(len(rows)):
            rows.replace(row, 0, "x")
        payloads(rows.wire())
        reader.finish(command())


@pytest.mark.parametrize("data", [b"d", b"d\0\0\0\3", message(b"1\ta\n")[:-1], b"D" + message(b"1\ta\n")[1:]])
def test_messages_that_are_not_whole_are_refused(data: bytes) -> None:
    with pytest.raises(PeerError):
        read(TEXT, data)


def test_an_unclosed_quote_and_a_wrong_width_are_refused() -> None:
    reader = CopyReader(CSV, AB)
    reader.read(command(), message(b'1,"x\n'))
    with pytest.raises(PeerError, match="quote"):
        reader.finish(command()).texts(0)
    with pytest.raises(PeerError, match="columns"):
        read(TEXT, message(b"1\ta\tb\n")).texts(0)


def test_options_that_no_server_takes_are_refused() -> None:
    with pytest.raises(PeerError):
        CopyReader(CopyFormat(delimiter="||"), AB)


@pytest.mark.parametrize("kind", ["text", "binary"])
def test_a_copy_is_edited_apart(kind: str) -> None:
    format, stream, _ = STREAMS[kind]
    rows = read(format, message(stream))
    rows.replace(0, 1, None)
    twin = copy.deepcopy(rows, {id(rows.command): rows.command})
    twin.replace(0, 0, None)
    assert rows.texts(0)[0] == "1"
    assert twin.cells[0] == [None, None]
    assert rows.wire() != twin.wire()


# -- the server's own

VALUES = "(VALUES (1, 'tab\t nl\n back\\ \\N'), (2, ''), (3, NULL), (4, 'q\"uo,te'), (5, '\\.'), (6, 'é|')) v(a, b)"
EXPECTED: list[list[str | None]] = [
    ["1", "tab\t nl\n back\\ \\N"],
    ["2", ""],
    ["3", None],
    ["4", 'q"uo,te'],
    ["5", "\\."],
    ["6", "é|"],
]


def copied(connection: "psycopg.Connection[tuple[object, ...]]", options: str) -> bytes:
    result = connection.pgconn.exec_(f"COPY (SELECT * FROM {VALUES}) TO STDOUT ({options})".encode())
    assert result.status == ExecStatus.COPY_OUT, result.error_message
    parts = []
    while (taken := connection.pgconn.get_copy_data(0))[0] > 0:
        parts.append(message(bytes(taken[1])))
    while connection.pgconn.get_result():
        pass
    return b"".join(parts)


FORMATS = {
    "FORMAT text": TEXT,
    "FORMAT text, HEADER": CopyFormat(header=True),
    "DELIMITER '|', NULL 'nil'": CopyFormat(delimiter="|", null="nil"),
    "FORMAT csv": CSV,
    "FORMAT csv, HEADER, FORCE_QUOTE *": CopyFormat("csv", ",", "", header=True),
    "FORMAT csv, QUOTE '''', ESCAPE '\\', DELIMITER '|', NULL 'n'": CopyFormat("csv", "|", "n", "'", "\\"),
    "FORMAT text, ENCODING 'LATIN1'": CopyFormat(encoding="iso8859_1"),
    "FORMAT binary": BINARY,
}


@pytest.mark.parametrize(("options", "format"), FORMATS.items())
def test_what_the_server_sends_is_read_and_goes_back(
    postgres: PostgresServer, options: str, format: CopyFormat
) -> None:
    with postgres.connect() as connection:
        data = copied(connection, options)
        rows = read(format, data, types=(23, 25))
        assert rows.cells == EXPECTED
        assert rows.wire() is data
        hard = 'm\tas\nk\\N "x", |\''
        for row in range(len(rows)):
            rows.replace(row, 1, hard)
        assert read(format, rows.wire(), types=(23, 25)).cells == [[number, hard] for number, _ in EXPECTED]
        connection.execute("CREATE TEMP TABLE back (a int, b text)")
        with connection.cursor().copy(f"COPY back FROM STDIN ({options.replace(', FORCE_QUOTE *', '')})") as back:
            for payload in payloads(rows.wire()):
                back.write(payload)
        assert connection.execute("SELECT a::text, b FROM back").fetchall() == [(n, hard) for n, _ in EXPECTED]


def test_csv_agrees_with_pythons_reader(postgres: PostgresServer) -> None:
    with postgres.connect() as connection:
        rows = read(CSV, copied(connection, "FORMAT csv"), types=(23, 25))
    for row in range(len(rows)):
        rows.replace(row, 1, f'"{row}",\r\n')
    text = b"".join(payloads(rows.wire())).decode()
    assert [line[1] for line in csv.reader(io.StringIO(text, newline=""))] == [f'"{row}",\r\n' for row in range(6)]
