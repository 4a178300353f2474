"""What is revoked, as the gateway knows it: no older than a moment, and nobody gets in where it cannot be read."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hoopaddon.store.tokens import Revocations, Tokens

FRESH_S = 0.05
"""How old what is known may be when somebody logs in."""
LOOK_S = 0.25
"""How often those are looked for who are in."""


class RevocationList:
    """The revocations of one store. Use it from one event loop; the disk is read in a thread of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tokens: Tokens | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="revocations")
        self._looking: asyncio.Future[Revocations] | None = None
        self._looked_at = float("-inf")
        self._version = -1
        self._file = 0
        self._is_another = False
        self._known = Revocations()

    async def current(self) -> Revocations:
        """What is revoked. Raises `StoreUnusable`."""
        if time.monotonic() - self._looked_at < FRESH_S:
            return self._known
        if self._looking is None:
            self._looking = asyncio.get_running_loop().run_in_executor(self._thread, self._look)
            self._looking.add_done_callback(self._looked)
        # Several may wait for one look, and some of them leave.
        return await asyncio.shield(self._looking)

    def _looked(self, look: "asyncio.Future[Revocations]") -> None:
        self._looking = None
        if not look.cancelled() and look.exception() is None:
            self._looked_at, self._known = time.monotonic(), look.result()

    def _look(self) -> Revocations:
        tokens = self._tokens
        if tokens is None or not self._is_in_place():
            tokens = self._open()
        # Read before the list: what changes in between is then seen by the next look.
        version = tokens.version
        if version == self._version:
            return self._known
        # What was taken back stays so, also where somebody has put another file in this one's place.
        found = tokens.revocations().joined(self._known if self._is_another else Revocations())
        self._version = version
        return found

    def _open(self) -> Tokens:
        self._is_another = self._tokens is not None
        if self._tokens is not None:
            self._tokens.close()
        self._tokens = opened = Tokens(self._path)
        self._version, self._file = -1, self._path.stat().st_ino
        return opened

    def _is_in_place(self) -> bool:
        try:
            return self._path.stat().st_ino == self._file
        except OSError:
            return False

    def check(self) -> None:
        """Raises `StoreUnusable` where the list cannot be kept there."""
        Tokens(self._path).close()

    def close(self) -> None:
        """Let go of the file."""
        self._thread.shutdown()
        if self._tokens is not None:
            self._tokens.close()
