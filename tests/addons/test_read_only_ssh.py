"""read_only in front of a real SSH server: what reads runs, and what writes leaves nothing behind."""

from pathlib import Path

from tests.conftest import StartSshGateway
from tests.servers.ssh import SshServer


def test_lines_that_read_run_and_others_do_not(sshd: SshServer, ssh_gateway: StartSshGateway, tmp_path: Path) -> None:
    gateway = ssh_gateway(sshd, scripts=["read_only.py"])
    (tmp_path / "kept").write_text("as it was\n")
    done = gateway.ssh(f"cat {tmp_path}/kept | grep -c was; ls {tmp_path} > /dev/null")
    assert (done.stdout, done.returncode) == (b"1\n", 0)
    for line in (
        f"touch {tmp_path}/new",
        f"ls > {tmp_path}/new",
        f"x='a[$(touch {tmp_path}/new)]'; [[ $x -eq 1 ]]",
        f"find {tmp_path} -delete",
        f"sed -i s/was/is/ {tmp_path}/kept",
        f"env -S 'rm {tmp_path}/kept'",
    ):
        done = gateway.ssh(line)
        assert done.returncode == 126, line
        assert b"only reads are allowed here" in done.stderr
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["kept"]
    assert (tmp_path / "kept").read_text() == "as it was\n"
