"""Keeps the credential from coming back: a target that echoes what it was sent is shown stars in its place."""

import base64
import html
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from hoopaddon.web.body import BodyEditor

SHORTEST = 6
"""A secret of fewer characters would be found in texts that have nothing to do with it."""
_STARS = b"********"


class EchoFilter:
    """Replaces the secrets in a stream of bytes, also where one is split between two pieces of it."""

    def __init__(self, secrets: Iterable[str]) -> None:
        spellings = {spelling for secret in secrets if len(secret) >= SHORTEST for spelling in _spellings(secret)}
        # The longest first, so that none is replaced in part.
        self._spellings = sorted(spellings, key=len, reverse=True)
        pattern = b"|".join(map(re.escape, self._spellings))
        self._pattern = re.compile(pattern) if pattern else None
        self._longest = len(self._spellings[0]) if self._spellings else 0
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """What may be sent on; what may be the beginning of a secret waits."""
        if self._pattern is None:
            return data
        data = self._pattern.sub(_STARS, self._held + data)
        held = self._beginning(data)
        self._held = data[len(data) - held :] if held else b""
        return data[: len(data) - held] if held else data

    def end(self) -> bytes:
        """The rest."""
        held, self._held = self._held, b""
        return held

    def whole(self, text: str) -> str:
        """The same for a short text that is all there."""
        shown = self.feed(text.encode("utf-8", "surrogateescape")) + self.end()
        return shown.decode("utf-8", "surrogateescape")

    def _beginning(self, data: bytes) -> int:
        """How many bytes at the end could be the beginning of a secret."""
        for length in range(min(self._longest - 1, len(data)), 0, -1):
            tail = data[len(data) - length :]
            if any(spelling.startswith(tail) for spelling in self._spellings):
                return length
        return 0


class EchoEditor:
    """A body without the secrets, on its way to the editor that is behind this."""

    def __init__(self, secrets: Iterable[str], inner: BodyEditor) -> None:
        self._filter = EchoFilter(secrets)
        self._inner = inner

    def feed(self, data: bytes) -> None:
        """See `BodyEditor`."""
        if shown := self._filter.feed(data):
            self._inner.feed(shown)

    def close(self) -> None:
        """See `BodyEditor`."""
        if rest := self._filter.end():
            self._inner.feed(rest)
        self._inner.close()

    def abort(self) -> None:
        """See `BodyEditor`."""
        self._inner.abort()

    async def drained(self) -> None:
        """See `BodyEditor`."""
        await self._inner.drained()

    def client_paused(self, paused: bool) -> None:
        """See `BodyEditor`."""
        self._inner.client_paused(paused)


def _spellings(secret: str) -> Iterable[bytes]:
    yield secret.encode()
    yield quote(secret, safe="").encode()
    yield quote_plus(secret).encode()
    yield html.escape(secret).encode()
    yield json.dumps(secret)[1:-1].encode()
    yield json.dumps(secret)[1:-1].replace("/", "\\/").encode()
    raw = secret.encode()
    for shift in range(3):
        # Base64 of a text that has the secret anywhere in it: what depends on the neighbours is left out.
        encoded = base64.b64encode(b"\0" * shift + raw)
        start = (0, 2, 3)[shift]
        inner = encoded.rstrip(b"=")[start:]
        cut = inner if (shift + len(raw)) % 3 == 0 else inner[:-1]
        if len(cut) >= SHORTEST:
            yield cut
            yield cut.translate(bytes.maketrans(b"+/", b"-_"))
    yield raw.hex().encode()
