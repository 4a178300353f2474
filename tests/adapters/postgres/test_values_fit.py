"""Which texts fit which types: a client that parses the column must be able to go on."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoopaddon.adapters.postgres.values.types.literals import (
    Array,
    array_text,
    parse_array,
    parse_multirange,
    parse_range,
    parse_record,
    record_text,
)
from hoopaddon.adapters.postgres.values.types.scalar import Unfit
from hoopaddon.adapters.postgres.values.types.table import BUILT_IN, Type, with_names
from hoopaddon.adapters.postgres.values.values import Values

OIDS = {found.name: found.oid for found in BUILT_IN.values()}
VALUES = Values()

UNFIT: dict[str, tuple[str, ...]] = {
    "bool": ("", "true", "x", "T"),
    "int2": ("", "32768", "1.0", "+1", " 1", "1 ", "١", "[redacted]"),
    "int4": ("2147483648", "0x10", "1_000", "-"),
    "int8": ("9223372036854775808", "9" * 5000),
    "oid": ("-1", "4294967296"),
    "float8": ("", "nan", "1e999", "inf", "1.", "abc"),
    "float4": ("1e39",),
    "numeric": ("", "1e5", ".5", "1.", "--1", "nan", "1,5"),
    "money": ("5", "$5", "$1,23.00", "USD 5.00"),
    "uuid": ("", "a0eebc99", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "g0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    "date": ("2023-02-29", "2023-13-01", "0000-01-01", "5874898-01-01", "4714-11-23 BC", "01/02/2003", "2023-1-1"),
    "time": ("24:00:01", "12:60:00", "12:00:60", "12:00", "12:00:00+00"),
    "timetz": ("12:00:00", "12:00:00+16"),
    "timestamp": ("2023-01-01", "2023-01-01T00:00:00", "294277-01-01 00:00:00", "2023-01-01 00:00:00+00"),
    "timestamptz": ("2023-01-01 00:00:00",),
    "interval": ("", " ", "1", "1 fortnight", "P1Y", "3000000000 days", "1 day "),
    "inet": ("", "1.2.3", "1.2.3.4/33", "::1/129", "1.2.3.4.5", "g::", "1.2.3.4 "),
    "cidr": ("10.0.0.1/8", "10.0.0.0"),
    "macaddr": ("08:00:2b:01:02", "08-00-2b-01-02-03"),
    "bit": ("2",),
    "bytea": ("abc", "\\x0", "\\xzz"),
    "point": ("1,2", "(1,2", "(a,b)"),
    "pg_lsn": ("0", "0/123456789"),
    "tid": ("(1)", "(4294967296,1)"),
    "json": ("", "{", "NaN", "[1,]", "redacted"),
    "jsonb": ("{'a': 1}",),
    "xml": ("<a>", "<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>", "a & b"),
    "jsonpath": ("$.x",),
    "name": ("n" * 64,),
    "char": ("ab", "é"),
    "text": ("a\0b", "\ud800"),
    "_int4": ("", "1,2", "{1,2", "{1,x}", "{{1},{2,3}}", "[1:3]={1,2}", "{1}}", "{1} ", "{{{{{{{1}}}}}}}", "{,}"),
    "_text": ('{"a}', "{a b}", "{a,}", "{{a},b}"),
    "int4range": ("", "[1,2", "1,2", "[1,x)", "[1.5,2)", "{1,2}"),
    "int4multirange": ("", "{[1,2)", "{[1,2),}", "[1,2)"),
    "tsvector": ("a", "'a':0", "'a' ", "'a':1D", "''"),
    "pg_snapshot": ("1:2", "1:2:3,"),
    "void": ("x",),
}

FIT: dict[str, tuple[str, ...]] = {
    "text": ("", "[redacted]", "é😀"),
    "json": ('"[redacted]"', "null", "0"),
    "xml": ("[redacted]", '<?xml version="1.0"?><a/>', "<a>b</a> c"),
    "_text": ("{[redacted]}", "{}", "{NULL}"),
    "date": ("1900-01-01", "infinity"),
    "numeric": ("0", "-1.50"),
    "tsvector": ("'a':1A 'b'",),
    "int2vector": ("", "1 2"),
}


@pytest.mark.parametrize("format", [0, 1])
def test_what_does_not_fit_is_no_cell(format: int) -> None:
    for name, texts in UNFIT.items():
        for text in texts:
            assert VALUES.from_text(OIDS[name], text, format) is None, (name, text)


@pytest.mark.parametrize("format", [0, 1])
def test_what_fits_comes_back(format: int) -> None:
    for name, texts in FIT.items():
        for text in texts:
            cell = VALUES.from_text(OIDS[name], text, format)
            assert cell is not None, (name, text)
            assert VALUES.to_text(OIDS[name], cell, format) == text


def test_a_length_in_the_type_is_a_limit() -> None:
    assert VALUES.from_text(OIDS["varchar"], "12345", 0, modifier=9) == b"12345"
    assert VALUES.from_text(OIDS["varchar"], "123456", 0, modifier=9) is None
    assert VALUES.from_text(OIDS["bpchar"], "ab", 0, modifier=9) == b"ab   "
    assert VALUES.from_text(OIDS["bit"], "10", 0, modifier=3) is None
    assert VALUES.from_text(OIDS["varbit"], "10", 0, modifier=3) == b"10"


def test_a_type_that_is_not_known_takes_nothing() -> None:
    for format in (0, 1):
        assert VALUES.from_text(99999, "x", format) is None


def test_an_extensions_type_is_known_by_its_name() -> None:
    values = Values(with_names([(99999, "citext"), (99998, "_citext"), (99997, "mine")]))
    assert values.from_text(99999, "x", 0) == b"x"
    assert values.from_text(99998, "{x}", 0) == b"{x}"
    assert values.from_text(99997, "x", 0) is None
    assert values.type_name(99997) == "mine"


def test_an_enum_takes_nothing_else() -> None:
    values = Values({**BUILT_IN, 99999: Type(99999, "mood", "enum")})
    assert values.to_text(99999, b"ok", 1) == "ok"
    assert values.from_text(99999, "fine", 0, b"ok") is None


@pytest.mark.parametrize(
    ("old", "new", "fits"),
    [
        ('(1,ada@example.org,"a b")', '(1,[email],"x y")', True),
        ("(1,ada@example.org)", "(1,)", True),
        ("(1,a)", "(x,a)", False),
        ("(1,a)", "(2,a)", True),
        ("(1,a)", "(12345678901,a)", False),
        ("(1,a)", "(1.5,a)", False),
        ("(1,a)", "(1,a,b)", False),
        ("(1,a)", "1,a", False),
        ("(,a)", "(b,a)", False),
        ("(2020-01-01,a)", "(2021-12-31,a)", True),
        ("(2020-01-01,a)", "([date],a)", False),
        ("(10.0.0.1,a)", "(x,a)", False),
        ('("{""k"": ""v""}",a)', '("{""k"": ""[x]""}",a)', True),
        ('("{""k"": ""v""}",a)', "([x],a)", False),
        ('("(1,b c)",a)', '("(1,[x])",a)', True),
        ('("(1,b c)",a)', '("(x,b)",a)', False),
        ('("{1,2}",a)', '("{3,4}",a)', True),
        ('("{1,2}",a)', '("{x,4}",a)', False),
    ],
)
def test_a_composites_fields_stay_what_they_look_like(old: str, new: str, fits: bool) -> None:
    cell = VALUES.from_text(OIDS["record"], new, 0, old.encode())
    assert cell == (new.encode() if fits else None)


def test_a_composite_without_its_original_says_nothing() -> None:
    for format in (0, 1):
        assert VALUES.from_text(OIDS["record"], "(1)", format) is None


def test_a_binary_composites_fields_fit_their_types() -> None:
    original = bytes.fromhex("00000002000000170000000400000001000000190000000161")
    assert VALUES.to_text(OIDS["record"], original, 1) == "(1,a)"
    masked = VALUES.from_text(OIDS["record"], "(1,[x])", 1, original)
    assert masked is not None
    assert VALUES.to_text(OIDS["record"], masked, 1) == "(1,[x])"
    assert VALUES.from_text(OIDS["record"], "(x,a)", 1, original) is None


def test_an_array_whose_elements_have_no_type_keeps_their_looks() -> None:
    anyarray = OIDS["anyarray"]
    assert VALUES.from_text(anyarray, "{[x],b}", 0, b"{a,b}") == b"{[x],b}"
    assert VALUES.from_text(anyarray, "{x,2}", 0, b"{1,2}") is None
    assert VALUES.from_text(anyarray, "{x}", 1, None) is None


elements = st.lists(
    st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1
)


@given(elements, st.integers(-5, 5))
def test_arrays_are_read_as_they_are_written(items: list[str | None], lower: int) -> None:
    array = Array(((len(items), lower),), items)
    assert parse_array(array_text(array)) == array


@given(elements)
def test_records_are_read_as_they_are_written(items: list[str | None]) -> None:
    assert parse_record(record_text(items)) == items


@given(st.text('{}[](),:="\\ 1a-\n'))
def test_any_text_is_read_or_unfit(text: str) -> None:
    for parse in (parse_array, parse_record, parse_range, parse_multirange):
        try:
            parse(text)
        except Unfit:
            continue


@given(
    st.sampled_from(["int8", "numeric", "date", "timestamp", "interval", "uuid", "inet", "point", "money"]), st.data()
)
def test_what_is_read_from_any_bytes_fits_again(name: str, data: st.DataObject) -> None:
    numbers = st.integers(-(2**62), 2**62).map(lambda number: number.to_bytes(8, signed=True))
    cells = {
        "date": st.integers(-2_451_545, 2**30).map(lambda day: day.to_bytes(4, signed=True)),
        "timestamp": st.integers(-(2**57), 2**62).map(lambda us: us.to_bytes(8, signed=True)),
        "interval": st.binary(min_size=16, max_size=16),
        "uuid": st.binary(min_size=16, max_size=16),
        "inet": st.binary(min_size=4, max_size=4).map(lambda address: b"\2\x20\0\4" + address),
        "point": st.tuples(st.floats(), st.floats()).map(lambda pair: struct.pack(">dd", *pair)),
        "numeric": st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30)
        .map(lambda number: VALUES.from_text(1700, f"{number:f}", 1))
        .filter(lambda cell: cell is not None),
    }
    cell = data.draw(cells.get(name, numbers))
    assert cell is not None
    text = VALUES.to_text(OIDS[name], cell, 1)
    assert text is not None
    again = VALUES.from_text(OIDS[name], text, 1)
    assert again is not None
    assert VALUES.to_text(OIDS[name], again, 1) == text


def test_a_users_type_is_not_taken_for_the_one_whose_name_it_has() -> None:
    names = [(99999, "text"), (99998, "numeric"), (99997, "_text")]
    values = Values({**with_names(names), 99996: Type(99996, "varchar", "enum")})
    for oid in (99996, 99997, 99998, 99999):
        assert values.from_text(oid, "1", 0, b"2") is None
        assert values.from_text(oid, "1", 1, b"2") is None
    assert values.to_text(99998, b"\0\0\0\0\0\0\0\0", 1) is None
