"""OAuth 2.0 client credentials (RFC 6749 section 4.4): a token the gateway gets for itself, anew in time."""

import asyncio
import time
from urllib.parse import urlsplit

import httpx2
from mitmproxy import http

from hoopaddon.credential import CredentialRefused, CredentialUnavailable, Secret
from hoopaddon.credentials.resolving import Credentials
from hoopaddon.relay.listener import LOOPBACK_HOSTS
from hoopaddon.web.hygiene import drop_named

TIMEOUT_S = 10.0
MAX_BYTES = 64 * 1024
EARLY_S = 30.0
"""A token is renewed so long before it expires; one that has no expiry is kept for `KEPT_S`."""
KEPT_S = 300.0
_FAILED_S = 5.0
"""How long a token endpoint that has just failed is left alone."""


class OAuthCredential:
    """See the module. `secret` is a reference; the endpoint is asked over HTTPS, or on this machine."""

    signs_bodies = False

    def __init__(self, endpoint: str, client_id: str, secret: str, *, scope: str = "", audience: str = "") -> None:
        parts = urlsplit(endpoint)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS):
            raise ValueError("oauth is the address of a token endpoint: https://login.example/oauth2/token")
        self._endpoint, self._client_id, self._reference = endpoint, client_id, secret
        self._scope, self._audience = scope, audience
        self._token: Secret | None = None
        self._renew_at = self._expires_at = 0.0
        self._failed_at = float("-inf")
        self._asking = asyncio.Lock()

    @property
    def references(self) -> tuple[tuple[str, str], ...]:
        """See `Credential`."""
        return (("client_secret", self._reference),)

    async def ready(self, credentials: Credentials) -> None:
        """Raises `CredentialUnavailable` where no token is to be had."""
        if self._token is not None and time.monotonic() < self._renew_at:
            return
        async with self._asking:
            now = time.monotonic()
            if self._token is not None and now < self._renew_at:
                return
            try:
                if now - self._failed_at < _FAILED_S:
                    raise CredentialUnavailable("the token endpoint failed a moment ago")
                await self._renew(credentials)
            except CredentialUnavailable:
                # The one that there is may be good for a while yet.
                if self._token is None or time.monotonic() >= self._expires_at:
                    raise

    async def _renew(self, credentials: Credentials) -> None:
        try:
            secret = await credentials.get(self._reference, key="client_secret")
            try:
                token, lives_s = await self._asked(secret.secret.reveal())
            except CredentialRefused:
                credentials.was_refused(self._reference)
                raise
        except CredentialUnavailable:
            self._failed_at = time.monotonic()
            raise
        now = time.monotonic()
        self._token = Secret(token)
        self._expires_at = now + lives_s
        self._renew_at = now + max(lives_s - EARLY_S, lives_s / 2)

    async def _asked(self, secret: str) -> tuple[str, float]:
        form = {"grant_type": "client_credentials", "scope": self._scope, "audience": self._audience}
        try:
            async with httpx2.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False) as client:
                answer = await client.post(
                    self._endpoint,
                    data={name: value for name, value in form.items() if value},
                    auth=(self._client_id, secret),
                    headers={"accept": "application/json"},
                )
        except httpx2.HTTPError as e:
            raise CredentialUnavailable(f"the token endpoint cannot be asked: {type(e).__name__}") from None
        if answer.status_code in (400, 401):
            raise CredentialRefused(f"the token endpoint answers {answer.status_code}")
        if answer.status_code != 200 or len(answer.content) > MAX_BYTES:
            raise CredentialUnavailable(f"the token endpoint answers {answer.status_code}")
        try:
            document = answer.json()
            token, kind = document["access_token"], document.get("token_type", "Bearer")
            lives_s = float(document.get("expires_in", KEPT_S))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise CredentialUnavailable("the token endpoint answers what is no token") from None
        if not isinstance(token, str) or not token.isprintable() or str(kind).lower() != "bearer" or lives_s <= 0:
            raise CredentialUnavailable("the token endpoint answers what is no bearer token")
        return token, lives_s

    def put_on(self, request: http.Request, body: bytes | None) -> None:
        """See `Credential`."""
        if self._token is None:
            raise CredentialUnavailable("the credential is not ready")
        drop_named(request, "authorization")
        request.headers["authorization"] = f"Bearer {self._token.reveal()}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """See `Credential`."""
        return (self._token.reveal(),) if self._token is not None else ()

    def was_refused(self, credentials: Credentials) -> None:
        """The target has not taken it: the next request gets a new one."""
        self._renew_at = 0.0
