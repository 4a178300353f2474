"""What the gateway logs in at a target with: a password, or a key that may have a passphrase and a certificate."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncssh

from hoopaddon.credential import is_local, resolve
from hoopaddon.credentials.resolving import Credentials, Held
from hoopaddon.errors import ConfigError
from hoopaddon.private_file import read_private


class Proof:
    """What one login is done with."""

    def __init__(self, username: str, password: Held | None) -> None:
        self.username = username
        self._password = password

    @property
    def password(self) -> str | None:
        return self._password.credential.secret.reveal() if self._password is not None else None

    def release(self, *, was_refused: bool = False) -> None:
        """Whoever logged in with it is gone, or never got in."""
        if self._password is not None:
            if was_refused:
                self._password.was_refused()
            self._password.release()


class OwnLogin:
    """Of one mode. The key is read once, since a passphrase is slow by design; password and certificate each time."""

    def __init__(self, settings: Mapping[str, str], credentials: Credentials) -> None:
        self.username = settings["user"]
        self._settings = settings
        self._credentials = credentials
        self._key: asyncssh.SSHKey | None = None

    def prepare(self) -> Proof:
        """Read what is on this machine. Raises `ConfigError`, which says what to do."""
        for name in ("password", "passphrase"):
            if name in self._settings:
                self._credentials.try_at_start(self._settings[name], key=name)
        proof = Proof(self.username, None)
        if "key" in self._settings:
            self._read_at_start()
        try:
            self.arguments(proof)
        except (OSError, ValueError) as e:
            raise ConfigError(str(e), file=str(self._certificate() or ""), key="certificate") from None
        return proof

    async def proof(self) -> Proof:
        """What to log in with now. Raises `CredentialUnavailable` and `ConfigError`."""
        if self._key is None and "key" in self._settings:
            passphrase = await self._credentials.get(self._settings["passphrase"], key="passphrase")
            self._key = await asyncio.to_thread(_read_key, self._settings["key"], passphrase.secret.reveal())
        if "password" not in self._settings:
            return Proof(self.username, None)
        held = await self._credentials.hold(self._settings["password"], key="password")
        return Proof(held.credential.user or self.username, held)

    def arguments(self, proof: Proof | None) -> dict[str, Any]:
        """As asyncssh takes them. Raises `ConfigError`, `OSError` and `ValueError`."""
        password = proof.password if proof is not None else None
        if self._key is None:
            return {"password": password, "client_keys": None}
        certificate = self._certificate()
        if certificate is None:
            return {"password": password, "client_keys": [self._key]}
        try:
            pair = (self._key, asyncssh.read_certificate(certificate))
            asyncssh.load_keypairs([pair])
        except asyncssh.KeyImportError:
            raise ConfigError("is not an OpenSSH certificate", file=str(certificate), key="certificate") from None
        except ValueError:
            raise ConfigError("is for another key", file=str(certificate), key="certificate") from None
        return {"password": password, "client_keys": [pair, self._key]}

    def _certificate(self) -> Path | None:
        """The file that is named, or else the one beside the key, as ssh finds it."""
        if "certificate" in self._settings:
            return Path(self._settings["certificate"]).expanduser()
        beside = Path(f"{self._settings.get('key', '')}-cert.pub").expanduser()
        return beside if "key" in self._settings and beside.is_file() else None

    def _read_at_start(self) -> None:
        """A passphrase that is kept elsewhere is asked for when the key is needed."""
        passphrase = None
        if "passphrase" in self._settings:
            if not is_local(self._settings["passphrase"]):
                return
            passphrase = resolve(self._settings["passphrase"], key="passphrase").reveal()
        self._key = _read_key(self._settings["key"], passphrase)


def _read_key(name: str, passphrase: str | None) -> asyncssh.SSHKey:
    path = Path(name).expanduser()
    try:
        return asyncssh.import_private_key(read_private(path, key="key"), passphrase)
    except FileNotFoundError:
        raise ConfigError("there is no such key file", file=str(path), key="key") from None
    except asyncssh.KeyEncryptionError:
        # asyncssh says the same of a passphrase that is missing, wrong, or in a form that it cannot read.
        raise ConfigError("the passphrase is wrong", file=str(path), key="passphrase") from None
    except asyncssh.KeyImportError as e:
        if "Passphrase" in str(e) or "passphrase" in str(e):
            hint = "name it with passphrase=env:NAME or passphrase=file:PATH"
            raise ConfigError("the key has a passphrase", file=str(path), key="passphrase", hint=hint) from None
        hint = "a file as ssh-keygen makes it"
        raise ConfigError("is not a private key", file=str(path), key="key", hint=hint) from None
