"""`vault:` credentials, against a double of Vault's API: see tests/servers/vault.py for why it is one."""

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mitmproxy import ctx

from hoopaddon import credential
from hoopaddon.credential import CredentialRefused, CredentialUnavailable, check_reference
from hoopaddon.credentials.resolving import Credentials
from hoopaddon.credentials.vault import VaultProvider
from hoopaddon.errors import ConfigError
from hoopaddon.options import Options
from tests.servers.vault import JWT, ROLE_ID, ROOT_TOKEN, SECRET_ID, Vault


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(ctx, "options", Options(credential_timeout=2), raising=False)


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
    # One provider serves a whole process, and stays logged in.
    credential._made.cache_clear()
    with Vault() as server:
        server.kv1["orders"] = {"password": "of-version-1"}
        server.kv2["team/orders"] = {"password": "of-version-2", "port": 5432}
        server.kv2["deleted"] = None
        monkeypatch.setenv("VAULT_ADDR", server.address)
        monkeypatch.setenv("VAULT_TOKEN", ROOT_TOKEN)
        yield server


async def fetch(place: str) -> str:
    return (await VaultProvider().fetch(place)).secret.reveal()


@pytest.mark.parametrize(
    "place",
    [
        "secret",
        "secret/",
        "/secret/a",
        "secret/a#",
        "secret//a#b",
        "secret/../sys/raw#b",
        "a/b?c=d",
        "a/b%2f#c",
        "a/ü\n",
    ],
)
def test_what_names_nothing(place: str) -> None:
    with pytest.raises(ConfigError, match="names nothing in Vault") as raised:
        check_reference(f"vault:{place}")
    assert "vault:secret/orders#password" in raised.value.hint


async def test_secrets_of_both_versions(vault: Vault) -> None:
    assert await fetch("kv/orders#password") == "of-version-1"
    assert await fetch("secret/team/orders#password") == "of-version-2"


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("secret/none#password", "nothing there"),
        ("secret/deleted#password", "nothing there"),
        ("secret/team/orders#none", "no text none"),
        ("secret/team/orders#port", "no text port"),
        ("secret/data/team/orders", "name the #FIELD"),
        ("other/orders#password", "cannot tell the engine"),
        ("other/orders", "does not allow"),
    ],
)
async def test_what_is_not_there(vault: Vault, place: str, said: str) -> None:
    with pytest.raises(CredentialRefused, match=said):
        await fetch(place)


