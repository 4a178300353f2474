"""What people use, against a real server: the same bytes with and without the gateway."""

import asyncio
import hashlib
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import httpx2
import pytest
import requests

from tests.engine.web.clients.conftest import EMAIL, MASK, InFrontOf, Looks, Policies
from tests.servers.missing import program
from tests.servers.web_service import BLOB, told

WITHIN_S = 20

type Answer = tuple[int, bytes]
type Ask = Callable[[str, str, bytes | None], Awaitable[Answer]]


async def curl(*arguments: str, stdin: bytes = b"") -> str:
    process = await asyncio.create_subprocess_exec(
        "curl", "-sS", *arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    async with asyncio.timeout(WITHIN_S):
        out, _ = await process.communicate(stdin)
    return out.decode(errors="replace")


async def by_curl(method: str, url: str, body: bytes | None) -> Answer:
    sent = ["--data-binary", "@-"] if body is not None else []
    out = await curl("-X", method, "-w", "\n%{http_code}", *sent, url, stdin=body or b"")
    text, _, status = out.rpartition("\n")
    return int(status), text.encode()


async def by_requests(method: str, url: str, body: bytes | None) -> Answer:
    answer = await asyncio.to_thread(requests.request, method, url, data=body, timeout=WITHIN_S)
    return answer.status_code, answer.content


async def by_httpx(method: str, url: str, body: bytes | None) -> Answer:
    answer = await asyncio.to_thread(httpx2.request, method, url, content=body, timeout=WITHIN_S)
    return answer.status_code, answer.content


async def by_aiohttp(method: str, url: str, body: bytes | None) -> Answer:
    async with aiohttp.ClientSession() as client, client.request(method, url, data=body) as answer:
        return answer.status, await answer.read()


FETCH = """
const [method, url] = process.argv.slice(1);
const body = method === "GET" || method === "DELETE" ? undefined : await new Response(process.stdin).text();
const answer = await fetch(url, {method, body});
process.stdout.write((await answer.text()) + "\\n" + answer.status);
"""


async def by_node(method: str, url: str, body: bytes | None) -> Answer:
    process = await asyncio.create_subprocess_exec(
        *("node", "--input-type=module", "-e", FETCH, "--", method, url),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    async with asyncio.timeout(WITHIN_S):
        out, _ = await process.communicate(body or b"")
    text, _, status = out.decode().rpartition("\n")
    return int(status), text.encode()


@pytest.mark.parametrize("ask", [by_curl, by_requests, by_httpx, by_aiohttp, by_node])
async def test_a_client(front: InFrontOf, ask: Ask) -> None:
    if ask is by_node:
        program("node")
    policies = Policies()
    async with front(policies) as at:
        status, body = await ask("GET", at.url("/fine?x=1"), None)
        assert (status, told(body)["email"]) == (200, MASK)
        sent = b'{"a": "' + b"x" * 100_000 + b'"}'
        status, body = await ask("POST", at.url("/things"), sent)
        assert (status, told(body)["sha256"]) == (200, hashlib.sha256(sent).hexdigest())
        status, body = await ask("DELETE", at.url("/things/1"), None)
        assert (status, told(body)["detail"]) == (403, "nothing is deleted here")
        assert [line.split()[0] for line in at.service.seen] == ["GET", "POST"]
    assert [command.tag for command in policies.ended] == ["200", "200", "403"]


async def test_the_same_bytes_as_without_the_gateway(front: InFrontOf) -> None:
    async with front(Looks()) as at:
        for path in ("/fine", "/blob", "/status/204", "/status/304", "/status/404", "/anything?q=%2f..%2F&&a=b;c"):
            direct = await curl("-o", "-", "-w", "%{http_code}", f"http://127.0.0.1:{at.service.port}{path}")
            through = await curl("-o", "-", "-w", "%{http_code}", at.url(path))
            assert through == direct, path


@pytest.mark.parametrize("policies", [Looks, Policies])
async def test_heads(front: InFrontOf, policies: type) -> None:
    async with front(policies()) as at:
        head = (await curl("-I", at.url("/fine"))).lower()
        assert head.startswith("http/1.1 200 ")
        assert "x-answer: yes" in head
        assert ('etag: "v1"' in head) is (policies is Looks)


async def test_ranges_pass_where_nothing_is_edited(front: InFrontOf) -> None:
    async with front(Looks()) as at:
        status, part = await by_requests("GET", at.url("/blob"), None)
        assert (status, part) == (200, BLOB)
        ranged = await asyncio.to_thread(
            requests.get, at.url("/blob"), headers={"Range": "bytes=10-19"}, timeout=WITHIN_S
        )
        assert (ranged.status_code, ranged.content) == (206, BLOB[10:20])


async def test_a_range_is_answered_whole_where_answers_are_edited(front: InFrontOf) -> None:
    async with front(Policies()) as at:
        ranged = await asyncio.to_thread(
            requests.get, at.url("/blob"), headers={"Range": "bytes=10-19"}, timeout=WITHIN_S
        )
        assert ranged.status_code == 200


@pytest.mark.parametrize("policies", [Looks, Policies])
async def test_events_come_at_once(front: InFrontOf, policies: type) -> None:
    async with (
        asyncio.timeout(WITHIN_S),
        front(policies()) as at,
        aiohttp.ClientSession() as client,
        client.get(at.url("/events")) as answer,
    ):
        assert await answer.content.readline() == b"data: first\n"
        at.service.go.set()
        assert b"data: second" in await answer.content.read()


@pytest.mark.parametrize("policies", [Looks, Policies])
async def test_large_bodies_stream(front: InFrontOf, policies: type) -> None:
    async with front(policies()) as at, aiohttp.ClientSession() as client, asyncio.timeout(60):
        async with client.get(at.url("/endless?mb=40")) as answer:
            assert sum([len(chunk) async for chunk in answer.content.iter_any()]) == 40 << 20

        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(40):
                yield bytes(1 << 20)

        octets = {"Content-Type": "application/octet-stream"}
        async with client.post(at.url("/upload"), data=pieces(), headers=octets) as answer:
            assert (await answer.json())["bytes"] == 40 << 20


async def test_expectations_are_met(front: InFrontOf) -> None:
    body = b"y" * 2_000_000
    async with front(Looks()) as at:
        said = await curl("-v", "-H", "Expect: 100-continue", "--data-binary", "@-", at.url("/up"), stdin=body)
    assert "HTTP/1.1 100" in said
    assert hashlib.sha256(body).hexdigest() in said


async def test_many_requests_on_one_connection(front: InFrontOf) -> None:
    policies = Policies()
    async with front(policies) as at:
        urls = [at.url(f"/n/{n}") for n in range(200)]
        said = await curl("-v", *urls)
    assert said.count("Re-using existing connection") == 199
    assert len(policies.ended) == 200


async def test_chunked_uploads(front: InFrontOf) -> None:
    async with front(Looks()) as at:
        said = await curl("-T", "-", at.url("/up"), stdin=b"z" * 300_000)
        assert told(said)["sha256"] == hashlib.sha256(b"z" * 300_000).hexdigest()


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
async def test_tls(front: InFrontOf, version: str) -> None:
    async with front(Policies()) as at:
        arguments = ("--cacert", str(at.authority), version, "-w", " %{http_version}")
        said = await curl(*arguments, at.url("/fine", tls=True))
    assert MASK in said
    assert EMAIL not in said
    assert said.endswith(" 2" if version == "--http2" else " 1.1")


@pytest.mark.parametrize("version", ["--http1.0", "--http1.1", "--http2"])
async def test_streams_that_are_edited(front: InFrontOf, version: str) -> None:
    async with front(Policies()) as at:
        arguments = ("--cacert", str(at.authority), version, "-w", "%{http_code} %{size_download}", "-o", "/dev/null")
        said = await curl(*arguments, at.url("/endless?mb=3", tls=True))
    assert said == f"200 {3 << 20}"


async def test_http2_without_tls(front: InFrontOf) -> None:
    async with front(Policies()) as at:
        said = await curl("--http2-prior-knowledge", "-w", " %{http_version}", at.url("/fine"))
    assert MASK in said
    assert said.endswith(" 2")
