"""Names and values of a query or a form."""

import pytest

from hoopaddon import Unparsable
from hoopaddon.web.query import multi, pairs


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ()),
        ("a=1&b=2", (("a", "1"), ("b", "2"))),
        ("a=1&a=2", (("a", "1"), ("a", "2"))),
        ("a", (("a", ""),)),
        ("a=b=c", (("a", "b=c"),)),
        ("&&a=1&", (("a", "1"),)),
        ("a+b=c%20d", (("a b", "c d"),)),
        ("%61=%C3%A9", (("a", "é"),)),
        ("a=%zz%", (("a", "%zz%"),)),
        ("a=%ff", (("a", "�"),)),
        ("a=1;b=2", (("a", "1;b=2"),)),
    ],
)
def test_pairs(text: str, found: tuple[tuple[str, str], ...]) -> None:
    assert pairs(text) == found


def test_all_values_of_a_name_are_kept() -> None:
    assert multi(pairs("a=1&b=2&a=3")) == {"a": ("1", "3"), "b": ("2",)}


def test_more_than_anybody_has_to_read() -> None:
    with pytest.raises(Unparsable, match="more than"):
        pairs("&" * 10_001)
