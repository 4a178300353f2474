"""The target's credential: put on a request at the very last, where no hook and no record sees it."""

import base64
from typing import Protocol
from urllib.parse import quote

from mitmproxy import http

from hoopaddon.credential import Secret, resolve
from hoopaddon.errors import ConfigError, HoopaddonError
from hoopaddon.web.hygiene import drop_named


class NoCredential(HoopaddonError):
    """The credential cannot be had now. The text is for the operator's log."""


class Credential(Protocol):
    """How the gateway proves itself to one target."""

    async def ready(self) -> None:
        """Get what it takes. Raises `NoCredential`."""

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

    def was_refused(self) -> None:
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

    async def ready(self) -> None:
        try:
            self._secret = resolve(self._reference, key=self._key)
        except ConfigError as e:
            raise NoCredential(str(e)) from None

    def put_on(self, request: http.Request, body: bytes | None) -> None:
        # To many targets `X_Api_Key` is `X-Api-Key`, and the first of two counts.
        drop_named(request, self._name)
        request.headers[self._name] = self._before + self._value

    @property
    def _value(self) -> str:
        if self._secret is None:
            raise NoCredential("the credential is not ready")
        text = self._secret.reveal()
        return text if self._user is None else base64.b64encode(f"{self._user}:{text}".encode()).decode()

    @property
    def secrets(self) -> tuple[str, ...]:
        if self._secret is None:
            return ()
        return tuple({self._secret.reveal(), self._value})

    def was_refused(self) -> None:
        """See `Credential`; the next request reads the reference again in any case."""


class QueryCredential:
    """An API key as a parameter of the query."""

    signs_bodies = False

    def __init__(self, name: str, reference: str) -> None:
        self._name, self._reference = name, reference
        self._secret: Secret | None = None

    async def ready(self) -> None:
        try:
            self._secret = resolve(self._reference, key="query")
        except ConfigError as e:
            raise NoCredential(str(e)) from None

    def put_on(self, request: http.Request, body: bytes | None) -> None:
        if self._secret is None:
            raise NoCredential("the credential is not ready")
        path, _, query = request.path.partition("?")
        kept = [part for part in query.split("&") if part and part.partition("=")[0] != self._name]
        kept.append(f"{quote(self._name, safe='')}={quote(self._secret.reveal(), safe='')}")
        request.path = f"{path}?{'&'.join(kept)}"

    @property
    def secrets(self) -> tuple[str, ...]:
        text = self._secret.reveal() if self._secret is not None else ""
        return tuple({text, quote(text, safe="")}) if text else ()

    def was_refused(self) -> None:
        """See `Credential`; the next request reads the reference again in any case."""
