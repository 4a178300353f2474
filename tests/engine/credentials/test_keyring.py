"""`keyring:` credentials, with a keyring that is a file."""

from pathlib import Path

import keyring
import pytest
from keyrings.alt.file import PlaintextKeyring

from hoopaddon.credential import CredentialRefused, CredentialUnavailable, check_reference
from hoopaddon.credentials.keyring import KeyringProvider
from hoopaddon.errors import ConfigError

CANARY = "s3cret-of-the-keyring"


@pytest.fixture(autouse=True)
def file_keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = PlaintextKeyring()
    backend.file_path = str(tmp_path / "keyring.cfg")
    monkeypatch.setattr("keyring.core._keyring_backend", backend)


async def test_an_entry_of_the_keyring() -> None:
    keyring.set_password("hoopaddon/prod", "orders", CANARY)
    made = await KeyringProvider().fetch("hoopaddon/prod/orders")
    assert (made.secret.reveal(), made.user) == (CANARY, "")
    with pytest.raises(CredentialRefused, match="no such entry"):
        await KeyringProvider().fetch("hoopaddon/prod/none")


@pytest.mark.parametrize("place", ["orders", "/orders", "hoopaddon/"])
def test_what_names_no_entry(place: str) -> None:
    with pytest.raises(ConfigError) as raised:
        check_reference(f"keyring:{place}")
    assert "keyring:SERVICE/USER" in raised.value.hint


async def test_a_machine_without_a_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    from keyring.backends.fail import Keyring

    monkeypatch.setattr("keyring.core._keyring_backend", Keyring())  # type: ignore[no-untyped-call]
    with pytest.raises(CredentialUnavailable, match="no keyring that the gateway's user can open"):
        await KeyringProvider().fetch("hoopaddon/orders")


async def test_a_keyring_that_breaks_is_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    from keyring.errors import KeyringLocked

    class Locked(PlaintextKeyring):  # type: ignore[misc]
        def get_password(self, service: str, username: str) -> str | None:
            raise KeyringLocked(f"cannot unlock, {CANARY}")

    monkeypatch.setattr("keyring.core._keyring_backend", Locked())
    with pytest.raises(CredentialUnavailable, match="KeyringLocked") as raised:
        await KeyringProvider().fetch("hoopaddon/orders")
    assert CANARY not in str(raised.value)


def test_without_the_library_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("keyring", "vault", "aws"):
        monkeypatch.setattr(f"hoopaddon.credentials.{module}.find_spec", lambda name: None)
    places = {"keyring": "a/b", "vault": "a/b#c", "aws": "name"}
    for extra, place in places.items():
        scheme = "aws-secret" if extra == "aws" else extra
        with pytest.raises(ConfigError) as raised:
            check_reference(f"{scheme}:{place}")
        assert raised.value.hint == f"pip install 'hoopaddon[{extra}]'"
