"""Who the gateway is at Vault, and what it may ask there: by token, AppRole or a Kubernetes service account."""

import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from mitmproxy import ctx

from hoopaddon.credential import CredentialRefused, CredentialUnavailable, Secret
from hoopaddon.credentials.leases import RENEW_AFTER
from hoopaddon.relay.listener import LOOPBACK_HOSTS

SERVICE_ACCOUNT_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - a file's name
_TIMEOUT_S = 10.0
_NO_LOGIN = "no login for Vault: set VAULT_TOKEN, VAULT_ROLE_ID and VAULT_SECRET_ID, or VAULT_KUBERNETES_ROLE"


class Hvac(Protocol):
    """What is used of hvac's client, which has no types."""

    token: str | None

    def read(self, path: str) -> Any: ...
    def write_data(self, path: str, *, data: Mapping[str, object]) -> Any: ...


class VaultClient:
    """Blocks, and is used by several threads. All of it raises `CredentialUnavailable`, which quotes no answer."""

    def __init__(self) -> None:
        self._login = threading.RLock()
        self._client: Hvac | None = None
        self._token_ends = float("inf")
        self._token_lasts_s = 0.0
        self._is_own_login = False

    def read(self, path: str) -> dict[str, Any]:
        """What is at a path."""
        return self._asked(lambda client: client.read(path))

    def write(self, path: str, data: Mapping[str, object]) -> dict[str, Any]:
        """Send this to a path; its answer, which may be empty."""
        return self._asked(lambda client: client.write_data(path, data=data))

    def token_left_s(self) -> float:
        """How long the gateway's token is good; infinity where it does not say."""
        return self._token_ends - time.monotonic()

    def keep_token(self) -> None:
        """Renew the token where a good part of its time has passed."""
        with self._login:
            if self.token_left_s() > self._token_lasts_s * (1 - RENEW_AFTER) or self._client is None:
                return
            client = self._client
            answer = _answer(lambda: client.write_data("auth/token/renew-self", data={}))
            self._lasts(_mapping(answer, "auth").get("lease_duration"))

    def _asked(self, ask: Callable[[Hvac], Any]) -> dict[str, Any]:
        client = self._ready()
        try:
            return _answer(lambda: ask(client))
        except CredentialRefused:
            if not _is_dead(client):
                raise
        # There may be another token by now, or another login.
        with self._login:
            if self._client is client:
                self._client = None
        again = self._ready()
        return _answer(lambda: ask(again))

    def _ready(self) -> Hvac:
        with self._login:
            if self._client is None or (self._is_own_login and self.token_left_s() <= 0):
                self._client = None
                client = _hvac()
                self._prove(client)
                self._client = client
            elif self._is_own_login:
                self.keep_token()
            return self._client

    def _prove(self, client: Hvac) -> None:
        path, proof = _login()
        self._is_own_login = bool(path)
        if not path:
            client.token = proof["token"].reveal()
            found = _mapping(_answer(lambda: client.read("auth/token/lookup-self")), "data")
            self._lasts(found.get("ttl"))
            return
        shown = {name: value.reveal() for name, value in proof.items()}
        auth = _mapping(_answer(lambda: client.write_data(path, data=shown)), "auth")
        token = auth.get("client_token")
        if not isinstance(token, str):
            raise CredentialUnavailable("Vault's answer to the login has no token")
        client.token = token
        self._lasts(auth.get("lease_duration"))

    def _lasts(self, seconds: object) -> None:
        """0 is a token that never ends."""
        self._token_lasts_s = float(seconds) if isinstance(seconds, int) else 0.0
        self._token_ends = time.monotonic() + self._token_lasts_s if self._token_lasts_s else float("inf")


def _is_dead(client: Hvac) -> bool:
    """Whether the token is no good any more, rather than not good for what was asked."""
    try:
        _answer(lambda: client.read("auth/token/lookup-self"))
    except CredentialRefused:
        return True
    return False


def _login() -> tuple[str, dict[str, Secret]]:
    """Where to log in with what; an empty path where there is a token already."""
    environment = os.environ
    if role := environment.get("VAULT_ROLE_ID"):
        mount = environment.get("VAULT_APPROLE_MOUNT", "approle")
        secret = environment.get("VAULT_SECRET_ID", "") or _text_of(environment.get("VAULT_SECRET_ID_FILE", ""))
        return f"auth/{mount}/login", {"role_id": Secret(role), "secret_id": Secret(secret)}
    if role := environment.get("VAULT_KUBERNETES_ROLE"):
        mount = environment.get("VAULT_KUBERNETES_MOUNT", "kubernetes")
        token = _text_of(environment.get("VAULT_KUBERNETES_TOKEN_FILE", SERVICE_ACCOUNT_TOKEN))
        return f"auth/{mount}/login", {"role": Secret(role), "jwt": Secret(token)}
    token = environment.get("VAULT_TOKEN", "") or _text_of("~/.vault-token")
    if not token:
        raise CredentialUnavailable(_NO_LOGIN)
    return "", {"token": Secret(token)}


def _text_of(name: str) -> str:
    try:
        return Path(name).expanduser().read_text().strip() if name else ""
    except (OSError, UnicodeDecodeError):
        return ""


def _hvac() -> Hvac:
    try:
        import hvac
        import requests
    except ImportError:
        raise CredentialUnavailable("needs the library hvac: pip install 'hoopaddon[vault]'") from None
    address = os.environ.get("VAULT_ADDR", "")
    parts = urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS):
        raise CredentialUnavailable("VAULT_ADDR is no address of a Vault: write https://HOST:8200")
    session = requests.Session()
    # A .netrc and proxies of the environment are not for this.
    session.trust_env = False
    timeout_s = float(ctx.options.credential_timeout) if hasattr(ctx, "options") else _TIMEOUT_S
    made: Hvac = hvac.Client(
        url=address,
        # Not empty: else hvac looks for one by itself.
        token="none",  # noqa: S106
        verify=os.environ.get("VAULT_CACERT") or os.environ.get("VAULT_CAPATH") or True,
        timeout=timeout_s,
        # A redirection would take the token along.
        allow_redirects=False,
        session=session,
        namespace=os.environ.get("VAULT_NAMESPACE"),
    )
    made.token = None
    return made


def _answer(ask: Callable[[], Any]) -> dict[str, Any]:
    """What Vault answers; hvac's and requests' errors by what they are, since their texts may quote anything."""
    import requests
    from hvac import exceptions

    try:
        answer = ask()
    except exceptions.Forbidden:
        raise CredentialRefused("Vault does not allow it") from None
    except (exceptions.InvalidPath, exceptions.InvalidRequest) as e:
        raise CredentialRefused(f"Vault has nothing there ({type(e).__name__})") from None
    except exceptions.VaultError as e:
        raise CredentialUnavailable(f"Vault answers with {type(e).__name__}") from None
    except requests.RequestException as e:
        raise CredentialUnavailable(f"Vault cannot be asked: {type(e).__name__}") from None
    if answer is None:
        raise CredentialRefused("Vault has nothing there")
    if isinstance(answer, dict):
        return answer
    if getattr(answer, "status_code", 0) == 204:
        return {}
    raise CredentialUnavailable("Vault answers what is no JSON")


def _mapping(answer: dict[str, Any], name: str) -> dict[str, Any]:
    found = answer.get(name)
    if not isinstance(found, dict):
        raise CredentialUnavailable(f"Vault's answer has no {name}")
    return found
