"""Masks: what stands in the place of what was found.

No mask holds a character that JSON strings, array and composite literals, XML or quoted text give a meaning to, so
a value that holds a masked part keeps its syntax.
"""

import base64
import hmac
import secrets
from collections.abc import Callable, Iterable
from ipaddress import ip_network
from typing import Self

from hoopaddon.credential import resolve
from hoopaddon.detect.catalog import GROUPS
from hoopaddon.detect.detector import without_gaps
from hoopaddon.detect.finder import Match
from hoopaddon.errors import ConfigError

type Mask = Callable[[str, str], str]
"""Takes an entity and the text that it is; gives the text to show instead."""

_HIDDEN = "***"
_SHOWN = 4
# Of a short value a smaller part is shown: at most one character in so many.
_SHOWN_OF = 3
_IPV4_SHOWN, _IPV6_SHOWN = 24, 48
_NAME_BYTES = 10
_MIN_KEY_BYTES = 16


def redacted(entity: str, text: str = "") -> str:
    """The name of what stood there: `[email]`."""
    return f"[{entity}]"


def partial(entity: str, text: str) -> str:
    """As much as people need to recognise a value they know, and no more; nothing of a secret.

    An e-mail address keeps its first letter and its domain, an IP address its network, all else the last four
    letters or digits.
    """
    if entity in GROUPS["secret"]:
        return redacted(entity)
    if entity == "email":
        local, _, domain = text.replace("%40", "@").partition("@")
        return f"{local[:1]}{_HIDDEN}@{domain}"
    if entity in GROUPS["ip"]:
        shown = _IPV4_SHOWN if entity == "ipv4" else _IPV6_SHOWN
        try:
            return str(ip_network(f"{text}/{shown}", strict=False).network_address)
        except ValueError:
            return redacted(entity)
    marks = "".join(c for c in text if c.isalnum())
    return _HIDDEN + marks[len(marks) - min(_SHOWN, len(marks) // _SHOWN_OF) :]


class Pseudonyms:
    """Stable names: the same value has the same name wherever it appears, as long as the key stays.

    An HMAC-SHA-256 under a secret key: without the key nobody can try values until one fits. The same e-mail
    address in another case, or the same number with other separators, has the same name.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def keyed_by(cls, reference: str, *, option: str = "") -> Self:
        """With the key that `env:NAME` or `file:PATH` refers to, or with a random one where it is empty.

        Names made with a random key mean nothing beyond this process. Raises `ConfigError`.
        """
        if not reference:
            return cls(secrets.token_bytes(32))
        key = resolve(reference, key=option).reveal().encode()
        if len(key) < _MIN_KEY_BYTES:
            hint = "make one with: openssl rand -hex 32"
            raise ConfigError(f"the key is shorter than {_MIN_KEY_BYTES} bytes", key=option, hint=hint)
        return cls(key)

    def __call__(self, entity: str, text: str) -> str:
        value = text.replace("%40", "@").casefold() if entity == "email" else without_gaps(text).casefold()
        if entity == "phone":
            value = "".join(c for c in value if c.isdigit() or c == "+")
        message = f"{entity}\0{value}".encode("utf-8", "surrogatepass")
        digest = hmac.digest(self._key, message, "sha256")[:_NAME_BYTES]
        return f"{entity}_{base64.b32encode(digest).decode().lower()}"


def replace(text: str, matches: Iterable[Match], mask: Mask) -> str:
    """The text with a mask in the place of every match; the matches in order and apart, as `find` gives them."""
    pieces: list[str] = []
    position = 0
    for entity, start, end in matches:
        pieces += text[position:start], mask(entity, text[start:end])
        position = end
    pieces.append(text[position:])
    return "".join(pieces)
