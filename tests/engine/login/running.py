"""A login service of this process, and what somebody sends it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from demo.server import free_port
from hoopaddon.gateway import Gateway, serving
from hoopaddon.identity.tokens import sign, verify
from hoopaddon.login.protocol import ACCESS_TOKEN, ID_TOKEN, JWT, TOKEN_EXCHANGE, VERIFIER, nonce_of
from hoopaddon.session import User
from hoopaddon.store.keys import SigningKey
from tests.servers.issuer import Issuer

LOGIN_CLIENT = "login-client"
VERIFIED_BY = "v" * 43


@dataclass
class Service:
    """It listens at `url`; `key` is the gateway's."""

    gateway: Gateway
    url: str
    key: SigningKey
    client: httpx2.AsyncClient

    async def post(self, form: dict[str, str] | str, path: str = "/token", **how: Any) -> httpx2.Response:
        data: Any = {"content": form} if isinstance(form, str) else {"data": form}
        return await self.client.post(f"{self.url}{path}", **data, **how)

    async def exchange(self, token: str, kind: str = ACCESS_TOKEN, **more: str) -> httpx2.Response:
        asked = {"grant_type": TOKEN_EXCHANGE, "subject_token": token, "subject_token_type": kind, **more}
        return await self.post({name: value for name, value in asked.items() if value})

    async def log_in(self, issuer: Issuer, verifier: str = VERIFIED_BY, **claims: Any) -> httpx2.Response:
        """As `hoopaddon login` does with the ID token of a login; claims can be others."""
        good = {"aud": LOGIN_CLIENT, "azp": LOGIN_CLIENT, "nonce": nonce_of(VERIFIED_BY, self.url)}
        return await self.exchange(issuer.token(**good | claims), ID_TOKEN, **{VERIFIER: verifier})

    async def act(self, subject: str, actor: str, **more: str) -> httpx2.Response:
        return await self.exchange(subject, JWT, actor_token=actor, actor_token_type=ACCESS_TOKEN, **more)

    async def takes(self, token: str) -> bool:
        asked = await self.client.get(f"{self.url}/userinfo", headers={"authorization": f"Bearer {token}"})
        return asked.status_code == 200

    def own(self, subject: str = "ada", **how: Any) -> str:
        """A token that the gateway has signed."""
        return sign(self.key, subject=subject, **{"ttl_s": 900, **how})

    def user(self, answer: httpx2.Response, target: str | None = None) -> User:
        """Whom the token is for that was answered."""
        assert answer.status_code == 200, answer.text
        return verify(answer.json()["access_token"], self.key, target=target)


@asynccontextmanager
async def service(confdir: Path, issuer: Issuer | None = None, **options: Any) -> AsyncIterator[Service]:
    """A gateway without targets that listens for logins, until the block ends."""
    port = free_port()
    of_issuer = {**issuer.options, "oidc_login_client": LOGIN_CLIENT} if issuer else {}
    chosen = {"confdir": str(confdir), "login_listen": str(port), **of_issuer, **options}
    async with serving(**chosen) as gateway, httpx2.AsyncClient(trust_env=False, timeout=30) as client:
        yield Service(gateway, f"http://127.0.0.1:{port}", SigningKey.load(confdir), client)
