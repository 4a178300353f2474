"""PgBouncer in front of a test's PostgreSQL."""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from signal import SIGTERM
from typing import Self

from demo.guard import Guard, end
from demo.postgres import EmbeddedPostgres, identity, own
from demo.server import free_port
from tests.servers.missing import program

_START_WITHIN_S = 10


class PgBouncer:
    """A pooler with one server connection per client, as `host:port`, for the roles of `upstream` known so far."""

    host = "127.0.0.1"

    def __init__(self, upstream: EmbeddedPostgres, *, pool_mode: str = "session", max_clients: int = 200) -> None:
        self._program = program("pgbouncer", Path("/usr/sbin"))
        self._upstream = upstream
        self.folder = Path(tempfile.mkdtemp(prefix="hoopaddon-pgbouncer-"))
        self.port = free_port()
        self.log_path = self.folder / "pgbouncer.log"
        self._settings = {
            "listen_addr": self.host,
            "listen_port": self.port,
            "unix_socket_dir": "",
            "auth_type": "scram-sha-256",
            "auth_file": self.folder / "users.txt",
            "pidfile": self.folder / "pid",
            "logfile": self.log_path,
            "pool_mode": pool_mode,
            "default_pool_size": max_clients,
            "max_client_conn": max_clients,
            "ignore_startup_parameters": "extra_float_digits,options",
            "log_connections": 0,
            "log_disconnections": 0,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: Guard | None = None

    def __enter__(self) -> Self:
        config = self.folder / "pgbouncer.ini"
        users = self.folder / "users.txt"
        users.write_text("".join(f'"{user}" "{word}"\n' for user, word in self._upstream.passwords.items()))
        settings = "\n".join(f"{name} = {value}" for name, value in self._settings.items())
        server = f"host={self._upstream.host} port={self._upstream.port}"
        config.write_text(f"[databases]\n* = {server}\n[pgbouncer]\n{settings}\n")
        own(self.folder, config, users)
        self._process = subprocess.Popen(
            [self._program, "-q", config],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            **identity(),
        )
        self._guard = Guard(self._process.pid, SIGTERM, self.folder)
        self._wait_until_up(self._process)
        return self

    def __exit__(self, *exc: object) -> None:
        if self._process:
            end(self._process, SIGTERM, self._guard)
        shutil.rmtree(self.folder, ignore_errors=True)

    def dsn(self, user: str = "app", db: str = "postgres", **parameters: str) -> str:
        """A libpq URL through the pooler."""
        direct = self._upstream.dsn(user, db, **parameters)
        return direct.replace(f":{self._upstream.port}/", f":{self.port}/")

    def _wait_until_up(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + _START_WITHIN_S
        while time.monotonic() < deadline and process.poll() is None:
            if self.log_path.exists() and "process up" in self.log_path.read_text():
                return
            time.sleep(0.01)
        log = self.log_path.read_text() if self.log_path.exists() else "(no log)"
        self.__exit__()
        raise RuntimeError(f"PgBouncer did not start:\n{log}")
