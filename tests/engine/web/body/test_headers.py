"""Header fields of what is edited: nothing describes bytes that are not sent, and no part is asked for."""

import pytest

from hoopaddon import Output, Refused
from hoopaddon.policy.chain import Chain
from hoopaddon.web.body import edited_headers, whole_request
from hoopaddon.web.request import Headers
from tests.engine.policy.addons import Hooks, chain


class Gateway:
    def __init__(self, wants: bool = True) -> None:
        def look(output: Output) -> None:
            pass

        self.chain: Chain = chain(Hooks(output=look)) if wants else chain()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("Content-Type", "application/json", "application/json"),
        ("Content-Encoding", "br", "br"),
        ("Vary", "Accept-Encoding", "Accept-Encoding"),
        ("Last-Modified", "Mon, 23 Nov 2026 01:00:00 GMT", "Mon, 23 Nov 2026 01:00:00 GMT"),
        ("ETag", '"abc"', 'W/"abc"'),
        ("etag", 'W/"abc"', 'W/"abc"'),
        ("Content-Length", "12", None),
        ("Content-MD5", "Q2hlY2sgSW50ZWdyaXR5IQ==", None),
        ("Digest", "sha-256=abc", None),
        ("Content-Digest", "sha-256=:abc:", None),
        ("Repr-Digest", "sha-256=:abc:", None),
        ("Accept-Ranges", "bytes", None),
        ("X-Amz-Checksum-Crc32", "AAAAAA==", None),
        ("X-Goog-Hash", "crc32c=n03x6A==", None),
    ],
)
def test_what_an_edited_response_says_of_itself(name: str, value: str, expected: str | None) -> None:
    fields = Headers((("X-Other", "1"), (name, value)))
    kept = edited_headers(fields, Gateway())
    assert kept.all(name) == (() if expected is None else (expected,))
    assert kept.get("x-other") == "1"
    assert edited_headers(fields, Gateway(wants=False)) == fields


def test_a_part_is_refused() -> None:
    ranged = Headers((("Content-Range", "bytes 0-9/100"),))
    for status in (200, 206):
        with pytest.raises(Refused, match="a part"):
            edited_headers(ranged, Gateway(), status=status)
    with pytest.raises(Refused, match="a part"):
        edited_headers(Headers((("Content-Type", "multipart/byteranges; boundary=x"),)), Gateway(), status=206)
    assert edited_headers(ranged, Gateway(wants=False), status=206) == ranged
    assert edited_headers(Headers((("Content-Range", "bytes */100"),)), Gateway(), status=416)


def test_no_part_is_asked_for() -> None:
    fields = Headers(
        (("Range", "bytes=5-9"), ("If-Range", '"abc"'), ("Accept", "*/*"), ("Want-Repr-Digest", "sha-256=1"))
    )
    assert whole_request(fields, Gateway()) == Headers((("Accept", "*/*"),))
    assert whole_request(fields, Gateway(wants=False)) == fields


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("gzip, deflate, br, zstd", "gzip, deflate, br, zstd"),
        ("gzip;q=1.0, dcb, dcz;q=0.5, identity;q=0", "gzip;q=1.0, identity;q=0"),
        ("*", "identity"),
        ("gzip, *;q=0", "gzip, *;q=0"),
        ("compress", "identity"),
        ("", "identity"),
    ],
)
def test_only_codings_are_accepted_that_can_be_looked_into(accepted: str, expected: str) -> None:
    fields = whole_request(Headers((("Accept-Encoding", accepted),)), Gateway())
    assert fields.get("accept-encoding") == expected
