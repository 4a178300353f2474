"""Which proofs have been used that log somebody in once: assertions, and the ID tokens of logins."""

import heapq
import time
from collections.abc import Callable

from hoopaddon.identity.compact import InvalidToken

MOST_KEPT = 100_000


class UsedProofs:
    """Remembers ids until their proofs are over anyway. One for each place that takes proofs."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._ids: set[str] = set()
        self._ends: list[tuple[float, str]] = []

    def use(self, id: str, until: float) -> None:
        """The proof is used now. Raises `InvalidToken` where it was before, or nothing more can be remembered."""
        now = self._clock()
        while self._ends and self._ends[0][0] <= now:
            self._ids.discard(heapq.heappop(self._ends)[1])
        if id in self._ids:
            raise InvalidToken("what proves the login was used before")
        if len(self._ids) >= MOST_KEPT:
            raise InvalidToken("too many logins are remembered to take another")
        self._ids.add(id)
        heapq.heappush(self._ends, (until, id))
