"""The provider's tokens: good ones say who somebody is, and each bad one is refused for its own reason."""

import re
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hoopaddon.identity.check import TokenCheck
from hoopaddon.identity.compact import InvalidToken, looks_like_token
from hoopaddon.identity.oidc.provider import OidcProvider
from hoopaddon.identity.oidc.settings import settings_of
from hoopaddon.identity.tokens import sign
from hoopaddon.options import Options
from hoopaddon.store.keys import SigningKey
from tests.servers.bad_tokens import ES, RS, bad_tokens
from tests.servers.issuer import EC, ED, RSA, Issuer, claims, compact

NAMES = tuple(bad_tokens("http://127.0.0.1:1"))


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with Issuer() as running:
        yield running


def check(issuer: Issuer, confdir: Any, **options: Any) -> TokenCheck:
    return TokenCheck(Options(confdir=str(confdir), **issuer.options | options))


def provider(issuer: Issuer, **options: Any) -> OidcProvider:
    settings = settings_of(Options(**issuer.options | options))
    assert settings is not None
    return OidcProvider(settings)


def test_there_are_enough_of_them() -> None:
    assert len(NAMES) >= 100


@pytest.mark.parametrize("name", NAMES)
async def test_a_bad_token_lets_nobody_in_and_is_not_quoted(issuer: Issuer, name: str, tmp_path: Any) -> None:
    token, says = bad_tokens(issuer.address)[name]
    SigningKey.load_or_create(tmp_path)
    with pytest.raises(InvalidToken) as caught:
        await check(issuer, tmp_path).user(token)
    assert re.search(says, caught.value.reason), caught.value.reason
    assert not [part for part in token.split(".") if len(part) > 8 and part in caught.value.reason]
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("header", "signer"),
    [
        (RS, RSA.rs256),
        ({"alg": "PS256", "kid": "rsa", "typ": "at+jwt"}, RSA.ps256),
        ({"alg": "PS256", "kid": "pss-alone", "typ": "application/at+jwt"}, RSA.ps256),
        (ES, EC.es256),
        ({"alg": "ES256"}, EC.es256),
        ({"alg": "EdDSA", "kid": "ed", "x5t": "abc"}, ED.eddsa),
    ],
)
async def test_what_the_provider_signs_is_taken(issuer: Issuer, header: dict[str, Any], signer: Any) -> None:
    token = compact(claims(issuer.address), header, signer)
    assert looks_like_token(token)
    user = await provider(issuer).user(token)
    assert (user.subject, user.groups) == ("ada", frozenset({"dev", "ops"}))
    assert user.claims["iss"] == issuer.address


async def test_a_key_that_is_not_named_has_to_be_the_only_one(issuer: Issuer) -> None:
    token = compact(claims(issuer.address), {"alg": "PS256"}, RSA.ps256)
    with pytest.raises(InvalidToken, match="which of the provider's keys"):
        await provider(issuer).user(token)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": ["hoopaddon"]},
        {"aud": ["grafana", "hoopaddon"]},
        {"azp": ...},
        {"azp": ..., "client_id": "hoopaddon"},
        {"groups": ...},
        {"exp": time.time() + 7200.5},
        {"nbf": int(time.time()) - 5},
    ],
)
async def test_what_may_be_said_otherwise(issuer: Issuer, changes: dict[str, Any]) -> None:
    assert (await provider(issuer).user(issuer.token(**changes))).subject == "ada"


async def test_clocks_may_differ_by_the_leeway(issuer: Issuer) -> None:
    now = int(time.time())
    late = issuer.token(iat=now - 100, exp=now - 5)
    early = issuer.token(iat=now + 20, exp=now + 60, nbf=now + 20)
    for token in (late, early):
        assert (await provider(issuer).user(token)).subject == "ada"
        with pytest.raises(InvalidToken):
            await provider(issuer, oidc_leeway=2).user(token)


