"""The machine of the demonstration, with OpenSSH's server and with the one that stands in for it."""

import shutil
from pathlib import Path

import asyncssh
import pytest

from demo.ssh_target import CUSTOMERS, SshTarget


@pytest.mark.parametrize("stands_in", [False, True])
async def test_it_runs_commands_of_whoever_has_the_key(stands_in: bool) -> None:
    target = SshTarget()
    if stands_in:
        target.program = None
    elif target.program is None:
        pytest.skip("no sshd is installed")
    with target:
        async with asyncssh.connect(
            target.host,
            target.port,
            username=target.user,
            client_keys=[target.key],
            known_hosts=str(target.known_hosts),
            config=None,
            agent_path=None,
        ) as connection:
            done = await connection.run(f"cat {target.customers}; echo bad >&2; exit 3")
            assert (done.stdout, done.stderr, done.exit_status) == (CUSTOMERS, "bad\n", 3)
            echoed = await connection.run("cat", input="there and back\n")
            assert echoed.stdout == "there and back\n"
        with pytest.raises(asyncssh.PermissionDenied):
            await asyncssh.connect(
                target.host,
                target.port,
                username=target.user,
                client_keys=[asyncssh.generate_private_key("ssh-ed25519")],
                known_hosts=str(target.known_hosts),
                config=None,
                agent_path=None,
            )
    assert not target.folder.exists()


def test_the_folder_goes_away_where_it_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    target = SshTarget()
    target.program = shutil.which("false")
    with pytest.raises(RuntimeError, match="did not start"), target:
        pass
    assert not Path(target.folder).exists()
