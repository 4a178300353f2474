"""`keyring:SERVICE/USER`: the keyring of the operating system, by the library keyring."""

from importlib.util import find_spec

from hoopaddon.credential import Credential, CredentialRefused, CredentialUnavailable, Secret
from hoopaddon.credentials.threads import in_thread
from hoopaddon.errors import ConfigError


class KeyringProvider:
    """See the module. `keyring set SERVICE USER` puts a secret there."""

    def check(self, place: str) -> None:
        """See `Provider`."""
        service, slash, user = place.rpartition("/")
        if not (service and slash and user):
            hint = "write keyring:SERVICE/USER, as in keyring:hoopaddon/orders"
            raise ConfigError("names no entry of the keyring", hint=hint)
        if find_spec("keyring") is None:
            raise ConfigError("needs the library keyring", hint="pip install 'hoopaddon[keyring]'")

    async def fetch(self, place: str) -> Credential:
        """See `Provider`."""
        service, _, user = place.rpartition("/")
        text = await in_thread(lambda: _password(service, user))
        if text is None:
            raise CredentialRefused("there is no such entry in the keyring")
        return Credential(Secret(text))


def _password(service: str, user: str) -> str | None:
    try:
        import keyring
        import keyring.errors
    except ImportError:
        raise CredentialUnavailable("needs the library keyring: pip install 'hoopaddon[keyring]'") from None
    try:
        return keyring.get_password(service, user)
    except keyring.errors.NoKeyringError:
        raise CredentialUnavailable("this machine has no keyring that the gateway's user can open") from None
    except keyring.errors.KeyringError as e:
        raise CredentialUnavailable(f"the keyring cannot be read: {type(e).__name__}") from None
