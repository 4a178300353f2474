"""Events, tables, forms, multipart and what is no text: each edited by its own syntax."""

import base64
import json

import pytest

from hoopaddon import Output, Refused
from hoopaddon.errors import PeerError
from hoopaddon.web.body.media import Kind, is_json, is_text, media_type
from tests.engine.web.body.bodies import SECRET, Client, edited, halves, mask

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256))


class Seen:
    """Notes what policies see, and masks it."""

    def __init__(self) -> None:
        self.runs: list[tuple[str, str]] = []

    def __call__(self, output: Output) -> None:
        self.runs.append((output.kind, output.text))
        mask(output)


# -- events

EVENTS = (
    b': hello\n\nevent: user\ndata: {"mail": "ann@example.com"}\n\n'
    b"data: plain ann@example.com\ndata: more\nid: 7\n\n"
    b'data: {"a":\ndata: "ann@example.com"}\r\n\r\ndata\n\ndata:[DONE]\r\rretry: 10\n\n'
)


async def test_events_are_masked_alike_wherever_they_are_cut() -> None:
    expected = EVENTS.replace(b"ann@example.com", b"[x]").replace(b'[x]"}\r\n', b'[x]"}\r\n')
    whole = await edited(EVENTS, "text/event-stream")
    assert whole.splitlines() == expected.splitlines()
    for chunks in halves(EVENTS):
        client = Client(media="text/event-stream; charset=utf-8")
        assert await client.all_of(chunks) == whole


async def test_json_in_events_is_json_to_the_policies() -> None:
    seen = Seen()
    await edited(EVENTS, "text/event-stream", seen)
    documents = [text for kind, text in seen.runs if kind == "json"]
    assert documents == ['{"mail": "ann@example.com"}', '{"a":\n"ann@example.com"}']
    assert ("body", "event: user\n") in seen.runs


async def test_an_event_leaves_when_it_ends() -> None:
    client = Client(media="text/event-stream")
    client.editor.feed(b'data: {"n": 1}\n')
    assert client.got == b""
    client.editor.feed(b"\n")
    assert client.got == b'data: {"n": 1}\n\n'
    client.editor.feed(b"data: x\n\nda")
    assert client.got.endswith(b"data: x\n\n")


async def test_an_event_that_was_changed_keeps_its_lines() -> None:
    data = b'id: 1\r\ndata: {"a": "ann@example.com",\r\ndata:  "b": 1}\r\n\r\n'
    assert await edited(data, "text/event-stream") == b'id: 1\r\ndata: {"a": "[x]",\r\ndata:  "b": 1}\r\n\r\n'


async def test_an_event_without_an_end_is_an_error() -> None:
    client = Client(media="text/event-stream", limit=1000)
    await client.all_of([b"data: x\n\n", b"data: " + b"x" * 2000])
    assert client.got == b"data: x\n\n"
    assert [type(error) for error in client.errors] == [PeerError]


# -- tables and forms


@pytest.mark.parametrize("media", ["text/csv", "text/csv; header=present", "text/tab-separated-values"])
async def test_policies_see_whole_records(media: str) -> None:
    data = b'id,note\r\n1,"a\r\n""b"", ann@example.com"\r\n2,x\r\n' * 3
    seen = Seen()
    client = Client(seen, media=media)
    assert await client.all_of(data[n : n + 5] for n in range(0, len(data), 5)) == data.replace(
        b"ann@example.com", b"[x]"
    )
    assert {kind for kind, _ in seen.runs} == {"csv"}
    if media.startswith("text/csv"):
        assert all(text.count('"') % 2 == 0 for _, text in seen.runs)


async def test_a_record_without_an_end_is_an_error() -> None:
    client = Client(media="text/csv", limit=1000)
    await client.all_of([b'a,b\n"', b"x,y\n" * 1000])
    assert client.got == b"a,b\n"
    assert [type(error) for error in client.errors] == [PeerError]


async def test_policies_see_whole_pairs_of_a_form() -> None:
    seen = Seen()
    client = Client(seen, media="application/x-www-form-urlencoded")
    data = b"first=1&mail=ann@example.com&last=2"
    assert await client.all_of(data[n : n + 3] for n in range(0, len(data), 3)) == data.replace(
        b"ann@example.com", b"[x]"
    )
    assert seen.runs == [("form", "first=1&"), ("form", "mail=ann@example.com&"), ("form", "last=2")]


