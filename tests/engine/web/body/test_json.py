"""JSON bodies: masked structurally in whatever chunks they come, and still JSON."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoopaddon import Output, Refused
from hoopaddon.errors import PeerError
from hoopaddon.web.body.jsonruns import JsonSplitter, fits, string_cut
from hoopaddon.web.body.runs import HELD_BYTES
from tests.engine.web.body.bodies import SECRET, Client, cuts, edited, halves, mask, slow_mask

JSON = "application/json"

TEXTS = st.one_of(
    st.text(alphabet='ab "\\,{}[]:é\n/', max_size=12),
    st.sampled_from(["ann@example.com", "mail ann@example.com, please", "ключ-77", "\\", '"', "4111 1111 1111 1111"]),
)
DOCUMENTS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)


def masked(value: Any) -> Any:
    """The document with every string masked, as `mask` does it to the text of a document without escapes."""
    match value:
        case str():
            return SECRET.sub("[x]", value)
        case list():
            return [masked(item) for item in value]
        case dict():
            return {masked(key): masked(item) for key, item in value.items()}
    return value


@settings(max_examples=200, deadline=None)
@given(DOCUMENTS, st.lists(st.integers(0, 1000), max_size=8), st.booleans(), st.booleans())
async def test_any_chunks_of_a_document_are_masked_as_one_is(
    document: Any, places: list[int], indented: bool, awaits: bool
) -> None:
    data = json.dumps(document, ensure_ascii=False, indent=1 if indented else None).encode()
    client = Client(slow_mask if awaits else mask, media=JSON)
    got = await client.all_of(cuts(data, places))
    assert client.errors == []
    assert json.loads(got) == masked(document)


async def test_a_document_is_masked_alike_wherever_it_is_cut() -> None:
    data = b'{"a":["ann@example.com",{"b\\"":"\\\\"}, 12.5 ,"x\\" ,ann@example.com"],"n":null}\n'
    expected = data.replace(b"ann@example.com", b"[x]")
    for chunks in halves(data):
        assert await Client(media=JSON).all_of(chunks) == expected, chunks


async def test_policies_see_whole_tokens_and_each_key_with_its_value() -> None:
    seen: list[str] = []
    client = Client(lambda output: seen.append(output.text), media=JSON)
    data = b'{"key" : "value", "other":[1,22],"last":{"x":true}}'
    await client.all_of(data[n : n + 1] for n in range(len(data)))
    assert "".join(seen) == data.decode()
    member = r'[{\[]*("\w+" *: *)?[\[{]*("\w+" *: *)?("\w+"|\w+)'
    assert [text for text in seen if not re.fullmatch(rf"({member})?[,}}\]\s]+", text)] == []


async def test_nothing_waits_that_is_a_whole_value() -> None:
    client = Client(media=JSON)
    client.editor.feed(b'{"items":[{"id":1},{"id":2},')
    assert client.got == b'{"items":[{"id":1},{"id":2},'
    client.editor.feed(b'{"id":3')
    assert client.got == b'{"items":[{"id":1},{"id":2},'
    client.editor.feed(b"},")
    assert client.got.endswith(b'{"id":3},')


async def test_white_space_that_keeps_a_connection_open_passes_at_once() -> None:
    client = Client(media=JSON)
    for _ in range(5):
        client.editor.feed(b"    \n")
    assert client.got == b"    \n" * 5
    client.editor.feed(b'"ann@example.com"')
    client.editor.close()
    assert client.got.endswith(b'"[x]"')


@pytest.mark.parametrize("chunk", [997, 65536, 1 << 20])
async def test_a_long_string_is_masked_in_pieces(chunk: int) -> None:
    data = json.dumps({"k": "a word, ann@example.com \\\n" * 30_000, "n": 1}).encode()
    client = Client(media=JSON)
    got = await client.all_of(data[n : n + chunk] for n in range(0, len(data), chunk))
    assert client.errors == []
    assert got == data.replace(b"ann@example.com", b"[x]")


async def test_the_pieces_of_a_long_string_are_strings_for_the_policies() -> None:
    seen: list[str] = []
    client = Client(lambda output: seen.append(output.text), media=JSON)
    value = "é\\u00e9 \\" * 40_000
    data = json.dumps(["first", value, "last"], ensure_ascii=False).encode()
    assert await client.all_of(cuts(data, range(0, len(data), 10_000))) == data
    pieces = ["".join(json.loads(f"[{text.strip(', []')}]")) for text in seen if text.strip(", []")]
    assert "".join(pieces) == "first" + value + "last"
    assert len(pieces) > 3


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_string_is_cut_between_characters(cut: int) -> None:
    data = 'ab\\\\\\"c\\u00e9\\ud83d\\ude00é\\n\\\\x'.encode()[:cut]
    piece = data[: string_cut(data)]
    if piece:
        json.loads(b'"' + piece + b'"')
        assert not re.search(rb"\\u[dD][89abAB]..$", piece)


async def test_a_token_without_an_end_is_an_error() -> None:
    client = Client(media=JSON)
    assert await client.all_of([b'{"a":1,', b"1" * (HELD_BYTES + 1)]) == b'{"a":1,'
    assert [type(error) for error in client.errors] == [PeerError]


async def test_nesting_costs_nothing() -> None:
    data = b'[{"a":' * 100_000 + b"1" + b"}]" * 100_000
    client = Client(media=JSON)
    await client.all_of(cuts(data, range(0, len(data), 4000)))
    # Half a million openers without a value are no document that anybody has to send.
    assert [type(error) for error in client.errors] == [PeerError]
    data = b'[{"a":1},' * 100_000 + b"1" + b"]" * 100_000
    assert await edited(data, JSON) == data


# -- what policies make of a run


@pytest.mark.parametrize(
    "changed",
    ['{"a":1,"b":[1,2]', '{"a":1,"b":[1,2]}}', '{"a":1,b:[1,2]}', '{"a":1,"b":1,2]}', "", "[]extra", '{"a":"}'],
)
async def test_an_edit_that_breaks_the_document_is_refused(changed: str) -> None:
    def breaks(output: Output) -> None:
        output.text = changed

    client = Client(breaks, media=JSON)
    assert await client.all_of([b'{"a":1,"b":[1,2]}']) == b""
    assert [type(error) for error in client.errors] == [Refused]


async def test_an_edit_that_keeps_the_document_whole_is_taken() -> None:
    def edits(output: Output) -> None:
        output.text = output.text.replace('"a":1,', "").replace("[1,2]", '{"more":"things"}')

    assert await edited(b'{"a":1,"b":[1,2],"c":null}', JSON, edits) == b'{"b":{"more":"things"},"c":null}'


@pytest.mark.parametrize(
    ("data", "same", "other"),
    [
        (b'"b":2},{"c":3},', b'"b":2},{"c":null},', b'"b":2},{"c":null'),
        (b"1],", b"null],", b"null,"),
        (b'1],"x":2}', b'0],"x":"[x]"}', b"0],x}"),
        (b',"b":1}', b',"b":null}', b',"b":}'),
        (b'"a":1,', b'"a":"x",', b'"x",'),
        (b'{"a":[{"b":1,', b'{"a":[{"b":"[x]",', b'{"a":[{"b":[x],'),
    ],
)
def test_what_fits_is_known_by_what_stood_there(data: bytes, same: bytes, other: bytes) -> None:
    assert fits(data, data)
    assert fits(data, same)
    assert not fits(data, other)


def test_of_what_is_no_json_nobody_can_tell() -> None:
    assert fits(b"{a: 1}", b"{a: null}")


@settings(max_examples=150, deadline=None)
@given(DOCUMENTS, st.lists(st.integers(0, 1000), max_size=6))
def test_every_run_of_a_document_fits_in_its_own_place(document: Any, places: list[int]) -> None:
    data = json.dumps(document).encode()
    splitter = JsonSplitter()
    runs = [run for chunk in cuts(data, places) for run in splitter.runs(chunk)] + list(splitter.rest())
    assert b"".join(run.data for run in runs) == data
    for run in runs:
        assert run.rebuild is not None
        text = run.text if run.text is not None else run.data.decode()
        assert run.rebuild(text) == run.data


# -- lines of JSON


async def test_lines_of_json_leave_line_by_line() -> None:
    client = Client(media="application/x-ndjson")
    client.editor.feed(b'{"a":"ann@example.com"}\n{"b":')
    assert client.got == b'{"a":"[x]"}\n'
    client.editor.feed(b"1}\n")
    assert client.got == b'{"a":"[x]"}\n{"b":1}\n'


async def test_a_broken_line_spoils_no_other() -> None:
    data = b'{"a":"\n{"b":"ann@example.com"}\n"\n{"c":"ann@example.com"}\n'
    for chunks in halves(data):
        assert await Client(media="application/jsonl").all_of(chunks) == data.replace(b"ann@example.com", b"[x]")


async def test_a_sequence_of_texts_is_masked_text_by_text() -> None:
    data = b'\x1e{"a":"ann@example.com"}\n\x1e"ann@example.com"\n'
    assert await edited(data, "application/json-seq") == data.replace(b"ann@example.com", b"[x]")


async def test_a_line_that_is_too_long_to_wait_for_leaves_in_pieces() -> None:
    data = json.dumps([{"mail": "ann@example.com", "n": n} for n in range(10_000)]).encode() + b"\n[]\n"
    assert await edited(data, "application/x-ndjson") == data.replace(b"ann@example.com", b"[x]")
