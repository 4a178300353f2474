"""`vault:PATH#FIELD` and `vault:PATH`: HashiCorp Vault's and OpenBao's secrets and dynamic credentials, by hvac."""

import time
from importlib.util import find_spec
from typing import Any

from hoopaddon.credential import Credential, CredentialRefused, CredentialUnavailable, Secret
from hoopaddon.credentials.threads import in_thread
from hoopaddon.credentials.vault_client import VaultClient
from hoopaddon.errors import ConfigError

_FORM = "write vault:PATH#FIELD, as in vault:secret/orders#password, or vault:database/creds/ROLE"


class VaultProvider:
    """See the module. Where Vault is, and who the gateway is there, is in the environment (docs/credentials.md)."""

    def __init__(self) -> None:
        self._client = VaultClient()

    def check(self, place: str) -> None:
        """See `Provider`."""
        path, hash_sign, field = place.partition("#")
        parts = path.split("/")
        if (hash_sign and not field) or len(parts) < 2 or not all(parts) or {".", ".."} & set(parts):
            raise ConfigError("names nothing in Vault", hint=_FORM)
        if not place.isprintable() or set("?&%\\ ") & set(path):
            raise ConfigError("names nothing in Vault", hint=_FORM)
        if find_spec("hvac") is None:
            raise ConfigError("needs the library hvac", hint="pip install 'hoopaddon[vault]'")

    async def fetch(self, place: str) -> Credential:
        """See `Provider`."""
        path, _, field = place.partition("#")
        return await in_thread((lambda: self._kept(path, field)) if field else (lambda: self._made(path)))

    def _kept(self, path: str, field: str) -> Credential:
        """A field of a secret, of either version of the key-value engine."""
        mount, version = self._mount(path)
        inner = path.removeprefix(mount).strip("/")
        if version == 2:
            answer = self._client.read(f"{mount}/data/{inner}")
            data = _data(answer).get("data")
        else:
            data = _data(self._client.read(path))
        if not isinstance(data, dict):
            raise CredentialRefused("the secret is deleted")
        text = data.get(field)
        if not isinstance(text, str):
            raise CredentialRefused(f"the secret has no text {field}")
        return Credential(Secret(text))

    def _mount(self, path: str) -> tuple[str, int]:
        """Where the path's engine is mounted, and its version, as `vault kv` asks for it."""
        try:
            data = _data(self._client.read(f"sys/internal/ui/mounts/{path}"))
        except CredentialRefused as e:
            raise CredentialRefused(f"cannot tell the engine of {path}: {e}") from None
        options = data.get("options")
        version = options.get("version") if isinstance(options, dict) else None
        mount = data.get("path")
        if not isinstance(mount, str) or not f"{path}/".startswith(mount):
            raise CredentialUnavailable("Vault does not say where the path is mounted")
        return mount.rstrip("/"), 2 if str(version) == "2" else 1

    def _made(self, path: str) -> Credential:
        """A login that Vault makes for the gateway, or one that it rotates."""
        began = time.monotonic()
        answer = self._client.read(path)
        data = _data(answer)
        user, password = data.get("username"), data.get("password")
        if not isinstance(user, str) or not isinstance(password, str):
            raise CredentialRefused("what is there has no username and password; of a secret, name the #FIELD")
        if lease_id := answer.get("lease_id"):
            lease = VaultLease(self._client, str(lease_id), _seconds(answer.get("lease_duration")), began)
            return Credential(Secret(password), user, lease=lease)
        ttl_s = _seconds(data.get("ttl"))
        return Credential(Secret(password), user, valid_s=ttl_s or None)


class VaultLease:
    """A lease, which lasts no longer than the gateway's own token there."""

    def __init__(self, client: VaultClient, lease_id: str, duration_s: float, began: float) -> None:
        self._client, self._id = client, lease_id
        self._asked_s = duration_s
        self._duration_s = self._bounded(duration_s)
        self._began = began

    @property
    def duration_s(self) -> float:
        """See `Lease`."""
        return self._duration_s

    def _bounded(self, duration_s: float) -> float:
        return min(duration_s, self._client.token_left_s())

    async def renew(self) -> float:
        """See `Lease`; the token is renewed with it, since it takes its leases along when it ends."""
        return await in_thread(self._renewed)

    def _renewed(self) -> float:
        self._client.keep_token()
        body = {"lease_id": self._id, "increment": int(self._asked_s)}
        answer = self._client.write("sys/leases/renew", body)
        return self._bounded(_seconds(answer.get("lease_duration")))

    async def revoke(self) -> None:
        """See `Lease`."""
        await in_thread(self._revoked)

    def _revoked(self) -> None:
        self._client.write("sys/leases/revoke", {"lease_id": self._id})


def _data(answer: dict[str, Any]) -> dict[str, Any]:
    data = answer.get("data")
    if not isinstance(data, dict):
        raise CredentialUnavailable("Vault's answer has no data")
    return data


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, int | float) and value > 0 else 0.0