# -- multipart

MULTIPART = b"\r\n".join(
    [
        b"preamble ann@example.com",
        b"--b-1",
        b'Content-Disposition: form-data; name="mail"',
        b"",
        b"ann@example.com",
        b"--b-1",
        b'Content-Disposition: form-data; name="doc"; filename="ann@example.com.json"',
        b"Content-Type: application/json",
        b"",
        b'{"mail":"ann@example.com","n":[1,2]}',
        b"--b-1",
        b"Content-Type: image/png",
        b"",
        PNG,
        b"--b-1",
        b"content-type: multipart/mixed; boundary=inner",
        b"",
        b"--inner",
        b"",
        b"ann@example.com --b-1 --inner",
        b"--inner--",
        b"--b-1",
        b"",
        b"",
        b"--b-1--",
        b"epilogue",
    ]
)


async def test_each_part_is_edited_by_its_own_type() -> None:
    media = 'multipart/form-data; boundary="b-1"'
    expected = MULTIPART.replace(b"ann@example.com", b"[x]")
    seen = Seen()
    assert await edited(MULTIPART, media, seen) == expected
    assert ("json", '{"mail":"ann@example.com","n":[1,2]}') in seen.runs
    assert ("binary", "image/png") in seen.runs
    for chunks in halves(MULTIPART):
        client = Client(media=media)
        assert await client.all_of(chunks) == expected


async def test_parts_in_a_transfer_encoding_are_edited_inside_of_it() -> None:
    inner = base64.encodebytes(b'{"mail": "ann@example.com"}').strip()
    data = b"--b\r\nContent-Transfer-Encoding: base64\r\n\r\n" + inner + b"\r\n--b--\r\n"
    got = await edited(data, "multipart/mixed; boundary=b")
    part = got.partition(b"\r\n\r\n")[2].partition(b"--b--")[0]
    assert json.loads(base64.b64decode(part)) == {"mail": "[x]"}
    data = b"--b\r\ncontent-transfer-encoding: quoted-printable\r\n\r\nann=40example.com\r\n--b--"
    assert b"[x]" in await edited(data, "multipart/mixed; boundary=b")


async def test_a_picture_in_base64_passes_and_text_that_claims_to_be_one_does_not() -> None:
    head = b"--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    picture = head + base64.encodebytes(PNG * 8000) + b"--b--"
    assert await edited(picture, "multipart/mixed; boundary=b") == picture
    text = head + base64.encodebytes(b'{"mail": "ann@example.com"}') + b"--b--"
    got = await edited(text, "multipart/mixed; boundary=b")
    assert b'{"mail": "[x]"}' in base64.b64decode(got.partition(b"\r\n\r\n")[2].partition(b"--b--")[0])


@pytest.mark.parametrize(
    "head",
    [b"Content-Encoding: gzip", b"Content-Transfer-Encoding: x-uuencode", b"Content-Type: text/plain; charset=utf-7"],
)
async def test_a_part_that_cannot_be_looked_into_is_refused(head: bytes) -> None:
    client = Client(media="multipart/mixed; boundary=b")
    got = await client.all_of([b"--b\r\n" + head + b"\r\n\r\nann@example.com\r\n--b--\r\n"])
    assert [type(error) for error in client.errors] == [Refused]
    assert b"ann" not in got


@pytest.mark.parametrize("media", ["multipart/mixed", "multipart/form-data; boundary="])
async def test_parts_that_cannot_be_told_apart_are_refused(media: str) -> None:
    client = Client(media=media)
    assert await client.all_of([b"--b\r\n\r\nann@example.com\r\n--b--\r\n"]) == b""
    assert [type(error) for error in client.errors] == [Refused]


async def test_a_multipart_body_without_its_end_is_edited_to_the_last_byte() -> None:
    data = b"--b\r\n\r\nann@example.com, and then noth"
    assert await edited(data, "multipart/mixed; boundary=b") == data.replace(b"ann@example.com", b"[x]")


# -- what is no text


async def test_what_is_no_text_passes_once_policies_have_seen_its_type() -> None:
    seen = Seen()
    assert await edited(PNG, "image/png", seen) == PNG
    assert seen.runs == [("binary", "image/png")]
    seen = Seen()
    assert await edited(PNG, "", seen) == PNG
    assert seen.runs == [("binary", "application/octet-stream")]


