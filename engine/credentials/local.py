"""`env:NAME` and `file:PATH`: secrets that somebody else has put on this machine."""

import os
from pathlib import Path

from hoopaddon.credential import MAX_SECRET_BYTES, Credential, CredentialUnavailable, LocalProvider, Secret
from hoopaddon.errors import ConfigError


def fetched(provider: LocalProvider, place: str) -> Credential:
    """What a local provider reads, for who asks as one asks any. Raises `CredentialUnavailable`."""
    try:
        return provider.read(place)
    except ConfigError as e:
        raise CredentialUnavailable(str(e)) from None


class EnvironmentProvider:
    """`env:NAME`, a variable of the gateway's environment."""

    def check(self, place: str) -> None:
        """See `Provider`."""
        if not place.isprintable() or "=" in place or " " in place:
            raise ConfigError("names no environment variable", hint="write env:NAME, as in env:PGPASSWORD")

    def read(self, place: str) -> Credential:
        """See `LocalProvider`."""
        text = os.environ.get(place)
        if not text:
            raise ConfigError(f"environment variable {place} is not set")
        return Credential(Secret(text))

    async def fetch(self, place: str) -> Credential:
        """See `Provider`."""
        return fetched(self, place)


class FileProvider:
    """`file:PATH`, the text of a file without the newline at its end."""

    def check(self, place: str) -> None:
        """See `Provider`."""
        if "\0" in place:
            raise ConfigError("names no file", hint="write file:PATH, as in file:/run/secrets/orders")

    def read(self, place: str) -> Credential:
        """See `LocalProvider`."""
        path = Path(place).expanduser()
        try:
            with path.open("rb") as file:
                data = file.read(MAX_SECRET_BYTES + 1)
        except OSError as e:
            raise ConfigError(f"cannot read {path}: {e.strerror}") from None
        if len(data) > MAX_SECRET_BYTES:
            raise ConfigError(f"{path} is larger than any secret")
        try:
            text = data.decode().rstrip("\r\n")
        except UnicodeDecodeError:
            raise ConfigError(f"{path} is not UTF-8 text") from None
        if not text:
            raise ConfigError(f"{path} is empty")
        return Credential(Secret(text))

    async def fetch(self, place: str) -> Credential:
        """See `Provider`."""
        return fetched(self, place)
