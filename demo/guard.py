"""Processes that end with the one that started them, however that one ends."""

import contextlib
import subprocess
from pathlib import Path
from signal import Signals
from typing import Protocol

# Standard input ends when its other end's owner is gone, even by SIGKILL: no signal handler could promise that.
_WATCH = """
read -r _
kill -s "$2" "$1" 2>/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$1" 2>/dev/null || break; sleep 0.2; done
kill -s KILL "$1" 2>/dev/null
[ -z "$3" ] || rm -rf "$3"
"""


class Guard:
    """Ends process `pid` by `signal` (SIGKILL two seconds later) once this process is gone, and removes `folder`.

    It belongs to the whole process, unlike a parent-death signal, which is the starting thread's. `release` it
    before the process is reaped: afterwards its id may be somebody else's.
    """

    def __init__(self, pid: int, signal: Signals, folder: Path | None = None) -> None:
        name = signal.name.removeprefix("SIG")
        self._watch = subprocess.Popen(
            ["/bin/sh", "-c", _WATCH, "sh", str(pid), name, str(folder or "")],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def release(self) -> None:
        """Stop watching."""
        self._watch.kill()
        self._watch.wait()
        if self._watch.stdin:
            self._watch.stdin.close()


class Process(Protocol):
    """What has been started, as `subprocess.Popen` shows it."""

    def send_signal(self, sig: int, /) -> None: ...

    def kill(self) -> None: ...

    def wait(self, timeout: float | None = None) -> int: ...


def end(process: Process, signal: Signals, guard: Guard | None = None, within_s: float = 10) -> int:
    """End the process by `signal`, by SIGKILL after `within_s` seconds; its exit code, negative for a signal."""
    if guard:
        guard.release()
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal)
    try:
        return process.wait(within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
