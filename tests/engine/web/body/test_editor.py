"""What every body's editor does alike: awaiting policies, failing closed, going away, and keeping memory flat."""

import asyncio
import gzip
import json
import resource
from collections.abc import Callable

import pytest

from hoopaddon import Output, Refused
from hoopaddon.addons.mask_pii import MaskPII
from hoopaddon.errors import PeerError
from hoopaddon.policy.chain import PolicyFailed
from hoopaddon.stream import WAITING_BYTES
from hoopaddon.testing import Bench
from tests.engine.policy.addons import Hooks, chain
from tests.engine.web.body.bodies import Client, edited, mask, slow_mask

MEGABYTES = 200
MEDIA = [
    "application/json",
    "application/x-ndjson",
    "text/plain",
    "text/csv",
    "text/event-stream",
    "multipart/mixed; boundary=b",
    "application/grpc",
    "application/octet-stream",
]
BODY: dict[str, bytes] = {
    "multipart/mixed; boundary=b": b'--b\r\n\r\n"ann@example.com"\r\n--b--\r\n',
    "text/event-stream": b'data: "ann@example.com"\n\n',
    "application/grpc": b"\0\0\0\0\x11\x0a\x0fann@example.com",
}


def body(media: str) -> bytes:
    return BODY.get(media, b'{"mail":"ann@example.com"}\n')


@pytest.mark.parametrize("media", MEDIA)
async def test_a_policy_that_breaks_lets_nothing_pass(media: str) -> None:
    def breaks(output: Output) -> None:
        raise KeyError(output.text)

    client = Client(breaks, media=media)
    got = await client.all_of([body(media)])
    assert b"ann" not in got
    assert [type(error) for error in client.errors] == [PolicyFailed]
    client.editor.feed(body(media))
    assert client.got == got


