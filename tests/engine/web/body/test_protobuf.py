"""Protocol Buffers without a schema, and gRPC around them: what is changed has its lengths put right."""

import gzip
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoopaddon import Output, Refused
from hoopaddon.errors import PeerError
from hoopaddon.web.body.protobuf import Message
from hoopaddon.web.body.runs import Unfit
from tests.engine.web.body.bodies import SECRET, Client, edited, halves

PROTO = "application/x-protobuf"
GRPC = "application/grpc"


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number: int, value: int | str | bytes) -> bytes:
    """One field; a number as a varint, all else with its length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def user(mail: str) -> bytes:
    """A message with all wire types, one inside of another, and bytes that are no text."""
    inner = field(1, mail) + field(2, "x" * 200 + mail) + varint(3 << 3 | 1) + b"\0" * 8
    return (
        field(1, 7)
        + field(2, inner)
        + field(2, field(1, mail))
        + field(9, b"\0\xff\x01")
        + varint(5 << 3 | 5)
        + b"abcd"
    )


def frame(data: bytes, flag: int = 0) -> bytes:
    return bytes([flag]) + len(data).to_bytes(4) + data


async def test_strings_are_masked_at_any_depth() -> None:
    assert await edited(user("ann@example.com"), PROTO) == user("[x]")
    assert await edited(user("bob"), PROTO) == user("bob")


async def test_policies_see_the_message_as_json() -> None:
    seen: list[tuple[str, str]] = []
    data = field(1, "Ann") + field(3, field(2, "long enough")) + field(3, field(2, "z\n")) + field(4, 10**12)
    await edited(data, PROTO, lambda output: seen.append((output.kind, output.text)))
    assert seen == [("json", '{"1": "Ann", "3": {"2": "long enough"}, "3": {"2": "z\\n"}, "4": 1000000000000}')]


def test_a_number_that_is_masked_is_none() -> None:
    message = Message(field(1, 4111111111111111) + field(2, "a"))
    assert message.with_text('{"1": null, "2": "b"}') == field(1, 0) + field(2, "b")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"1": "a"}',
        '{"2": "b", "1": "a"}',
        '{"1": 5, "2": "b"}',
        '{"1": "a", "2": {"1": "b"}}',
        '{"1": "a", "2": null}',
    ],
)
def test_an_edit_that_is_no_such_message_is_refused(text: str) -> None:
    message = Message(field(1, "a") + field(2, "b"))
    assert message.with_text('{"1": "c", "2": ""}') == field(1, "c") + field(2, "")
    with pytest.raises(Unfit):
        message.with_text(text)


@pytest.mark.parametrize("data", [b"\x00", b"\x0a\x05abc", b"\xff" * 11, b"\x0b", b"\x08", b"\x0d\x00"])
async def test_bytes_that_are_no_message_are_for_a_policy_to_refuse(data: bytes) -> None:
    with pytest.raises(ValueError, match="no message"):
        Message(data)
    seen: list[tuple[str, str]] = []
    assert await edited(data, PROTO, lambda output: seen.append((output.kind, output.text))) == data
    assert seen == [("binary", PROTO)]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_whatever_is_read_is_put_back_byte_for_byte(data: bytes) -> None:
    try:
        message = Message(data)
    except ValueError:
        return
    assert message.with_text(message.text()) == data


MESSAGES = st.recursive(
    st.lists(st.tuples(st.integers(1, 40), st.one_of(st.text(max_size=20), st.integers(0, 2**64 - 1))), max_size=4),
    lambda inner: st.lists(st.tuples(st.integers(1, 40), st.one_of(inner, st.text(max_size=30))), max_size=4),
    max_leaves=10,
)


@settings(max_examples=200, deadline=None)
@given(MESSAGES)
async def test_no_text_of_a_message_is_overlooked(parts: list[tuple[int, object]]) -> None:
    def made(parts: object, secret: str) -> bytes:
        if isinstance(parts, list):
            return b"".join(field(number, made(value, secret)) for number, value in parts)
        return (str(parts) + secret).encode()

    got = await edited(made(parts, " ann@example.com "), PROTO)
    assert not SECRET.search(got.decode("latin-1"))


def test_nesting_is_bounded() -> None:
    data = field(1, "text")
    for _ in range(300):
        data = field(1, data)
    assert Message(data).with_text(Message(data).text()) == data


def test_a_message_of_too_many_fields_is_an_error_and_no_riddle() -> None:
    with pytest.raises(PeerError):
        Message(field(1, field(1, "text") + b"\x08\x01" * 200_001))


# -- gRPC


@pytest.mark.parametrize("media", ["application/grpc", "application/grpc+proto", "application/grpc-web+proto"])
async def test_messages_are_edited_one_by_one(media: str) -> None:
    data = frame(user("ann@example.com")) + frame(b"") + frame(user("ann@example.com"))
    expected = frame(user("[x]")) + frame(b"") + frame(user("[x]"))
    for chunks in halves(data):
        client = Client(media=media)
        assert await client.all_of(chunks) == expected


async def test_a_message_leaves_when_it_ends() -> None:
    client = Client(media=GRPC)
    one = frame(user("ann@example.com"))
    client.editor.feed(one + one[:-1])
    assert client.got == frame(user("[x]"))


@pytest.mark.parametrize("coding", ["gzip"])
async def test_compressed_messages_are_edited_inside(coding: str) -> None:
    data = frame(gzip.compress(user("ann@example.com")), 1) + frame(user("ann@example.com"))
    got = await edited(data, GRPC, grpc_encoding=coding)
    length = int.from_bytes(got[1:5])
    assert got[0] == 1
    assert gzip.decompress(got[5 : 5 + length]) == user("[x]")
    assert got[5 + length :] == frame(user("[x]"))


async def test_trailers_of_grpc_web_are_text() -> None:
    data = frame(b"grpc-status: 5\r\ngrpc-message: no ann@example.com\r\n", 0x80)
    assert await edited(data, "application/grpc-web") == frame(b"grpc-status: 5\r\ngrpc-message: no [x]\r\n", 0x80)


@pytest.mark.parametrize(
    ("data", "coding"),
    [
        (frame(b"ann@example.com", 1), "identity"),
        (frame(b"ann@example.com", 1), "snappy"),
        (frame(gzip.compress(bytes(5000), mtime=0), 1), "gzip"),
        (frame(b"ann@example.com", 4), "identity"),
        (b"\0\xff\xff\xff\xff", "identity"),
        (frame(user("x"))[:-1], "identity"),
    ],
)
async def test_what_cannot_be_looked_into_does_not_pass(data: bytes, coding: str) -> None:
    client = Client(media=GRPC, limit=4096, grpc_encoding=coding)
    assert await client.all_of([data]) == b""
    assert [type(error) for error in client.errors] == [PeerError]


async def test_an_edit_that_breaks_a_message_is_refused() -> None:
    def change(text: str) -> Callable[[Output], None]:
        def edit(output: Output) -> None:
            output.text = text

        return edit

    client = Client(change("{}"), media=GRPC)
    assert await client.all_of([frame(user("x"))]) == b""
    assert [type(error) for error in client.errors] == [Refused]
