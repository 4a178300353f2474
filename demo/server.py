"""Server programs of one's own: on a free loopback port, in a folder of their own, and gone with who started them."""

import contextlib
import itertools
import random
import shutil
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from signal import SIGTERM, Signals
from typing import Any, ClassVar, Self

from demo.guard import Guard, end

HOST = "127.0.0.1"

# Each process begins elsewhere, so that processes which look at the same time do not find the same port.
_PORTS = range(10_240, 32_000)
_ports = itertools.cycle(random.sample(_PORTS, len(_PORTS)))


class Server(ABC):
    """A program that serves until `stop`, or `end`, after which `start` brings it back.

    It ends with the process that started it, even if that one is killed. `log_path` has what it prints.
    """

    host = HOST
    kind: ClassVar[str]
    """What it is, for people and for the names of its files."""
    end_signal: ClassVar[Signals] = SIGTERM
    start_within_s: ClassVar[float] = 15

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"hoopaddon-{self.kind}-"))
        self.log_path = self.folder / f"{self.kind}.log"
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: Guard | None = None

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *exc: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The server's process id."""
        if self._process is None:
            raise RuntimeError(f"{self.kind} is not running")
        return self._process.pid

    @abstractmethod
    def start(self) -> Self:
        """Start, and return when it listens."""

    def end(self) -> None:
        """End the server; `start` brings it back."""
        if self._process is not None:
            end(self._process, self.end_signal, self._guard)
            self._process = None

    def stop(self) -> None:
        """End the server and remove its folder."""
        self.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self) -> str:
        """What the server has logged so far."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def _launch(
        self,
        command: Sequence[str | Path],
        ready: str,
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        **identity: Any,
    ) -> bool:
        """Run this until it has logged that it is `ready`; False when it ends without, or takes too long."""
        with self.log_path.open("ab") as log:
            already = log.tell()
            self._process = subprocess.Popen(
                command,
                cwd=cwd or self.folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **identity,
            )
        self._guard = Guard(self._process.pid, self.end_signal, self.folder)
        deadline = time.monotonic() + self.start_within_s
        while time.monotonic() < deadline and self._process.poll() is None:
            with self.log_path.open("rb") as log:
                log.seek(already)
                if ready.encode() in log.read():
                    return True
            time.sleep(0.01)
        self.end()
        return False


def free_port() -> int:
    """A loopback port that nobody listens on, below those that outgoing connections are given."""
    for port in itertools.islice(_ports, len(_PORTS)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((HOST, port))
                return port
    raise RuntimeError("no port is free")
