"""A program that runs in our place: it has the terminal, hears the signals that we get, and its exit code is ours."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any, Self

from hoopaddon.errors import ConfigError

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Child:
    """From the block's beginning no signal ends us before what the block has made is cleared away."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._before: dict[int, Any] = {}
        self._told: list[int] = []

    def __enter__(self) -> Self:
        for number in _PASSED_ON:
            self._before[number] = signal.signal(number, self._pass_on)
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def run(self, command: Sequence[str], environment: Mapping[str, str | None]) -> int:
        """Run it to its end; None takes a variable away. 128 and more is a signal's number. Raises `ConfigError`."""
        merged = {**os.environ, **environment}
        if self._told:
            return 128 + self._told[0]
        try:
            kept = {name: value for name, value in merged.items() if value is not None}
            self._process = subprocess.Popen(command, env=kept)  # noqa: S603 what our user asks for
        except OSError as e:
            raise ConfigError(f"cannot be run: {e.strerror}", key=command[0]) from None
        for number in self._told:
            self._process.send_signal(number)
        code = self._process.wait()
        return 128 - code if code < 0 else code

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        if self._process is None:
            self._told.append(number)
        # From the keyboard the terminal tells both of us, and twice means something else to some.
        elif number not in (signal.SIGINT, signal.SIGQUIT) or not sys.stdin.isatty():
            self._process.send_signal(number)
