"""Tokens of a real provider, which was certified for what it does: npm's `oidc-provider`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hoopaddon.identity.check import TokenCheck
from hoopaddon.identity.compact import InvalidToken
from hoopaddon.identity.oidc import keys as oidc_keys
from hoopaddon.identity.oidc.provider import OidcProvider as Taking
from hoopaddon.identity.oidc.settings import settings_of
from hoopaddon.options import Options
from tests.servers.oidc import OidcProvider


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OidcProvider]:
    with OidcProvider(tmp_path_factory.mktemp("oidc")) as running:
        yield running


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
async def test_an_agents_access_token_is_taken(provider: OidcProvider, algorithm: str, tmp_path: Path) -> None:
    check = TokenCheck(Options(confdir=str(tmp_path), **provider.options))
    user = await check.user(provider.token_of(f"agent-{algorithm}"))
    assert user.subject == f"agent-{algorithm}"
    assert user.groups == {"agents"}
    assert user.actors == (("planner",) if algorithm == "ES256" else ())
    await check.close()


async def test_a_persons_id_token_is_taken_with_its_nonce(provider: OidcProvider) -> None:
    token = provider.log_in("ada", nonce="n-1")
    settings = settings_of(Options(**provider.options))
    assert settings is not None
    taking = Taking(settings)
    user = await taking.user(token, nonce="n-1")
    assert (user.subject, user.groups) == ("ada", frozenset({"dev", "dba"}))
    with pytest.raises(InvalidToken, match="nonce"):
        await taking.user(token, nonce="n-2")


async def test_only_what_is_for_here_is_taken(provider: OidcProvider, tmp_path: Path) -> None:
    token = provider.token_of("agent-RS256")
    for changes, says in (
        ({"oidc_clients": []}, "another client"),
        ({"oidc_audience": ["grafana"]}, "another audience"),
        ({"oidc_algorithms": ["ES256"]}, "algorithm"),
    ):
        check = TokenCheck(Options(confdir=str(tmp_path), **provider.options | changes))
        with pytest.raises(InvalidToken, match=says):
            await check.user(token)
        await check.close()


async def test_a_provider_that_comes_back_with_other_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oidc_keys, "RETRY_S", 0.0)
    with OidcProvider(tmp_path) as before:
        check = TokenCheck(Options(confdir=str(tmp_path), **before.options))
        old = before.token_of("agent-ES256")
        another, left = before.token_of("agent-ES256", ttl_s=100), before.token_of("agent-ES256", ttl_s=200)
        await check.user(old)
    # It is gone; its keys are kept for a while.
    assert (await check.user(another)).subject == "agent-ES256"
    with OidcProvider(tmp_path, before.port) as after:
        monkeypatch.setattr(oidc_keys, "FRESH_S", 0.0)
        assert (await check.user(after.token_of("agent-ES256"))).subject == "agent-ES256"
        # Its keys have the same names as those before.
        with pytest.raises(InvalidToken, match="signature"):
            await check.user(left)
    await check.close()
