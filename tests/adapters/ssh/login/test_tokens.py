"""Tokens, passwords and keys of the users' file let the right clients in, by OpenSSH's own client and others."""

import asyncio
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from hoopaddon import Session
from hoopaddon.identity.scram import ScramVerifier
from hoopaddon.identity.tokens import sign
from hoopaddon.store.keys import SigningKey
from tests.adapters.ssh.login.front import front
from tests.servers.ssh import SshServer, new_key, public


class Sessions:
    """Remembers who got one."""

    def __init__(self) -> None:
        self.seen: list[Session] = []
        self.ended: list[Session] = []

    def session_start(self, session: Session) -> None:
        self.seen.append(session)

    def session_end(self, session: Session) -> None:
        self.ended.append(session)


def users_file(folder: Path, *, keys: dict[str, Path] | None = None, password: str = "pencil") -> Path:
    """ann has a password, and with `keys` each user has one."""
    lines = [f"ann:\n  password: {ScramVerifier.from_password(password)}\n  groups: [dev]\n"]
    for name, key in (keys or {}).items():
        text = f"  ssh_keys:\n    - {public(key).read_text()}"
        lines.append(text if name == "ann" else f"{name}:\n{text}")
    path = folder / "users.yaml"
    path.write_text("".join(lines))
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("method", ["password", "keyboard-interactive"])
async def test_a_token_is_the_identity(sshd: SshServer, tmp_path: Path, method: str) -> None:
    sessions = Sessions()
    async with front(sshd, tmp_path, settings={**sshd.settings, "name": "db1"}, addons=[sessions]) as gateway:
        token = gateway.token("ann", groups=["dev", "ops"], target="db1")
        done = await gateway.ssh("echo in", user="whoever", secret=token, methods=method)
        assert (done.code, done.out, done.err) == (0, "in\n", "")
        (session,) = sessions.seen
        assert (session.user.subject, session.user.groups) == ("ann", frozenset({"dev", "ops"}))
        assert session.user.claims["target"] == "db1"
        assert session.target.name == "db1"
        assert session.parameters["user"] == "whoever"
        assert session.parameters["client_version"].startswith("SSH-2.0-OpenSSH")
        assert session.parameters["login"] == "token"
    assert sessions.ended == sessions.seen


