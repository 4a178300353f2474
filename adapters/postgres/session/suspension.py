"""A session's client that waits: for a verdict, or for the server to have answered everything."""

import asyncio
from collections.abc import Awaitable, Callable

from hoopaddon.adapters.postgres.session.link import QUERY_CANCELED, Link
from hoopaddon.adapters.postgres.sql.command import PostgresQuery
from hoopaddon.command import Outcome, Verdict
from hoopaddon.policy.in_force import in_force

CANCELED = Verdict(Outcome.REFUSED, "canceling statement due to user request", code=QUERY_CANCELED)


class Suspension:
    """What the client's half waits for, if it does: the relay awaits `wait` and then lets it go on."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._undecided: PostgresQuery | None = None
        self._judging: asyncio.Task[Verdict] | None = None
        self._canceled = False
        self.wait: Awaitable[None] | None = None

    def for_verdict(
        self, command: PostgresQuery, pending: Awaitable[Verdict], then: Callable[[Verdict], object]
    ) -> None:
        """Hold this command until its verdict is there, then do `then` with it."""
        self._undecided = command
        self.wait = self._verdict(in_force(self._link.gateway, self._link.gateway.chain, command, pending), then)

    async def _verdict(self, pending: Awaitable[Verdict], then: Callable[[Verdict], object]) -> None:
        self._judging = asyncio.ensure_future(pending)
        try:
            verdict = await self._judging
        except asyncio.CancelledError:
            if not self._canceled:
                self._judging.cancel()
                raise
            verdict = CANCELED
        finally:
            self._judging, self._canceled = None, False
        if self._link.stopping is not None:
            # A cancel that is meant for what runs must not hit this.
            await self._stopped(self._link.stopping)
        self._undecided = None
        then(verdict)

    @property
    def judging(self) -> bool:
        """Whether it is a verdict that is waited for."""
        return self._undecided is not None

    def for_answers(self) -> None:
        """Wait until the server owes no answer."""
        self.wait = self._link.when_drained()

    def for_copy(self) -> None:
        """Wait until it is known whether the server takes copy data."""
        self.wait = self._link.when_copy_decided()

    def for_stop(self) -> None:
        """Wait until the cancel that is on its way has arrived."""
        if self._link.stopping is not None:
            self.wait = self._stopped(self._link.stopping)

    @staticmethod
    async def _stopped(stopping: asyncio.Task[None]) -> None:
        await asyncio.wait([stopping])

    def over(self) -> None:
        """What was waited for is there."""
        self.wait = None

    def cancel(self) -> bool:
        """Give up the command that is held, as a CancelRequest asks; False if none is."""
        if self._judging is None:
            return False
        self._canceled = True
        self._judging.cancel()
        return True

    def abandon(self) -> None:
        """The client is gone: what it still waits for does not run."""
        if self._undecided is not None:
            self._link.end(self._undecided, "the client left before it was decided")
            self._undecided = None
        if asyncio.iscoroutine(self.wait):
            self.wait.close()
        self.wait = None
