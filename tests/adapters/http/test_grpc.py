"""gRPC's frames, and protobuf without its schema."""

import base64
import gzip
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoopaddon import Unparsable
from hoopaddon.adapters.http.grpc import messages, method_of
from hoopaddon.adapters.http.media import read_media_type
from hoopaddon.adapters.http.protobuf import Message, message
from hoopaddon.web.request import NO_HEADERS, Headers

GRPC = "application/grpc"


def varint(value: int) -> bytes:
    found = b""
    while value >= 0x80:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


def field(number: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def frame(content: bytes, flags: int = 0) -> bytes:
    return struct.pack(">BI", flags, len(content)) + content


def read(body: bytes, media: str = GRPC, coding: str = "") -> tuple[Any, ...]:
    headers = Headers((("grpc-encoding", coding),)) if coding else NO_HEADERS
    return messages(body, read_media_type(media), headers)


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", {}),
        (field(1, 150), {1: (150,)}),
        (field(1, "drop table"), {1: ("drop table",)}),
        (field(1, 1) + field(2, "a") + field(1, 2), {1: (1, 2), 2: ("a",)}),
        (field(3, field(1, 5) + field(2, "é")), {3: ({1: (5,), 2: ("é",)},)}),
        (field(1, b"\xff\xfe"), {1: (b"\xff\xfe",)}),
        (field(1, ""), {1: ("",)}),
        (b"\x0d\x01\x00\x00\x00", {1: (1,)}),
        (b"\x09\x01\x00\x00\x00\x00\x00\x00\x00", {1: (1,)}),
        (b"\x0b" + field(2, 7) + b"\x0c", {1: ({2: (7,)},)}),
        (field(1, (1 << 64) - 1), {1: ((1 << 64) - 1,)}),
        (field(1, "a\nb"), {1: ("a\nb",)}),
    ],
)
def test_the_fields_of_a_message(data: bytes, found: Message) -> None:
    assert message(data) == found


@pytest.mark.parametrize(
    "data",
    [
        b"\x08",
        b"\x00\x01",
        b"\x0a\x05ab",
        b"\x0d\x01",
        b"\x0e",
        b"\x0b" + field(2, 7),
        b"\x0b\x14",
        b"\x0c",
        b"\x08" + b"\xff" * 10 + b"\x01",
        b"\x0b" * 100,
        b'{"a": 1}',
    ],
)
def test_what_is_no_protobuf(data: bytes) -> None:
    with pytest.raises(Unparsable):
        message(data)


def test_limits() -> None:
    with pytest.raises(Unparsable, match="more than 200000 fields"):
        message(field(1, 1) * 200_001)


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        found = message(data)
    except Unparsable:
        return
    assert all(number > 0 for number in found)


def test_frames() -> None:
    assert read(frame(field(1, "a")) + frame(field(1, "b"))) == ({1: ("a",)}, {1: ("b",)})
    assert read(frame(gzip.compress(field(1, "a"), mtime=0), 1), coding="gzip") == ({1: ("a",)},)
    assert read(frame(field(1, "a")) + frame(b"grpc-status: 0", 0x80), "application/grpc-web") == ({1: ("a",)},)
    assert read(frame(b'{"a": 1}'), "application/grpc+json") == ({"a": 1},)
    assert read(field(1, "a"), "application/proto") == ({1: ("a",)},)
    assert read(b"") == ()


def test_base64_of_the_web() -> None:
    whole = base64.b64encode(frame(field(1, "abcd")))
    assert read(whole, "application/grpc-web-text") == ({1: ("abcd",)},)
    pieces = base64.b64encode(frame(field(1, "abcd"))) + b"\r\n" + base64.b64encode(frame(field(1, "b")))
    assert read(pieces, "application/grpc-web-text") == ({1: ("abcd",)}, {1: ("b",)})


@pytest.mark.parametrize(
    ("body", "media", "coding", "why"),
    [
        (b"\0\0\0", GRPC, "", "claims to be"),
        (frame(b"abc")[:-1], GRPC, "", "claims to be"),
        (frame(b"\xff"), GRPC, "", "claims to be"),
        (frame(b"", 0x40), GRPC, "", "claims to be"),
        (frame(b"x", 1), GRPC, "", "nothing says how"),
        (frame(b"x", 1), GRPC, "identity", "nothing says how"),
        (frame(b"x", 1), GRPC, "snappy", "not read here"),
        (frame(b"x", 1), GRPC, "gzip", "not coded as gzip"),
        (frame(gzip.compress(b"\0" * 50_000_000, mtime=0), 1), GRPC, "gzip", "more than"),
        (b'{"a": 1}', GRPC, "", "claims to be"),
        (b"***", "application/grpc-web-text", "", "claims to be"),
        (b"abc", "application/grpc-web-text", "", "claims to be"),
        (frame(b'{"a": 1, "a": 2}'), "application/grpc+json", "", "same name twice"),
    ],
)
def test_lies_are_refused(body: bytes, media: str, coding: str, why: str) -> None:
    with pytest.raises(Unparsable, match=why):
        read(body, media, coding)


@pytest.mark.parametrize(
    ("path", "family", "found"),
    [
        ("/shop.v1.Users/Delete", "unknown", ("shop.v1.Users", "Delete")),
        ("/Users/Delete", "grpc", ("Users", "Delete")),
        ("/Users/Delete", "json", ("", "")),
        ("/v1.2/Users", "json", ("", "")),
        ("/shop.v1.Users/Delete/x", "grpc", ("", "")),
        ("/example.com/Page", "", ("", "")),
    ],
)
def test_the_method_that_a_path_names(path: str, family: str, found: tuple[str, str]) -> None:
    assert method_of(path, family) == found
