"""A machine to log in to over SSH, on a free loopback port: OpenSSH's server where there is one, or asyncssh's."""

import os
import pwd
import shutil
import sys
from pathlib import Path
from typing import Self

import asyncssh

from demo.server import Server, free_port

_ROOT = Path(__file__).parents[1]
_PRIVILEGE_SEPARATION = Path("/run/sshd")
_CONFIG = """
ListenAddress {host}:{port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/login_key.pub
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
PrintLastLog no
Subsystem sftp internal-sftp
"""

CUSTOMERS = """\
name,email,card
Amara Osei,amara.osei@example.com,4111 1111 1111 1111
Jonas Weber,jonas.weber@example.com,5500 0055 5555 5559
Mei Tanaka,mei.tanaka@example.com,3782 822463 10005
"""
"""Nobody's data: names, addresses and numbers that are made up, or set aside for tests."""


class SshTarget(Server):
    """The server, until `stop`. It runs as whoever runs the demonstration, and lets in that account by `key` alone.

    `customers` is a file with personal data, in `data`, a folder that somebody could want to remove.
    """

    kind = "ssh"

    def __init__(self) -> None:
        super().__init__()
        self.user = pwd.getpwuid(os.geteuid()).pw_name
        self.key = self._new_key("login_key")
        self.host_key = self._new_key("host_key")
        self.known_hosts = self.folder / "known_hosts"
        self.data = self.folder / "shop"
        self.customers = self.data / "customers.csv"
        self.program = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        self.data.mkdir()
        self.customers.write_text(CUSTOMERS)

    @property
    def name(self) -> str:
        """What it is, for people."""
        return "OpenSSH's sshd" if self.program else "asyncssh's server (no sshd is installed)"

    @property
    def mode_settings(self) -> str:
        """How the gateway logs in here and knows this server again."""
        return f"user={self.user}&key={self.key}&known_hosts={self.known_hosts}"

    def start(self) -> Self:
        """Start, and return when it listens."""
        self.port = free_port()
        public = self.host_key.with_suffix(".pub").read_text()
        self.known_hosts.write_text(f"[{self.host}]:{self.port} {public}")
        command = self._sshd(self.program) if self.program else self._asyncssh()
        if not self._launch(command, "Server listening on", cwd=_ROOT):
            raise RuntimeError(f"the SSH server did not start:\n{self.log()[-2000:]}")
        return self

    def _sshd(self, program: str) -> list[str]:
        if os.geteuid() == 0:
            _PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
        config = self.folder / "sshd_config"
        config.write_text(_CONFIG.format(host=self.host, port=self.port, folder=self.folder))
        return [program, "-D", "-e", "-f", str(config)]

    def _asyncssh(self) -> list[str]:
        return [sys.executable, "-m", "demo.ssh_stand_in", self.host, str(self.port), str(self.folder)]

    def _new_key(self, name: str) -> Path:
        path = self.folder / name
        key = asyncssh.generate_private_key("ssh-ed25519", comment=name)
        path.touch(0o600)
        path.write_bytes(key.export_private_key())
        path.with_suffix(".pub").write_bytes(key.export_public_key())
        return path
