"""The keyboard of somebody who watches a replay, read key by key; the terminal is as it was when the block ends."""

import os
import select
import signal
import sys
import termios
import time
from collections import deque
from types import FrameType
from typing import Any, Self

from hoopaddon.cli.player import Key

_KEYS = {
    b" ": Key.PAUSE,
    b"q": Key.QUIT,
    b"Q": Key.QUIT,
    b"\x04": Key.QUIT,
    b"+": Key.FASTER,
    b"=": Key.FASTER,
    b"-": Key.SLOWER,
    b"\x1b[A": Key.FAR_FORWARD,
    b"\x1b[B": Key.FAR_BACK,
    b"\x1b[C": Key.FORWARD,
    b"\x1b[D": Key.BACK,
    b"\x1bOA": Key.FAR_FORWARD,
    b"\x1bOB": Key.FAR_BACK,
    b"\x1bOC": Key.FORWARD,
    b"\x1bOD": Key.BACK,
}
_READ_BYTES = 64


class Clock:
    """Time passes, and nobody presses a key."""

    def wait(self, seconds: float | None) -> Key | None:
        sys.stdout.flush()
        time.sleep(max(seconds or 0.0, 0.0))
        return None

    def now(self) -> float:
        return time.monotonic()


class NoClock(Clock):
    """No time passes: all is shown at once."""

    def wait(self, seconds: float | None) -> Key | None:
        return None


class Keyboard(Clock):
    """The terminal on standard input. Ctrl-C, and a polite end of the process, put it right as well."""

    def __init__(self) -> None:
        self._fd = sys.stdin.fileno()
        self._before: list[Any] = []
        self._handler: Any = None
        self._pressed: deque[Key] = deque()

    def __enter__(self) -> Self:
        self._before = termios.tcgetattr(self._fd)
        settings = termios.tcgetattr(self._fd)
        settings[3] &= ~(termios.ICANON | termios.ECHO)
        # Who stops the program would be left with a terminal that shows nothing of what is typed.
        settings[6][termios.VSUSP] = b"\x00"
        self._handler = signal.signal(signal.SIGTERM, _interrupt)
        termios.tcsetattr(self._fd, termios.TCSADRAIN, settings)
        return self

    def __exit__(self, *_: object) -> None:
        termios.tcsetattr(self._fd, termios.TCSAFLUSH, self._before)
        signal.signal(signal.SIGTERM, self._handler)

    def wait(self, seconds: float | None) -> Key | None:
        sys.stdout.flush()
        until = None if seconds is None else time.monotonic() + seconds
        while not self._pressed:
            left = None if until is None else max(until - time.monotonic(), 0.0)
            if not select.select([self._fd], [], [], left)[0]:
                return None
            typed = os.read(self._fd, _READ_BYTES)
            if not typed:
                return Key.QUIT
            self._pressed.extend(_keys_of(typed))
        return self._pressed.popleft()


def _keys_of(typed: bytes) -> list[Key]:
    found = []
    while typed:
        beginning = next((known for known in _KEYS if typed.startswith(known)), typed[:1])
        if beginning in _KEYS:
            found.append(_KEYS[beginning])
        typed = typed[len(beginning) :]
    return found


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
