"""The target's credential: put on a request at the very last, where no hook and no record sees it."""

import base64
from typing import Protocol
from urllib.parse import quote

from mitmproxy import http

from hoopaddon.credential import CredentialUnavailable, Secret
from hoopaddon.credentials.resolving import Credentials
from hoopaddon.web.hygiene import drop_named


class Credential(Protocol):
    """How the gateway proves itself to one target."""

    @property
    def references(self) -> tuple[tuple[str, str], ...]:
        """The references that it is made of, each with its key before it."""
        ...

    async def ready(self, credentials: Credentials) -> None:
        """Get what it takes. Raises `CredentialUnavailable`."""

    def put_on(self, request: http.Request, body: bytes | None) -> None:
        """Prove this request; `body` is None where it streams."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not come back from the target, in any spelling."""
        ...

    @property
    def signs_bodies(self) -> bool:
        """Whether a body has to be all there before the request can be proved."""
        ...

    def was_refused(self, credentials: Credentials) -> None:
        """The target has answered 401."""


class HeaderCredential:
    """A header field with a secret in it: a bearer token, a name with a password, an API key."""

    signs_bodies = False

    def __init__(
        self, name: str, reference: str, *, before: str = "", basic_user: str | None = None, key: str
    ) -> None:
        self._name, self._reference, self._before, self._key = name, reference, before, key
        self._user = basic_user
        self._secret: Secret | None = None

    @property
    def references(self) -> tuple[tuple[str, str], ...]:
        return ((self._key, self._reference),)

    async def ready(self, credentials: Credentials) -> None:
        found = await credentials.get(self._reference, key=self._key)
        self._secret = found.secret
        if self._user is not None:
            self._user = found.user or self._user

    def put_on(self, request: http.Request, body: bytes | None) -> None:
        # To many targets `X_Api_Key` is `X-Api-Key`, and the first of two counts.
        drop_named(request, self._name)
        request.headers[self._name] = self._before + self._value

    @property
    def _value(self) -> str:
        if self._secret is None:
            raise CredentialUnavailable("the credential is not ready")
        text = self._secret.reveal()
        return text if self._user is None else base64.b64encode(f"{self._user}:{text}".encode()).decode()

    @property
    def secrets(self) -> tuple[str, ...]:
        if self._secret is None:
            return ()
        return tuple({self._secret.reveal(), self._value})

    def was_refused(self, credentials: Credentials) -> None:
        credentials.was_refused(self._reference)


class QueryCredential:
    """An API key as a parameter of the query."""

    signs_bodies = False

    def __init__(self, name: str, reference: str) -> None:
        self._name, self._reference = name, reference
        self._secret: Secret | None = None

    @property
    def references(self) -> tuple[tuple[str, str], ...]:
        return (("query", self._reference),)

    async def ready(self, credentials: Credentials) -> None:
        self._secret = (await credentials.get(self._reference, key="query")).secret

    def put_on(self, request: http.Request, body: bytes | None) -> None:
        if self._secret is None:
            raise CredentialUnavailable("the credential is not ready")
        path, _, query = request.path.partition("?")
        kept = [part for part in query.split("&") if part and part.partition("=")[0] != self._name]
        kept.append(f"{quote(self._name, safe='')}={quote(self._secret.reveal(), safe='')}")
        request.path = f"{path}?{'&'.join(kept)}"

    @property
    def secrets(self) -> tuple[str, ...]:
        text = self._secret.reveal() if self._secret is not None else ""
        return tuple({text, quote(text, safe="")}) if text else ()

    def was_refused(self, credentials: Credentials) -> None:
        credentials.was_refused(self._reference)
