"""References to secrets: where one is kept, resolved only when it is needed, and never printed."""

from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol, runtime_checkable

from hoopaddon.errors import ConfigError, HoopaddonError

MAX_SECRET_BYTES = 64 * 1024
GROUP = "hoopaddon.credentials"
_MOST_SHOWN = 80


class Secret:
    """A secret's text, which shows itself to nobody who prints or formats it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text; only what hands it to the target calls this."""
        return self._text

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)


class CredentialUnavailable(HoopaddonError):
    """The credential cannot be had now. The text is for the operator's log, and holds nothing secret."""


class CredentialRefused(CredentialUnavailable):
    """Who keeps the credential has none for this gateway: what was kept of it is no good either."""


class Lease(Protocol):
    """The right to a credential that was made for this gateway, and ends with it."""

    @property
    def duration_s(self) -> float:
        """How long it lasts from when it was granted."""
        ...

    async def renew(self) -> float:
        """Make it last longer; how many seconds it lasts now. Raises `CredentialUnavailable`."""
        ...

    async def revoke(self) -> None:
        """End it, and the credential with it. Raises `CredentialUnavailable`."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What a provider has for a place.

    `user` is a name that comes with the secret, and counts instead of one that the target's settings have.
    `valid_s` says after how many seconds from now it is worth nothing; None where nobody knows.
    """

    secret: Secret
    user: str = ""
    valid_s: float | None = None
    lease: Lease | None = None


class Provider(Protocol):
    """Where secrets are kept; the entry points of the group `hoopaddon.credentials` are classes of this kind."""

    def check(self, place: str) -> None:
        """Raises `ConfigError`, with what to write, unless this names a place. Asks nobody, and changes nothing."""

    async def fetch(self, place: str) -> Credential:
        """What is kept there now. Raises `CredentialUnavailable`; is cancelled when it takes too long."""
        ...


@runtime_checkable
class LocalProvider(Provider, Protocol):
    """One that finds everything on this machine, at once: what is missing is the operator's mistake."""

    def read(self, place: str) -> Credential:
        """What is kept there now. Raises `ConfigError`."""
        ...


@cache
def _entries() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


@cache
def _made(scheme: str) -> Provider:
    try:
        made: Provider = _entries()[scheme].load()()
    except Exception as e:  # others wrote it
        raise ConfigError(f"the provider of {scheme}: cannot be loaded: {type(e).__name__}") from None
    return made


def provider_of(reference: str, *, key: str = "") -> tuple[Provider, str]:
    """Who has what the reference names, and under which name. Raises `ConfigError`, which quotes no secret."""
    scheme, colon, place = reference.partition(":")
    if not colon or scheme not in _entries() or not place:
        raise ConfigError("is not a reference to a secret", key=key, hint=_forms())
    return _made(scheme), place


def _forms() -> str:
    others = ", ".join(f"{name}:…" for name in sorted(_entries()) if name not in ("env", "file"))
    return f"write env:NAME, file:PATH or one of {others}"


def check_reference(reference: str, *, key: str = "") -> None:
    """Raises `ConfigError` unless this is a reference; a secret itself in its place is not quoted."""
    provider, place = provider_of(reference, key=key)
    try:
        provider.check(place)
    except ConfigError as e:
        raise ConfigError(e.message, key=key, hint=e.hint or _forms()) from None


def is_local(reference: str, *, key: str = "") -> bool:
    """Whether what it names is on this machine. Raises `ConfigError`."""
    return isinstance(provider_of(reference, key=key)[0], LocalProvider)


def resolve(reference: str, *, key: str = "") -> Secret:
    """What a reference to this machine stands for, at once. Raises `ConfigError`, also for other references."""
    check_reference(reference, key=key)
    provider, place = provider_of(reference, key=key)
    if not isinstance(provider, LocalProvider):
        hint = "write env:NAME, file:PATH or sealed:…"
        raise ConfigError("has to be there at the start, and on this machine", key=key, hint=hint)
    try:
        return provider.read(place).secret
    except ConfigError as e:
        raise ConfigError(e.message, file=e.file, key=key, hint=e.hint) from None


def shown(reference: str) -> str:
    """The reference for the operator's log: without a program's arguments, and without what is sealed in it."""
    word = reference.partition(" ")[0]
    if len(word) > _MOST_SHOWN:
        word = f"{word.partition(':')[0]}:"
    return word if word == reference else f"{word}…"
