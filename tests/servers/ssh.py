"""OpenSSH's own server and clients, and the gateway in front of the one for the other."""

import os
import pwd
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

from demo.server import Server, free_port
from hoopaddon.identity.tokens import sign
from hoopaddon.store.keys import SigningKey
from tests.servers.gateway import GatewayProcess
from tests.servers.missing import program

TOKEN_VARIABLE = "HOOPADDON_TEST_SECRET"
WITHIN_S = 30
_PRIVILEGE_SEPARATION = Path("/run/sshd")

# Who may log in: `user`, the account that runs the tests, by `user_key` or by a certificate of `ca_key`.
_CONFIG = """
ListenAddress {host}:{port}
HostKey {folder}/host_key
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PubkeyAuthentication yes
AuthorizedKeysFile {folder}/authorized_keys
TrustedUserCAKeys {folder}/ca_key.pub
AcceptEnv *
AllowTcpForwarding yes
AllowStreamLocalForwarding yes
AllowAgentForwarding yes
PermitTunnel no
GatewayPorts no
PrintMotd no
PrintLastLog no
MaxSessions 100
MaxStartups 200
Subsystem sftp internal-sftp
LogLevel VERBOSE
"""


class SshServer(Server):
    """A real `sshd` on a free loopback port, until `stop`.

    It runs as whoever runs the tests and lets in only that account, `user`, by the key in `user_key` or a certificate
    of `ca_key`. `known_hosts` names its host key; `settings` are lines of sshd_config that come before the others,
    and so win. It ends with the process that started it, even if that one is killed.
    """

    kind = "sshd"

    def __init__(self, *, settings: Sequence[str] = ()) -> None:
        self._program = program("sshd", Path("/usr/sbin"))
        program("ssh")
        super().__init__()
        self.user = pwd.getpwuid(os.geteuid()).pw_name
        self.user_key = new_key(self.folder / "user_key")
        self.host_key = new_key(self.folder / "host_key")
        self.ca_key = new_key(self.folder / "ca_key")
        self.known_hosts = self.folder / "known_hosts"
        self._settings = settings
        shutil.copy(public(self.user_key), self.folder / "authorized_keys")

    @property
    def settings(self) -> dict[str, object]:
        """What a mode needs to log in here and to know this server again."""
        return {"user": self.user, "key": self.user_key, "known_hosts": self.known_hosts}

    def start(self) -> Self:
        """Start, on a new port the first time, and return when it listens."""
        if os.geteuid() == 0:
            _PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
        self.port = self.port or free_port()
        config = self.folder / "sshd_config"
        rest = _CONFIG.format(host=self.host, port=self.port, folder=self.folder)
        config.write_text("\n".join([*self._settings, rest]))
        key = public(self.host_key).read_text()
        self.known_hosts.write_text(f"[{self.host}]:{self.port} {key}")
        if not self._launch([self._program, "-D", "-e", "-f", config], f"Server listening on {self.host} port"):
            raise RuntimeError(f"sshd did not start:\n{self.log()[-2000:]}")
        return self

    def certify(self, key: Path, *arguments: str, principals: Iterable[str] = ()) -> Path:
        """A certificate of `ca_key` for the public half of `key`; `arguments` are ssh-keygen's own."""
        return certify(self.ca_key, key, *arguments, principals=list(principals) or [self.user])


class SshGateway(GatewayProcess):
    """The gateway in front of an SSH server, with real clients that go through it as the user `client`.

    Every OpenSSH client works with `-F self.client_config` and the host name `gateway`; `environment` has the secret
    that it is asked for.
    """

    client = "ann"

    def __init__(self, upstream: Any, folder: Path, **how: Any) -> None:
        self.upstream = upstream
        super().__init__(folder, **how)
        self.client_config = folder / "ssh_config"
        self.client_config.write_text(
            f"Host gateway\nHostName {self.host}\nPort {self.port}\nUser {self.client}\n"
            f"UserKnownHostsFile {folder}/known_hosts\nStrictHostKeyChecking accept-new\n"
            "IdentityFile none\nIdentitiesOnly yes\nIdentityAgent none\nNumberOfPasswordPrompts 1\nLogLevel ERROR\n"
        )
        self._askpass = folder / "askpass"
        self._askpass.write_text(f'#!/bin/sh\nprintf "%s\\n" "${TOKEN_VARIABLE}"\n')
        self._askpass.chmod(0o700)

    @property
    def target(self) -> str:
        return f"ssh:{self.upstream.host}:{self.upstream.port}"

    def token(self, user: str | None = None, *, groups: Sequence[str] = (), target: str | None = None) -> str:
        """A token of this gateway, good for five minutes."""
        key = SigningKey.load_or_create(self.confdir)
        return sign(key, subject=user or self.client, groups=groups, ttl_s=300, target=target)

    def environment(self, secret: str | None = None) -> dict[str, str]:
        """The variables with which an OpenSSH client finds the secret, a token unless one is named, by itself."""
        asked = {"SSH_ASKPASS": str(self._askpass), "SSH_ASKPASS_REQUIRE": "force"}
        inherited = {name: value for name, value in os.environ.items() if name != "SSH_AUTH_SOCK"}
        return inherited | asked | {TOKEN_VARIABLE: self.token() if secret is None else secret}

    def arguments(self, *command: str, options: Sequence[str] = ()) -> list[str]:
        """The command line of `ssh` that runs `command` at the target."""
        return ["ssh", "-F", str(self.client_config), *options, "gateway", *command]

    def ssh(
        self,
        *command: str,
        options: Sequence[str] = (),
        secret: str | None = None,
        stdin: bytes = b"",
        within_s: float = WITHIN_S,
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run a command at the target, through the gateway; `options` are those of `ssh`."""
        return subprocess.run(
            self.arguments(*command, options=options),
            env=self.environment(secret),
            input=stdin,
            capture_output=True,
            timeout=within_s,
            check=False,
        )

    @property
    def git_ssh_command(self) -> str:
        """What programs that run `ssh` themselves (git, rsync -e, ansible) are to run."""
        return shlex.join(["ssh", "-F", str(self.client_config)])


def new_key(path: Path, *, kind: str = "ed25519", passphrase: str = "") -> Path:
    """A private key at `path`, its public half beside it."""
    subprocess.run(
        [program("ssh-keygen"), "-q", "-t", kind, "-N", passphrase, "-C", path.name, "-f", path],
        check=True,
        capture_output=True,
    )
    return path


def public(key: Path) -> Path:
    """The file of a key's public half."""
    return key.with_name(f"{key.name}.pub")


def certify(ca: Path, key: Path, *arguments: str, principals: Sequence[str]) -> Path:
    """A certificate for the public half of `key`, signed by `ca`; `arguments` are ssh-keygen's own."""
    subprocess.run(
        [
            program("ssh-keygen"),
            *("-q", "-s", ca, "-I", "test", "-n", ",".join(principals)),
            *arguments,
            public(key),
        ],
        check=True,
        capture_output=True,
    )
    return key.with_name(f"{key.name}-cert.pub")
