"""The event loop: uvloop where it is installed, asyncio's own otherwise or with `HOOPADDON_LOOP=asyncio`."""

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

LOOP_VARIABLE = "HOOPADDON_LOOP"
"""Set to `asyncio` to do without uvloop, for a comparison."""

_LAZY = frozenset({"anyio", "asyncssh"})


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """What makes the loop that this installation and environment ask for."""
    if os.environ.get(LOOP_VARIABLE) == "asyncio" or find_spec("uvloop") is None:
        return asyncio.new_event_loop
    import uvloop

    return uvloop.new_event_loop


def run[T](main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end on a new loop; what it leaves behind is cancelled."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(main)


def _eager_task(
    loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **arguments: Any
) -> asyncio.Task[Any]:
    # uvloop passes eager_start=None from Python 3.13 on, which asyncio's own eager factory does not take.
    eager = arguments.pop("eager_start", None) is not False and not _expects_to_wait(coro)
    return asyncio.Task(coro, loop=loop, eager_start=eager, **arguments)


def _expects_to_wait(coro: Coroutine[Any, Any, Any]) -> bool:
    """Whether a coroutine is of a library that counts on no step of it before its task is at hand."""
    frame = getattr(coro, "cr_frame", None)
    module: str = frame.f_globals.get("__name__", "") if frame is not None else ""
    return module.partition(".")[0] in _LAZY


@contextmanager
def eager_tasks() -> Iterator[None]:
    """Tasks run until they first have to wait, as mitmproxy's proxy core expects; works on uvloop too."""
    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()
    loop.set_task_factory(_eager_task)
    try:
        yield
    finally:
        loop.set_task_factory(before)
