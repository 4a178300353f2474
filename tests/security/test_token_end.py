"""The end of a token is the end of the sessions that it has opened: revoked, expired, or with the clocks apart."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncssh
import psycopg
import pytest

from demo.server import HOST, free_port
from hoopaddon import Session
from hoopaddon.gateway import Gateway, serving
from hoopaddon.identity import tokens as own_tokens
from hoopaddon.identity.tokens import sign
from hoopaddon.store.keys import SigningKey
from hoopaddon.store.tokens import Tokens
from tests.servers.http import Upstream, chunks, exchange, get, plain
from tests.servers.issuer import Issuer
from tests.servers.postgres import APP, PostgresServer

WITHIN_S = 30
MODE = "http:http://127.0.0.1:{}?login=token@0"


class Sessions:
    """Those that have begun, and those that are over."""

    def __init__(self) -> None:
        self.started: list[Session] = []
        self.ended: list[Session] = []

    def session_start(self, session: Session) -> None:
        self.started.append(session)

    def session_end(self, session: Session) -> None:
        self.ended.append(session)


async def until(is_so: Callable[[], object], within_s: float = WITHIN_S) -> None:
    async with asyncio.timeout(within_s):
        while not is_so():
            await asyncio.sleep(0.02)


def revoke(gateway: Gateway, *, user: str = "", jti: str = "") -> None:
    """As the command does in a process of its own."""
    tokens = Tokens(gateway.confdir / "store" / "tokens.db")
    try:
        if user:
            tokens.revoke_user(user)
        else:
            tokens.revoke(jti)
    finally:
        tokens.close()


def bearer(token: str) -> bytes:
    return f"Authorization: Bearer {token}\r\n".encode()


@asynccontextmanager
async def web(folder: Path, respond: Any = None, **options: Any) -> AsyncIterator[tuple[Gateway, Any, Sessions]]:
    sessions = Sessions()
    async with (
        Upstream(respond or plain()) as upstream,
        serving(modes=[MODE.format(upstream.port)], addons=[sessions], confdir=str(folder), **options) as gateway,
    ):
        host, port, *_ = gateway.servers.listen_addrs()[0]
        yield gateway, (host, port), sessions


async def status(address: Any, token: str) -> str:
    answer = await exchange(address, get("/", bearer(token) + b"Connection: close\r\n"))
    return answer.split(b" ", 2)[1].decode()


def token_of(gateway: Gateway, user: str = "ada", ttl_s: int = 60) -> str:
    return sign(SigningKey.load_or_create(gateway.confdir), subject=user, groups=["dev"], ttl_s=ttl_s)


async def test_a_postgres_session_is_told_and_cut(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PW", postgres.passwords[APP])
    sessions, port = Sessions(), free_port()
    mode = f"postgres:{postgres.host}:{postgres.port}?user={APP}&password=env:PW@{HOST}:{port}"
    async with serving(modes=[mode], addons=[sessions], confdir=str(tmp_path)) as gateway:
        tokens = {user: token_of(gateway, user) for user in ("ada", "bob")}

        async def connect(user: str) -> psycopg.AsyncConnection[Any]:
            how: dict[str, Any] = {"host": HOST, "port": port, "dbname": "postgres", "user": user}
            return await psycopg.AsyncConnection.connect(**how, password=tokens[user], autocommit=True)

        async with await connect("ada") as ada, await connect("bob") as bob:
            await ada.execute("SELECT 1")
            revoke(gateway, user="ada")
            began = time.monotonic()
            with pytest.raises(psycopg.errors.AdminShutdown, match="your token was revoked"):
                await ada.execute("SELECT pg_sleep(25)")
            assert time.monotonic() - began < 10
            await bob.execute("SELECT 1")
            await until(lambda: [session.user.subject for session in sessions.ended] == ["ada"])
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            await connect("ada")


async def test_an_ssh_session_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = await asyncssh.listen(
        HOST, 0, server_factory=_Anybody, server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")]
    )
    monkeypatch.setenv("PW", "any")
    sessions, port = Sessions(), free_port()
    at = target.get_port()
    mode = f"ssh:{HOST}:{at}?user=app&password=env:PW&host_key=accept-new@{HOST}:{port}"
    nothing: dict[str, Any] = {"known_hosts": None, "config": None, "agent_path": None, "client_keys": None}
    async with serving(modes=[mode], addons=[sessions], confdir=str(tmp_path)) as gateway:
        used, left = token_of(gateway), token_of(gateway)
        client = await asyncssh.connect(HOST, port, username="ada", password=used, **nothing)
        await until(lambda: sessions.started)
        revoke(gateway, user="ada")
        async with asyncio.timeout(WITHIN_S):
            await client.wait_closed()
        await until(lambda: sessions.ended)
        with pytest.raises(asyncssh.PermissionDenied):
            await asyncssh.connect(HOST, port, username="ada", password=left, **nothing)
    target.close()


class _Anybody(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return False


async def test_a_known_token_opens_nothing_more_on_http(tmp_path: Path) -> None:
    async with web(tmp_path) as (gateway, address, sessions):
        ada, bob = token_of(gateway), token_of(gateway, "bob")
        assert [await status(address, token) for token in (ada, ada, bob)] == ["200", "200", "200"]
        listed = Tokens(gateway.confdir / "store" / "tokens.db")
        listed.add(sessions.started[0].user)
        listed.close()
        revoke(gateway, jti=str(sessions.started[0].user.claims["jti"]))
        await until(lambda: sessions.ended)
        assert [await status(address, token) for token in (ada, bob)] == ["401", "200"]


async def test_what_streams_breaks_off(tmp_path: Path) -> None:
    async with web(tmp_path, chunks(*[b"data: x\n\n"] * 4000, pause_s=0.05)) as (gateway, address, sessions):
        asking = asyncio.ensure_future(exchange(address, get("/", bearer(token_of(gateway)))))
        await until(lambda: sessions.started)
        revoke(gateway, user="ada")
        async with asyncio.timeout(WITHIN_S):
            answer = await asking
        assert not answer.endswith(b"0\r\n\r\n")
        await until(lambda: sessions.ended)


async def test_a_session_ends_with_its_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_tokens, "LEEWAY_S", 0)
    async with web(tmp_path) as (gateway, address, sessions):
        token = token_of(gateway, ttl_s=2)
        assert await status(address, token) == "200"
        await until(lambda: sessions.ended)
        assert sessions.started[0].ended == "your token has expired: log in again"
        assert await status(address, token) == "401"


async def test_on_http_it_goes_on_with_a_newer_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_tokens, "LEEWAY_S", 0)
    async with web(tmp_path) as (gateway, address, sessions):
        first, second = token_of(gateway, ttl_s=2), token_of(gateway, ttl_s=60)
        assert [await status(address, token) for token in (first, second)] == ["200", "200"]
        await asyncio.sleep(3)
        assert await status(address, second) == "200"
        assert (len(sessions.started), sessions.ended) == (1, [])


async def test_a_session_may_outlive_its_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_tokens, "LEEWAY_S", 0)
    async with web(tmp_path, token_expiry_ends_sessions=False) as (gateway, address, sessions):
        token = token_of(gateway, ttl_s=1)
        assert await status(address, token) == "200"
        await asyncio.sleep(2)
        assert await status(address, token) == "401"
        assert sessions.ended == []
        revoke(gateway, user="ada")
        await until(lambda: sessions.ended)


async def test_a_provider_with_a_slow_clock_and_one_that_is_gone(tmp_path: Path) -> None:
    async with Issuer() as issuer, web(tmp_path, **issuer.options) as (gateway, address, sessions):
        now = int(time.time())
        # By its clock it is over already; sessions last as long as the token would let anybody in.
        late = issuer.token(iat=now - 60, exp=now - 25)
        assert await status(address, late) == "200"
        lasting = issuer.token(sub="bob")
        assert await status(address, lasting) == "200"
        await issuer.stop()
        await until(lambda: sessions.ended)
        assert sessions.ended[0].user.subject == "ada"
        # An outage ends nobody's session, and a revocation does not need the provider.
        assert await status(address, lasting) == "200"
        assert time.time() >= now + 5
        revoke(gateway, user="bob")
        await until(lambda: len(sessions.ended) == 2)
        assert await status(address, lasting) == "401"
