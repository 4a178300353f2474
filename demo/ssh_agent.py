"""The agent at a shell: the ordinary `ssh` where one is installed, with a token where the password goes."""

import asyncio
import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass

import asyncssh

from demo.agent import NAME
from demo.gateway import Gateway
from demo.server import HOST

_WITHIN_S = 60


@dataclass(frozen=True, slots=True)
class SshReply:
    """What a command printed, on both ways, and its exit status."""

    out: str
    err: str
    status: int


class SshAgent:
    """Runs commands at the target, through the gateway."""

    def __init__(self, gateway: Gateway, token: str) -> None:
        self._gateway = gateway
        self._token = token
        self._asked = gateway.folder / "token.sh"
        self._asked.touch(0o700)
        self._asked.write_text(f"#!/bin/sh\necho {shlex.quote(token)}\n")
        self._asked.chmod(0o700)

    @property
    def environment(self) -> dict[str, str]:
        """With these variables `ssh` finds the token by itself."""
        return {"SSH_ASKPASS": str(self._asked), "SSH_ASKPASS_REQUIRE": "force"}

    @property
    def line(self) -> list[str]:
        """The command line that logs in, as one types it."""
        options = [f"UserKnownHostsFile={self._gateway.folder}/known_hosts", "StrictHostKeyChecking=accept-new"]
        chosen = [word for option in options for word in ("-o", option)]
        return ["ssh", "-p", str(self._gateway.ssh_port), *chosen, f"{NAME}@{HOST}"]

    def run(self, command: str) -> SshReply:
        """Run one command; its reply, whatever becomes of it."""
        if not shutil.which("ssh"):
            return asyncio.run(self._run_by_asyncssh(command))
        login, *options = self.line[::-1]
        quiet = ["-F", "none", "-o", "LogLevel=ERROR", "-o", "PreferredAuthentications=password"]
        environment = {name: value for name, value in os.environ.items() if name != "SSH_AUTH_SOCK"}
        done = subprocess.run(
            [*options[::-1], *quiet, login, command],
            env=environment | self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_WITHIN_S,
            check=False,
        )
        return SshReply(done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"), done.returncode)

    async def _run_by_asyncssh(self, command: str) -> SshReply:
        async with asyncssh.connect(
            HOST,
            self._gateway.ssh_port,
            username=NAME,
            password=self._token,
            known_hosts=None,
            config=None,
            client_keys=None,
            agent_path=None,
        ) as connection:
            done = await connection.run(command, timeout=_WITHIN_S)
        return SshReply(str(done.stdout or ""), str(done.stderr or ""), done.returncode or 0)
