"""Ansible, with the transfer methods that it knows."""

import sys
from pathlib import Path

import pytest

from tests.adapters.ssh.clients.conftest import Way
from tests.servers.missing import program

# Ansible turns off what a secret could be asked by, unless that was said before.
ASKED = "-oPasswordAuthentication=yes -oPreferredAuthentications=password"


@pytest.mark.parametrize("transfer", ["sftp", "scp", "piped"])
def test_ansible_pings_copies_and_runs(through: Way, tmp_path: Path, transfer: str) -> None:
    ansible = program("ansible", Path(sys.executable).parent)
    environment = {
        "ANSIBLE_SSH_ARGS": f"-F {through.config} -oControlMaster=no {ASKED}",
        "ANSIBLE_SSH_TRANSFER_METHOD": transfer,
        "ANSIBLE_HOME": str(tmp_path / "home"),
        "ANSIBLE_LOCAL_TEMP": str(tmp_path / "temp"),
        "ANSIBLE_REMOTE_TEMP": str(tmp_path / "remote"),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_SFTP_BATCH_MODE": "False",
        "ANSIBLE_HOST_KEY_CHECKING": "False",
    }
    source, copy = tmp_path / "source", tmp_path / "copy"
    source.write_bytes(b"contents\xff\n" * 10_000)

    def run(module: str, arguments: str = "") -> str:
        done = through.run(
            ansible, "target", "-i", "target,", "-m", module, "-a", arguments, environment=environment, cwd=tmp_path
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.decode()

    assert "pong" in run("ping")
    assert '"changed": true' in run("copy", f"src={source} dest={copy} mode=0640")
    assert copy.read_bytes() == source.read_bytes()
    assert "deploy 7" in run("command", "echo deploy 7")
