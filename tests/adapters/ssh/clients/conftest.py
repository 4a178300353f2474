"""Two ways to the same sshd: directly, and through a gateway that looks at everything and changes nothing."""

import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers.ssh import SshGateway, SshServer

LOOKS_AT_EVERYTHING = '''
"""Reads all there is to read, and changes nothing."""
from hoopaddon import Command, Output

def command(command: Command) -> None:
    str(command.text), list(command.parameters)

def output(output: Output) -> None:
    output.text = "".join(output.text)
'''
WITHIN_S = 240


@dataclass(frozen=True, slots=True)
class Way:
    """How a client reaches the target: the ssh_config with the host `target`, and the environment it needs."""

    name: str
    config: Path
    environment: dict[str, str]

    @property
    def ssh(self) -> str:
        """What programs that run `ssh` themselves are to run."""
        return shlex.join(["ssh", "-F", str(self.config)])

    def run(
        self,
        *command: str | Path,
        stdin: bytes = b"",
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> "subprocess.CompletedProcess[bytes]":
        """A program that goes this way; `-F CONFIG` stands where an argument is `CONFIG`."""
        arguments: list[str] = []
        for argument in command:
            arguments += ["-F", str(self.config)] if argument == "CONFIG" else [str(argument)]
        return subprocess.run(
            arguments,
            env={**self.environment, **(environment or {})},
            input=stdin,
            cwd=cwd,
            capture_output=True,
            timeout=WITHIN_S,
            check=False,
        )


@pytest.fixture(scope="session")
def looking_ssh(sshd: SshServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshGateway]:
    """A gateway that looks at all there is, and records."""
    scripts = [LOOKS_AT_EVERYTHING, "record.py"]
    folder = tmp_path_factory.mktemp("looking")
    options = {"shutdown_timeout": 2}
    with SshGateway(sshd, folder, scripts=scripts, settings=sshd.settings, options=options) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def direct(sshd: SshServer) -> Way:
    """Straight to the sshd."""
    config = sshd.folder / "direct_config"
    config.write_text(
        f"Host target\nHostName {sshd.host}\nPort {sshd.port}\nUser {sshd.user}\nIdentityFile {sshd.user_key}\n"
        f"UserKnownHostsFile {sshd.known_hosts}\nIdentitiesOnly yes\nIdentityAgent none\nLogLevel ERROR\n"
    )
    return Way("direct", config, {name: value for name, value in os.environ.items() if name != "SSH_AUTH_SOCK"})


@pytest.fixture
def through(looking_ssh: SshGateway) -> Way:
    """Through the gateway."""
    config = looking_ssh.folder / "through_config"
    config.write_text(looking_ssh.client_config.read_text().replace("Host gateway\n", "Host target\n", 1))
    return Way("through", config, looking_ssh.environment())


@pytest.fixture
def ways(direct: Way, through: Way) -> Sequence[Way]:
    """Both, to compare."""
    return direct, through
