"""Clients that want in without a proof, or with somebody else's."""

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncssh
import paramiko
import pytest
from asyncssh.packet import Boolean, String
from asyncssh.public_key import SSHLocalKeyPair

from demo.server import HOST
from tests.adapters.ssh.login.front import Front, front
from tests.adapters.ssh.login.test_certificates import authorities
from tests.adapters.ssh.login.test_refusals import instance, until
from tests.adapters.ssh.login.test_tokens import Sessions, users_file
from tests.servers.ssh import SshServer, new_key, public

type Attempt = Callable[[Any], Any]


class Forger(SSHLocalKeyPair):
    """Holds a key, and signs something else than it is asked to."""

    def __init__(self, key: asyncssh.SSHKey, forge: Callable[[bytes], bytes]) -> None:
        super().__init__(key, None, None, None)
        self._forge = forge

    def sign(self, data: bytes) -> bytes:
        return super().sign(self._forge(data))


def another_session(data: bytes) -> bytes:
    """As if the signature had been made for a server that relays it here."""
    length = int.from_bytes(data[:4])
    return String(os.urandom(length)) + data[4 + length :]


def another_user(data: bytes) -> bytes:
    return data.replace(String("ann"), String("bob"))


@pytest.fixture
def settings(sshd: SshServer, tmp_path: Path) -> dict[str, object]:
    keys = {name: new_key(tmp_path / f"{name}_key") for name in ("ann", "bob")}
    ca = authorities(tmp_path, new_key(tmp_path / "ca"))
    return {**sshd.settings, "users": users_file(tmp_path, keys=keys), "client_ca": ca}


@pytest.mark.parametrize("forge", [another_session, another_user, lambda data: data[:-1], lambda data: b""])
async def test_a_signature_is_for_one_session_and_one_user(
    sshd: SshServer, tmp_path: Path, settings: dict[str, object], forge: Callable[[bytes], bytes]
) -> None:
    key = asyncssh.read_private_key(tmp_path / "ann_key")
    async with front(sshd, tmp_path, settings=settings) as gateway:
        with pytest.raises(asyncssh.PermissionDenied):
            await gateway.connect(client_keys=[Forger(key, forge)])
        async with gateway.connect(client_keys=[Forger(key, lambda data: data)]):
            pass


async def test_a_certificate_is_no_good_without_its_key(
    sshd: SshServer, tmp_path: Path, settings: dict[str, object]
) -> None:
    thief = asyncssh.generate_private_key("ssh-ed25519")
    ca, key = asyncssh.read_private_key(tmp_path / "ca"), asyncssh.read_private_key(tmp_path / "bob_key")
    certificate = ca.generate_user_certificate(key, "ann", principals=["ann"])
    pair = SSHLocalKeyPair(thief, None, None, None)
    pair.algorithm, pair.public_data = certificate.algorithm, certificate.public_data
    async with front(sshd, tmp_path, settings=settings) as gateway:
        with pytest.raises(asyncssh.PermissionDenied):
            await gateway.connect(client_keys=[pair])


async def test_a_changed_certificate_is_worth_nothing(
    sshd: SshServer, tmp_path: Path, settings: dict[str, object]
) -> None:
    ca, key = asyncssh.read_private_key(tmp_path / "ca"), asyncssh.generate_private_key("ssh-ed25519")
    certificate = ca.generate_user_certificate(key, "bob", principals=["bob"])
    pair = SSHLocalKeyPair(key, None, None, None)
    pair.algorithm = certificate.algorithm
    async with front(sshd, tmp_path, settings=settings) as gateway:
        for changed in (
            certificate.public_data.replace(b"bob", b"ann"),
            certificate.public_data[:-3],
            b"",
            b"\0" * 50,
        ):
            pair.public_data = changed
            with pytest.raises((asyncssh.PermissionDenied, asyncssh.DisconnectError)):
                await gateway.connect(client_keys=[pair])


class Curious(asyncssh.SSHClient):
    """Offers a key of ann's, which it does not have, and then comes as somebody else."""

    def __init__(self, token: str) -> None:
        self._token = token

    def password_auth_requested(self) -> str:
        return self._token


async def test_whose_key_was_asked_about_is_not_who_is_in(
    sshd: SshServer, tmp_path: Path, settings: dict[str, object]
) -> None:
    sessions = Sessions()
    key = asyncssh.read_private_key(tmp_path / "ann_key")
    async with front(sshd, tmp_path, settings=settings, addons=[sessions]) as gateway:
        mallory = Curious(gateway.token("mallory"))
        async with gateway.connect(
            client_keys=[Forger(key, another_session)], client_factory=lambda: mallory
        ) as conn:
            assert (await conn.run("echo in")).stdout == "in\n"
    assert sessions.seen[0].user.subject == "mallory"
    assert sessions.seen[0].parameters["login"] == "token"


def transport(gateway: Front) -> paramiko.Transport:
    opened = paramiko.Transport(socket.create_connection((HOST, gateway.port)))
    opened.start_client(timeout=10)
    return opened


