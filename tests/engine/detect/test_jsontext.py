"""Masks inside of JSON that leave it JSON, whatever it is escaped with."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoopaddon.detect import finder, mask_json, redacted
from hoopaddon.detect.catalog import expand

FINDER = finder(expand(["email", "card", "secret"]))

WORDS = ["ann@example.com", "@example.com", "é", "é@é.com", "4111 1111 1111 1111", "n", "u0041"]
PIECES = st.tuples(st.sampled_from('\n\t\\"/ '), st.sampled_from(WORDS)).map("".join)


def masked(text: str) -> str:
    return mask_json(text, FINDER, redacted)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.lists(PIECES, max_size=6).map("".join), max_size=4), st.booleans(), st.booleans())
def test_json_stays_json_and_hides_what_its_strings_hold(texts: list[str], ascii_only: bool, slashes: bool) -> None:
    text = json.dumps(texts, ensure_ascii=ascii_only)
    got = json.loads(masked(text.replace("/", "\\/") if slashes else text))
    assert len(got) == len(texts)
    assert not any("ann@example.com" in item for item in got)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r'"ann\n@example.com"', r'"ann\n[email]"'),
        (r'"\\n@example.com"', r'"\\[email]"'),
        (r'"a\nann@example.com"', r'"a\n[email]"'),
        (r'["\"", 4111111111111111, "\n"]', r'["\"", null, "\n"]'),
        ('{"a":4.111111111111111e15}', '{"a":null}'),
        ('{"a":4111111111111111E0, "b":1.5e3}', '{"a":null, "b":1.5e3}'),
        (r'"{\"a\":\"ann\\u0040example.com\"}"', r'"{\"a\":\"[email]\"}"'),
        (r'"https:\/\/bob:s3cret@db.example.com\/x"', '"https://[url_credential]@db.example.com/x"'),
        (r'"\q ann@example.com"', '"[unsearched]"'),
    ],
)
def test_escapes(text: str, expected: str) -> None:
    assert masked(text) == expected
