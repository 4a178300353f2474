"""The user's own machine: what comes back there is taken from this login alone, and nothing is sent elsewhere."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from aiohttp import web

from demo.server import free_port
from hoopaddon.credential import Secret
from hoopaddon.errors import ConfigError, HoopaddonError
from hoopaddon.identity.oidc.fetch import NotFetched, ask
from hoopaddon.login import protocol
from hoopaddon.login.client import device
from hoopaddon.login.client.browser import Receiver, by_browser
from hoopaddon.login.client.device import DeviceLogin, by_device
from hoopaddon.login.client.gateway import GatewayClient
from hoopaddon.login.client.provider import ProviderClient, token_of
from hoopaddon.login.protocol import LoginFailed, nonce_of
from tests.engine.login.running import LOGIN_CLIENT, service
from tests.servers.browser import browse
from tests.servers.oidc import OidcProvider

REDIRECT = "http://127.0.0.1/callback"
STATE = "s" * 43


def said_of(address: str, **changes: str) -> dict[str, str]:
    """What a gateway says of the provider."""
    return {"issuer": address, "client_id": "hoopaddon", "scope": "openid", "redirect_uri": REDIRECT} | changes


# -- the browser that comes back


async def visit(address: str) -> int:
    async with httpx2.AsyncClient(trust_env=False) as client:
        return (await client.get(address)).status_code


async def test_only_the_answer_to_this_login_is_taken() -> None:
    with Receiver(REDIRECT, STATE) as receiver:
        back = receiver.redirect_uri
        waiting = asyncio.create_task(receiver.answer(30))
        for stray in (
            "?code=evil",
            "?code=evil&state=",
            f"?code=evil&state={'t' * 43}",
            f"?code=evil&state={STATE}x",
            f"?code=evil&state={STATE}&state={STATE}",
            f"?code=a&code=b&state={STATE}",
            f"?state={STATE}",
            "?code=evil&state=%ff%fe",
        ):
            assert await visit(back + stray) == 400
        assert await visit(f"{back.removesuffix('callback')}else?code=evil&state={STATE}") == 400
        assert not waiting.done()
        assert await visit(f"{back}?code=good&state={STATE}") == 200
        assert (await waiting)["code"] == "good"


async def test_nobody_comes_back() -> None:
    with Receiver(REDIRECT, STATE) as receiver, pytest.raises(LoginFailed, match="nobody has logged in"):
        await receiver.answer(0.05)


async def test_a_port_that_is_taken_is_said() -> None:
    with Receiver(REDIRECT, STATE) as receiver, pytest.raises(ConfigError, match="cannot listen"):
        Receiver(receiver.redirect_uri, STATE).__enter__()


# -- with a certified provider


@pytest.fixture
async def client(provider: OidcProvider) -> ProviderClient:
    return await ProviderClient.of(said_of(provider.issuer), True)


def browser_of(user: str, then: list[asyncio.Task[str]]) -> Any:
    """Somebody who logs in at the address that is shown."""
    return lambda address: then.append(asyncio.create_task(asyncio.to_thread(browse, user, address)))


async def test_a_code_is_worth_nothing_twice_or_to_another(
    client: ProviderClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    forms: list[dict[str, str]] = []
    post = ProviderClient.post

    async def noted(self: ProviderClient, address: str, **form: str) -> tuple[int, dict[str, Any]]:
        forms.append(form)
        return await post(self, address, **form)

    monkeypatch.setattr(ProviderClient, "post", noted)
    browsing: list[asyncio.Task[str]] = []
    status, said = await by_browser(client, browser_of("ada", browsing), {"scope": "openid", "nonce": "n"})
    assert (status, bool(token_of(status, said, "id_token"))) == (200, True)
    # The same code again.
    status, said = await post(client, client.token_endpoint, **forms[0])
    assert (status, said["error"]) == (400, "invalid_grant")

    async def mistaken(self: ProviderClient, address: str, **form: str) -> tuple[int, dict[str, Any]]:
        return await post(self, address, **form | {"code_verifier": "w" * 43})

    monkeypatch.setattr(ProviderClient, "post", mistaken)
    status, said = await by_browser(client, browser_of("ada", browsing), {"scope": "openid", "nonce": "n"})
    with pytest.raises(LoginFailed, match="grant request is invalid"):
        token_of(status, said, "id_token")
    await asyncio.gather(*browsing)


async def test_the_id_token_of_another_login_is_not_exchanged(provider: OidcProvider, tmp_path: Path) -> None:
    options = {**provider.options, "oidc_login_client": "hoopaddon"}
    async with service(tmp_path, **options) as here:
        gateway = GatewayClient(here.url, True)
        for nonce, verifier, is_in in (
            (nonce_of("v" * 43, here.url), "v" * 43, True),
            (nonce_of("v" * 43, here.url), "w" * 43, False),
            (nonce_of("v" * 43, "https://another.example.com"), "v" * 43, False),
            ("of-another-login", "v" * 43, False),
        ):
            token = await asyncio.to_thread(provider.log_in, "ada", nonce)
            form = {"subject_token": token, "subject_token_type": protocol.ID_TOKEN, protocol.VERIFIER: verifier}
            if is_in:
                assert await gateway.exchange(**form)
            else:
                with pytest.raises(LoginFailed, match="proves nothing"):
                    await gateway.exchange(**form)


async def test_an_answer_of_another_server_is_not_taken_to_this_one(client: ProviderClient) -> None:
    def answers(issuer: str) -> Any:
        def show(address: str) -> None:
            asked = {name: value[0] for name, value in parse_qs(urlsplit(address).query).items()}
            back = f"{asked['redirect_uri']}?code=x&state={asked['state']}{issuer}"
            visits.append(asyncio.create_task(visit(back)))

        return show

    visits: list[asyncio.Task[int]] = []
    assert client.sends_issuer
    for issuer in ("", "&iss=https://evil.example.com"):
        with pytest.raises(LoginFailed, match="another provider"):
            await by_browser(client, answers(issuer), {})
    with pytest.raises(LoginFailed, match="not logged anybody in: access_denied"):
        await by_browser(client, answers(f"&error=access_denied&iss={client.issuer}"), {})
    assert await asyncio.gather(*visits) == [200, 200, 200]


async def test_an_agents_wrong_secret_is_the_providers_error(client: ProviderClient) -> None:
    with pytest.raises(LoginFailed, match="gives no access_token"):
        await client.agents_token("agent-RS256", Secret("wrong"))


# -- what gateways and providers may say


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "http://login.example.com"},
        {"issuer": "file:///etc/passwd"},
        {"redirect_uri": "https://evil.example.com/callback"},
        {"redirect_uri": "http://evil.example.com/callback"},
        {"redirect_uri": "http://127.0.0.1@evil.example.com/callback"},
        {"client_id": ""},
    ],
)
async def test_a_gateway_cannot_send_a_login_elsewhere(provider: OidcProvider, changes: dict[str, str]) -> None:
    with pytest.raises(HoopaddonError):
        await ProviderClient.of(said_of(provider.issuer, **changes), True)


class Double:
    """What a provider may answer that is not as it should be."""

    def __init__(self) -> None:
        self.discovery: dict[str, Any] = {}
        self.tokens: list[tuple[int, dict[str, Any]]] = []
        self.device: dict[str, Any] = {}
        self.address = ""

    async def serve(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._discovery)
        app.router.add_post("/device", self._device)
        app.router.add_post("/token", self._token)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self.discovery = {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/auth",
            "token_endpoint": f"{self.address}/token",
            "device_authorization_endpoint": f"{self.address}/device",
        }
        self.device = {
            "device_code": "d",
            "user_code": "ABCD",
            "verification_uri": f"{self.address}/code",
            "interval": 0.01,
            "expires_in": 30,
        }
        return runner

    async def _discovery(self, _request: web.Request) -> web.Response:
        return web.json_response(self.discovery)

    async def _device(self, _request: web.Request) -> web.Response:
        return web.json_response(self.device)

    async def _token(self, _request: web.Request) -> web.Response:
        status, said = self.tokens.pop(0)
        return web.json_response(said, status=status)


@pytest.fixture
async def double() -> AsyncIterator[Double]:
    made = Double()
    runner = await made.serve()
    yield made
    await runner.cleanup()


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://evil.example.com"},
        {"token_endpoint": "http://evil.example.com/token"},
        {"token_endpoint": ""},
        {"token_endpoint": 7},
        {"authorization_endpoint": "file:///etc/passwd"},
        {"authorization_endpoint": "--help"},
        {"code_challenge_methods_supported": ["plain"]},
        {"code_challenge_methods_supported": "S256 plain"},
    ],
)
async def test_a_provider_that_cannot_be_trusted_is_not_used(double: Double, changes: dict[str, Any]) -> None:
    double.discovery |= changes
    with pytest.raises(HoopaddonError):
        await ProviderClient.of(said_of(double.address), True)


async def test_a_device_waits_as_it_is_told(double: Double, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "SLOW_DOWN_S", 0.01)
    client = await ProviderClient.of(said_of(double.address), True)
    pending = (400, {"error": "authorization_pending"})
    double.tokens = [pending, (400, {"error": "slow_down"}), pending, (200, {"id_token": "t"})]
    shown: list[DeviceLogin] = []
    assert await by_device(client, shown.append) == (200, {"id_token": "t"})
    assert [login.code for login in shown] == ["ABCD"]
    double.tokens = [(400, {"error": "access_denied"})]
    with pytest.raises(LoginFailed, match="access_denied"):
        token_of(*await by_device(client, shown.append), "id_token")
    double.device["expires_in"] = 0.001
    with pytest.raises(LoginFailed, match="while the code was good"):
        await by_device(client, shown.append)


@pytest.mark.parametrize(
    "changes",
    [
        {"user_code": "\x1b[2J"},
        {"user_code": 7},
        {"verification_uri": "http://evil.example.com/"},
        {"verification_uri": "javascript:alert(1)"},
        {"device_code": None},
    ],
)
async def test_a_device_code_that_cannot_be_shown_is_not(double: Double, changes: dict[str, Any]) -> None:
    double.device |= changes
    client = await ProviderClient.of(said_of(double.address), True)
    with pytest.raises(HoopaddonError):
        await by_device(client, lambda _: pytest.fail("it was shown"))


async def test_a_provider_without_device_codes_is_said(double: Double) -> None:
    del double.discovery["device_authorization_endpoint"]
    client = await ProviderClient.of(said_of(double.address), True)
    with pytest.raises(LoginFailed, match="no device codes"):
        await by_device(client, lambda _: None)


async def test_a_gateway_that_goes_by_another_name_is_not_logged_in_at(tmp_path: Path) -> None:
    options: dict[str, Any] = {"oidc_issuer": "http://127.0.0.1:1", "oidc_login_client": LOGIN_CLIENT}
    async with service(tmp_path, **options) as here:
        assert (await GatewayClient(here.url, True).metadata())["issuer"] == here.url
        with pytest.raises(LoginFailed, match="use the address that it goes by"):
            await GatewayClient(here.url.replace("127.0.0.1", "localhost"), True).metadata()
    with pytest.raises(NotFetched):
        await GatewayClient(here.url, True).metadata()


async def test_who_does_not_answer_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFetched, match="cannot be asked: nobody answers there"):
        await ask(f"http://127.0.0.1:{free_port()}/", True)

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(NotFetched, match="cannot be asked: there is no such host"):
        await ask("http://login.example.com/", True)
