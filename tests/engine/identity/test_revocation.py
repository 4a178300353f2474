"""A token that was taken back lets nobody in any more, however well it is known already."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hoopaddon.errors import ConfigError
from hoopaddon.identity import revocation
from hoopaddon.identity.check import TokenCheck
from hoopaddon.identity.compact import InvalidToken
from hoopaddon.identity.tokens import sign
from hoopaddon.options import Options
from hoopaddon.store.keys import SigningKey
from hoopaddon.store.tokens import Tokens
from tests.servers.issuer import Issuer


@pytest.fixture
async def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TokenCheck]:
    # Looked at each time: the tests need not wait.
    monkeypatch.setattr(revocation, "FRESH_S", 0.0)
    SigningKey.load_or_create(tmp_path)
    made = TokenCheck(Options(confdir=str(tmp_path)))
    yield made
    await made.close()


def token_of(folder: Path, user: str = "ada") -> str:
    return sign(SigningKey.load(folder), subject=user, ttl_s=60)


def store(folder: Path) -> Tokens:
    return Tokens(folder / "store" / "tokens.db")


async def test_a_token_that_is_known_already_is_refused(check: TokenCheck, tmp_path: Path) -> None:
    ada, bob = token_of(tmp_path), token_of(tmp_path, "bob")
    user = await check.user(ada)
    await check.user(bob)
    tokens = store(tmp_path)
    tokens.add(user)
    tokens.revoke(user.claims["jti"])
    tokens.close()
    with pytest.raises(InvalidToken, match="revoked"):
        await check.user(ada)
    assert (await check.user(bob)).subject == "bob"


async def test_a_user_is_refused_and_so_are_its_agents(tmp_path: Path, check: TokenCheck) -> None:
    async with Issuer() as issuer:
        check = TokenCheck(Options(confdir=str(tmp_path), **issuer.options))
        tokens = [issuer.token(), issuer.token(sub="zoe", act={"sub": "ada"}), token_of(tmp_path)]
        for token in tokens:
            await check.user(token)
        revoking = store(tmp_path)
        revoking.revoke_user("ada")
        revoking.close()
        for token in tokens:
            with pytest.raises(InvalidToken, match="revoked"):
                await check.user(token)
        assert (await check.user(issuer.token(sub="zoe"))).subject == "zoe"
        await check.close()


async def test_where_it_cannot_be_read_nobody_gets_in(check: TokenCheck, tmp_path: Path) -> None:
    token = token_of(tmp_path)
    await check.user(token)
    (tmp_path / "store" / "tokens.db").unlink()
    (tmp_path / "store" / "tokens.db").mkdir()
    with pytest.raises(InvalidToken, match="cannot be known"):
        await check.user(token)
    with pytest.raises(ConfigError, match="cannot open"):
        check.prepare()


async def test_another_file_in_its_place_gives_nothing_back(check: TokenCheck, tmp_path: Path) -> None:
    ada = token_of(tmp_path)
    await check.user(ada)
    tokens = store(tmp_path)
    tokens.revoke_user("ada")
    with pytest.raises(InvalidToken, match="revoked"):
        await check.user(ada)
    tokens.close()
    for file in (tmp_path / "store").glob("tokens.db*"):
        file.unlink()
    for _ in range(2):
        with pytest.raises(InvalidToken, match="revoked"):
            await check.user(ada)
    # And what is revoked in the new one counts.
    bob = token_of(tmp_path, "bob")
    await check.user(bob)
    tokens = store(tmp_path)
    tokens.revoke_user("bob")
    tokens.close()
    for token in (ada, bob):
        with pytest.raises(InvalidToken, match="revoked"):
            await check.user(token)