async def test_a_token_that_is_not_good_here_lets_nobody_in(
    sshd: SshServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with front(sshd, tmp_path, settings={**sshd.settings, "name": "db1"}) as gateway:
        good = gateway.token()
        key = SigningKey.load_or_create(gateway.confdir)
        bad = {
            "another target": gateway.token(target="db2"),
            "signature or payload": good[:-8] + "AAAAAAAA",
            "another key": sign(SigningKey.generate(), subject="ann", ttl_s=60),
            "no token": "pencil",
            "longer than": good + "x" * 20_000,
        }
        for why, token in bad.items():
            with pytest.raises(asyncssh.PermissionDenied):
                await gateway.connect(password=token)
            assert why in caplog.text
            assert token not in caplog.text
        assert (await gateway.ssh("true", secret=sign(key, subject="ann", ttl_s=60))).code == 0


async def test_an_expired_token_is_refused(
    sshd: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with front(sshd, tmp_path, settings=sshd.settings) as gateway:
        token = gateway.token(ttl_s=1)
        monkeypatch.setattr("hoopaddon.identity.tokens.LEEWAY_S", -2)
        done = await gateway.ssh("true", secret=token)
        assert done.code == 255
        assert "Permission denied" in done.err
        assert "expired" in caplog.text
        assert "expired" not in done.err


@pytest.mark.parametrize("method", ["password", "keyboard-interactive"])
async def test_a_password_of_the_users_file(sshd: SshServer, tmp_path: Path, method: str) -> None:
    sessions = Sessions()
    settings = {**sshd.settings, "users": users_file(tmp_path)}
    async with front(sshd, tmp_path, settings=settings, addons=[sessions]) as gateway:
        assert (await gateway.ssh("true", secret="pencil", methods=method)).code == 0
        assert (sessions.seen[0].user.subject, sessions.seen[0].user.groups) == ("ann", frozenset({"dev"}))
        assert sessions.seen[0].parameters["login"] == "password"
        # A token is still one.
        assert (await gateway.ssh("true", methods=method)).code == 0


async def test_strangers_and_wrong_passwords_hear_the_same(sshd: SshServer, tmp_path: Path) -> None:
    settings = {**sshd.settings, "users": users_file(tmp_path)}
    async with front(sshd, tmp_path, settings=settings) as gateway:
        said = {
            (await gateway.ssh("true", secret="wrong", user=user)).err.replace(user, "X") for user in ("ann", "bob")
        }
        assert len(said) == 1
        assert "Permission denied (publickey,keyboard-interactive,password)" in said.pop()


async def test_a_listed_key_of_the_user(sshd: SshServer, tmp_path: Path) -> None:
    keys = {name: new_key(tmp_path / f"{name}_key") for name in ("ann", "bob")}
    keys["carol"] = new_key(tmp_path / "carol_key", kind="ecdsa")
    sessions = Sessions()
    settings = {**sshd.settings, "users": users_file(tmp_path, keys=keys)}
    async with front(sshd, tmp_path, settings=settings, addons=[sessions]) as gateway:
        for name, key in keys.items():
            assert (await gateway.ssh("true", user=name, key=key, methods="publickey")).code == 0
        assert [session.user.subject for session in sessions.seen] == ["ann", "bob", "carol"]
        assert sessions.seen[0].user.groups == {"dev"}
        assert sessions.seen[0].parameters["login"].startswith("key SHA256:")
        # bob's key is nobody's but bob's.
        for name in ("ann", "dave", ""):
            done = await gateway.ssh("true", user=name or "-", key=keys["bob"], methods="publickey")
            assert done.code == 255
        assert len(sessions.seen) == 3


async def test_rsa_keys_sign_with_sha_2(sshd: SshServer, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    key = new_key(tmp_path / "key", kind="rsa")
    settings: dict[str, Any] = {**sshd.settings, "users": users_file(tmp_path, keys={"ann": key})}
    async with front(sshd, tmp_path, settings=settings) as gateway:
        assert (await gateway.ssh("true", key=key, methods="publickey")).code == 0
        with pytest.raises(asyncssh.PermissionDenied):
            await _with_sha1(gateway, key)
        assert "signature is not of this key" in caplog.text
    async with (
        front(sshd, tmp_path, settings=settings | {"allow": "legacy_client"}) as gateway,
        await _with_sha1(gateway, key) as conn,
    ):
        assert (await conn.run("echo in")).stdout == "in\n"


async def _with_sha1(gateway: Any, key: Path) -> Any:
    return await gateway.connect(client_keys=[str(key)], signature_algs=["ssh-rsa"])


async def test_clients_that_guess_are_parted_from(
    sshd: SshServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Guesser(asyncssh.SSHClient):
        guesses = 0

        def password_auth_requested(self) -> str:
            self.guesses += 1
            return f"guess {self.guesses}"

    guesser = Guesser()
    async with front(sshd, tmp_path, settings=sshd.settings) as gateway:
        with pytest.raises(asyncssh.DisconnectError, match="Too many authentication failures"):
            await gateway.connect(client_factory=lambda: guesser, preferred_auth=["password"])
    assert guesser.guesses <= 7
    assert "guess 1" not in caplog.text


async def test_a_client_that_offers_key_after_key_is_parted_from(sshd: SshServer, tmp_path: Path) -> None:
    keys = [asyncssh.generate_private_key("ssh-ed25519") for _ in range(40)]
    settings = {**sshd.settings, "users": users_file(tmp_path)}
    async with front(sshd, tmp_path, settings=settings) as gateway:
        with pytest.raises(asyncssh.DisconnectError, match="Too many authentication failures"):
            await gateway.connect(client_keys=keys)
        # Twenty keys in an agent are no attack.
        async with gateway.connect(client_keys=keys[:20], password=gateway.token()) as conn:
            assert (await conn.run("echo in")).stdout == "in\n"


async def test_who_does_not_log_in_in_time_is_cut(sshd: SshServer, tmp_path: Path) -> None:
    class Slow(asyncssh.SSHClient):
        async def password_auth_requested(self) -> str:
            await asyncio.sleep(30)
            return ""

    async with front(sshd, tmp_path, settings=sshd.settings, login_timeout=1) as gateway:
        with pytest.raises(asyncssh.ConnectionLost):
            await gateway.connect(client_factory=Slow)
