"""The provider's keys: found, kept, changed, and gone."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hoopaddon.errors import ConfigError
from hoopaddon.identity.compact import InvalidToken
from hoopaddon.identity.oidc import keys as oidc_keys
from hoopaddon.identity.oidc.keys import ProviderKeys, read_keys
from hoopaddon.identity.oidc.provider import OidcProvider
from hoopaddon.identity.oidc.settings import settings_of
from hoopaddon.options import Options
from tests.servers.issuer import EC, OTHER_RSA, RSA, Issuer, RsaPair, claims, compact


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with Issuer() as running:
        yield running


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def provider(issuer: Issuer, clock: Clock, **options: Any) -> OidcProvider:
    settings = settings_of(Options(**issuer.options | options))
    assert settings is not None
    return OidcProvider(settings, keys=ProviderKeys(settings, clock))


def rotated(issuer: Issuer) -> str:
    """The provider signs with another key from now on."""
    issuer.keys = [OTHER_RSA.jwk("new")]
    return compact(claims(issuer.address), {"alg": "RS256", "kid": "new"}, OTHER_RSA.rs256)


async def test_keys_are_fetched_once_for_many_tokens(issuer: Issuer) -> None:
    taking = provider(issuer, Clock())
    for _ in range(5):
        await taking.user(issuer.token())
    assert issuer.asked == 1


async def test_keys_may_be_named_without_discovery(issuer: Issuer) -> None:
    issuer.changes = {"issuer": "https://elsewhere.example"}
    taking = provider(issuer, Clock(), oidc_jwks=f"{issuer.address}/keys")
    assert (await taking.user(issuer.token())).subject == "ada"


async def test_a_new_key_is_fetched_when_a_token_names_it(issuer: Issuer) -> None:
    clock = Clock()
    taking = provider(issuer, clock)
    old = issuer.token()
    await taking.user(old)
    new = rotated(issuer)
    clock.now += oidc_keys.RETRY_S
    assert (await taking.user(new)).subject == "ada"
    # The old one is no key any more.
    with pytest.raises(InvalidToken, match="no key"):
        await taking.user(old)


async def test_a_key_that_is_taken_back_is_gone_in_time(issuer: Issuer) -> None:
    clock = Clock()
    taking = provider(issuer, clock)
    token = issuer.token()
    await taking.user(token)
    issuer.keys = [EC.jwk("ec")]
    clock.now += oidc_keys.FRESH_S
    with pytest.raises(InvalidToken, match="no key"):
        await taking.user(token)


async def test_invented_names_do_not_make_us_ask_often(issuer: Issuer) -> None:
    clock = Clock()
    taking = provider(issuer, clock)
    for number in range(30):
        token = compact(claims(issuer.address), {"alg": "RS256", "kid": f"k{number}"}, RSA.rs256)
        with pytest.raises(InvalidToken, match="no key"):
            await taking.user(token)
        clock.now += 1
    assert issuer.asked <= 30 / oidc_keys.RETRY_S + 1


async def test_an_outage_is_bridged_for_a_while_and_then_nobody_gets_in(issuer: Issuer) -> None:
    clock = Clock()
    taking = provider(issuer, clock)
    token = issuer.token()
    await taking.user(token)
    await issuer.stop()
    clock.now += oidc_keys.KEPT_S - 1
    assert (await taking.user(token)).subject == "ada"
    clock.now += 1
    with pytest.raises(InvalidToken, match="keys cannot be had"):
        await taking.user(token)


async def test_a_provider_that_hangs_holds_nobody_up_for_long(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc_keys, "PATIENCE_S", 0.1)
    clock = Clock()
    taking = provider(issuer, clock)
    await taking.user(issuer.token())
    issuer.answers.clear()
    clock.now += oidc_keys.FRESH_S
    async with asyncio.timeout(5):
        for _ in range(3):
            assert (await taking.user(issuer.token())).subject == "ada"
    assert issuer.asked == 2
    new = rotated(issuer)
    asyncio.get_running_loop().call_later(0.2, issuer.answers.set)
    # A key that is not known is worth the wait, and the answer that is on its way has it.
    assert (await taking.user(new)).subject == "ada"
    assert issuer.asked == 2


async def test_nobody_gets_in_before_there_are_keys(issuer: Issuer) -> None:
    clock = Clock()
    taking = provider(issuer, clock)
    issuer.status = 503
    with pytest.raises(InvalidToken, match="answers 503"):
        await taking.user(issuer.token())
    issuer.status = 200
    clock.now += oidc_keys.RETRY_S
    assert (await taking.user(issuer.token())).subject == "ada"


@pytest.mark.parametrize(
    "body",
    [
        b"not json",
        b"[]",
        b'{"keys": {}}',
        b'{"keys": [], "keys": []}',
        b'{"keys": [' + b"{}," * 100 + b"{}]}",
        b'{"keys": ["' + b"x" * (1 << 20) + b'"]}',
        b"\x1f\x8b\x08\x00",
        b"[" * 100_000,
    ],
)
async def test_a_broken_answer_changes_no_keys(issuer: Issuer, body: bytes) -> None:
    clock = Clock()
    taking = provider(issuer, clock)
    await taking.user(issuer.token())
    issuer.body = body
    clock.now += oidc_keys.FRESH_S
    assert (await taking.user(issuer.token())).subject == "ada"
    assert issuer.asked == 2


async def test_nobody_is_led_elsewhere(issuer: Issuer) -> None:
    async with Issuer() as other:
        issuer.status, issuer.location = 302, f"{other.address}/keys"
        with pytest.raises(InvalidToken, match="answers 302"):
            await provider(issuer, Clock()).user(issuer.token())
        assert other.asked == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://evil.example"},
        {"jwks_uri": "http://evil.example/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": 7},
        {"jwks_uri": None},
    ],
)
async def test_a_discovery_document_cannot_lead_astray(issuer: Issuer, changes: dict[str, Any]) -> None:
    issuer.changes = changes
    with pytest.raises(InvalidToken, match="keys cannot be had"):
        await provider(issuer, Clock()).user(issuer.token())
    assert issuer.asked == 0


async def test_a_proxy_of_the_environment_is_not_asked(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert (await provider(issuer, Clock()).user(issuer.token())).subject == "ada"


def test_only_keys_for_signatures_are_read() -> None:
    small = RsaPair(1024)
    listed = [
        RSA.jwk("good"),
        RSA.jwk("no verify", key_ops=["encrypt"]),
        RSA.jwk("ops a string", key_ops="verify"),
        RSA.jwk("enc", use="enc"),
        RSA.jwk("HS", alg="HS256"),
        RSA.jwk("no n") | {"n": None},
        RSA.jwk("no e") | {"e": "!!"},
        RSA.jwk("even") | {"e": "Ag"},
        RSA.jwk("kid") | {"kid": 7},
        small.jwk("small"),
        EC.jwk("off the curve") | {"x": "AAAA"},
        EC.jwk("another curve") | {"crv": "P-384"},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": ["RSA"]},
        "key",
        None,
    ]
    assert [key.kid for key in read_keys({"keys": listed})] == ["good"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"oidc_issuer": "http://login.example.com"}, "https"),
        ({"oidc_issuer": "login.example.com"}, "https"),
        ({"oidc_issuer": "https://user:pw@login.example.com"}, "https"),
        ({"oidc_issuer": "https://login.example.com/#x"}, "https"),
        ({"oidc_issuer": "https://[login"}, "https"),
        ({"oidc_audience": []}, "oidc_audience"),
        ({"oidc_jwks": "ftp://login.example.com"}, "oidc_jwks"),
        ({"oidc_algorithms": ["none"]}, "no proof"),
        ({"oidc_algorithms": ["RS256,HS256"]}, "no proof"),
        ({"oidc_algorithms": ["RS257"]}, "not known"),
        ({"oidc_leeway": -1}, "oidc_leeway"),
        ({"oidc_leeway": 301}, "oidc_leeway"),
        ({"oidc_user_claim": ""}, "oidc_user_claim"),
        ({"oidc_ca": "/nowhere.pem"}, "oidc_ca"),
        ({"oidc_issuer": ""}, "oidc_issuer"),
    ],
)
def test_what_cannot_be_is_said_at_the_start(options: dict[str, Any], says: str) -> None:
    good = {"oidc_issuer": "https://login.example.com", "oidc_audience": ["hoopaddon"]}
    with pytest.raises(ConfigError, match=says):
        settings_of(Options(**good | options))
    assert settings_of(Options(**good)) is not None
    assert settings_of(Options()) is None
