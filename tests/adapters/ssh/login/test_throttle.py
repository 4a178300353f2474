"""Who guesses too often has to wait, whichever way it logs in; who has a key does not guess."""

import asyncio
from pathlib import Path

import asyncssh
import pytest

from tests.adapters.ssh.login.front import Target, front
from tests.adapters.ssh.login.test_tokens import users_file
from tests.servers.ssh import SshServer, new_key

WAIT = "hoopaddon: too many failed logins; try again in "


async def test_guesses_have_to_wait(sshd: SshServer, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    key = new_key(tmp_path / "ann_key")
    settings = {**sshd.settings, "users": users_file(tmp_path, keys={"ann": key})}
    async with front(sshd, tmp_path, settings=settings, login_failures=3) as gateway:
        assert (await gateway.ssh("true", user="known")).code == 0
        assert (await gateway.ssh("true", user="another", secret=gateway.token("somebody"))).code == 0
        assert (await gateway.ssh("true", secret="pen\npan\npin", methods="password")).code == 255
        done = await gateway.ssh("true", secret="pencil")
        assert (done.code, done.out) == (255, "")
        assert WAIT in done.err
        assert f"login failed: {WAIT.removeprefix('hoopaddon: ')}" in caplog.text
        done = await gateway.ssh("true", user="ben", secret="pencil", methods="keyboard-interactive")
        assert (done.code, WAIT in done.err) == (255, True)
        # A key is not guessed, and who was in from here before is held to its own failures alone.
        assert (await gateway.ssh("true", key=key)).code == 0
        assert (await gateway.ssh("true", user="known")).code == 0
        done = await gateway.ssh("true", user="another", secret=gateway.token("somebody"))
        assert (done.code, WAIT in done.err) == (255, True)
    assert "pencil" not in caplog.text


async def test_guesses_at_the_same_time_count_too(sshd: SshServer, tmp_path: Path) -> None:
    settings = {**sshd.settings, "users": users_file(tmp_path)}
    async with front(sshd, tmp_path, settings=settings, login_failures=3) as gateway:

        async def guess(secret: str) -> str:
            try:
                async with gateway.connect(password=secret, preferred_auth="password"):
                    return "in"
            except asyncssh.DisconnectError as e:
                return "waits" if "too many failed logins" in e.reason else "wrong"

        outcomes = await asyncio.gather(*(guess(f"pen{number}") for number in range(12)))
        assert sorted(outcomes) == ["waits"] * 9 + ["wrong"] * 3


async def test_guesses_that_pass_through_have_to_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    rounds = [([("PIN: ", False)], ["99"]), ([("Word: ", False)], ["open"])]
    async with (
        Target(secrets={"ann": "pencil"}, rounds=rounds) as target,
        front(target, tmp_path, settings={"known_hosts": target.known_hosts(tmp_path)}, login_failures=2) as gateway,
    ):
        for _ in range(3):
            # Questions answered rightly are no failures.
            done = await gateway.ssh("id", secret="99\nopen", methods="keyboard-interactive")
            assert (done.code, done.out) == (0, "ann ran id\n")
        assert (await gateway.ssh("id", user="ben", secret="1", methods="keyboard-interactive")).code == 255
        assert (await gateway.ssh("id", user="ben", secret="2", methods="password")).code == 255
        tried = len(target.tried)
        for method in ("keyboard-interactive", "password"):
            done = await gateway.ssh("id", user="ben", secret="99", methods=method)
            assert (done.code, WAIT in done.err) == (255, True)
        assert len(target.tried) == tried
