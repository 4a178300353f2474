"""Holds one call into a policy to its time, whether it blocks or awaits."""

import asyncio
import time
import types
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

from hoopaddon.policy.watchdog import DeadlineExceeded, Watchdog

_now_ns = time.perf_counter_ns

LIFECYCLE_LIMIT_S = 30.0
"""How long a script may take to load, and a policy to be configured, to start or to end."""


@contextmanager
def limited(watchdog: Watchdog, limit_s: float) -> Iterator[None]:
    """A block of plain code that may take `limit_s` seconds, another limit than the watchdog's own."""
    before_ns, watchdog.timeout_ns = watchdog.timeout_ns, int(limit_s * 1e9)
    entered_before, watchdog.entered_ns = watchdog.entered_ns, _now_ns()
    try:
        yield
        if watchdog.overdue:
            raise DeadlineExceeded
    finally:
        watchdog.entered_ns = entered_before
        watchdog.timeout_ns = before_ns


def call[T](watchdog: Watchdog, function: Callable[..., T], *arguments: Any) -> T:
    """Call a plain function; raises `DeadlineExceeded` when it takes too long."""
    before = watchdog.entered_ns
    watchdog.entered_ns = _now_ns()
    try:
        result = function(*arguments)
        if watchdog.overdue:
            raise DeadlineExceeded
        return result
    finally:
        watchdog.entered_ns = before


async def finish(watchdog: Watchdog, pending: Awaitable[Any], timeout_s: float) -> None:
    """Await what a hook returned; raises `TimeoutError`, or `DeadlineExceeded` when it blocks the loop."""
    async with asyncio.timeout(timeout_s) as limit:
        await stepwise(watchdog, pending)
    if limit.expired():
        # The hook has swallowed its cancellation; what it decided, it decided too late.
        raise TimeoutError


@types.coroutine
def stepwise(watchdog: Watchdog, pending: Awaitable[Any]) -> Generator[Any, Any, Any]:
    """Await `pending`, with the watchdog on only while it runs, not while it waits."""
    steps: Any = pending.__await__()
    value: Any = None
    error: BaseException | None = None
    while True:
        try:
            if error is not None:
                awaited = call(watchdog, steps.throw, error)
            elif value is None:
                awaited = call(watchdog, next, steps)
            else:
                awaited = call(watchdog, steps.send, value)
        except StopIteration as stop:
            return stop.value
        value, error = None, None
        try:
            value = yield awaited
        except BaseException as e:  # handed on to the hook, a cancellation above all
            error = e
