"""Coded answers of a target that the gateway has a credential for, and requests that would leave that target."""

import gzip
import zlib
from collections.abc import Callable
from pathlib import Path

import brotli
import pytest
import zstandard

from hoopaddon import Output
from hoopaddon.identity.tokens import sign
from hoopaddon.store.keys import SigningKey
from tests.servers.http import exchange, get, plain
from tests.servers.in_front import InFront

KEY = "the-targets+own/key=="
MODE = "http:http://127.0.0.1:{}/api/v1?bearer=env:TARGET_KEY&name=shop&path=/one@0"
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}
EXPAND: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "br": brotli.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}


class Nothing:
    pass


class Masks:
    def output(self, output: Output) -> None:
        output.text = output.text.replace("42", "**")


@pytest.fixture
def head(confdir: str, monkeypatch: pytest.MonkeyPatch) -> bytes:
    monkeypatch.setenv("TARGET_KEY", KEY)
    token = sign(SigningKey.load_or_create(Path(confdir)), subject="ann", ttl_s=60)
    return f"Authorization: Bearer {token}\r\n".encode()


@pytest.mark.parametrize("policy", [Nothing, Masks])
@pytest.mark.parametrize("coding", COMPRESS)
async def test_a_small_answer_stays_in_its_coding(
    in_front: InFront, head: bytes, coding: str, policy: type[object]
) -> None:
    for text in (b"the answer is 42", b"the answer is 42, the key %s" % KEY.encode()):
        fields = b"Content-Type: text/plain\r\nContent-Encoding: %s\r\n" % coding.encode()
        respond = plain(COMPRESS[coding](text), headers=fields)
        async with in_front(policy(), respond=respond, mode=MODE) as (_, address):
            answer = await exchange(address, get("/one/x", head))
        start, _, body = answer.partition(b"\r\n\r\n")
        assert start.startswith(b"HTTP/1.1 200")
        expected = text.replace(KEY.encode(), b"********")
        assert EXPAND[coding](body) == (expected.replace(b"42", b"**") if policy is Masks else expected)


@pytest.mark.parametrize("policy", [Nothing, Masks])
async def test_a_bomb_ends_as_an_error(in_front: InFront, head: bytes, policy: type[object]) -> None:
    compressor = brotli.Compressor(quality=1, lgwin=24)
    megabyte = bytes(1 << 20)
    bomb = b"".join(compressor.process(megabyte) for _ in range(128)) + compressor.finish()
    respond = plain(bomb[:60_000], headers=b"Content-Type: text/plain\r\nContent-Encoding: br\r\n")
    async with in_front(policy(), respond=respond, mode=MODE) as (_, address):
        assert (await exchange(address, get("/one/x", head))).startswith(b"HTTP/1.1 502")


@pytest.mark.parametrize("path", ["/one/../admin", "/one/%2e%2e/admin", "/one/..%2fadmin", "/one/..;/admin"])
async def test_no_request_leaves_its_target(in_front: InFront, head: bytes, path: str) -> None:
    async with in_front(Nothing(), mode=MODE) as (upstream, address):
        assert (await exchange(address, get(path, head))).startswith(b"HTTP/1.1 400")
        assert not upstream.seen
        assert (await exchange(address, get("/one/x", head))).startswith(b"HTTP/1.1 200")
        assert upstream.seen.startswith(b"GET /api/v1/x HTTP/1.1")