async def test_logins(vault: Vault, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("VAULT_TOKEN")
    with pytest.raises(CredentialUnavailable, match="no login for Vault: set VAULT_TOKEN"):
        await fetch("kv/orders#password")
    (tmp_path / ".vault-token").write_text(f"{ROOT_TOKEN}\n")
    assert await fetch("kv/orders#password") == "of-version-1"
    (tmp_path / "jwt").write_text(JWT)
    monkeypatch.setenv("VAULT_KUBERNETES_ROLE", "gateway")
    monkeypatch.setenv("VAULT_KUBERNETES_TOKEN_FILE", str(tmp_path / "jwt"))
    assert await fetch("kv/orders#password") == "of-version-1"
    monkeypatch.setenv("VAULT_ROLE_ID", ROLE_ID)
    monkeypatch.setenv("VAULT_SECRET_ID", SECRET_ID)
    assert await fetch("kv/orders#password") == "of-version-1"
    assert vault.asked.count("auth/approle/login") == 1
    assert vault.asked.count("auth/kubernetes/login") == 1
    monkeypatch.setenv("VAULT_SECRET_ID", "wrong-s3cret")
    with pytest.raises(CredentialRefused) as raised:
        await fetch("kv/orders#password")
    assert "wrong-s3cret" not in str(raised.value)


async def test_a_login_that_has_ended_is_made_anew(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    vault.token_ttl_s = 1
    monkeypatch.setenv("VAULT_ROLE_ID", ROLE_ID)
    monkeypatch.setenv("VAULT_SECRET_ID", SECRET_ID)
    provider = VaultProvider()
    await provider.fetch("kv/orders#password")
    await provider.fetch("kv/orders#password")
    assert vault.asked.count("auth/approle/login") == 1
    await asyncio.sleep(1.1)
    await provider.fetch("kv/orders#password")
    assert vault.asked.count("auth/approle/login") == 2


async def test_a_token_that_was_revoked_or_replaced(
    vault: Vault, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    provider = VaultProvider()
    monkeypatch.delenv("VAULT_TOKEN")
    (tmp_path / ".vault-token").write_text(ROOT_TOKEN)
    await provider.fetch("kv/orders#password")
    vault.tokens["another"] = vault.tokens.pop(ROOT_TOKEN)
    with pytest.raises(CredentialRefused):
        await provider.fetch("kv/orders#password")
    (tmp_path / ".vault-token").write_text("another")
    await provider.fetch("kv/orders#password")
    monkeypatch.setenv("VAULT_ROLE_ID", ROLE_ID)
    monkeypatch.setenv("VAULT_SECRET_ID", SECRET_ID)
    vault.tokens.clear()
    await provider.fetch("kv/orders#password")
    vault.tokens.clear()
    await provider.fetch("kv/orders#password")
    assert vault.asked.count("auth/approle/login") == 2
    # What is forbidden is not asked for again as somebody new.
    with pytest.raises(CredentialRefused):
        await provider.fetch("other/orders")
    assert vault.asked.count("auth/approle/login") == 2


@pytest.mark.parametrize(("status", "said"), [(503, "VaultDown"), (500, "InternalServerError"), (307, "no JSON")])
async def test_an_outage_is_none_of_the_secrets(vault: Vault, status: int, said: str) -> None:
    vault.status = status
    with pytest.raises(CredentialUnavailable, match=said) as raised:
        await fetch("kv/orders#password")
    assert not isinstance(raised.value, CredentialRefused)
    # A redirection would take the token to somebody else.
    assert "stolen" not in vault.asked


async def test_a_vault_that_hangs_or_is_not_there(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    vault.hangs.clear()
    credentials = Credentials(Options(credential_timeout=1))
    began = time.monotonic()
    with pytest.raises(CredentialUnavailable, match="no answer within 1 s"):
        await credentials.get("vault:kv/orders#password")
    assert time.monotonic() - began < 1.8
    vault.hangs.set()
    for address, said in (("http://127.0.0.1:1", "ConnectionError"), ("http://vault.example", "no address")):
        monkeypatch.setenv("VAULT_ADDR", address)
        with pytest.raises(CredentialUnavailable, match=said):
            await fetch("kv/orders#password")


async def test_hanging_calls_are_bounded_in_number(vault: Vault) -> None:
    from hoopaddon.credentials import threads

    block = threading.Event()
    # Some of another test may still be there.
    calls = [asyncio.ensure_future(threads.in_thread(block.wait)) for _ in range(threads.MOST_CALLS)]
    await asyncio.sleep(0)
    with pytest.raises(CredentialUnavailable, match="hang already"):
        await fetch("kv/orders#password")
    block.set()
    await asyncio.gather(*calls, return_exceptions=True)
    assert await fetch("kv/orders#password") == "of-version-1"


# -- dynamic credentials


async def test_a_login_is_made_kept_alive_and_revoked(vault: Vault) -> None:
    vault.lease_s = 1
    credentials = Credentials(Options(credential_timeout=2))
    held = await credentials.hold("vault:database/creds/readonly")
    (lease,) = vault.leases.values()
    assert held.credential.user == lease.user
    await asyncio.sleep(1.6)
    assert lease.renewed >= 1
    assert lease.ends > time.monotonic()
    await credentials.close()
    assert vault.leases == {}


async def test_a_lease_lasts_no_longer_than_the_token_which_is_renewed_with_it(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.token_ttl_s = 2
    monkeypatch.setenv("VAULT_ROLE_ID", ROLE_ID)
    monkeypatch.setenv("VAULT_SECRET_ID", SECRET_ID)
    provider = VaultProvider()
    made = await provider.fetch("database/creds/readonly")
    assert made.lease is not None
    assert made.lease.duration_s <= 2
    await asyncio.sleep(1.5)
    assert 1.5 < await made.lease.renew() <= 2
    await asyncio.sleep(1)
    assert len(vault.leases) == 1
    await made.lease.revoke()
    assert vault.leases == {}


async def test_a_rotated_login_has_an_end_and_no_lease(vault: Vault) -> None:
    made = await VaultProvider().fetch("database/static-creds/app")
    assert (made.user, made.secret.reveal(), made.valid_s, made.lease) == ("app", "static-pw", 120, None)
