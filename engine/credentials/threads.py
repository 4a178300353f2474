"""Calls of libraries that block, each in a thread that nobody has to wait for."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress

from hoopaddon.credential import CredentialUnavailable

MOST_CALLS = 16
_free = threading.BoundedSemaphore(MOST_CALLS)


async def in_thread[T](call: Callable[[], T]) -> T:
    """What the call returns or raises. One that hangs keeps neither the caller nor the gateway's end waiting."""
    if not _free.acquire(blocking=False):
        raise CredentialUnavailable(f"{MOST_CALLS} calls hang already")
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: Exception | None) -> None:
        if future.cancelled():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result: T | None = None
        error: Exception | None = None
        try:
            result = call()
        except Exception as e:
            error = e
        finally:
            _free.release()
        # The loop may have ended meanwhile.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, result, error)

    # A daemon: one of the loop's executor would be joined when the program ends.
    threading.Thread(target=run, name="credential", daemon=True).start()
    return await future
