"""All the ways in which a hook can break."""

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Any

DATA = "a-value-that-no-log-may-show"
TIMEOUT = "0.2"
"""The policy_timeout that those which take too long are meant for."""


class Policy:
    """A policy whose hooks are given as arguments: `Policy(request=breaks)`."""

    def __init__(self, **hooks: Callable[[Any], Any]) -> None:
        for name, function in hooks.items():
            setattr(self, name, function)


def raises(_subject: object) -> None:
    raise ValueError(DATA)


async def raises_at_once(_subject: object) -> None:
    raise ValueError(DATA)


async def raises_later(_subject: object) -> None:
    await asyncio.sleep(0.01)
    raise ValueError(DATA)


def exits(_subject: object) -> None:
    sys.exit(3)


async def cancels(_subject: object) -> None:
    raise asyncio.CancelledError


async def waits_too_long(_subject: object) -> None:
    await asyncio.sleep(30)


def blocks_too_long(_subject: object) -> None:
    time.sleep(30)


async def blocks_too_long_in_a_coroutine(_subject: object) -> None:
    await asyncio.sleep(0)
    time.sleep(30)


def loops_too_long(_subject: object) -> None:
    while True:
        pass


def swallows_and_sleeps(_subject: object) -> None:
    """Takes too long in small steps, each of which swallows what it can."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            time.sleep(0.01)
        except Exception:
            continue


BREAKS = [
    raises,
    raises_at_once,
    raises_later,
    exits,
    cancels,
    waits_too_long,
    blocks_too_long,
    blocks_too_long_in_a_coroutine,
    loops_too_long,
    swallows_and_sleeps,
]
