"""A leased credential while it is wanted: renewed in time, and revoked once nobody needs it."""

import asyncio
import logging
import time
from contextlib import suppress

from hoopaddon.credential import Credential, CredentialUnavailable, Lease
from hoopaddon.policy.chain import place

logger = logging.getLogger(__name__)

RENEW_AFTER = 2 / 3
"""Of its duration, after which a lease is renewed."""
_LEAST_S = 1.0


class Kept:
    """A credential that was fetched, with those who use it.

    It is handed out until `refresh_at`, or where it cannot be fetched anew until `ends_at` (monotonic seconds).
    """

    def __init__(self, name: str, credential: Credential, refresh_at: float, ends_at: float) -> None:
        self.name = name
        self.credential = credential
        self.fetched_at = time.monotonic()
        self.refresh_at = refresh_at
        self.ends_at = ends_at
        self.is_retired = False
        """Nobody else gets it."""
        self._users = 0
        self._changed = asyncio.Event()

    def use(self) -> None:
        """Somebody has it until `let_go`."""
        self._users += 1

    def let_go(self) -> None:
        self._users -= 1
        self._changed.set()

    def retire(self) -> None:
        self.is_retired = True
        self._changed.set()

    @property
    def is_wanted(self) -> bool:
        """Whether somebody uses it, or may still get it; who has waited for it needs a moment to take it."""
        now = time.monotonic()
        is_new = now < self.fetched_at + _LEAST_S
        return self._users > 0 or is_new or not (self.is_retired or now >= self.refresh_at)

    async def keep(self, lease: Lease, within_s: float) -> None:
        """Renew the lease while it is wanted, and revoke it then; each call may take `within_s` seconds."""
        renew_at = self.fetched_at + lease.duration_s * RENEW_AFTER
        while self.is_wanted:
            until = renew_at if self._users else min(renew_at, max(self.refresh_at, self.fetched_at + _LEAST_S))
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(max(until - time.monotonic(), 0)):
                    await self._changed.wait()
            if self.is_wanted and time.monotonic() >= renew_at:
                renew_at = await self._renewed(lease, within_s)
            if time.monotonic() >= self.ends_at:
                logger.warning("%s: its lease has ended, and could not be renewed", self.name)
                self.is_retired = True
                return
        await self.revoke(lease, within_s)

    async def _renewed(self, lease: Lease, within_s: float) -> float:
        """When to renew it next."""
        try:
            async with asyncio.timeout(within_s):
                lasts_s = await lease.renew()
        except Exception as e:
            now, why = time.monotonic(), _why(e, within_s)
            logger.warning("%s: its lease ends in %d s: cannot renew it: %s", self.name, self.ends_at - now, why)
            return now + max((self.ends_at - now) / 2, _LEAST_S)
        now = time.monotonic()
        self.ends_at = now + lasts_s
        if lasts_s < lease.duration_s / 2:
            # It has come near the most that it may last in all: sessions to come get another.
            self.is_retired = True
        return now + max(lasts_s * RENEW_AFTER, _LEAST_S)

    async def revoke(self, lease: Lease, within_s: float) -> None:
        """End the lease; where that fails it ends by itself."""
        try:
            async with asyncio.timeout(within_s):
                await lease.revoke()
        except Exception as e:
            why = _why(e, within_s)
            logger.warning("%s: its lease cannot be revoked, and ends by itself: %s", self.name, why)


def _why(error: Exception, within_s: float) -> str:
    """What went wrong with a lease; the text of an error that is none of ours may quote anything."""
    if isinstance(error, CredentialUnavailable):
        return str(error)
    if isinstance(error, TimeoutError):
        return f"no answer within {within_s:g} s"
    return f"{type(error).__name__} at {place(error)}"
