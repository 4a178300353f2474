"""Without a login of its own the gateway carries the client's to the target, or uses the operator's."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import asyncssh
import pytest

from hoopaddon.errors import ConfigError
from tests.adapters.ssh.login.front import Target, front
from tests.adapters.ssh.login.test_tokens import Sessions
from tests.servers.ssh import SshServer, public

ROUNDS: Sequence[tuple[Sequence[tuple[str, bool]], Sequence[str]]] = [
    ([("Code: ", True), ("PIN: ", False)], ["12 34", "99"]),
    ([("And the word: ", False)], ["open"]),
]


@pytest.fixture(autouse=True)
def operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An operator with an empty ~/.ssh and no agent."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    folder = tmp_path / "home" / ".ssh"
    folder.mkdir(parents=True, mode=0o700)
    return folder


async def test_a_password_goes_to_the_target(tmp_path: Path) -> None:
    sessions = Sessions()
    async with (
        Target(secrets={"deploy": "pencil"}, banner="no trespassing\n") as target,
        front(target, tmp_path, settings={"known_hosts": target.known_hosts(tmp_path)}, addons=[sessions]) as gateway,
    ):
        done = await gateway.ssh("whoami", user="deploy", secret="pencil", options=["-o", "LogLevel=INFO"])
        assert (done.code, done.out) == (0, "deploy ran whoami\n")
        assert "no trespassing" in done.err
        assert target.tried == [("deploy", "pencil")]
        assert sessions.seen[0].user.subject == "deploy"
        assert sessions.seen[0].user.groups == frozenset()
        done = await gateway.ssh("whoami", user="deploy", secret="pen")
        assert done.code == 255
        assert "Permission denied (password)" in done.err
        # A second guess is a second guess at the target.
        assert (await gateway.ssh("whoami", user="deploy", secret="pen\npencil")).code == 0
        assert target.tried[1:] == [("deploy", "pen"), ("deploy", "pen"), ("deploy", "pencil")]


async def test_the_targets_own_questions_are_asked(tmp_path: Path) -> None:
    async with (
        Target(rounds=ROUNDS) as target,
        front(target, tmp_path, settings={"known_hosts": target.known_hosts(tmp_path)}) as gateway,
    ):
        done = await gateway.ssh("id", secret="12 34\n99\nopen")
        assert (done.code, done.out) == (0, "ann ran id\n")
        asked = next(tmp_path.glob("askpass*.asked")).read_text()
        assert [name for name in ("Code", "PIN", "And the word") if name in asked] == ["Code", "PIN", "And the word"]
        assert target.tried == [("ann", "12 34 99"), ("ann", "open")]
        assert (await gateway.ssh("id", secret="12 34\n99\nshut")).code == 255


async def test_both_ways_are_offered_where_the_target_has_both(tmp_path: Path) -> None:
    async with (
        Target(rounds=ROUNDS, secrets={"ann": "pencil"}) as target,
        front(target, tmp_path, settings={"known_hosts": target.known_hosts(tmp_path)}) as gateway,
    ):
        for method, secret in (("password", "pencil"), ("keyboard-interactive", "12 34\n99\nopen")):
            assert (await gateway.ssh("id", secret=secret, methods=method)).code == 0
        # One after the other, in one connection.
        done = await gateway.ssh("id", secret="wrong\n99\npencil", options=["-o", "NumberOfPasswordPrompts=1"])
        assert done.code == 0, done.err


@pytest.mark.parametrize("configured", [False, True])
async def test_the_operators_key_is_used_as_ssh_would(
    sshd: SshServer, tmp_path: Path, operator: Path, configured: bool
) -> None:
    shutil.copy(sshd.known_hosts, operator / "known_hosts")
    if configured:
        (operator / "config").write_text(f"Host {sshd.host}\nIdentityFile {sshd.user_key}\n")
    else:
        shutil.copy(sshd.user_key, operator / "id_ed25519")
        shutil.copy(public(sshd.user_key), operator / "id_ed25519.pub")
    sessions = Sessions()
    async with front(sshd, tmp_path, addons=[sessions]) as gateway:
        done = await gateway.ssh("echo in", user=sshd.user, secret="never asked")
        assert (done.code, done.out, done.err) == (0, "in\n", "")
    assert sessions.seen[0].user.subject == sshd.user
    assert sessions.seen[0].parameters["login"] == "the operator's own key at the target"


async def test_the_operators_agent_is_used(
    sshd: SshServer, tmp_path: Path, operator: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import subprocess

    shutil.copy(sshd.known_hosts, operator / "known_hosts")
    socket = tmp_path / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    try:
        while not socket.exists():
            assert agent.poll() is None
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        subprocess.run(["ssh-add", "-q", str(sshd.user_key)], check=True)
        async with front(sshd, tmp_path) as gateway:
            assert (await gateway.ssh("true", user=sshd.user)).code == 0
    finally:
        agent.terminate()
        agent.wait()


async def test_where_nothing_is_left_to_ask_the_client_is_told(
    sshd: SshServer, tmp_path: Path, operator: Path
) -> None:
    shutil.copy(sshd.known_hosts, operator / "known_hosts")
    async with front(sshd, tmp_path) as gateway:
        done = await gateway.ssh("true", user=sshd.user)
    assert done.code == 255
    assert f"hoopaddon: the target {sshd.host}:{sshd.port} refuses the gateway's login" in done.err


async def test_a_target_that_is_not_known_is_not_spoken_to(
    sshd: SshServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with front(sshd, tmp_path) as gateway:
        done = await gateway.ssh("true", user=sshd.user, secret="pencil")
    assert "nothing was sent to it" in done.err
    assert "is not known: SHA256:" in caplog.text
    assert "ssh-keyscan" in caplog.text


@pytest.mark.parametrize("name", ["-oProxyCommand=touch", "a;b", "$(id)", "a b", "`id`", "a'b"])
async def test_names_that_are_no_names_stay_here(tmp_path: Path, name: str) -> None:
    async with (
        Target(secrets={name: "pencil"}) as target,
        front(target, tmp_path, settings={"known_hosts": target.known_hosts(tmp_path)}) as gateway,
    ):
        with pytest.raises(asyncssh.DisconnectError, match="this is no user name"):
            await gateway.connect(username=name, password="pencil")
        assert target.connections == []


@pytest.mark.parametrize("name", ["", "a" * 1023, "a" * 5000])
async def test_names_of_odd_lengths_are_refused(tmp_path: Path, name: str) -> None:
    async with (
        Target(secrets={"ann": "pencil"}) as target,
        front(target, tmp_path, settings={"known_hosts": target.known_hosts(tmp_path)}) as gateway,
    ):
        with pytest.raises((asyncssh.DisconnectError, asyncssh.PermissionDenied)):
            await gateway.connect(username=name, password="pencil")
        async with gateway.connect(password="pencil") as conn:
            assert (await conn.run("id")).stdout == "ann ran id\n"


async def test_only_this_machine_is_let_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Target(secrets={"ann": "pencil"}) as target:
        monkeypatch.setattr("tests.adapters.ssh.login.front.HOST", "0.0.0.0")
        with pytest.raises(ConfigError, match="open to everybody"):
            async with front(target, tmp_path):
                pass


async def test_a_client_that_leaves_ends_the_login_at_the_target(tmp_path: Path) -> None:
    class Leaves(asyncssh.SSHClient):
        def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
            self._conn = conn

        def password_auth_requested(self) -> str:
            self._conn.abort()
            return "pencil"

    async with (
        Target(secrets={"ann": "pencil"}) as target,
        front(target, tmp_path, settings={"known_hosts": target.known_hosts(tmp_path)}) as gateway,
    ):
        left = await gateway.connect(client_factory=Leaves)
        assert left.is_closed()
        (conn,) = target.connections
        await conn.wait_closed()
