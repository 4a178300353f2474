"""Lines of COPY data that are cut and decoded together come out as each by itself."""

import struct
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoopaddon.adapters.postgres.values.copy_format import CopyFormat
from hoopaddon.adapters.postgres.values.copy_text import line_grammar

FORMATS = [
    CopyFormat(),
    CopyFormat(null=""),
    CopyFormat(delimiter="|", null="\\x"),
    CopyFormat(delimiter=",", null="null"),
    CopyFormat(encoding="cp932"),
    CopyFormat("csv", ",", ""),
    CopyFormat("csv", ",", "null", escape="\\"),
    CopyFormat("csv", "\t", "x", quote="'", escape="'"),
]

pieces = st.sampled_from(
    [
        b"",
        b"x",
        b"\t",
        b",",
        b"|",
        b"\\",
        b"\\N",
        b"\\x",
        b"\\t",
        b'"',
        b"'",
        b"null",
        b"N",
        b"\xe3\x81\x82",
        b"\xe3",
        b"\x83\\",
    ]
)
lines = st.lists(st.lists(pieces, max_size=6).map(b"".join), min_size=1, max_size=6)


@given(lines, st.sampled_from(FORMATS), st.integers(1, 4))
def test_lines_cut_together_are_cut_as_each_by_itself(lines: list[bytes], format: CopyFormat, width: int) -> None:
    grammar = line_grammar(format)
    messages = [b"d" + struct.pack("!i", len(line) + 5) + line + b"\n" for line in lines]
    starts = list(accumulate(map(len, messages[:-1]), initial=0))
    columns = grammar.cut(b"".join(messages), starts, width)
    if columns is None:
        return
    assert len(columns) == width
    assert [list(cells) for cells in zip(*columns, strict=True)] == [grammar.split(line) for line in lines]


@pytest.mark.parametrize("format", FORMATS)
def test_plain_lines_are_cut_together(format: CopyFormat) -> None:
    grammar, mark = line_grammar(format), format.delimiter.encode()
    # The second one's length looks like a backslash.
    lines = [mark.join([b"ab", b"", b"c"]), mark.join([b"x" * 80, b"y", b"abcde"]), mark * 2]
    messages = [b"d" + struct.pack("!i", len(line) + 5) + line + b"\n" for line in lines]
    starts = list(accumulate(map(len, messages[:-1]), initial=0))
    columns = grammar.cut(b"".join(messages), starts, 3)
    assert columns is not None
    assert [list(column) for column in columns] == [[b"ab", b"x" * 80, b""], [b"", b"y", b""], [b"c", b"abcde", b""]]
    assert grammar.cut(b"".join(messages), starts, 2) is None
    assert grammar.cut(b"".join(messages), starts, 4) is None


@given(st.lists(st.lists(pieces, max_size=3).map(b"".join), max_size=6), st.sampled_from(FORMATS))
def test_cells_decoded_together_are_decoded_as_each_by_itself(cells: list[bytes], format: CopyFormat) -> None:
    grammar = line_grammar(format)
    assert grammar.decode_all(cells) == [grammar.decode(cell) for cell in cells]
    assert grammar.decode_all([b"a\nb", *cells]) == [grammar.decode(cell) for cell in [b"a\nb", *cells]]
