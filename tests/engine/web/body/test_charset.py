"""Charsets: edited as what they are, or refused."""

import json

import pytest

from hoopaddon import Refused
from hoopaddon.errors import PeerError
from tests.engine.web.body.bodies import Client, edited, halves

DOCUMENT = json.dumps({"mail": "ann@example.com", "name": "Änn é"}, ensure_ascii=False)


@pytest.mark.parametrize("charset", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("media", ["application/json", "text/plain", "application/octet-stream", ""])
async def test_wide_text_is_known_by_its_bytes(charset: str, media: str) -> None:
    data = DOCUMENT.encode(charset)
    for chunks in halves(data):
        client = Client(media=media)
        got = await client.all_of(chunks)
        assert client.errors == []
        assert got.decode(charset) == DOCUMENT.replace("ann@example.com", "[x]")


@pytest.mark.parametrize("charset", ["shift_jis", "gbk", "gb18030", "big5", "utf-16le"])
async def test_what_is_not_like_ascii_is_turned_into_utf8_and_back(charset: str) -> None:
    data = "mail 表示 ann@example.com\n".encode(charset)
    got = await edited(data, f"text/plain; charset={charset}")
    assert got == "mail 表示 [x]\n".encode(charset)


@pytest.mark.parametrize(
    "charset", ["iso-8859-1", "windows-1252", "latin1", "us-ascii", "euc-jp", '"UTF-8"', "koi8-r"]
)
async def test_what_is_like_ascii_passes_byte_for_byte(charset: str) -> None:
    data = bytes(range(128, 256)) + b" ann@example.com\n"
    assert await edited(data, f"text/plain; charset={charset}") == data.replace(b"ann@example.com", b"[x]")


@pytest.mark.parametrize(
    "charset", ["utf-7", "iso-2022-jp", "cp037", "hz", "punycode", "rot13", "base64", "nonsense", "idna"]
)
async def test_what_hides_ascii_or_is_unknown_is_refused(charset: str) -> None:
    client = Client(media=f"text/plain; charset={charset}")
    assert await client.all_of([b"ann+AEA-example.com\n"]) == b""
    assert [type(error) for error in client.errors] == [Refused]


async def test_bytes_that_are_not_in_the_charset_are_an_error() -> None:
    client = Client(media="application/json")
    await client.all_of(['{"a": 1, "b": "'.encode("utf-16-le") + b"\x00\xd8\x20\x00"])
    assert [type(error) for error in client.errors] == [PeerError]


async def test_the_bytes_count_for_more_than_what_is_said_of_them() -> None:
    data = DOCUMENT.encode("utf-16-le")
    got = await edited(data, "application/json; charset=utf-8")
    assert got.decode("utf-16-le") == DOCUMENT.replace("ann@example.com", "[x]")


async def test_a_byte_order_mark_of_utf8_is_no_part_of_the_document() -> None:
    data = b"\xef\xbb\xbf" + DOCUMENT.encode()
    assert await edited(data, "application/json") == data.replace(b"ann@example.com", b"[x]")
