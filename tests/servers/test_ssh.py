"""The fixtures of SSH run the real programs."""

from tests.conftest import StartSshGateway
from tests.servers.ssh import SshServer


def test_a_command_through_the_gateway(sshd: SshServer, ssh_gateway: StartSshGateway) -> None:
    gateway = ssh_gateway(sshd)
    done = gateway.ssh("cat; echo err >&2; exit 3", stdin=b"in")
    assert (done.returncode, done.stdout, done.stderr) == (3, b"in", b"err\n")
    assert f"Accepted publickey for {sshd.user}" in sshd.log()


def test_a_wrong_secret_gets_nowhere(sshd: SshServer, ssh_gateway: StartSshGateway) -> None:
    done = ssh_gateway(sshd).ssh("true", secret="wrong")
    assert done.returncode == 255
    assert b"Permission denied" in done.stderr


def test_a_server_ends_and_comes_back(ssh_gateway: StartSshGateway) -> None:
    with SshServer() as server:
        gateway = ssh_gateway(server)
        server.end()
        assert gateway.ssh("true").returncode != 0
        server.start()
        assert gateway.ssh("true").returncode == 0
