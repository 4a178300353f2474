"""Content codings: undone within a limit, or refused."""

import gzip
import zlib

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from hoopaddon import Unparsable
from hoopaddon.web.encoding import codings, decoded

TEXT = b'{"amount": 900, "note": "' + b"a" * 300 + b'"}'


def packed(data: bytes) -> bytes:
    """gzip without the time in it: tests are named for their bytes."""
    return gzip.compress(data, mtime=0)


def raw(data: bytes) -> bytes:
    deflate = zlib.compressobj(wbits=-15)
    return deflate.compress(data) + deflate.flush()


CODED = {
    "gzip": packed,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("", TEXT),
        ("identity", TEXT),
        ("gzip", packed(TEXT)),
        ("x-gzip", packed(TEXT)),
        ("GZIP", packed(TEXT)),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", raw(TEXT)),
        ("br", brotli.compress(TEXT)),
        ("zstd", zstandard.compress(TEXT)),
        ("gzip, br", brotli.compress(packed(TEXT))),
        ("gzip, gzip,gzip", packed(packed(packed(TEXT)))),
        ("identity, gzip", packed(TEXT)),
    ],
)
def test_codings_are_undone(field: str, body: bytes) -> None:
    assert decoded(body, field) == TEXT


@pytest.mark.parametrize(
    ("field", "body", "why"),
    [
        ("gzip", TEXT, "not coded as gzip"),
        ("gzip", packed(TEXT)[:-9], "not coded as gzip"),
        ("gzip", packed(TEXT)[:-8] + b"\0" * 8, "not coded as gzip"),
        ("gzip", packed(TEXT) + packed(b"more"), "after the end"),
        ("gzip", packed(TEXT) + b"x", "after the end"),
        ("deflate", TEXT, "not coded as deflate"),
        ("deflate", zlib.compress(TEXT) + b"x", "after the end"),
        ("br", TEXT, "not coded as br"),
        ("br", brotli.compress(TEXT)[:-3], "not coded as br"),
        ("br", brotli.compress(TEXT) + b"x", "not coded as br"),
        ("zstd", TEXT, "not coded as zstd"),
        ("zstd", zstandard.compress(TEXT)[:-3], "not coded as zstd"),
        ("zstd", zstandard.compress(TEXT) + zstandard.compress(b"more"), "after the end"),
        ("zstd", zstandard.compress(TEXT) + b"x", "after the end"),
        ("gzip, br", packed(brotli.compress(TEXT)), "not coded as br"),
        ("compress", TEXT, "not read here"),
        ("aws-chunked", TEXT, "not coded as aws-chunked"),
        ("aws-chunked", b"5\r\nhello\r\n", "not coded as aws-chunked"),
        ("aws-chunked", b"4\r\nhello\r\n0\r\n\r\n", "not coded as aws-chunked"),
        ("aws-chunked", b"5\r\nhello\r\n0\r\n\r\nmore", "not coded as aws-chunked"),
        ("aws-chunked", b"5;x=y\r\nhello\r\n0\r\n\r\n", "not coded as aws-chunked"),
        ("gzip;q=1", packed(TEXT), "not read here"),
        ("gzip, gzip, gzip, gzip", TEXT, "more than 3"),
    ],
)
def test_lies_are_refused(field: str, body: bytes, why: str) -> None:
    with pytest.raises(Unparsable, match=why):
        decoded(body, field)


@pytest.mark.parametrize(
    ("field", "body", "found"),
    [
        ("aws-chunked", b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
        ("aws-chunked", b"5\r\nhello\r\n3\r\n, a\r\n0\r\nx-amz-checksum-crc32:abc=\r\n\r\n", b"hello, a"),
        ("aws-chunked", b"5;chunk-signature=0a\r\nhello\r\n0;chunk-signature=0b\r\n\r\n", b"hello"),
        ("aws-chunked,gzip", b"%x\r\n%b\r\n0\r\n\r\n" % (len(packed(TEXT)), packed(TEXT)), TEXT),
        ("gzip, aws-chunked", b"%x\r\n%b\r\n0\r\n\r\n" % (len(packed(TEXT)), packed(TEXT)), TEXT),
    ],
)
def test_the_chunks_of_s3(field: str, body: bytes, found: bytes) -> None:
    assert decoded(body, field) == found


@pytest.mark.parametrize("coding", CODED)
def test_bombs_are_bounded(coding: str) -> None:
    bomb = CODED[coding](b"\0" * 5_000_000)
    assert len(bomb) < 20_000
    with pytest.raises(Unparsable, match="more than 100000 bytes"):
        decoded(bomb, coding, 100_000)
    assert decoded(bomb, coding, 5_000_000) == b"\0" * 5_000_000


def test_a_bomb_within_a_bomb_is_bounded() -> None:
    bomb = packed(packed(b"\0" * 50_000_000))
    with pytest.raises(Unparsable, match="more than"):
        decoded(bomb, "gzip, gzip", 1_000_000)


def test_what_is_both_forms_of_deflate_is_refused() -> None:
    # zlib's header is a stored block of one byte to those who expect none, and the other way round.
    rest = 65_534 - 14
    shown = b"\x05\x00\xfa\xff" + b"other" + b"\x01"
    length = rest + 9
    shown += length.to_bytes(2, "little") + (length ^ 0xFFFF).to_bytes(2, "little")
    content = shown + b"a" * rest
    body = b"\x78\x01\x00\xfe\xff\x01\x00" + content + b"\x01\x00\x00\xff\xff"
    body += zlib.adler32(content).to_bytes(4, "big")
    assert zlib.decompress(body) == content
    assert zlib.decompress(body, -15) != content
    with pytest.raises(Unparsable, match="two different ones"):
        decoded(body, "deflate")


def test_an_empty_body_has_no_coding() -> None:
    assert decoded(b"", "gzip") == b""
    assert codings("gzip , identity,x-gzip") == ("gzip", "gzip")


@settings(deadline=None)
@given(st.sampled_from(sorted(CODED)), st.binary(max_size=200), st.integers(0, 250), st.binary(max_size=3))
def test_mutations_are_decoded_or_refused(coding: str, data: bytes, at: int, change: bytes) -> None:
    body = CODED[coding](data)
    mutated = body[:at] + change + body[at + len(change) :]
    try:
        found = decoded(mutated, coding, 10_000)
    except Unparsable:
        return
    assert len(found) <= 10_000
    if mutated == body:
        assert found == data
