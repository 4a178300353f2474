"""No bad token gets in by any protocol's door: the log says why, the client learns nothing."""

import asyncio
import base64
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh
import psycopg
import pytest

from demo.server import HOST, free_port
from hoopaddon.gateway import serving
from tests.servers.bad_tokens import bad_tokens
from tests.servers.http import exchange
from tests.servers.issuer import Issuer

LET_IN = "let in"

type Door = Callable[[int, str], Awaitable[str]]
"""Tries a token at a port; what the client is told, or `LET_IN` as soon as only the target is missing."""


async def by_postgres(port: int, token: str) -> str:
    # In a thread, and in libpq: what real clients do with it.
    def connect() -> str:
        try:
            psycopg.connect(host=HOST, port=port, user="app", password=token, dbname="x", connect_timeout=20).close()
        except psycopg.OperationalError as e:
            return LET_IN if "cannot be reached" in str(e) else str(e)
        return LET_IN

    return await asyncio.to_thread(connect)


async def by_ssh(port: int, token: str) -> str:
    try:
        async with asyncssh.connect(
            HOST,
            port,
            username="ada",
            password=token,
            known_hosts=None,
            config=None,
            agent_path=None,
            client_keys=None,
        ):
            return LET_IN
    except (asyncssh.Error, OSError) as e:
        return str(e)


def by_http(head: str, body: str = "") -> Door:
    async def door(port: int, token: str) -> str:
        basic = base64.b64encode(f"ada:{token}".encode()).decode()
        request = head.format(token=token, basic=basic) + f"\r\nConnection: close\r\n\r\n{body}"
        answer = (await exchange((HOST, port), request.encode())).decode(errors="replace")
        return LET_IN if re.match(r"HTTP/1.1 (?!4)", answer) else answer

    return door


PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}'
MCP = (
    "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    f"Accept: application/json, text/event-stream\r\nContent-Length: {len(PING)}\r\n"
    "Authorization: Bearer {token}"
)
DOORS: dict[str, tuple[str, Door]] = {
    "postgres": ("postgres:127.0.0.1:1?user=app", by_postgres),
    "ssh": ("ssh:127.0.0.1:1?user=app&password=env:PW&host_key=accept-new", by_ssh),
    "http": (
        "http:http://127.0.0.1:1?login=token",
        by_http("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}"),
    ),
    "http, as a password": (
        "http:http://127.0.0.1:1?login=token",
        by_http("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic {basic}"),
    ),
    "http, in a cookie": (
        "http:http://127.0.0.1:1?login=token",
        by_http("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: hoopaddon_token={token}"),
    ),
    "kubernetes": (
        "kubernetes:http://127.0.0.1:1?login=token",
        by_http("GET /api HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}"),
    ),
    "mcp": ("mcp:http://127.0.0.1:1/mcp?login=token", by_http(MCP, PING)),
    "forward proxy": (
        "regular",
        by_http(
            "GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: 127.0.0.1:1\r\nProxy-Authorization: Basic {basic}",
        ),
    ),
}


@asynccontextmanager
async def gateway(door: str, issuer: Issuer, folder: Path) -> AsyncIterator[int]:
    port = free_port()
    async with serving(
        modes=[f"{DOORS[door][0]}@{HOST}:{port}"],
        confdir=str(folder),
        forward_login="token",
        forward_allow=["127.0.0.0/8"],
        login_failures=0,
        **issuer.options,
    ):
        yield port


@pytest.mark.parametrize("door", DOORS)
async def test_no_bad_token_gets_in(
    door: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PW", "the-targets-own")
    caplog.set_level(logging.INFO, "hoopaddon")
    attempt = DOORS[door][1]
    wrong: list[str] = []
    async with Issuer() as issuer, gateway(door, issuer, tmp_path) as port:
        assert await attempt(port, issuer.token()) == LET_IN
        told: set[str] = set()
        for name, (token, says) in bad_tokens(issuer.address).items():
            caplog.clear()
            told.add(re.sub(r"\d+", "", answer := await attempt(port, token)))
            logged = "\n".join(record.getMessage() for record in caplog.records)
            if answer == LET_IN or token in logged or not re.search(f"{says}|is no token|longer than any", logged):
                wrong.append(f"{name}: {answer!r}, {logged!r}")
        assert wrong == []
        # Whatever was wrong with it, the answer is the same.
        assert len(told) == 1, told
        assert await attempt(port, issuer.token()) == LET_IN


@pytest.mark.parametrize("door", DOORS)
async def test_a_megabyte_is_no_token(door: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", "the-targets-own")
    async with Issuer() as issuer, gateway(door, issuer, tmp_path) as port:
        head, _, rest = issuer.token().partition(".")
        try:
            answer = await DOORS[door][1](port, f"{head}.{'A' * (1 << 20)}.{rest}")
        except OSError as e:
            answer = type(e).__name__
        assert answer != LET_IN
        assert await DOORS[door][1](port, issuer.token()) == LET_IN
