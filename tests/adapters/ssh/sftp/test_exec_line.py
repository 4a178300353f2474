"""Which command lines get a guard."""

import pytest

from hoopaddon.adapters.ssh.commands import SshExec
from hoopaddon.adapters.ssh.sftp.exec_line import SftpLine, transfer_of
from hoopaddon.adapters.ssh.sftp.scp_line import ScpLine
from hoopaddon.errors import Unparsable
from tests.adapters.ssh.sftp.between import session

LINES: list[tuple[str, ScpLine | SftpLine | None]] = [
    ("scp -t /a", ScpLine(True, ("/a",))),
    ("s'c'p -t /a", ScpLine(True, ("/a",))),
    ("/usr/bin/scp -f /a", ScpLine(False, ("/a",))),
    ("/usr/lib/openssh/sftp-server", SftpLine()),
    ("sudo -n /usr/lib/openssh/sftp-server -l INFO", SftpLine()),
    ("grep sftp-server /etc/ssh/sshd_config", None),
    ("scp /a host:/b", None),
    ("ls -l", None),
    ("echo 'unfinished", None),
]


@pytest.mark.parametrize(("text", "line"), LINES)
def test_lines(text: str, line: ScpLine | SftpLine | None) -> None:
    assert transfer_of(SshExec(session(), text)) == line


@pytest.mark.parametrize(
    "text", ["scp -t 'unfinished", "sftp-server 'unfinished", "sftp-server; sftp-server", "scp -t /a; sftp-server"]
)
def test_lines_that_cannot_be_followed(text: str) -> None:
    with pytest.raises(Unparsable):
        transfer_of(SshExec(session(), text))
