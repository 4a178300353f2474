"""Whether it is a policy in shadow that acts. Its tasks and timers count as the policy too."""

import functools
import inspect
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

_IN_SHADOW: ContextVar[bool] = ContextVar("in_shadow", default=False)


def in_shadow() -> bool:
    """Whether nothing that is done now may take effect."""
    return _IN_SHADOW.get()


def shadowed(hook: Callable[..., Any]) -> Callable[..., Any]:
    """The same hook, known to be in shadow while it runs, and by whatever it sets going."""

    @functools.wraps(hook)
    def call(*arguments: Any) -> Any:
        before = _IN_SHADOW.get()
        _IN_SHADOW.set(True)
        try:
            result = hook(*arguments)
        finally:
            _IN_SHADOW.set(before)
        return _awaited(result) if inspect.isawaitable(result) else result

    return inspect.markcoroutinefunction(call) if inspect.iscoroutinefunction(hook) else call


async def _awaited(pending: Awaitable[Any]) -> Any:
    before = _IN_SHADOW.get()
    _IN_SHADOW.set(True)
    try:
        return await pending
    finally:
        _IN_SHADOW.set(before)
