"""JSON that all readers read in the same way."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoopaddon.web.strict_json import Ambiguous, NotJson, TrailingData, load_lines, loads

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text().filter(lambda t: "\0" not in t), inner, max_size=4)
    ),
    max_leaves=20,
)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 2}',
        '{"a": 1, "\\u0061": 2}',
        '[{"a": {"b": 1, "b": 1}}]',
        '{"a": NaN}',
        '{"a": -Infinity}',
        '{"a": 1e400}',
        '{"a": 123456789012345678901234567890}',
        '{"a": 18446744073709551616}',
        '{"a": "\\ud800"}',
        '{"\\ud800": 1}',
        '{"a\\u0000": 1}',
        "[" * 101 + "]" * 101,
        '{"a":' * 200_000,
    ],
)
def test_ambiguous(text: str) -> None:
    with pytest.raises(Ambiguous):
        loads(text)


@pytest.mark.parametrize("text", ['{"a": 1} {"a": 2}', '{"a": 1} // more', "1 2", '{"a": 1}\0'])
def test_trailing_data(text: str) -> None:
    with pytest.raises(TrailingData):
        loads(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{'a': 1}",
        "{a: 1}",
        '{"a": 1,}',
        '{"a": /* x */ 1}',
        '// x\n{"a": 1}',
        '{"a": 01}',
        '{"a": +1}',
        '{"a": 0x10}',
        '{"a": .5}',
        '{"a": "\n"}',
        '{"a": "\\x41"}',
        '\ufeff{"a": 1}',
        '{"a": １}',
        "True",
        '"\\"\\"\\"',
    ],
)
def test_no_json(text: str) -> None:
    with pytest.raises(NotJson):
        loads(text)


def test_depth_is_that_of_brackets_outside_texts() -> None:
    text = json.dumps(["[{" * 500, '\\"[' * 500, [[]]])
    assert loads(text) == json.loads(text)
    assert loads("[" * 100 + "]" * 100)


def test_json_by_lines() -> None:
    assert load_lines('{"a": 1}\n\n[2]\r\n') == [{"a": 1}, [2]]
    with pytest.raises(Ambiguous, match="more than 200000"):
        load_lines("1\n" * 200_001)
    with pytest.raises(TrailingData):
        load_lines("1 2\n")


def test_more_values_than_anybody_has_to_read() -> None:
    with pytest.raises(Ambiguous, match="more than 1000000"):
        loads("[" + "1," * 1_000_000 + "1]")


def test_text_that_does_not_end_is_read_once() -> None:
    # Were every quotation mark the start of a search for the end, this would take hours.
    with pytest.raises(NotJson):
        loads('["' + '\\"[' * 300_000)


@settings(deadline=None)
@given(VALUES)
def test_what_is_written_is_read(value: Any) -> None:
    assert loads(json.dumps(value)) == value
    assert loads(json.dumps(value, ensure_ascii=False)) == value


@settings(deadline=None)
@given(st.text(st.sampled_from('[]{}:,"\\ue0d8 1-.Ee+tfna/N')))
def test_what_python_reads_otherwise_is_refused(text: str) -> None:
    try:
        found = loads(text)
    except (Ambiguous, NotJson):
        return
    assert found == json.loads(text)
