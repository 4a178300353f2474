"""mask_pii on whole pages of rows: no shortcut over a page lets through what a cell by itself would not."""

import json
import struct
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoopaddon import Rows
from hoopaddon.adapters.postgres.values.cells import data_row_head, sized
from hoopaddon.adapters.postgres.values.copy_data import CopyReader
from hoopaddon.adapters.postgres.values.copy_format import CopyFormat
from hoopaddon.adapters.postgres.values.description import Field, describe_columns
from hoopaddon.adapters.postgres.values.rows import PostgresRows, rows_of
from hoopaddon.addons.mask_pii import MaskPII
from hoopaddon.testing import Bench, command
from tests.engine.detect.samples import POSITIVE

TEXT, INT8, NUMERIC, JSONB, INET, UUID = 25, 20, 1700, 3802, 869, 2950
SAMPLES = [texts[0] for texts in POSITIVE.values()]
PLAIN = ["in stock", "part 7", "", None, "naïve ‑ (x)", "back\\slash", "tab\there", 'say "hi"', "{1,2}", "\\N"]


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench(MaskPII()) as bench:
        yield bench


def select(oids: Sequence[int], rows: Sequence[Sequence[bytes | None]], format: int, encoding: str) -> PostgresRows:
    fields = [Field(f"c{n}", 0, 0, oid, -1, -1, format) for n, oid in enumerate(oids)]
    bodies = [b"".join(map(sized, row)) for row in rows]
    data = b"".join(data_row_head(len(body) + 6, len(oids)) + body for body in bodies)
    columns = describe_columns(fields, {}, {})
    return PostgresRows(command("SELECT 1"), columns, fields, data, len(rows), encoding)


def copied(format: CopyFormat, lines: Sequence[bytes], width: int = 2) -> Rows:
    fields = [Field(f"c{n}", 0, 0, TEXT, -1, -1, 0) for n in range(width)]
    data = b"".join(struct.pack("!Bi", ord("d"), len(line) + 4) + line for line in lines)
    return CopyReader(format, describe_columns(fields, {}, {})).read(command("COPY t TO STDOUT"), data)


cells = st.one_of(st.sampled_from(PLAIN), st.sampled_from(SAMPLES), st.text('4111 -.@aA0\\"{}', max_size=20))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_page_is_masked_as_its_rows_are_by_themselves(bench: Bench, data: st.DataObject) -> None:
    rare = data.draw(st.booleans())
    filler: list[list[str | None]] = [["7", "in stock"]] * data.draw(st.integers(0, 80) if rare else st.just(0))
    rows = [*data.draw(st.lists(st.lists(cells, min_size=2, max_size=2), min_size=1, max_size=20)), *filler]
    rows = data.draw(st.permutations(rows)) if rare else rows
    fields = describe_columns([Field(n, 0, 0, TEXT, -1, -1, 0) for n in "ab"], {}, {})
    page = bench.rows(rows_of(command("SELECT 1"), fields, rows))
    alone = [bench.rows(rows_of(command("SELECT 1"), fields, [row])).cells[0] for row in rows]
    assert page.cells == alone


def _copy_text(cell: str | None) -> bytes:
    if cell is None:
        return b"\\N"
    return cell.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").encode()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_page_of_copy_is_masked_as_its_rows_are(bench: Bench, data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.lists(cells, min_size=2, max_size=2), min_size=1, max_size=30))
    rows += [["7", "in stock"]] * data.draw(st.integers(0, 80))
    fields = describe_columns([Field(n, 0, 0, TEXT, -1, -1, 0) for n in "ab"], {}, {})
    page = bench.rows(copied(CopyFormat(), [b"\t".join(map(_copy_text, row)) + b"\n" for row in rows]))
    alone = [bench.rows(rows_of(command("SELECT 1"), fields, [row])).cells[0] for row in rows]
    assert page.cells == alone
    wire = page.wire()  # type: ignore[attr-defined]
    again = CopyReader(CopyFormat(), fields).read(command("COPY t TO STDOUT"), wire)
    assert again.cells == alone


FEW, MANY = 3, 60


@pytest.mark.parametrize("hits", [FEW, MANY])
@pytest.mark.parametrize(
    ("oid", "hidden", "shown"),
    [
        (INT8, struct.pack(">q", 4111111111111111), None),
        (NUMERIC, struct.pack(">hhHH4h", 4, 3, 0, 0, 4111, 1111, 1111, 1111), None),
        (JSONB, b'\1{"m": "ann\\u0040example.com"}', '{"m": "[email]"}'),
        (INET, b"\2\x20\0\4\xcb\0\x71\x09", None),
        (TEXT, b"ann@example.com", "[email]"),
        # A type that nobody knows.
        (99999, b"\0ann@example.com\xff", None),
    ],
)
def test_binary_values_are_found_among_many(
    bench: Bench, oid: int, hidden: bytes, shown: str | None, hits: int
) -> None:
    rows: list[list[bytes | None]] = [[b"x", None] for _ in range(200)]
    for row in range(0, hits * 3, 3):
        rows[row][1] = hidden
    page = bench.rows(select((TEXT, oid), rows, 1, "utf-8"))
    assert [row[1] for row in page.cells] == [shown if rows[n][1] else None for n in range(200)]
    assert b"@" not in page.wire()  # type: ignore[attr-defined]


