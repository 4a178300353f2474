"""Messages as bytes: what is one, what is none, and that both readers of one would read the same."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoopaddon.adapters.mcp.lines import Lines
from hoopaddon.adapters.mcp.messages import (
    Batch,
    Failure,
    NotAMessage,
    Notification,
    Request,
    Result,
    read,
    write,
)

MESSAGES = [
    (b'{"jsonrpc":"2.0","id":1,"method":"ping"}', Request(1, "ping")),
    (
        b'{"jsonrpc":"2.0","id":"a","method":"x/y","params":{"a":[1,2.5,null]}}',
        Request("a", "x/y", {"a": [1, 2.5, None]}),
    ),
    (b'{"jsonrpc":"2.0","method":"notifications/initialized"}', Notification("notifications/initialized")),
    (b'{"jsonrpc":"2.0","id":-3,"result":{}}', Result(-3, {})),
    (b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}}', Failure(None, -32700, "no")),
    (b'{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"m","data":[1]}}', Failure(1, 1, "m", [1])),
]

NONE = [
    (b"", "not JSON"),
    (b"nonsense", "not JSON"),
    (b'\xef\xbb\xbf{"jsonrpc":"2.0","id":1,"method":"ping"}', "not JSON"),
    (b'\xff{"jsonrpc":"2.0"}', "UTF-8"),
    (b'{"jsonrpc":"2.0","id":1,"method":"ping"} {}', "more after its end"),
    (b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', "twice"),
    (b'{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}', "twice"),
    (b'{"jsonrpc":"2.0","id":1,"METHOD":"ping"}', "none of JSON-RPC's"),
    (b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"name":"x","Name":"y"}}', "twice"),
    (b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"a":{"b":1,"b":2}}}', "twice"),
    (b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"a":NaN}}', "does not have"),
    (b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"a":-Infinity}}', "does not have"),
    (b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"a":1e999}}', "out of range"),
    (b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"a":"\\ud800"}}', "half of a character"),
    (b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"a":' + b"9" * 5000 + b"}}", "out of range"),
    (b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"a\\u0000":1}}', "NUL"),
    (b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"a":' + b"[" * 200 + b"]" * 200 + b"}}", "too deep"),
    (b"[" * 100_000, "cannot be read"),
    (b'{"jsonrpc":"2.0","id":1,"method":"a","params":[1]}', "object"),
    (b'{"jsonrpc":"2.0","id":null,"method":"a"}', "id"),
    (b'{"jsonrpc":"2.0","id":1.5,"method":"a"}', "id"),
    (b'{"jsonrpc":"2.0","id":true,"method":"a"}', "id"),
    (b'{"jsonrpc":"2.0","id":{},"method":"a"}', "id"),
    (b'{"jsonrpc":"2.0","id":"","method":"a"}', "id"),
    (b'{"jsonrpc":"2.0","id":99999999999999999999,"method":"a"}', "out of range"),
    (b'{"jsonrpc":"2.0","id":9007199254740993,"method":"a"}', "id"),
    (b'{"jsonrpc":"2.0","id":1.0,"method":"a"}', "id"),
    (b'{"jsonrpc":"2.0","id":1e0,"method":"a"}', "id"),
    (b'{"jsonrpc":"1.0","id":1,"method":"a"}', "jsonrpc"),
    (b'{"id":1,"method":"a"}', "jsonrpc"),
    (b'{"jsonrpc":"2.0","id":1,"method":7}', "name"),
    (b'{"jsonrpc":"2.0","id":1,"method":""}', "name"),
    (b'{"jsonrpc":"2.0","id":1,"method":"a\\nb"}', "name"),
    (b'{"jsonrpc":"2.0","id":1,"method":"a","result":{}}', "at once"),
    (b'{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}', "alone"),
    (b'{"jsonrpc":"2.0","id":1,"result":[]}', "object"),
    (b'{"jsonrpc":"2.0","result":{}}', "id"),
    (b'{"jsonrpc":"2.0","error":{"code":1,"message":""}}', "id"),
    (b'{"jsonrpc":"2.0","id":1,"error":{"code":"1","message":""}}', "code"),
    (b'{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"","more":1}}', "none of JSON-RPC's"),
    (b'{"jsonrpc":"2.0","id":1}', "neither"),
    (b'{"jsonrpc":"2.0","id":1,"method":"a","extra":1}', "none of JSON-RPC's"),
    (b"[]", "empty batch"),
    (b"7", "object"),
]


@pytest.mark.parametrize(("data", "message"), MESSAGES)
def test_a_message_is_read_and_written(data: bytes, message: Any) -> None:
    assert read(data, from_client=True) == message
    assert write(message) == data


@pytest.mark.parametrize(("data", "said"), NONE)
def test_what_is_none_is_told_so_without_being_quoted(data: bytes, said: str) -> None:
    with pytest.raises(NotAMessage, match=said) as caught:
        read(data, from_client=True)
    answer = json.loads(write(caught.value.answer))
    assert answer["error"]["code"] in (-32700, -32600, -32602)
    assert len(answer["error"]["message"]) < 120


def test_an_error_names_the_request_where_it_could_be_read() -> None:
    with pytest.raises(NotAMessage) as caught:
        read(b'{"jsonrpc":"2.0","id":"x","method":"a","params":[]}', from_client=True)
    assert caught.value.answer.id == "x"


def test_names_of_a_server_may_differ_in_case_only() -> None:
    data = b'{"jsonrpc":"2.0","id":1,"result":{"env":{"Path":"a","PATH":"b"}}}'
    assert read(data, from_client=False) == Result(1, {"env": {"Path": "a", "PATH": "b"}})


def test_a_batch_is_several_messages() -> None:
    found = read(b'[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"n"}]', from_client=True)
    assert found == Batch((Request(1, "ping"), Notification("n")))


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
PLAIN = st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.text()


@given(st.recursive(PLAIN, lambda children: st.lists(children) | st.dictionaries(NAMES, children)))
def test_what_is_written_is_one_line_that_says_the_same(value: Any) -> None:
    data = write(Result(1, {"value": value}))
    assert data.decode().splitlines() == [data.decode()]
    assert json.loads(data)["result"]["value"] == value
    assert read(data, from_client=False) == Result(1, {"value": value})


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    with suppress(NotAMessage):
        assert read(data, from_client=True)


# -- lines


@pytest.mark.parametrize("step", [1, 2, 3, 100])
def test_lines_however_they_are_cut(step: int) -> None:
    data = b"one\r\n\n  two \n" + b"x" * 40 + b"\nthree\nfour"
    lines = Lines(20)
    found = [line for at in range(0, len(data), step) for line in lines.feed(data[at : at + step])]
    assert [*found, *lines.close()] == [b"one", b"two", None, b"three", b"four"]


def test_of_a_line_that_does_not_end_nothing_is_kept() -> None:
    lines = Lines(10)
    assert [line for _ in range(1000) for line in lines.feed(b"x" * 1000)] == []
    assert list(lines.feed(b"\nok\n")) == [None, b"ok"]
