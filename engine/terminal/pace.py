"""How long a target takes to show what is typed: what is not shown yet is not hidden, and not absent."""

import asyncio
from collections.abc import Awaitable, Callable

ECHO_WITHIN_S = 0.3
"""How long a line that was typed may take to be shown once the target has it; one that is not is a password."""
FIRST_ECHO_WITHIN_S = 2.0
"""The same before anything was shown: what is to show it may still have to start."""
QUIET_S = 0.04
"""How long the screen must be still, where only it tells the line."""
SLOWEST_S = 1.0
_FADES = 0.98

type RoundTrip = Callable[[], Awaitable[object]]
"""Returns when the target has answered: all that it had sent before it took this is here."""


class Pace:
    """Times, in seconds of the running loop's clock.

    `round_trip` tells what the way to the target takes; without it there is only what the echoes take, which has what
    lies behind the target in it as well.
    """

    def __init__(self, round_trip: RoundTrip | None = None) -> None:
        self._round_trip = round_trip
        self._way_s = 0.0
        self._asked_at: float | None = None
        self._slowest_s = 0.0

    def typed(self, now: float) -> None:
        """Keys have gone to the target."""
        self._asked_at = now

    def shown(self, now: float) -> None:
        """The target has sent something."""
        if self._asked_at is not None:
            self._slowest_s = max(min(now - self._asked_at, SLOWEST_S), self._slowest_s * _FADES)
            self._asked_at = None

    def submitted(self) -> None:
        """A new line begins; what was typed without an echo says nothing of how long one takes."""
        self._asked_at = None

    async def reach(self) -> None:
        """Returns when the target has taken all that was sent to it, and all that it has sent by then is here."""
        if self._round_trip is not None:
            loop = asyncio.get_running_loop()
            began = loop.time()
            await self._round_trip()
            self._way_s = loop.time() - began

    @property
    def _answers_s(self) -> float:
        """How long an echo takes beside the way to the target: slow programs, and further hosts behind it."""
        return max(0.0, self._slowest_s - self._way_s)

    @property
    def echo_within_s(self) -> float:
        """How long what was typed may take to be shown, once the target has it."""
        return max(ECHO_WITHIN_S, 4 * self._answers_s)

    @property
    def quiet_s(self) -> float:
        """How long the screen has to be still before it shows all that is coming."""
        return max(QUIET_S, 2 * self._answers_s)
