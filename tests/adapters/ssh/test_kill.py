"""`kill -9` of the gateway at any moment: whatever ran at the target is in the record."""

import contextlib
import random
import re
import threading
import time
from pathlib import Path

import paramiko

from tests.adapters.ssh.test_conformance import Paramiko
from tests.conftest import StartSshGateway
from tests.servers.ssh import SshGateway, SshServer

MOMENTS = 6
CLIENTS = 3
MARK = re.compile(r"mark-\d+-\d+-\d+")


class Load:
    """Clients that run commands with a number each, as fast as they are answered, until they are cut off."""

    def __init__(self, gateway: SshGateway, log: Path, round_number: int) -> None:
        self._gateway = gateway
        self._log = log
        self._round = round_number
        self.threads = [threading.Thread(target=self._run, args=(client,)) for client in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def _run(self, client: int) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            connection = Paramiko(self._gateway.port, self._gateway)
            try:
                number = 0
                while True:
                    number += 1
                    connection.ask(f"echo mark-{self._round}-{client}-{number} >>{self._log}")
            finally:
                connection.close()

    def join(self) -> None:
        for thread in self.threads:
            thread.join(20)
            assert not thread.is_alive()


def test_every_command_at_the_target_is_in_the_record(
    sshd: SshServer, ssh_gateway: StartSshGateway, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    log.touch()
    moments = random.Random(4711)
    started = ssh_gateway(sshd, scripts=["record.py"])
    for round_number in range(MOMENTS):
        load = Load(started, log, round_number)
        time.sleep(moments.uniform(0.4, 1))
        started.kill()
        load.join()
        started.start()
    started.stop()
    at_the_target = set(MARK.findall(log.read_text()))
    files = sorted(started.confdir.rglob("*.jsonl"))
    in_the_record = set(MARK.findall("\n".join(path.read_text(errors="replace") for path in files)))
    assert len(at_the_target) > MOMENTS * CLIENTS
    assert at_the_target <= in_the_record, sorted(at_the_target - in_the_record)[:5]
