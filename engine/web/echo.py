"""Keeps the credential from coming back: a target that echoes what it was sent is shown stars in its place."""

from collections.abc import Iterable

from hoopaddon.web.body import BodyEditor
from hoopaddon.web.spellings import Spellings, spellings


class EchoFilter:
    """Replaces the secrets in a stream of bytes, also where one is split between two pieces of it."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._spellings = spellings(frozenset(secrets))
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """What may be sent on; what may be the beginning of a secret waits."""
        if self._spellings is None:
            return data
        shown, self._held = _hidden(self._spellings, self._held + data, ends=False)
        return shown

    def end(self) -> bytes:
        """The rest."""
        if self._spellings is None:
            return b""
        shown, self._held = _hidden(self._spellings, self._held, ends=True)
        return shown

    def whole(self, text: str) -> str:
        """The same for a short text that is all there."""
        if self._spellings is None:
            return text
        shown, _ = _hidden(self._spellings, text.encode("utf-8", "surrogateescape"), ends=True)
        return shown.decode("utf-8", "surrogateescape")


def _hidden(ways: Spellings, data: bytes, *, ends: bool) -> tuple[bytes, bytes]:
    """The data with stars in it, and its end that may be the beginning of a secret."""
    shown: list[bytes] = []
    copied = at = 0
    lower = b""
    while (start := ways.start(data, at)) >= 0:
        lower = lower or data.lower()
        end, stars = ways.end(data, lower, start, last=ends)
        if end > 0:
            shown += (data[copied:start], stars)
            copied = at = end
        elif end < 0:
            return b"".join((*shown, data[copied:start])), data[start:]
        else:
            at = start + 1
    held = len(data) if ends else ways.unfinished(data, copied)
    if not shown:
        return data[:held], data[held:]
    return b"".join((*shown, data[copied:held])), data[held:]


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