async def test_paramiko_gets_in_and_nobody_does_without_a_proof(
    sshd: SshServer, tmp_path: Path, settings: dict[str, object]
) -> None:
    def good(gateway: Front) -> None:
        key = paramiko.Ed25519Key.from_private_key_file(str(tmp_path / "ann_key"))
        token = gateway.token()
        ways: tuple[Attempt, ...] = (
            lambda t: t.auth_password("ann", token),
            lambda t: t.auth_interactive("ann", lambda title, text, prompts: [token for _ in prompts]),
            lambda t: t.auth_publickey("ann", key),
        )
        for prove in ways:
            with transport(gateway) as opened:
                assert prove(opened) == []
                channel = opened.open_session(timeout=10)
                channel.exec_command("echo in")
                assert channel.makefile().read() == b"in\n"

    def bad(gateway: Front) -> None:
        key = paramiko.Ed25519Key.from_private_key_file(str(tmp_path / "ann_key"))
        attempts: tuple[Attempt, ...] = (
            lambda t: t.auth_none("ann"),
            lambda t: t.auth_password("ann", ""),
            lambda t: t.auth_password("", "pencil"),
            lambda t: t.auth_publickey("bob", key),
            lambda t: t.auth_interactive("ann", lambda title, text, prompts: []),
            lambda t: t.auth_interactive("ann", lambda title, text, prompts: ["pencil", "pencil"]),
        )
        for attempt in attempts:
            with transport(gateway) as opened, pytest.raises(paramiko.SSHException):
                attempt(opened)
        with transport(gateway) as opened, pytest.raises((paramiko.SSHException, EOFError)):
            # Not logged in at all.
            opened.open_session(timeout=5)

    sessions = Sessions()
    async with front(sshd, tmp_path, settings=settings, addons=[sessions]) as gateway:
        await asyncio.to_thread(good, gateway)
        assert len(sessions.seen) == 3
        await asyncio.to_thread(bad, gateway)
        assert len(sessions.seen) == 3


@pytest.mark.parametrize("name", ["ann\0", "ann\n", "a" * 1024, "a" * 100_000, "\ud7ff\u202e", "../ann"])
async def test_names_that_nobody_has(
    sshd: SshServer, tmp_path: Path, settings: dict[str, object], name: str, caplog: pytest.LogCaptureFixture
) -> None:
    def attempt(gateway: Front) -> None:
        with transport(gateway) as opened, pytest.raises((paramiko.SSHException, EOFError)):
            opened.auth_password(name, "pencil")

    async with front(sshd, tmp_path, settings=settings) as gateway:
        await asyncio.to_thread(attempt, gateway)
        await until(lambda: instance(gateway).sessions == 0)
    assert "Traceback" not in caplog.text
    assert "\u202e" not in caplog.text


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"SSH-1.5-old\r\n",
        b"SSH-2.0-" + b"x" * 5000,
        b"SSH-2.0-\xff\xfe\r\n",
        b"SSH-2.0-x\r\n" + b"\xff" * 64,
        b"SSH-2.0-x\r\n" + b"\0\0\0\x0c\x0a\x32" + b"\0" * 10,
        b"\0" * 100_000,
    ],
)
async def test_bytes_that_are_not_ssh(
    sshd: SshServer, tmp_path: Path, settings: dict[str, object], sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with front(sshd, tmp_path, settings=settings) as gateway:
        reader, writer = await asyncio.open_connection(HOST, gateway.port)
        writer.write(sent)
        writer.write_eof()
        async with asyncio.timeout(5):
            with suppress(OSError):
                await reader.read()
        writer.close()
        await until(lambda: instance(gateway).sessions == 0)
        async with gateway.connect(password=gateway.token()):
            pass
    assert "Traceback" not in caplog.text


async def test_what_is_sent_ahead_of_a_login_is_not_kept_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with socket.create_server((HOST, 0)) as silent:

        class Silent:
            host = HOST
            port = silent.getsockname()[1]

        class Flooding(asyncssh.SSHClient):
            def connection_made(self, conn: Any) -> None:
                self._conn = conn

            def begin(self) -> None:
                for _ in range(200):
                    self._conn.send_debug("x" * 30_000)

        flooding = Flooding()
        async with front(Silent, tmp_path, connect_timeout=8) as gateway:
            connecting = asyncio.ensure_future(
                gateway.connect(client_factory=lambda: flooding, password="x").__aenter__()
            )
            await until(lambda: instance(gateway).sessions == 1)
            await asyncio.sleep(0.5)
            flooding.begin()
            with pytest.raises((asyncssh.ConnectionLost, ConnectionResetError)):
                async with asyncio.timeout(5):
                    await connecting


async def test_a_login_by_two_names_is_by_the_last(
    sshd: SshServer, tmp_path: Path, settings: dict[str, object]
) -> None:
    """A request for ann that has not been answered does not become one of bob's."""
    sessions = Sessions()
    async with front(sshd, tmp_path, settings=settings, addons=[sessions]) as gateway:

        class Hasty(asyncssh.SSHClient):
            def connection_made(self, conn: Any) -> None:
                self._conn = conn

            def password_auth_requested(self) -> None:
                for name, secret in (("ann", "pencil"), ("bob", "wrong")):
                    request = String(name) + String("ssh-connection") + String("password") + Boolean(False)
                    self._conn.send_packet(50, request, String(secret))

        with pytest.raises(asyncssh.Error):
            await gateway.connect(client_factory=Hasty, preferred_auth=["password"])
        await until(lambda: instance(gateway).sessions == 0)
    assert [session.user.subject for session in sessions.seen] in ([], ["ann"])


async def test_the_host_key_that_clients_see_is_the_one_that_is_kept(sshd: SshServer, tmp_path: Path) -> None:
    async with front(sshd, tmp_path, settings=sshd.settings) as gateway:
        async with gateway.connect(password=gateway.token()) as conn:
            seen = conn.get_server_host_key()
        kept = asyncssh.read_private_key(gateway.confdir / "ssh_host_key")
        assert seen.public_data == kept.public_data
        assert public(sshd.host_key).read_bytes().split()[1] not in kept.export_public_key()
