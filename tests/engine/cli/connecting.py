"""A gateway by its `hoopaddon.yaml`, and `hoopaddon connect` beside it as its users run it."""

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from demo.server import free_port
from hoopaddon.identity.tokens import sign
from hoopaddon.store.keys import SigningKey
from tests.engine.cli.program import Running
from tests.servers import forked

WITHIN_S = 30


class Connecting:
    """A folder with `hoopaddon.yaml`, in which the gateway runs once it is started."""

    def __init__(self, folder: Path, variables: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.port = free_port()
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self._file = folder / "hoopaddon.yaml"
        self._file.write_text("options: {confdir: conf}\nstore: {folder: store}\ntargets:\n")
        self._variables = dict(variables or {})
        self._gateway: Running | None = None

    def target(self, name: str, protocol: str, address: str, **settings: object) -> Self:
        lines = {"protocol": protocol, "address": address, "listen": self.port, **settings}
        text = "".join(f"    {key}: {value}\n" for key, value in lines.items())
        self._file.write_text(f"{self._file.read_text()}  {name}:\n{text}")
        return self

    def __enter__(self) -> Self:
        os.environ.update(self._variables)
        try:
            self._gateway = Running(self.folder)
        finally:
            for name in self._variables:
                del os.environ[name]
        self._gateway.wait_for("listening at")
        return self

    def __exit__(self, *exc: object) -> None:
        if self._gateway is not None:
            assert self._gateway.stop() == 0, self._gateway.log

    def token(self, user: str = "ann", *groups: str, target: str | None = None, ttl_s: int = 300) -> str:
        key = SigningKey.load_or_create(self.folder / "conf")
        return sign(key, subject=user, groups=groups, ttl_s=ttl_s, target=target)

    def environment(self, **variables: str) -> dict[str, str]:
        """A user's, with nothing of the test run's own."""
        own = ("PG", "SSH_", "HOOPADDON", "KUBECONFIG", "CURL_HOME")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        return {**kept, "HOME": str(self.folder), "TMPDIR": str(self.temporary), "NO_COLOR": "1", **variables}

    def start(self, *arguments: str, **variables: str) -> "Started":
        return Started(self.folder, ["connect", *arguments], self.environment(**variables))

    def run(self, *arguments: str, **variables: str) -> tuple[int, str, str]:
        """Its exit code, and what it has printed; nothing that it has made is left."""
        told = ["connect", *arguments]
        done = forked.run(told, cwd=self.folder, env=self.environment(**variables), within_s=WITHIN_S)
        assert "Traceback" not in done.stderr, done.stderr
        assert self.left == []
        return done.returncode, done.stdout, done.stderr

    @property
    def left(self) -> list[Path]:
        """Files and folders that are there for the time being."""
        return sorted(self.temporary.rglob("*"))


class Started:
    """`hoopaddon connect` while its command runs."""

    def __init__(self, folder: Path, arguments: list[str], environment: dict[str, str]) -> None:
        self._shown = folder / "shown"
        with self._shown.open("w") as out:
            self.program = forked.start(arguments, cwd=folder, env=environment, stdout=out, stderr=out)

    @property
    def shown(self) -> str:
        return self._shown.read_text()

    def wait_for(self, said: str) -> str:
        """All that was printed until it has said this."""
        until = time.monotonic() + WITHIN_S
        while said not in self.shown:
            assert self.program.poll() is None, self.shown
            assert time.monotonic() < until, self.shown
            time.sleep(0.02)
        return self.shown

    def end(self, number: int = signal.SIGTERM) -> int:
        """Its exit code once it was sent this signal."""
        self.program.send_signal(number)
        return self.program.wait(WITHIN_S)


def command_lines() -> list[str]:
    """What everybody on the machine sees of what runs."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
        except OSError:
            continue
    return found