@pytest.mark.parametrize("hits", [FEW, MANY])
@pytest.mark.parametrize("encoding", ["iso8859_1", "cp932", "utf-8"])
def test_any_client_encoding(bench: Bench, encoding: str, hits: int) -> None:
    beside = {"iso8859_1": "Zoë ", "cp932": "ソ表 ", "utf-8": "Zoë表 "}[encoding]
    cells = [f"{beside}ann@example.com" if n < hits else beside for n in range(200)]
    page = bench.rows(select((TEXT,), [[cell.encode(encoding)] for cell in cells], 0, encoding))
    assert [row[0] for row in page.cells] == [f"{beside}[email]" if n < hits else beside for n in range(200)]
    lines = [b"1\t" + cell.encode(encoding).replace(b"\\", b"\\") + b"\n" for cell in cells]
    page = bench.rows(copied(CopyFormat(encoding=encoding), lines))
    assert [row[1] for row in page.cells] == [f"{beside}[email]" if n < hits else beside for n in range(200)]


@pytest.mark.parametrize("hits", [FEW, MANY])
@pytest.mark.parametrize(
    ("format", "plain", "line", "shown"),
    [
        (CopyFormat(), b"1\tx\n", b"1\tann\\@example.com\n", "[email]"),
        (CopyFormat(), b"1\tx\n", b"1\t4111\\x20111\\061 1111 1111\n", "[card]"),
        # A backslash before N is part of a cell where N is what stands between cells.
        (CopyFormat(delimiter="N", null=""), b"1Nx\n", b"1NGB29\\NWBK60161331926819\n", "[iban]"),
        (CopyFormat(delimiter="|", null="nil"), b"1|x\n", b"1|GB29\\NWBK60161331926819\n", "[iban]"),
        (CopyFormat(delimiter="@"), b"1@x\n", b"1@ann\\@example.com\n", "[email]"),
        (CopyFormat("csv", ",", "", '"', "@"), b"1,x\n", b'1,"ann@@example.com"\n', "[email]"),
        (CopyFormat("csv", ",", "", "4", "4"), b"0,x\n", b"0,444111 1111 1111 11114\n", "[card]"),
    ],
)
def test_escapes_of_copy_hide_nothing(
    bench: Bench, format: CopyFormat, plain: bytes, line: bytes, shown: str, hits: int
) -> None:
    lines = [line if n < hits else plain for n in range(200)]
    expected = bench.rows(copied(format, [line])).cells[0]
    page = bench.rows(copied(format, lines))
    assert page.cells[:hits] == [expected] * hits
    assert page.cells[hits:] == copied(format, [plain]).cells * (200 - hits)
    assert expected[1] == shown


def test_halves_in_two_cells_or_rows_are_nobodys(bench: Bench) -> None:
    halves: list[list[bytes | None]] = [[b"ann@", b"example.com"], [b"4111 1111", b"1111 1111"], [b"x", b"203.0."]]
    rows: list[list[bytes | None]] = [*halves, [b"113.9", b"y"]] * 50
    page = bench.rows(select((TEXT, TEXT), rows, 0, "utf-8"))
    assert not page.edited


def test_digits_of_other_scripts_and_characters_of_several_bytes(bench: Bench) -> None:
    """The outline of a page leaves bytes out; a row is told from its neighbours all the same."""
    quiet = "(a)‑(b) naïve 表"
    rows: list[list[bytes | None]] = [[quiet.encode()] for _ in range(300)]
    card, arabic = "4111‑1111‑1111‑1111", "٤١١١١١١١١١١١١١١١"
    rows[137] = [card.encode()]
    rows[201] = [arabic.encode()]
    cells = [row[0] for row in bench.rows(select((TEXT,), rows, 0, "utf-8")).cells]
    assert (cells[137], cells[201]) == ("[card]", arabic)
    assert set(cells) == {quiet, "[card]", arabic}


def test_json_in_a_column_of_text_is_looked_into_on_a_full_page(bench: Bench) -> None:
    document = '{"m": "ann\\u0040example.com"}'
    rows: list[list[bytes | None]] = [[document.encode()]] * 100
    quiet: list[list[bytes | None]] = [[b"x"]]
    for cells in (rows, rows[:1], rows[:1] + quiet * 100):
        page = bench.rows(select((TEXT,), cells, 0, "utf-8"))
        assert json.loads(page.cells[0][0] or "") == {"m": "[email]"}


@pytest.mark.parametrize("limit", [1, 4])
def test_a_page_too_long_to_scan_is_searched_row_by_row(
    bench: Bench, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hoopaddon.detect.prefilter.MAX_SCAN_BYTES", limit)
    quiet: list[list[bytes | None]] = [[b"x"]]
    hit: list[list[bytes | None]] = [[b"ann@example.com"]]
    rows = hit + quiet * 50
    assert bench.rows(select((TEXT,), rows, 0, "utf-8")).cells == [["[email]"], *[["x"]] * 50]


type Make = Callable[[], Rows]


def test_what_an_earlier_policy_wrote_is_searched_on_a_full_page(bench: Bench) -> None:
    rows: list[list[bytes | None]] = [[b"x"]] * 100
    pages: list[Make] = [
        lambda: select((TEXT,), rows, 0, "utf-8"),
        lambda: copied(CopyFormat(), [b"x\ty\n"] * 100),
    ]
    for make in pages:
        page = make()
        page.replace(40, 0, "ann@example.com")
        page.replace(41, 0, '{"m": "ann\\u0040example.com"}')
        assert [row[0] for row in bench.rows(page).cells[39:43]] == ["x", "[email]", '{"m": "[email]"}', "x"]
