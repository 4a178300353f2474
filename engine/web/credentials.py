"""The target's credential: put on a request at the very last, where no hook and no record sees it."""

import base64
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import quote

from mitmproxy import http

from hoopaddon.credential import Secret, check_reference, resolve
from hoopaddon.errors import ConfigError, HoopaddonError


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
        """What must not come back from the target, in all its spellings."""


class HeaderCredential:
    """A header field with a secret in it: a bearer token, a name with a password, an API key."""

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


class QueryCredential:
    """An API key as a parameter of the query."""

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


SETTINGS = frozenset({"bearer", "user", "password", "header", "query"})
REFERENCES = frozenset({"bearer", "password"})


def credential_of(settings: Mapping[str, str]) -> Credential | None:
    """The credential that a target's settings name; None without one. Raises `ValueError`, with what to write."""
    kinds = [key for key in ("bearer", "password", "header", "query") if key in settings]
    if len(kinds) > 1:
        raise ValueError(f"{kinds[0]} and {kinds[1]}: a target has one credential")
    if ("user" in settings) != ("password" in settings):
        raise ValueError("user and password go together; password is a reference, such as env:API_PASSWORD")
    if not kinds:
        return None
    kind = kinds[0]
    if kind == "bearer":
        return HeaderCredential("authorization", settings["bearer"], before="Bearer ", key="bearer")
    if kind == "password":
        reference, user = settings["password"], settings["user"]
        return HeaderCredential("authorization", reference, before="Basic ", basic_user=user, key="password")
    name, colon, reference = settings[kind].partition(":")
    if not name or not colon:
        raise ValueError(f"{kind} is NAME:REFERENCE, as in {kind}=x-api-key:env:API_KEY")
    try:
        check_reference(reference, key=kind)
    except ConfigError as e:
        raise ValueError(f"{e.key} {e.message}: {e.hint}") from None
    return HeaderCredential(name, reference, key=kind) if kind == "header" else QueryCredential(name, reference)
