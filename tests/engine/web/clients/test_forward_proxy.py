"""Clients that are told of a proxy, and what they meet behind it: TLS to a target, tokens, and a policy."""

import asyncio
import json
import os
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from hoopaddon.gateway import serving
from hoopaddon.identity.tokens import sign
from hoopaddon.store.keys import SigningKey
from tests.engine.web.clients.conftest import EMAIL, MASK, Certificate, Policies
from tests.servers.missing import program
from tests.servers.web_service import Service, web_service

WITHIN_S = 20


@asynccontextmanager
async def proxy(
    tmp_path: Path, confdir: Path, certificate: Certificate, **options: Any
) -> AsyncIterator[tuple[Service, str, Policies]]:
    """The target, the proxy's `HOST:PORT`, and what its policies have seen."""
    (tmp_path / "key.pem").write_bytes(certificate.key)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate.path, tmp_path / "key.pem")
    policies = Policies()
    options.setdefault("forward_allow", ["localhost"])
    async with (
        web_service(tmp_path, tls) as service,
        serving(
            modes=["regular@127.0.0.1:0"],
            addons=[policies],
            confdir=str(confdir),
            forward_login="token",
            ssl_verify_upstream_trusted_ca=str(certificate.path),
            **options,
        ) as gateway,
    ):
        yield service, f"127.0.0.1:{gateway.servers.listen_addrs()[0][1]}", policies


def token(confdir: Path) -> str:
    return sign(SigningKey.load_or_create(confdir), subject="agent-7", groups=["agents"], ttl_s=60)


async def curl(url: str, at: str, authority: Path, *arguments: str) -> str:
    """What curl says that is told of the proxy by its environment alone."""
    environment = {**os.environ, "HTTPS_PROXY": f"http://{at}", "CURL_CA_BUNDLE": str(authority), "NO_PROXY": ""}
    command = [str(program("curl")), "-sS", *arguments, url]
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    async with asyncio.timeout(WITHIN_S):
        out, _ = await process.communicate()
    return out.decode()


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
async def test_curl(tmp_path: Path, web_confdir: Path, certificate: Certificate, version: str) -> None:
    async with proxy(tmp_path, web_confdir, certificate) as (service, at, policies):
        authority = web_confdir / "mitmproxy-ca-cert.pem"
        url = f"https://localhost:{service.port}"
        login = f"agent:{token(web_confdir)}@{at}"
        said = await curl(f"{url}/fine", login, authority, version)
        assert json.loads(said)["email"] == MASK
        refused = await curl(f"{url}/things", login, authority, version, "-X", "DELETE")
        assert json.loads(refused)["detail"] == "nothing is deleted here"
        for other in (at, f"agent:nonsense@{at}"):
            assert "407" in await curl(f"{url}/nobody", other, authority, version)
    assert service.seen == ["GET /fine"]
    assert [(c.session.user.subject, c.session.target.name) for c in policies.ended] == [
        ("agent-7", f"localhost:{service.port}")
    ] * 2


async def test_requests(tmp_path: Path, web_confdir: Path, certificate: Certificate) -> None:
    async with proxy(tmp_path, web_confdir, certificate) as (service, at, _):

        def ask() -> requests.Response:
            with requests.Session() as session:
                session.trust_env = False
                session.proxies = {"https": f"http://agent:{token(web_confdir)}@{at}"}
                session.verify = str(web_confdir / "mitmproxy-ca-cert.pem")
                return session.get(f"https://localhost:{service.port}/fine", timeout=WITHIN_S)

        answer = await asyncio.to_thread(ask)
    assert EMAIL not in answer.text
    assert answer.json()["email"] == MASK


async def test_what_is_not_outside_is_not_reached(
    tmp_path: Path, web_confdir: Path, certificate: Certificate
) -> None:
    async with proxy(tmp_path, web_confdir, certificate, forward_allow=[]) as (service, at, _):
        login = f"agent:{token(web_confdir)}@{at}"
        said = await curl(f"https://localhost:{service.port}/fine", login, web_confdir / "mitmproxy-ca-cert.pem")
    assert "403" in said
    assert not service.seen
