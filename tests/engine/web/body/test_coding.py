"""Compressed bodies: edited inside, coded again, flushed as they stream, and never larger than a piece at a time."""

import asyncio
import gzip
import os
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from hoopaddon import Output, Refused
from hoopaddon.errors import PeerError
from hoopaddon.web.body import coded
from hoopaddon.web.body.coding import CODINGS, PIECE_BYTES
from tests.engine.web.body.bodies import Client, cuts, edited, halves, mask, slow_mask

TEXT = b"mail ann@example.com, please\n" * 400
MASKED = TEXT.replace(b"ann@example.com", b"[x]")


def raw_deflate(data: bytes) -> bytes:
    deflate = zlib.compressobj(wbits=-15)
    return deflate.compress(data) + deflate.flush()


def unzstd(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj().decompress(data)


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}
EXPAND: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "x-gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "br": brotli.decompress,
    "zstd": unzstd,
}


def test_every_coding_is_tried() -> None:
    assert set(CODINGS) == set(COMPRESS)


@pytest.mark.parametrize("coding", COMPRESS)
@pytest.mark.parametrize("policy", [mask, slow_mask])
async def test_a_body_is_edited_inside_of_its_coding(coding: str, policy: Callable[[Output], None]) -> None:
    data = COMPRESS[coding](TEXT)
    for chunks in ([data], cuts(data, range(0, len(data), 7)), [data[n : n + 1] for n in range(len(data))]):
        client = Client(policy, media="text/plain", content_encoding=coding)
        got = await client.all_of(chunks)
        assert client.errors == []
        assert EXPAND[coding](got) == MASKED


@pytest.mark.parametrize("coding", COMPRESS)
async def test_what_has_left_can_be_read_at_once(coding: str) -> None:
    client = Client(media="application/json", content_encoding=coding)
    decoder = CODINGS[coding][0]()
    encoder = CODINGS[coding][1]()
    for n in range(5):
        line = b'{"n": %d, "mail": "ann@example.com"}' % n
        client.editor.feed(encoder.encode(line) + encoder.flush())
        got = b"".join(piece for write in client.writes for piece in decoder.decode(write))
        client.writes.clear()
        assert got == line.replace(b"ann@example.com", b"[x]")


@pytest.mark.parametrize("coding", COMPRESS)
async def test_what_follows_a_policy_that_awaits_can_be_read_at_once(coding: str) -> None:
    client = Client(slow_mask, media="application/json", content_encoding=coding)
    encoder = CODINGS[coding][1]()
    client.editor.feed(encoder.encode(b'{"mail": "ann@example.com"}') + encoder.flush())
    assert client.holds == [True]
    while client.holds != [True, False]:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    decoder = CODINGS[coding][0]()
    assert b"".join(decoder.decode(client.got)) == b'{"mail": "[x]"}'


async def test_codings_around_each_other() -> None:
    data = brotli.compress(gzip.compress(TEXT))
    got = await edited(data, "text/plain", content_encoding="gzip, br")
    assert gzip.decompress(brotli.decompress(got)) == MASKED