async def test_clients_are_trusted_by_name_or_all_of_them(issuer: Issuer) -> None:
    token = issuer.token(azp="ci")
    for clients in (["ci"], ["other", "ci"], ["*"]):
        assert (await provider(issuer, oidc_clients=clients).user(token)).subject == "ada"
    with pytest.raises(InvalidToken, match="another client"):
        await provider(issuer, oidc_clients=["other"]).user(token)


async def test_a_nonce_has_to_come_back(issuer: Issuer) -> None:
    token = issuer.token(nonce="n-1")
    assert (await provider(issuer).user(token, nonce="n-1")).subject == "ada"
    for wrong in (issuer.token(nonce="n-2"), issuer.token(), issuer.token(nonce=1)):
        with pytest.raises(InvalidToken, match="nonce"):
            await provider(issuer).user(wrong, nonce="n-1")


async def test_groups_may_be_anywhere_and_users_have_another_name(issuer: Issuer) -> None:
    token = issuer.token(realm_access={"roles": ["dba"]}, preferred_username="ada@example.com")
    chosen = {"oidc_groups_claim": "realm_access.roles", "oidc_user_claim": "preferred_username"}
    user = await provider(issuer, **chosen).user(token)
    assert (user.subject, user.groups) == ("ada@example.com", frozenset({"dba"}))
    assert user.names == {"ada", "ada@example.com"}
    with pytest.raises(InvalidToken, match="groups"):
        await provider(issuer, oidc_groups_claim="sub.roles").user(token)
    named = await provider(issuer, oidc_groups_claim="https://x.example/g").user(
        issuer.token(**{"https://x.example/g": ["a"]})
    )
    assert named.groups == {"a"}


async def test_an_address_has_to_be_verified(issuer: Issuer) -> None:
    by_mail = provider(issuer, oidc_user_claim="email")
    good = issuer.token(email="ada@example.com", email_verified=True)
    assert (await by_mail.user(good)).subject == "ada@example.com"
    for unverified in (..., False, "true", 1):
        with pytest.raises(InvalidToken, match="not verified"):
            await by_mail.user(issuer.token(email="ada@example.com", email_verified=unverified))
    with pytest.raises(InvalidToken, match="no name"):
        await by_mail.user(issuer.token())


async def test_policies_see_the_agent_and_whom_it_acts_for(issuer: Issuer) -> None:
    user = await provider(issuer).user(issuer.token(act={"sub": "agent-7", "act": {"sub": "planner"}}))
    assert (user.subject, user.acts_for, user.actors) == ("ada", "ada", ("agent-7", "planner"))
    assert user.claims["act"]["sub"] == "agent-7"
    assert user.names == {"ada", "agent-7", "planner"}
    alone = await provider(issuer).user(issuer.token())
    assert (alone.acts_for, alone.actors, alone.names) == ("", (), frozenset({"ada"}))


async def test_the_gateways_own_tokens_are_taken_beside_them(issuer: Issuer, tmp_path: Any) -> None:
    own = sign(SigningKey.load_or_create(tmp_path), subject="agent-7", ttl_s=60, target="orders")
    both = check(issuer, tmp_path)
    assert (await both.user(own, target="orders")).subject == "agent-7"
    assert (await both.user(own, target="orders")).subject == "agent-7"
    with pytest.raises(InvalidToken, match="another target"):
        await both.user(own, target="billing")
    assert (await both.user(issuer.token(), target="billing")).subject == "ada"


async def test_without_a_provider_its_tokens_are_none(issuer: Issuer, tmp_path: Any) -> None:
    SigningKey.load_or_create(tmp_path)
    with pytest.raises(InvalidToken):
        await TokenCheck(Options(confdir=str(tmp_path))).user(issuer.token())


async def test_a_token_that_was_good_ends_when_it_says(
    issuer: Issuer, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    both, now = check(issuer, tmp_path, oidc_leeway=0), time.time()
    token = issuer.token(exp=int(now) + 5)
    assert (await both.user(token)).subject == "ada"
    monkeypatch.setattr(time, "time", lambda: now + 6)
    with pytest.raises(InvalidToken, match="expired"):
        await both.user(token)
