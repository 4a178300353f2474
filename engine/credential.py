"""References to secrets: where one is kept, resolved only when it is needed, and never printed."""

import os
from pathlib import Path

from hoopaddon.errors import ConfigError

MAX_SECRET_BYTES = 64 * 1024
_FORMS = "env:NAME or file:PATH"


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


def check_reference(reference: str, *, key: str = "") -> None:
    """Raises `ConfigError` unless this is a reference; a secret itself in its place is not quoted."""
    kind, colon, place = reference.partition(":")
    if not colon or kind not in ("env", "file") or not place:
        raise ConfigError("is not a reference to a secret", key=key, hint=f"write {_FORMS}")


def resolve(reference: str, *, key: str = "") -> Secret:
    """What the reference stands for. Raises `ConfigError` where there is nothing, or where it cannot be read."""
    check_reference(reference, key=key)
    kind, _, place = reference.partition(":")
    if kind == "env":
        text = os.environ.get(place)
        if not text:
            raise ConfigError(f"environment variable {place} is not set", key=key)
        return Secret(text)
    path = Path(place).expanduser()
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SECRET_BYTES + 1)
    except OSError as e:
        raise ConfigError(f"cannot read {path}: {e.strerror}", key=key) from None
    if len(data) > MAX_SECRET_BYTES:
        raise ConfigError(f"{path} is larger than any secret", key=key)
    try:
        text = data.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text", key=key) from None
    if not text:
        raise ConfigError(f"{path} is empty", key=key)
    return Secret(text)
