"""How a protocol's usual programs reach a target through the gateway: what adapters tell `hoopaddon connect`."""

import os
import shlex
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, Self, runtime_checkable

from hoopaddon.adapter import TargetAdapter
from hoopaddon.relay.listener import LOOPBACK_HOSTS


@dataclass(frozen=True, slots=True)
class Way:
    """What leads to one target. `settings` are the target's own, as far as they are known here.

    `user` is whom the token speaks for; both are empty where the client's own login reaches the target. `authority`
    is the PEM file of who vouches for the gateway, None where the system's do; `confdir` the gateway's, on its own
    machine.
    """

    target: str
    host: str
    port: int
    settings: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    token: str = field(default="", repr=False)
    expires_at: float = 0.0
    authority: Path | None = None
    confdir: Path | None = None
    shares: bool = False
    """Whether there are other targets where it listens."""

    @property
    def authority_part(self) -> str:
        """`host:port`, as URLs have it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_local(self) -> bool:
        return self.host in LOOPBACK_HOSTS


@dataclass(frozen=True, slots=True)
class Client:
    """What a program needs: variables, None for those that would be in the way, and words for its arguments.

    `command` is what is run where no other program is asked for; empty where there is no usual one.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str | None]
    words: Mapping[str, str] = field(default_factory=dict)


class PrivateFolder:
    """A folder of files that only its owner can read. It is gone when the block ends."""

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="hoopaddon-", ignore_cleanup_errors=True)
        self.path = Path(self._folder.name)
        return self

    def __exit__(self, *exc: object) -> None:
        self._folder.cleanup()

    def write(self, name: str, text: str) -> Path:
        """A file with this content."""
        return self._write(name, text, 0o600)

    def script(self, name: str, text: str) -> Path:
        """A program of the shell."""
        return self._write(name, f"#!/bin/sh\n{text}\n", 0o700)

    def stand_in(self, program: str, *arguments: str) -> str:
        """Have a program be run with these arguments before its own, by whoever runs it; the PATH for that."""
        path = os.environ.get("PATH", os.defpath)
        if found := shutil.which(program):
            told = shlex.join([found, *arguments])
            (self.path / "bin").mkdir(mode=0o700, exist_ok=True)
            self.script(f"bin/{program}", f'exec {told} "$@"')
        return f"{self.path / 'bin'}{os.pathsep}{path}"

    def _write(self, name: str, text: str, mode: int) -> Path:
        path = self.path / name
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode), "w") as file:
            file.write(text)
        return path


class Clients(Protocol):
    """The programs of one protocol."""

    programs: tuple[str, ...]
    """Those by which the protocol is known where nothing else names it; the usual one first."""

    def takes_token(self, address: str, settings: Mapping[str, str]) -> bool:
        """Whether clients of the target at this address with these settings prove themselves to the gateway."""

    def string(self, way: Way) -> str:
        """What a program or a library connects by; no secret is in it."""

    def client(self, way: Way, folder: PrivateFolder) -> Client:
        """What a program needs. Nothing of it that others on the machine can see is a secret."""


@runtime_checkable
class HasClients(TargetAdapter, Protocol):
    """An adapter that knows the programs of its protocol."""

    clients: Clients
