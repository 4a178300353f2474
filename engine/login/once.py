"""What is kept for a moment and given back once: logins on their way, and the codes that end them."""

import secrets
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from hoopaddon.errors import HoopaddonError

MOST_KEPT = 5000
MOST_OF_ONE = 50
"""Of one owner, so that nobody takes the room of all."""


class NoRoom(HoopaddonError):
    """Too much is kept to keep more."""


@dataclass(frozen=True, slots=True)
class _Kept[T]:
    value: T
    owner: str
    until: float


class Once[T]:
    """Values by keys that nobody guesses; each is there for `within_s` seconds, and for one `take`."""

    def __init__(self, within_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._within_s = within_s
        self._clock = clock
        self._kept: dict[str, _Kept[T]] = {}
        self._owners: Counter[str] = Counter()

    def put(self, value: T, owner: str) -> str:
        """Keep a value; its key, of 43 characters. Raises `NoRoom`."""
        self._forget()
        if len(self._kept) >= MOST_KEPT or self._owners[owner] >= MOST_OF_ONE:
            raise NoRoom("too many logins have begun and not ended")
        key = secrets.token_urlsafe(32)
        self._kept[key] = _Kept(value, owner, self._clock() + self._within_s)
        self._owners[owner] += 1
        return key

    def take(self, key: str) -> T | None:
        """The value, which is there no more; None where there is none."""
        self._forget()
        kept = self._kept.get(key)
        if kept is None:
            return None
        self._drop(key)
        return kept.value

    def _forget(self) -> None:
        now = self._clock()
        # The oldest are the first, and all are kept equally long.
        while self._kept and self._kept[key := next(iter(self._kept))].until <= now:
            self._drop(key)

    def _drop(self, key: str) -> None:
        owner = self._kept.pop(key).owner
        self._owners[owner] -= 1
        if not self._owners[owner]:
            del self._owners[owner]
