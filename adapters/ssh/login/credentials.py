"""What the gateway logs in at a target with: a password, or a key that may have a passphrase and a certificate."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncssh

from hoopaddon.credential import resolve
from hoopaddon.errors import ConfigError
from hoopaddon.private_file import read_private


class Credentials:
    """Of one mode. The key is read once, since a passphrase is slow by design; password and certificate each time."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self.username = settings["user"]
        self._settings = settings
        self._key: asyncssh.SSHKey | None = None

    def prepare(self) -> None:
        """Read everything once. Raises `ConfigError`, which says what to do."""
        if "key" in self._settings:
            self._key = self._read_key(Path(self._settings["key"]).expanduser())
        try:
            self.arguments()
        except (OSError, ValueError) as e:
            raise ConfigError(str(e), file=str(self._certificate() or ""), key="certificate") from None

    def arguments(self) -> dict[str, Any]:
        """As asyncssh takes them. Raises `ConfigError`, `OSError` and `ValueError`."""
        password = None
        if "password" in self._settings:
            password = resolve(self._settings["password"], key="password").reveal()
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

    def _read_key(self, path: Path) -> asyncssh.SSHKey:
        passphrase = None
        if "passphrase" in self._settings:
            passphrase = resolve(self._settings["passphrase"], key="passphrase").reveal()
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
