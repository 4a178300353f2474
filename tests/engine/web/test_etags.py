"""Tags of what is masked tell nothing of it, and still save sending what has not changed."""

import hashlib

import pytest

from hoopaddon import Output
from hoopaddon.web.etags import MOST_KEPT, Tags
from hoopaddon.web.request import Headers
from tests.engine.traffic.breaking import Policy
from tests.servers.http import SECRET, Address, exchange, get, plain
from tests.servers.in_front import InFront

MODE = "http:http://127.0.0.1:{}@127.0.0.1:0"
TAG = b'"%s"' % hashlib.sha256(SECRET).hexdigest().encode()


def masks(output: Output) -> None:
    output.text = output.text.replace(SECRET.decode(), "[masked]")


async def tagged(address: Address, headers: bytes = b"") -> tuple[bytes, bytes]:
    """The answer's tag, and the answer."""
    answer = await exchange(address, get(headers=headers))
    lines = [line for line in answer.split(b"\r\n") if line.lower().startswith(b"etag: ")]
    return (lines[0].partition(b": ")[2] if lines else b""), answer


async def test_a_tag_is_the_gateways_own(in_front: InFront) -> None:
    respond = plain(headers=b"ETag: " + TAG + b"\r\nContent-Type: text/plain\r\n")
    async with in_front(Policy(output=masks), respond=respond, mode=MODE) as (upstream, address):
        tag, answer = await tagged(address)
        assert TAG.strip(b'"') not in answer
        assert tag.startswith(b'W/"')
        assert (await tagged(address))[0] == tag
        # It is the target's again when it comes back.
        await tagged(address, b"If-None-Match: " + tag + b"\r\n")
        assert b"If-None-Match: " + TAG in upstream.seen


@pytest.mark.parametrize("field", [b"If-None-Match", b"if-match", b"If-Match"])
@pytest.mark.parametrize("guess", [TAG, b"W/" + TAG, b'"x", ' + TAG, b"W/" + TAG + b', "y"', TAG.strip(b'"')])
async def test_a_guess_is_not_asked_for(in_front: InFront, field: bytes, guess: bytes) -> None:
    respond = plain(headers=b"ETag: " + TAG + b"\r\n")
    async with in_front(Policy(output=masks), respond=respond, mode=MODE) as (upstream, address):
        await tagged(address)
        await tagged(address, field + b": " + guess + b"\r\n")
        assert TAG.strip(b'"') not in upstream.seen
        assert b"nobody-has-this" in upstream.seen


async def test_a_tag_in_an_answer_without_a_body(in_front: InFront) -> None:
    respond = plain(b"", status=b"304 Not Modified", headers=b"ETag: " + TAG + b"\r\n")
    async with in_front(Policy(output=masks), respond=respond, mode=MODE) as (_, address):
        tag, answer = await tagged(address)
        assert tag
        assert TAG.strip(b'"') not in answer


async def test_tags_pass_where_nothing_is_masked(in_front: InFront) -> None:
    respond = plain(headers=b"ETag: " + TAG + b"\r\n")
    async with in_front(mode=MODE, respond=respond) as (upstream, address):
        assert (await tagged(address, b"If-None-Match: " + TAG + b"\r\n"))[0] == TAG
        assert b"If-None-Match: " + TAG in upstream.seen


def test_any_stays_any() -> None:
    fields = Headers((("If-None-Match", "*"), ("If-Match", " * ")))
    assert Tags().reveal(fields) == fields


@pytest.mark.parametrize("tag", ["abc", '"a"b"', "", '"' + "x" * 600 + '"'])
def test_what_is_no_tag_is_left_out(tag: str) -> None:
    assert Tags().hide(Headers((("ETag", tag), ("X", "y"))), tag) == Headers((("X", "y"),))


def test_no_more_are_kept_than_so_many() -> None:
    tags = Tags()
    for number in range(MOST_KEPT + 10):
        tags.hide(Headers((("ETag", "a"),)), f'"{number}"')
    assert len(tags._meant) == MOST_KEPT