@pytest.mark.parametrize("media", MEDIA)
@pytest.mark.parametrize("coding", ["", "gzip"])
async def test_a_policy_that_awaits_holds_the_source_and_keeps_the_order(media: str, coding: str) -> None:
    data = body(media) * (1 if "multipart" in media else 50)
    sent = gzip.compress(data) if coding else data
    client = Client(slow_mask, media=media, content_encoding=coding)
    got = await client.all_of(sent[n : n + 100] for n in range(0, len(sent), 100))
    assert client.errors == []
    assert client.holds
    assert client.holds == [True, False] * (len(client.holds) // 2)
    assert (gzip.decompress(got) if coding else got) == await edited(data, media)


@pytest.mark.parametrize("media", ["application/json", "text/plain"])
@pytest.mark.parametrize("coding", ["", "gzip"])
async def test_a_policy_that_awaits_for_ever_is_no_reason_to_keep_all(media: str, coding: str) -> None:
    forever = asyncio.Event()

    async def wait(_output: Output) -> None:
        await forever.wait()

    client = Client(wait, media=media, content_encoding=coding)
    client.editor.feed(gzip.compress(b'{"a":1},\n' * 100) if coding else b'{"a":1},\n' * 100)
    assert client.holds == [True]
    for _ in range(2 * WAITING_BYTES // 65536):
        client.editor.feed(b"x" * 65536)
    assert [type(error) for error in client.errors] == [PeerError]
    client.editor.abort()
    await client.editor.drained()
    assert client.got == b""


@pytest.mark.parametrize("media", MEDIA)
async def test_nothing_leaves_after_the_client_has_gone(media: str) -> None:
    client = Client(slow_mask, media=media)
    client.editor.feed(body(media))
    client.editor.abort()
    client.editor.feed(body(media))
    client.editor.close()
    await client.editor.drained()
    await asyncio.sleep(0.01)
    assert b"ann" not in client.got
    assert b"[x]" not in client.got
    assert client.errors == []


async def test_a_body_that_nobody_wants_passes_as_it_comes() -> None:
    client = Client(None, media="application/json", content_encoding="gzip")
    chunks = [b"not gzip", b"", b"at all \xff"]
    assert await client.all_of(chunks) == b"".join(chunks)


async def test_a_policy_that_comes_while_a_body_passes_unseen_ends_it() -> None:
    client = Client(None, media="application/json")
    client.editor.feed(b'{"a":1,')
    client.chain = chain(Hooks(output=mask))
    client.editor.feed(b'"mail":"ann@example.com"}')
    assert client.got == b'{"a":1,'
    assert [type(error) for error in client.errors] == [Refused]


async def test_a_policy_that_goes_while_a_body_is_edited_leaves_it_whole() -> None:
    client = Client(media="application/json", content_encoding="gzip")
    data = gzip.compress(b'{"a":"ann@example.com"}' * 1000)
    client.editor.feed(data[:40])
    client.chain = chain()
    client.editor.feed(data[40:])
    client.editor.close()
    await client.editor.drained()
    assert client.errors == []
    assert json.loads(gzip.decompress(client.got).replace(b"}{", b"},{").join([b"[", b"]"]))


async def test_runs_of_one_body_share_what_policies_remember_and_bodies_do_not() -> None:
    def count(output: Output) -> None:
        assert output.offset == output.vars.get("chars", 0)
        output.vars["chars"] = output.offset + len(output.text)

    for media in ("application/json", "text/plain", "text/csv"):
        for _ in range(2):
            client = Client(count, media=media)
            await client.all_of([b'{"a":1},\n', b'{"b":2},\n'] * 3)
            assert client.errors == []


async def test_a_policy_in_shadow_remembers_apart_and_changes_nothing() -> None:
    with Bench(MaskPII(), options={"mask_columns": ["user"]}, shadow=True) as bench:
        client = Client(bench.chain, media="application/json")
        data = b'{"user":{"a":"x",'
        assert await client.all_of([data, b'"b":"y"}}']) == data + b'"b":"y"}}'


@pytest.mark.parametrize(
    ("media", "make"),
    [
        ("application/json", lambda n: b'{"id":%d,"name":"Willow Armstrong","note":"in the afternoon\\n"},' % n),
        ("text/plain", lambda n: b"%d Willow Armstrong prefers a call in the afternoon\n" % n),
        ("text/csv", lambda n: b"%d,Willow Armstrong,shipped\r\n" % n),
        ("application/octet-stream", lambda n: b"\0\1%d" % n),
    ],
)
async def test_memory_stays_flat(media: str, make: Callable[[int], bytes]) -> None:
    some = b"".join(make(n) for n in range(1000))
    block = some * ((1 << 20) // len(some))
    left = 0

    def count(data: bytes) -> None:
        nonlocal left
        left += len(data)

    with Bench(MaskPII(), options={"mask_columns": ["ssn,customer.email"]}) as bench:
        client = Client(bench.chain, media=media)
        client.writes = []
        client.editor._write = count  # type: ignore[attr-defined]
        client.editor.feed(block if media != "application/json" else b"[" + block)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(MEGABYTES):
            client.editor.feed(block)
    assert client.errors == []
    assert left >= MEGABYTES * len(block)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8 << 10


async def test_a_body_that_begins_with_little_is_judged_by_that_after_a_while() -> None:
    client = Client(media="application/octet-stream")
    client.editor.feed(b"$ ")
    assert client.got == b""
    await asyncio.sleep(0.35)
    client.editor.feed(b"ls ann@example.com\n")
    assert client.got == b"$ ls [x]\n"


async def test_a_mistake_of_our_own_lets_nothing_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_args: object) -> None:
        raise ZeroDivisionError("ann@example.com")

    monkeypatch.setattr("hoopaddon.web.body.jsonruns.fits", breaks)
    for policy in (mask, slow_mask):
        client = Client(policy, media="application/json")
        assert await client.all_of([b'{"mail":"ann@example.com"}']) == b""
        assert [str(error) for error in client.errors] == ["the body could not be read"]
