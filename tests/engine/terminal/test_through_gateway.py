"""Shells of a real sshd through the gateway: what is typed there is judged, and what they show is masked."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from pathlib import Path

from tests.conftest import StartSshGateway
from tests.servers.ssh import SshGateway, SshServer

POLICY = """
from hoopaddon import Command, Refused


def command(command: Command) -> None:
    if "touch" in command.verbs:
        raise Refused("no touching")
"""
WITHIN_S = 15


class Terminal:
    """`ssh` as a person runs it."""

    def __init__(self, gateway: SshGateway) -> None:
        self._fd, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.seen = b""
        self._client = subprocess.Popen(
            gateway.arguments(options=["-tt"]),
            env=gateway.environment() | {"TERM": "xterm"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def type(self, keys: str, until: str) -> bytes:
        """What is seen after these keys, up to `until`."""
        start = len(self.seen)
        os.write(self._fd, keys.encode())
        end = time.monotonic() + WITHIN_S
        while until.encode() not in self.seen[start:]:
            ready = select.select([self._fd], [], [], max(0, end - time.monotonic()))[0]
            piece = os.read(self._fd, 65536) if ready else b""
            assert piece, self.seen
            self.seen += piece
        return self.seen[start:]

    def close(self) -> int:
        os.write(self._fd, b"exit\r")
        try:
            return self._client.wait(WITHIN_S)
        finally:
            self._client.kill()
            os.close(self._fd)

    def kill(self) -> None:
        """The client is gone without a word."""
        self._client.kill()
        self._client.wait(WITHIN_S)
        os.close(self._fd)


def policy(folder: Path) -> Path:
    script = folder / "no_touch.py"
    script.write_text(POLICY)
    return script


def test_a_shell_is_judged_and_masked(sshd: SshServer, ssh_gateway: StartSshGateway, tmp_path: Path) -> None:
    box = Terminal(ssh_gateway(sshd, scripts=[policy(tmp_path), "mask_pii.py"]))
    box.type("PS1='sh''ell> '\r", "shell> ")
    box.type(f"touch {tmp_path}/x\r", "hoopaddon: no touching (refused by no_touch.py)")
    box.type(f"history -s touch {tmp_path}/x; echo re''dy\r", "redy\r\n\x1b[?2004hshell> ")
    box.type("\x1b[A\r", "hoopaddon: no touching (refused by no_touch.py)")
    seen = box.type("echo ann@exa''mple.com; echo do''ne\r", "done")
    assert b"[email]" in seen
    assert b"ann@example.com" not in seen
    assert box.close() == 0
    assert not (tmp_path / "x").exists()


def test_with_strict_lines_too(sshd: SshServer, ssh_gateway: StartSshGateway, tmp_path: Path) -> None:
    box = Terminal(ssh_gateway(sshd, scripts=[policy(tmp_path)], settings=sshd.settings | {"lines": "strict"}))
    box.type("PS1='sh''ell> '\r", "shell> ")
    box.type(f"tou\tch {tmp_path}/x\r", "hoopaddon: no touching (refused by no_touch.py)")
    box.type("echo do''ne\r", "done")
    assert box.close() == 0
    assert not (tmp_path / "x").exists()


def test_a_shell_without_a_terminal(sshd: SshServer, ssh_gateway: StartSshGateway, tmp_path: Path) -> None:
    gateway = ssh_gateway(sshd, scripts=[policy(tmp_path)])
    done = gateway.ssh(stdin=b"echo one\nif true; then\necho two\nfi\nprintf three")
    assert (done.stdout, done.returncode) == (b"one\ntwo\nthree", 0)
    script = f"echo one\nif true; then\ntouch {tmp_path}/x\nfi\necho two\n"
    done = gateway.ssh(stdin=script.encode())
    assert b"hoopaddon: no touching (refused by no_touch.py)\n" in done.stderr
    assert done.stdout == b"one\n"
    assert not (tmp_path / "x").exists()
