"""A gateway in this process, in front of an SSH server, with OpenSSH's client as a coroutine."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import asyncssh

from demo.server import HOST, free_port
from hoopaddon.gateway import Gateway, serving
from hoopaddon.identity.tokens import sign
from hoopaddon.store.keys import SigningKey

WITHIN_S = 20
SECRET_VARIABLE = "HOOPADDON_TEST_SECRET"
_ASKPASS = f"""#!/bin/sh
first=$(printf '%s' "${SECRET_VARIABLE}" | head -n 1)
if [ -e "$0.asked" ]; then
    n=$(($(wc -l <"$0.asked") + 1))
    first=$(printf '%s' "${SECRET_VARIABLE}" | sed -n "${{n}}p")
fi
printf '%s\\n' "$1" >>"$0.asked"
printf '%s\\n' "$first"
"""


@dataclass(frozen=True)
class Done:
    """What a client's program left."""

    code: int
    out: str
    err: str


@dataclass
class Front:
    """What a test has of the gateway."""

    gateway: Gateway
    folder: Path
    port: int
    sessions: list[Any] = field(default_factory=list)

    @property
    def confdir(self) -> Path:
        return self.gateway.confdir

    def token(
        self, user: str = "ann", *, groups: Sequence[str] = (), target: str | None = None, ttl_s: int = 60
    ) -> str:
        return sign(SigningKey.load_or_create(self.confdir), subject=user, groups=groups, ttl_s=ttl_s, target=target)

    async def ssh(
        self,
        *command: str,
        user: str = "ann",
        secret: str | None = None,
        key: Path | None = None,
        options: Sequence[str] = (),
        methods: str = "publickey,keyboard-interactive,password",
    ) -> Done:
        """Run OpenSSH's client. `secret` has a line for each question that it is asked, a token by default."""
        askpass = self.folder / f"askpass{os.urandom(4).hex()}"
        askpass.write_text(_ASKPASS)
        askpass.chmod(0o700)
        asks = {"SSH_ASKPASS": str(askpass), "SSH_ASKPASS_REQUIRE": "force"}
        asks[SECRET_VARIABLE] = self.token(user) if secret is None else secret
        told = {
            "UserKnownHostsFile": self.folder / "client_known_hosts",
            "StrictHostKeyChecking": "accept-new",
            "PreferredAuthentications": methods,
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "IdentityFile": key or "none",
            "NumberOfPasswordPrompts": len(asks[SECRET_VARIABLE].splitlines()) or 1,
            "LogLevel": "ERROR",
        }
        arguments = [argument for name, value in told.items() for argument in ("-o", f"{name}={value}")]
        process = await asyncio.create_subprocess_exec(
            *("ssh", "-F", "none", *options, *arguments, "-p", str(self.port), "-l", user, HOST, *command),
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), **asks},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(WITHIN_S):
            out, err = await process.communicate()
        return Done(process.returncode or 0, out.decode(), err.decode())

    def connect(self, **how: Any) -> Any:
        """asyncssh's client, as an async context manager."""
        told = {"username": "ann", "known_hosts": None, "config": None, "agent_path": None, "client_keys": None}
        return asyncssh.connect(HOST, self.port, **(told | how))


@asynccontextmanager
async def front(
    upstream: Any,
    folder: Path,
    *,
    settings: Mapping[str, object] | None = None,
    addons: Sequence[object] = (),
    **options: Any,
) -> AsyncIterator[Front]:
    """A gateway in front of anything with `host` and `port`; `settings` are the mode's, `options` the gateway's."""
    port = free_port()
    query = f"?{urlencode(settings, doseq=True)}" if settings else ""
    mode = f"ssh:{upstream.host}:{upstream.port}{query}@{HOST}:{port}"
    confdir = folder / "conf"
    async with serving(modes=[mode], addons=addons, confdir=str(confdir), **options) as gateway:
        yield Front(gateway, folder, port)


class Target:
    """A target that asks: `secrets` are passwords by user, `rounds` the questions of an interactive login."""

    host = HOST

    def __init__(
        self,
        *,
        secrets: Mapping[str, str] | None = None,
        rounds: Sequence[tuple[Sequence[tuple[str, bool]], Sequence[str]]] = (),
        banner: str = "",
        **options: Any,
    ) -> None:
        self.port = 0
        self.key = asyncssh.generate_private_key("ssh-ed25519")
        self.tried: list[tuple[str, str]] = []
        self.connections: list[asyncssh.SSHServerConnection] = []
        self._secrets = secrets
        self._rounds = rounds
        self._banner = banner
        self._options = options

    def known_hosts(self, folder: Path) -> Path:
        """A file that knows this target."""
        path = folder / "target_known_hosts"
        path.write_text(f"[{self.host}]:{self.port} {self.key.export_public_key().decode()}")
        return path

    async def __aenter__(self) -> "Target":
        self._acceptor = await asyncssh.listen(
            HOST,
            self.port,
            server_factory=lambda: _TargetSide(self),
            server_host_keys=[self.key],
            process_factory=_run,
            **self._options,
        )
        self.port = self._acceptor.get_port()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._acceptor.close()
        for conn in self.connections:
            conn.abort()
        await self._acceptor.wait_closed()


def _run(process: "asyncssh.SSHServerProcess[str]") -> None:
    user = process.get_extra_info("username")
    process.stdout.write(f"{user} ran {process.command}\n")
    process.exit(0)


class _TargetSide(asyncssh.SSHServer):
    """One connection of `Target`."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._round = 0

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._conn = conn
        self._target.connections.append(conn)

    def begin_auth(self, username: str) -> bool:
        if self._target._banner:
            self._conn.send_auth_banner(self._target._banner)
        return True

    def password_auth_supported(self) -> bool:
        return self._target._secrets is not None

    def validate_password(self, username: str, password: str) -> bool:
        self._target.tried.append((username, password))
        return (self._target._secrets or {}).get(username) == password

    def kbdint_auth_supported(self) -> bool:
        return bool(self._target._rounds)

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Any:
        self._round = 0
        return "login", "answer these", "", list(self._target._rounds[0][0])

    def validate_kbdint_response(self, username: str, responses: Sequence[str]) -> Any:
        self._target.tried.append((username, " ".join(responses)))
        if list(responses) != list(self._target._rounds[self._round][1]):
            return False
        self._round += 1
        if self._round == len(self._target._rounds):
            return True
        return "", "", "", list(self._target._rounds[self._round][0])
