"""Plays frames in their time: paused, faster, from somewhere else."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from hoopaddon.cli.screen_filter import ScreenFilter
from hoopaddon.cli.takes import Frame


class Key(Enum):
    """What somebody who watches asks for."""

    PAUSE = "space"
    BACK = "left"
    FORWARD = "right"
    FAR_BACK = "down"
    FAR_FORWARD = "up"
    FASTER = "+"
    SLOWER = "-"
    QUIT = "q"


JUMPS_S = {Key.BACK: -5.0, Key.FORWARD: 5.0, Key.FAR_BACK: -60.0, Key.FAR_FORWARD: 60.0}
_SPEEDS = {Key.FASTER: 2.0, Key.SLOWER: 0.5}
_SLOWEST, _FASTEST = 1 / 16, 256.0
_CLEAR = "\x1b[2J\x1b[H"


class Watcher(Protocol):
    """The clock and the keyboard."""

    def wait(self, seconds: float | None) -> Key | None:
        """Let so much time pass, or for ever where it is None; the key that cut it short."""

    def now(self) -> float:
        """Seconds on a clock that only goes forward."""


@dataclass(slots=True)
class Pace:
    """How fast to play: `speed` times as fast as it was, no silence longer than `max_idle_s`, from `start_s` on."""

    speed: float = 1.0
    max_idle_s: float | None = None
    start_s: float = 0.0


class Player:
    """Plays a take; `open_frames` gives it from its beginning, as often as somebody goes back."""

    def __init__(
        self, open_frames: Callable[[], Iterator[Frame]], write: Callable[[str], None], watcher: Watcher, pace: Pace
    ) -> None:
        self._open = open_frames
        self._write = write
        self._watcher = watcher
        self._speed = pace.speed
        self._max_idle_s = pace.max_idle_s
        self._screen = ScreenFilter()
        self._at_s = 0.0
        self._until_s = pace.start_s
        """Up to here it is shown at once."""
        self._quits = False

    def play(self, *, tidy: bool = True) -> None:
        """Play to the end, or until somebody quits; then put the terminal right, if there is one to `tidy`."""
        try:
            while not self._played():
                self._write(f"{self._screen.reset()}{_CLEAR}")
                self._at_s = 0.0
        finally:
            if tidy:
                self._write(f"{self._screen.reset()}\r\n")

    def _played(self) -> bool:
        """Whether this was all; no: somebody wants to see it from an earlier point."""
        for frame in self._open():
            while frame.at_s > max(self._at_s, self._until_s):
                if not self._goes_on(frame.at_s):
                    return self._quits
            self._at_s = max(self._at_s, frame.at_s)
            if shown := self._screen.feed(frame.text):
                self._write(shown)
        return True

    def _goes_on(self, next_s: float) -> bool:
        """Let the time until the next frame pass, or do what a key says; not where it leads back, or to the end."""
        self._at_s = max(self._at_s, self._until_s)
        silence_s = next_s - self._at_s
        if self._max_idle_s is not None:
            silence_s = min(silence_s, self._max_idle_s)
        before = self._watcher.now()
        key = self._watcher.wait(silence_s / self._speed)
        if key is None:
            self._at_s = self._until_s = next_s
            return True
        self._at_s += min((self._watcher.now() - before) * self._speed, silence_s)
        while key is Key.PAUSE:
            key = self._watcher.wait(None)
            if key in (Key.PAUSE, None):
                return True
        if key is Key.QUIT:
            self._quits = True
            return False
        if key in _SPEEDS:
            self._speed = min(max(self._speed * _SPEEDS[key], _SLOWEST), _FASTEST)
            return True
        return self._jump(JUMPS_S.get(key, 0.0) if key else 0.0)

    def _jump(self, by_s: float) -> bool:
        self._until_s = max(self._at_s + by_s, 0.0)
        return by_s >= 0
