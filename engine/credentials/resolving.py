"""The gateway's credentials: fetched when they are needed, kept for a set time, and not waited for without an end."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from hoopaddon.credential import (
    MAX_SECRET_BYTES,
    Credential,
    CredentialRefused,
    CredentialUnavailable,
    LocalProvider,
    check_reference,
    is_local,
    provider_of,
    resolve,
    shown,
)
from hoopaddon.credentials.leases import RENEW_AFTER, Kept
from hoopaddon.errors import ConfigError
from hoopaddon.options import Options
from hoopaddon.policy.chain import place

logger = logging.getLogger(__name__)

ENDS_S = 3600.0
"""How long a credential of which nobody knows the end may be used while it cannot be fetched anew."""
AGAIN_S = 5.0
"""How long a provider that has failed is left alone, and how long a credential is not thrown away again."""
CLOSE_WITHIN_S = 5.0


class Held:
    """A credential while somebody uses it."""

    def __init__(
        self,
        credential: Credential,
        release: Callable[[], None] | None = None,
        refused: Callable[[], None] | None = None,
    ) -> None:
        self.credential = credential
        self._release, self._refused = release, refused

    def release(self) -> None:
        """It is not used any more; a lease may end now."""
        release, self._release = self._release, None
        if release is not None:
            release()

    def was_refused(self) -> None:
        """The target has not taken it: the next is fetched anew."""
        if self._refused is not None:
            self._refused()


class Credentials:
    """See the module. References to this machine (`env:`, `file:` …) are read each time, and nothing is kept."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._kept: dict[str, Kept] = {}
        self._failed: dict[str, tuple[float, CredentialUnavailable]] = {}
        self._fetching: dict[str, asyncio.Task[Kept]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._leased: dict[Kept, asyncio.Task[None]] = {}
        self._to_try: list[tuple[str, str]] = []
        self._is_open = False

    async def get(self, reference: str, *, key: str = "") -> Credential:
        """The credential, for who needs it at once and no longer. Raises `CredentialUnavailable`."""
        held = await self.hold(reference, key=key)
        held.release()
        return held.credential

    async def hold(self, reference: str, *, key: str = "") -> Held:
        """The credential, whose lease is renewed until it is released. Raises `CredentialUnavailable`."""
        try:
            provider, where = provider_of(reference, key=key)
            if isinstance(provider, LocalProvider):
                return Held(provider.read(where))
        except ConfigError as e:
            raise CredentialUnavailable(f"{key}: {e}" if key else str(e)) from None
        kept = await self._current(reference)
        kept.use()
        return Held(kept.credential, kept.let_go, partial(self.was_refused, reference))

    def try_at_start(self, reference: str, *, key: str = "") -> None:
        """See whether it can be had. Raises `ConfigError` where this machine lacks it; others may be down for now."""
        check_reference(reference, key=key)
        if is_local(reference):
            resolve(reference, key=key)
        else:
            self._to_try.append((reference, key))
            if self._is_open:
                self.open()

    def open(self) -> None:
        """Every mode listens: try now what could not be tried at once.

        Not sooner: while the modes are made the event loop stands still, and a provider's time would be over unused.
        """
        self._is_open = True
        trying, self._to_try = self._to_try, []
        for reference, key in trying:
            self._run(self._warn(reference, key))

    def was_refused(self, reference: str) -> None:
        """The target has not taken what there was; asked often, this does not make as many fetches."""
        kept = self._kept.get(reference)
        if kept is not None and time.monotonic() - kept.fetched_at > AGAIN_S:
            self._drop(reference)

    async def close(self) -> None:
        """Revoke what is leased. Credentials that are being fetched are waited for, since they may be leases."""
        if self._fetching:
            await asyncio.wait(self._fetching.values(), timeout=CLOSE_WITHIN_S)
        for task in self._tasks:
            task.cancel()
        revoking = []
        for kept, keeping in self._leased.items():
            keeping.cancel()
            if kept.credential.lease is not None and time.monotonic() < kept.ends_at:
                revoking.append(kept.revoke(kept.credential.lease, CLOSE_WITHIN_S))
        self._leased.clear()
        self._kept.clear()
        await asyncio.gather(*revoking)

    # -- fetching

    async def _current(self, reference: str) -> Kept:
        kept = self._kept.get(reference)
        if kept is not None and not kept.is_retired and time.monotonic() < kept.refresh_at:
            return kept
        failed_at, error = self._failed.get(reference, (float("-inf"), CredentialUnavailable()))
        if time.monotonic() - failed_at < AGAIN_S:
            raise type(error)(str(error))
        fetching = self._fetching.get(reference)
        if fetching is None:
            fetching = self._run(self._fetched(reference))
            if not fetching.done():
                self._fetching[reference] = fetching
                fetching.add_done_callback(lambda _: self._fetching.pop(reference, None))
        try:
            return await asyncio.shield(fetching)
        except CredentialUnavailable as e:
            # Each who waits gets one of its own: an exception that several raise grows with every one of them.
            raise type(e)(str(e)) from None

    async def _fetched(self, reference: str) -> Kept:
        """Fetch it, or fall back on what there is."""
        try:
            credential = await self._asked(reference)
        except CredentialUnavailable as e:
            kept, now = self._kept.get(reference), time.monotonic()
            if isinstance(e, CredentialRefused):
                self._drop(reference)
            elif kept is not None and not kept.is_retired and now < kept.ends_at:
                logger.warning("%s: cannot be fetched anew, the one that there is goes on: %s", kept.name, e)
                kept.refresh_at = min(now + AGAIN_S, kept.ends_at)
                return kept
            self._failed[reference] = (now, e)
            raise
        self._failed.pop(reference, None)
        return self._keep(reference, credential)

    async def _asked(self, reference: str) -> Credential:
        """What the provider has. Raises `CredentialUnavailable` for whatever goes wrong there."""
        timeout_s = self._options.credential_timeout
        provider, where = provider_of(reference)
        asking: asyncio.Task[Credential] = self._run(provider.fetch(where))
        # A provider may take no notice of being cancelled.
        await asyncio.wait({asking}, timeout=timeout_s)
        if not asking.done():
            asking.cancel()
            asking.add_done_callback(self._came_late)
            raise CredentialUnavailable(f"{shown(reference)}: no answer within {timeout_s} s")
        try:
            credential = asking.result()
        except CredentialUnavailable as e:
            raise type(e)(f"{shown(reference)}: {e}") from None
        except (Exception, asyncio.CancelledError) as e:  # what others have written; their message may quote anything
            why = f"its provider raised {type(e).__name__} at {place(e)}"
            raise CredentialUnavailable(f"{shown(reference)}: {why}") from None
        text = credential.secret.reveal()
        if not text or "\0" in text or len(text) > MAX_SECRET_BYTES:
            raise CredentialUnavailable(
                f"{shown(reference)}: what is kept there is no secret: it is empty or too long"
            )
        return credential

    def _keep(self, reference: str, credential: Credential) -> Kept:
        now = time.monotonic()
        refresh_s, ends_s = float(self._options.credential_ttl), ENDS_S
        if credential.valid_s is not None:
            refresh_s, ends_s = min(refresh_s, credential.valid_s * RENEW_AFTER), credential.valid_s
        if credential.lease is not None:
            refresh_s, ends_s = min(refresh_s, credential.lease.duration_s), credential.lease.duration_s
        if not self._options.credential_ttl:
            ends_s = ends_s if credential.lease is not None else 0.0
        self._drop(reference)
        kept = self._kept[reference] = Kept(shown(reference), credential, now + refresh_s, now + ends_s)
        if credential.lease is not None:
            self._leased[kept] = self._run(kept.keep(credential.lease, self._options.credential_timeout))
            self._leased[kept].add_done_callback(lambda _: self._leased.pop(kept, None))
        return kept

    def _drop(self, reference: str) -> None:
        kept = self._kept.pop(reference, None)
        if kept is not None:
            kept.retire()

    def _came_late(self, asking: "asyncio.Task[Credential]") -> None:
        """What nobody waited for: a lease of it is given back."""
        if asking.cancelled() or asking.exception() is not None:
            return
        lease = asking.result().lease
        if lease is not None:
            kept = Kept("a credential that came too late", asking.result(), 0.0, 0.0)
            self._run(kept.revoke(lease, CLOSE_WITHIN_S))

    async def _warn(self, reference: str, key: str) -> None:
        try:
            await self.get(reference)
        except CredentialUnavailable as e:
            logger.warning("%s: cannot be had now, and is asked for again when it is needed: %s", key, e)

    def _run[T](self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            # It has been told to who waited; who did not wait need not hear of it.
            task.exception()
