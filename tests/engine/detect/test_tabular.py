"""Tables and forms: columns by the name that their first record gives them."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoopaddon.detect import Fields
from hoopaddon.detect.tabular import TableState, mask_form, mask_table

FIELDS = Fields(["ssn", "*.pin", "user.name"])
CELLS = st.text(alphabet='ab,;"\n \té', max_size=6)


def whole(_text: str) -> str:
    return "#"


def search(text: str) -> str:
    return text.replace("ann@example.com", "[x]")


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(["id", "SSN", "pin", "note", "user.name"]), min_size=2, max_size=4),
    st.lists(st.lists(CELLS, min_size=4, max_size=4), max_size=5),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.booleans(),
)
def test_named_columns_are_masked_in_every_record(
    names: list[str], cells: list[list[str]], delimiter: str, quoting: int, apart: bool
) -> None:
    out = io.StringIO()
    rows = [names, *(row[: len(names)] for row in cells)]
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting)  # type: ignore[arg-type]
    texts: list[str] = []
    for row in rows:
        writer.writerow(row)
        texts.append(out.getvalue())
        out.seek(0)
        out.truncate()
    state = TableState()
    pieces = texts if apart else ["".join(texts)]
    got = "".join(mask_table(text, state, FIELDS, whole) for text in pieces)
    hidden = [name.lower() in ("ssn", "pin", "user.name") for name in names]
    shown = [
        ["#" if hide and cell.strip('"') else cell for hide, cell in zip(hidden, row, strict=True)]
        for row in rows[1:]
    ]
    assert list(csv.reader(io.StringIO(got, newline=""), delimiter=delimiter)) == [names, *shown]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id|ssn\n1|2\n", "id|ssn\n1|#\n"),
        ("ssn\n1\n2", "ssn\n#\n#"),
        ("\ufeffssn,id\r\n1,2\r\n", "\ufeffssn,id\r\n#,2\r\n"),
        ('id,ssn\n1,"2""3"\n', 'id,ssn\n1,"#"\n'),
        ('id,ssn\n5" pipe,2\n6,"unfinished\n', 'id,ssn\n5" pipe,#\n6,"#"\n'),
        ("id,note\n1,2\n", "id,note\n1,2\n"),
        ("", ""),
    ],
)
def test_tables(text: str, expected: str) -> None:
    assert mask_table(text, TableState(), FIELDS, whole) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=1&ssn=2&b=3", "a=1&ssn=%23&b=3"),
        ("s%73n=2;a=1", "s%73n=%23;a=1"),
        ("user[name]=x&user%5Bname%5D=y&user.name=z", "user[name]=%23&user%5Bname%5D=%23&user.name=%23"),
        ("a=ann%40example.com", "a=%5Bx%5D"),
        ("ann%40example.com=1", "%5Bx%5D=1"),
        ("ssn=&a&=&%ff=%zz", "ssn=&a&=&%ff=%zz"),
        ("%ff=%ffann@example.com\udcff", "%ff=%FF%5Bx%5D%FF"),
    ],
)
def test_forms(text: str, expected: str) -> None:
    assert mask_form(text, FIELDS, whole, search) == expected
