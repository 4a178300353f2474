"""Signed tokens as they are written (RFC 7515 section 7.1, RFC 7519), read so that nobody can read them otherwise."""

import base64
import json
import re
from typing import Any

from hoopaddon.errors import HoopaddonError

MAX_BYTES = 16 * 1024
"""Of any token: those of an identity provider carry groups by the hundred."""

# What begins a JSON object, in base64url: passwords do not begin so and have two dots as well.
_SHAPE = re.compile(r"eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*")


class InvalidToken(HoopaddonError):
    """A token that proves nothing. `reason` is for the operator's log and never quotes the token.

    A client must not be told the reason: give it the same error as for a wrong password.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def looks_like_token(secret: str) -> bool:
    """Whether a password field holds something of a token's shape, so that it is not taken for a password."""
    return len(secret) <= MAX_BYTES and _SHAPE.fullmatch(secret) is not None


def ascii_text(token: str | bytes, limit_bytes: int = MAX_BYTES) -> str:
    """The token as text. Raises `InvalidToken` for what is too long, or no ASCII."""
    if len(token) > limit_bytes:
        raise InvalidToken(f"the token is longer than {limit_bytes} bytes")
    try:
        text = token if isinstance(token, str) else token.decode("ascii")
    except UnicodeDecodeError:
        raise InvalidToken("the token is not ASCII") from None
    if not text.isascii():
        raise InvalidToken("the token is not ASCII")
    return text


def json_of(part: str, name: str) -> Any:
    """What a part of a token says. Raises `InvalidToken`."""
    try:
        return StrictDecoder().decode(b64decode(part).decode())
    except (ValueError, RecursionError):
        raise InvalidToken(f"the token's {name} is not valid JSON") from None


def claimed(token: str) -> dict[str, Any]:
    """What a token says without anybody having checked it; nothing where it says nothing."""
    if not looks_like_token(token):
        return {}
    try:
        said = json_of(token.split(".")[1], "payload")
    except InvalidToken:
        return {}
    return said if isinstance(said, dict) else {}


def is_canonical(part: str) -> bool:
    """One token has one spelling: the unused low bits of the last character are zero."""
    try:
        return base64.urlsafe_b64encode(b64decode(part)).rstrip(b"=").decode() == part
    except ValueError:
        return False


def b64decode(part: str) -> bytes:
    """Base64url without padding. Raises ValueError."""
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("a name occurs twice")
    return names


def _no_constant(_name: str) -> Any:
    raise ValueError("NaN and Infinity are no JSON")


class StrictDecoder(json.JSONDecoder):
    """JSON in which a name occurs once: two readers cannot take two different values from it."""

    def __init__(self) -> None:
        super().__init__(object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