async def test_all_members_of_a_gzip_file_and_all_frames_of_zstd() -> None:
    for coding in ("gzip", "zstd"):
        data = COMPRESS[coding](TEXT[:100]) + COMPRESS[coding](TEXT[100:])
        for chunks in ([data], *halves(data)[:: len(data) // 20]):
            client = Client(media="text/plain", content_encoding=coding)
            assert EXPAND[coding](await client.all_of(chunks)) == MASKED
            assert client.errors == []


async def test_deflate_without_its_header() -> None:
    for chunks in halves(raw_deflate(TEXT)):
        client = Client(media="text/plain", content_encoding="deflate")
        assert zlib.decompress(await client.all_of(chunks)) == MASKED


@pytest.mark.parametrize("coding", COMPRESS)
async def test_an_empty_body_stays_empty(coding: str) -> None:
    client = Client(media="text/plain", content_encoding=coding)
    assert await client.all_of([b""]) == b""
    assert client.errors == []
    client = Client(media="text/plain", content_encoding=coding)
    assert EXPAND[coding](await client.all_of([COMPRESS[coding](b"")])) == b""


@pytest.mark.parametrize("coding", COMPRESS)
async def test_a_body_that_ends_too_early_is_an_error(coding: str) -> None:
    client = Client(media="text/plain", content_encoding=coding)
    await client.all_of([COMPRESS[coding](os.urandom(50).hex().encode() * 50)[:-5]])
    assert [type(error) for error in client.errors] == [PeerError]


@pytest.mark.parametrize("coding", COMPRESS)
async def test_what_is_not_in_its_coding_is_an_error_and_nothing_passes(coding: str) -> None:
    client = Client(media="text/plain", content_encoding=coding)
    await client.all_of([b"plain text, ann@example.com, and more of it\n" * 10])
    assert [type(error) for error in client.errors] == [PeerError]
    assert client.got == b""


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate"])
async def test_nothing_may_follow_the_end(coding: str) -> None:
    client = Client(media="text/plain", content_encoding=coding)
    await client.all_of([COMPRESS[coding](TEXT) + b"ann@example.com"])
    assert [type(error) for error in client.errors] == [PeerError]


@pytest.mark.parametrize("value", ["compress", "aes128gcm", "gzip, rot13", "gzip, gzip, gzip, gzip", "dcb"])
def test_what_cannot_be_looked_into_is_refused(value: str) -> None:
    with pytest.raises(Refused, match=r"cannot be looked into|too many times"):
        Client(media="text/plain", content_encoding=value)


def test_where_no_policy_wants_it_any_coding_passes() -> None:
    client = Client(None, media="text/plain", content_encoding="dcb")
    client.editor.feed(b"\x00\x01")
    assert client.got == b"\x00\x01"


@pytest.mark.parametrize("coding", COMPRESS)
def test_a_bomb_is_decoded_a_piece_at_a_time(coding: str) -> None:
    size = 64 << 20
    bomb = COMPRESS[coding](bytes(size))
    decoder = CODINGS[coding][0]()
    total = 0
    for start in range(0, len(bomb), 65536):
        for piece in decoder.decode(bomb[start : start + 65536]):
            # brotli gives what its window holds when it is over the mark.
            assert len(piece) <= 2 * PIECE_BYTES
            total += len(piece)
    assert total == size
    assert list(decoder.finish()) == []


async def test_a_bomb_stops_while_a_policy_awaits() -> None:
    client = Client(slow_mask, media="application/json", content_encoding="gzip")
    given = b"[" + b"1," * 5_000_000 + b"1]"
    client.editor.feed(gzip.compress(given))
    assert len(client.got) < PIECE_BYTES
    client.editor.close()
    await client.editor.drained()
    assert gzip.decompress(client.got) == given


async def turns(client: Client, chunks: list[bytes]) -> int:
    """How often others have their turn while this body passes."""
    count = 0
    passing = asyncio.ensure_future(client.all_of(chunks))
    while not passing.done():
        count += 1
        await asyncio.sleep(0)
    await passing
    return count


@pytest.mark.parametrize("names", ["gzip", "deflate", "br", "zstd", "gzip, br", "zstd, gzip", "br, zstd, deflate"])
async def test_a_bomb_stops_nobody_else_and_goes_off_early(names: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coded, "TURN_S", 0.0)
    monkeypatch.setattr(coded, "FREE_BYTES", 1 << 20)
    bomb = bytes(32 << 20)
    for name in names.split(", "):
        bomb = COMPRESS[name](bomb)
    client = Client(media="text/plain", content_encoding=names)
    before = len(bomb)
    assert await turns(client, [bomb[:60_000]]) > 10
    assert [type(error) for error in client.errors] == [PeerError]
    assert client.holds[0] is True
    assert client.holds[-1] is False
    assert len(client.got) < before + (1 << 20)


async def test_a_bomb_that_is_never_seen_goes_off_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coded, "TURN_S", 0.0)
    monkeypatch.setattr(coded, "FREE_BYTES", 1 << 20)
    # What follows a member of gzip is padding that nobody gets.
    bomb = gzip.compress(gzip.compress(b"x") + bytes(61 << 20))
    client = Client(media="text/plain", content_encoding="gzip, gzip")
    assert await turns(client, [bomb]) > 10
    assert [type(error) for error in client.errors] == [PeerError]


async def test_members_without_end_stop_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coded, "TURN_S", 0.0)
    client = Client(media="text/plain", content_encoding="gzip")
    assert await turns(client, [gzip.compress(b"") * 20_000 + gzip.compress(TEXT)]) > 10
    assert gzip.decompress(client.got) == MASKED
    assert client.errors == []


@pytest.mark.parametrize("coding", COMPRESS)
@pytest.mark.parametrize("policy", [mask, slow_mask])
async def test_a_large_body_passes_in_turns(
    coding: str, policy: Callable[[Output], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coded, "TURN_S", 0.0)
    given = b"".join(b"%d ann@example.com\n" % n for n in range(40_000))
    data = COMPRESS[coding](given)
    client = Client(policy, media="text/plain", content_encoding=coding)
    assert await turns(client, cuts(data, range(0, len(data), 9999))) > 10
    assert client.errors == []
    assert EXPAND[coding](client.got) == given.replace(b"ann@example.com", b"[x]")
    assert client.holds == [True, False] * (len(client.holds) // 2)


async def test_nobody_hears_of_a_body_that_was_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coded, "TURN_S", 0.0)
    client = Client(media="text/plain", content_encoding="gzip")
    client.editor.feed(gzip.compress(b"some text\n" * 400_000))
    assert client.holds == [True]
    client.editor.abort()
    written = len(client.writes)
    await asyncio.sleep(0.01)
    assert (len(client.writes), client.errors, client.holds) == (written, [], [True, False])


@pytest.mark.parametrize("coding", COMPRESS)
async def test_a_body_of_one_byte_that_is_zero(coding: str) -> None:
    assert EXPAND[coding](await edited(COMPRESS[coding](b"\0"), "text/plain", content_encoding=coding)) == b"\0"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["gzip", "deflate", "br", "zstd"]), max_size=3),
    st.lists(st.integers(0, 100_000), max_size=6),
    st.lists(st.sampled_from([b"ann@example.com", b"x", b"\n", b" ", b"\xff"]), max_size=40),
    st.booleans(),
)
async def test_any_chunks_in_any_codings(
    names: list[str], places: list[int], parts: list[bytes], awaits: bool
) -> None:
    plain = b"text: " + b" ".join(parts)
    data = plain
    for name in names:
        data = COMPRESS[name](data)
    client = Client(slow_mask if awaits else mask, media="text/plain", content_encoding=", ".join(names))
    got = await client.all_of(cuts(data, places))
    assert client.errors == []
    for name in reversed(names):
        got = EXPAND[name](got)
    assert got == plain.replace(b"ann@example.com", b"[x]")