async def test_a_policy_can_refuse_what_is_no_text_and_cannot_change_it() -> None:
    def refuse(output: Output) -> None:
        if output.kind == "binary":
            raise Refused("no pictures")

    client = Client(refuse, media="image/png")
    assert await client.all_of([PNG]) == b""
    assert [str(error) for error in client.errors] == ["no pictures"]

    def change(output: Output) -> None:
        output.text = "changed"

    assert await edited(PNG, "image/png", change) == PNG


@pytest.mark.parametrize("media", ["image/png", "application/octet-stream", "", "video/mp4", "x", "font/woff2;q=1"])
@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b'{"mail": "ann@example.com"}', "json"),
        (b' \n[ {"mail": "ann@example.com"}]', "json"),
        (b"dear ann@example.com, dear " + "Änn".encode() * 200, "body"),
        (b"<html>ann@example.com</html>", "body"),
        (b"latin-1: \xe9\xff, ann@example.com", "body"),
        (b"one odd byte \x01 in much text, ann@example.com" + b" and more" * 20, "body"),
    ],
)
async def test_no_type_hides_text(media: str, data: bytes, kind: str) -> None:
    seen = Seen()
    client = Client(seen, media=media)
    assert await client.all_of(data[n : n + 9] for n in range(0, len(data), 9)) == data.replace(
        b"ann@example.com", b"[x]"
    )
    assert {kind for kind, _ in seen.runs} == {kind}


@pytest.mark.parametrize("media", ["text/plain", "text/html", "text/csv", "application/x-www-form-urlencoded"])
async def test_json_under_another_name_is_json(media: str) -> None:
    seen = Seen()
    await edited(b'{"mail": "ann@example.com"}', media, seen)
    assert {kind for kind, _ in seen.runs} == {"json"}


@pytest.mark.parametrize("text", ["[info] started", "{not: json}", "[2026-11-23 02:31] log", "plain", "", "{x"])
def test_what_only_begins_like_json_is_none(text: str) -> None:
    assert not is_json(text.encode())


@pytest.mark.parametrize(
    "text", ["{}", " [1, 2]", '["a"]', '{"a', '[{"a":1}]', "[", "{", "[[1]]", "[null,", "\ufeff{}"]
)
def test_what_may_be_json_is_taken_for_it(text: str) -> None:
    assert is_json(text.encode())


@pytest.mark.parametrize(
    "data", [b"\0", b"\x7fELF\x01", b"a\x01b", b"%PDF-1.7\nann", PNG, bytes(range(256)), b"text" * 100 + b"\0"]
)
def test_what_is_no_text(data: bytes) -> None:
    assert not is_text(data)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("Application/JSON; charset=utf-8", Kind.JSON),
        ("application/problem+json", Kind.JSON),
        ("application/vnd.api+json;x", Kind.JSON),
        ("application/x-ndjson", Kind.JSON_LINES),
        ("text/event-stream;charset=UTF-8", Kind.EVENTS),
        ("image/svg+xml", Kind.TEXT),
        ("application/atom+xml", Kind.TEXT),
        ("text/javascript", Kind.TEXT),
        ("application/javascript", Kind.TEXT),
        ("application/grpc+proto", Kind.GRPC),
        ("application/grpc-web", Kind.GRPC),
        ("application/x-protobuf", Kind.PROTOBUF),
        ("multipart/form-data; boundary=x", Kind.MULTIPART),
        ("application/pdf", Kind.BINARY),
        ("", Kind.BINARY),
        ("nonsense", Kind.BINARY),
    ],
)
def test_kinds_by_media_type(value: str, kind: Kind) -> None:
    assert media_type(value).kind is kind


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
async def test_text_that_is_compressed_once_more_than_is_said(coding: str) -> None:
    from tests.engine.web.body.test_coding import COMPRESS, EXPAND

    data = COMPRESS[coding](b"dear ann@example.com\n" * 10)
    assert EXPAND[coding](await edited(data, "text/plain")) == b"dear [x]\n" * 10
    assert SECRET.search(EXPAND[coding](await edited(data, "application/json")).decode()) is None
