"""Fields of JSON by path: whatever the runs that it comes in, each value that is meant is masked and no other."""

import itertools
import json
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoopaddon import Refused
from hoopaddon.detect import Fields
from hoopaddon.detect.jsonfields import JsonFields, JsonState
from hoopaddon.web.body.jsonruns import JsonSplitter

PATTERNS = ["ssn", "a.b", "*.pin", "c.*", "$.d", "*x*.e", "f*", "g.h.i", "größe", "p?n", "*"]
NAMES = ["ssn", "SSN", "a", "b", "pin", "c", "d", "e", "xe", "f", "ff", "g", "h", "i", "größe", "z", 'q"}', ""]

DOCUMENTS = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-9, 9),
        st.sampled_from([1.5e300, -2e-9]),
        st.sampled_from(["t", 'a "b"', "\\", "{[", "ssn", "é"]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)),
    max_leaves=16,
)


def whole(_text: str) -> str:
    return "#"


def meant(path: list[str], patterns: list[str]) -> bool:
    """By the words of the documentation, as slowly as that is."""
    names = [name.lower() for name in path]
    ends = [".".join(names[n:]) for n in range(len(names))] + ["$." + ".".join(names), "." + names[-1]]
    return any(fnmatchcase(end, pattern.lower()) for pattern in patterns for end in ends)


def expected(value: Any, patterns: list[str], path: list[str], hidden: bool = False) -> Any:
    match value:
        case dict():
            return {
                name: expected(inner, patterns, [*path, name], hidden or meant([*path, name], patterns))
                for name, inner in value.items()
            }
        case list():
            return [expected(inner, patterns, path, hidden) for inner in value]
        case str():
            return "#" if hidden else value
    return None if hidden else value


def masked(text: str, patterns: list[str], places: list[int]) -> str:
    """What is left of a text that comes in runs, as the bodies of HTTP do."""
    masker, state, splitter = JsonFields(Fields(patterns), whole), JsonState(), JsonSplitter()
    data = text.encode()
    bounds = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    chunks = [data[one:other] for one, other in itertools.pairwise(bounds)]
    runs = [run for chunk in chunks for run in splitter.runs(chunk)] + list(splitter.rest())
    shown = ""
    for run in runs:
        run_text = run.data.decode()
        shown += masker.mask(run_text, state) if masker.wants(run.data, state) else run_text
    return shown


@settings(max_examples=400, deadline=None)
@given(
    DOCUMENTS,
    st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=3, unique=True),
    st.lists(st.integers(0, 500), max_size=8),
    st.booleans(),
    st.booleans(),
)
def test_what_is_meant_is_masked_in_any_runs(
    document: Any, patterns: list[str], places: list[int], ascii_only: bool, indented: bool
) -> None:
    text = json.dumps(document, ensure_ascii=ascii_only, indent=2 if indented else None)
    got = masked(text, patterns, places)
    # Of a document that is no object or list, nothing has a name.
    assert json.loads(got) == expected(document, patterns, [])


@pytest.mark.parametrize(
    ("pattern", "path", "found"),
    [
        ("ssn", "ssn", True),
        ("ssn", "user.SSN", True),
        ("ssn", "ssn.digits", False),
        ("user.ssn", "a.user.ssn", True),
        ("user.ssn", "superuser.ssn", False),
        ("user.*", "user.a.b", True),
        ("*.ssn", "ssn", True),
        ("$.ssn", "$.ssn", True),
        ("$.ssn", "$.a.ssn", False),
        ("s?n", "sin", True),
        ("[a-c]x", "bx", True),
    ],
)
def test_paths(pattern: str, path: str, found: bool) -> None:
    assert Fields([pattern]).match(path) is found


@pytest.mark.parametrize(
    ("patterns", "text", "occurs"),
    [
        (["ssn"], '{"a": 1}', False),
        (["ssn"], '{"MySSN": 1}', True),
        (["ssn"], '{"\\u0073sn": 1}', True),
        (["ssn"], '{"\\u00e9": 1}', False),
        (["user.ssn"], '{"ssn": 1}', False),
        (["user.ssn"], '{"user": {', True),
        (["*.pin"], '{"pin"', True),
        (["größe"], '{"gr\\u00f6\\u00dfe"', True),
        (["*"], "", True),
        (["?x"], "", True),
        (["$.a"], "", True),
        ([], "ssn", False),
    ],
)
def test_whether_a_name_may_occur(patterns: list[str], text: str, occurs: bool) -> None:
    assert Fields(patterns).may_occur(text.encode()) is occurs


def test_a_string_that_goes_on_is_masked_to_its_end() -> None:
    masker, state = JsonFields(Fields(["ssn"]), whole), JsonState()
    assert masker.mask('{"ssn": "abc"', state) == '{"ssn": "#"'
    assert state.active
    assert masker.mask('"def"', state) == '""'
    assert masker.mask('"ghi", "b": "c"}', state) == '"", "b": "c"}'
    assert not state.active


def test_what_is_remembered_is_only_what_leads_somewhere() -> None:
    masker, state = JsonFields(Fields(["a.b"]), whole), JsonState()
    masker.mask('{"x": [[[{"a": {', state)
    assert state.active
    masker.mask('"c": 1}}]]', state)
    assert not state.active


def test_nesting_has_an_end_where_it_is_read() -> None:
    masker = JsonFields(Fields(["a"]), whole)
    with pytest.raises(Refused, match="nested too deep"):
        masker.mask('{"a":' + "[" * 3000, JsonState())


@pytest.mark.parametrize("text", ["{ssn: 1}", "{'ssn': '1'}", "<ssn>1</ssn>", "ssn=1"])
@pytest.mark.parametrize("patterns", [["ssn"], ["*"]])
def test_what_is_no_json_cannot_be_told(text: str, patterns: list[str]) -> None:
    with pytest.raises(Refused, match="no JSON"):
        JsonFields(Fields(patterns), whole).mask(text, JsonState())
