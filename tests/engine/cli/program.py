"""The program as a process of its own."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Self

from tests.servers import forked

WITHIN_S = 30


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "HOME": str(folder), "NO_COLOR": "1", "COLUMNS": "120"}


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `hoopaddon` in this folder, with its configuration below it, to its end."""
    return forked.run(arguments, cwd=folder, env=environment(folder), within_s=WITHIN_S)


class Running:
    """`hoopaddon` while it runs; `log` is what it has printed."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._log_path = folder / "gateway.log"
        with self._log_path.open("w") as log:
            self.process = forked.start(arguments, cwd=folder, env=environment(folder), stdout=log, stderr=log)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    @property
    def log(self) -> str:
        return self._log_path.read_text()

    def wait_for(self, pattern: str) -> re.Match[str]:
        deadline = time.monotonic() + WITHIN_S
        while not (found := re.search(pattern, self.log)):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise AssertionError(f"{pattern!r} did not appear:\n{self.log}")
            time.sleep(0.01)
        return found

    def address(self) -> tuple[str, int]:
        found = self.wait_for(r"listening at ([\d.]+):(\d+)\.")
        return found[1], int(found[2])

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(WITHIN_S)
