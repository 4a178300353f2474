"""The gateway as a user runs it: a process of its own, in front of a test's server."""

import os
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Any, Self
from urllib.parse import urlencode

import psycopg

from demo.guard import Guard, end
from demo.postgres import EmbeddedPostgres
from demo.server import HOST, free_port
from tests.servers.forked import Program, start
from tests.servers.postgres import APP, Database

_START_WITHIN_S = 30
_LISTENING = re.compile(r"listening at")


class GatewayProcess(ABC):
    """`hoopaddon` with one target, on a free port, with its own configuration folder below `folder`.

    `scripts` are files or names of shipped policies (`mask_pii.py`); a script's *text* is written to a file first.
    `options` become `--set name=value`, `settings` the mode's own `?name=value`; `arguments` are added as they stand.
    """

    host = HOST

    def __init__(
        self,
        folder: Path,
        *,
        scripts: Sequence[str | Path] = (),
        options: Mapping[str, object] | None = None,
        settings: Mapping[str, object] | None = None,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.confdir = folder / "conf"
        self.log_path = folder / "gateway.log"
        self.port = free_port()
        self.confdir.mkdir(parents=True, exist_ok=True)
        self.scripts = [self._script(n, script) for n, script in enumerate(scripts)]
        self._options = {"confdir": self.confdir, **(options or {})}
        self._settings = f"?{urlencode(settings, doseq=True)}" if settings else ""
        self._arguments = arguments
        self._environment = {**os.environ, "NO_COLOR": "1", **(environment or {})}
        self._process: Program | None = None
        self._guard: Guard | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The gateway's process id."""
        if self._process is None:
            raise RuntimeError("the gateway is not running")
        return self._process.pid

    @property
    @abstractmethod
    def target(self) -> str:
        """What it stands in front of, as the mode begins: `PROTOCOL:HOST:PORT`."""

    def command(self) -> list[str]:
        """The command line after the program's name, as a user would type it."""
        mode = f"{self.target}{self._settings}@{self.host}:{self.port}"
        scripts = [argument for script in self.scripts for argument in ("-s", str(script))]
        options = [argument for name, value in self._options.items() for argument in ("--set", f"{name}={value}")]
        return ["--mode", mode, *scripts, *options, *self._arguments]

    def start(self) -> Self:
        """Start, and return when it listens."""
        with self.log_path.open("ab") as log:
            already = log.tell()
            self._process = start(self.command(), cwd=self.folder, env=self._environment, stdout=log, stderr=log)
        self._guard = Guard(self._process.pid, SIGTERM)
        deadline = time.monotonic() + _START_WITHIN_S
        while time.monotonic() < deadline and self._process.poll() is None:
            if _LISTENING.search(self.log()[already:]):
                return self
            time.sleep(0.01)
        code = end(self._process, SIGTERM, self._guard)
        self._process = None
        raise RuntimeError(f"the gateway did not start (exit {code}):\n{self.log()[already:]}")

    def stop(self) -> None:
        """Ask it to end; it has to drain, exit with 0 and have shown nobody a traceback."""
        if self._process is not None:
            code = end(self._process, SIGTERM, self._guard)
            self._process = None
            if code or "Traceback (most recent call last)" in self.log():
                raise AssertionError(f"the gateway ended with {code}; its log:\n{self.log()[-4000:]}")

    def wait(self, within_s: float = 15) -> int:
        """Wait until it has ended by itself; its exit code."""
        if self._process is None:
            raise RuntimeError("the gateway is not running")
        code = self._process.wait(within_s)
        if self._guard:
            self._guard.release()
        self._process = None
        return code

    def kill(self) -> None:
        """End it as the machine's failure would: at once, with nothing written after."""
        if self._process is not None:
            end(self._process, SIGKILL, self._guard)
            self._process = None

    def log(self) -> str:
        """What it has printed so far."""
        return self.log_path.read_text(errors="replace")

    def wait_for_log(self, pattern: str, within_s: float = 10) -> str:
        """Wait until the log has a match; the match."""
        deadline = time.monotonic() + within_s
        while not (found := re.search(pattern, self.log())):
            if time.monotonic() > deadline:
                raise AssertionError(f"{pattern!r} did not appear in the gateway's log:\n{self.log()[-4000:]}")
            time.sleep(0.01)
        return found[0]

    def _script(self, number: int, script: str | Path) -> str | Path:
        if isinstance(script, Path) or "\n" not in script:
            return script
        path = self.folder / f"policy{number or ''}.py"
        path.write_text(script)
        return path


class Gateway(GatewayProcess):
    """In front of a PostgreSQL server; see `GatewayProcess` for what else it takes."""

    def __init__(self, upstream: EmbeddedPostgres, folder: Path, **how: Any) -> None:
        self.upstream = upstream
        super().__init__(folder, **how)

    @property
    def target(self) -> str:
        return f"postgres:{self.upstream.host}:{self.upstream.port}"

    def dsn(self, user: str = APP, db: str = "postgres", **parameters: str) -> str:
        """A libpq URL through the gateway, with the role's own password at the server."""
        direct = self.upstream.dsn(user, db, **parameters)
        return direct.replace(f":{self.upstream.port}/", f":{self.port}/", 1)

    def connect(
        self, database: Database | str = "postgres", user: str = APP, **parameters: Any
    ) -> "psycopg.Connection[tuple[Any, ...]]":
        """An autocommit connection through the gateway."""
        db = database if isinstance(database, str) else database.name
        return psycopg.connect(self.dsn(user, db), autocommit=True, **parameters)
