"""Certificates of a trusted authority let in whom they name, when and from where they say."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import asyncssh
import pytest

from tests.adapters.ssh.login.front import front
from tests.adapters.ssh.login.test_tokens import Sessions, users_file
from tests.adapters.ssh.session.clients import eventually
from tests.servers.ssh import SshServer, certify, new_key, public


def authorities(folder: Path, *keys: Path) -> Path:
    path = folder / "client_ca"
    path.write_text("# who may certify\n\n" + "".join(public(key).read_text() for key in keys))
    return path


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    return new_key(tmp_path / "ca")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return new_key(tmp_path / "key")


async def test_a_certificate_lets_its_principals_in(sshd: SshServer, tmp_path: Path, ca: Path, key: Path) -> None:
    certify(ca, key, "-z", "7", "-I", "laptop of ann", principals=["ann", "ops"])
    sessions = Sessions()
    settings = {**sshd.settings, "client_ca": authorities(tmp_path, ca), "users": users_file(tmp_path)}
    async with front(sshd, tmp_path, settings=settings, addons=[sessions]) as gateway:
        for user in ("ann", "ops"):
            done = await gateway.ssh("echo in", user=user, key=key, methods="publickey")
            assert (done.code, done.out, done.err) == (0, "in\n", "")
        assert (await gateway.ssh("true", user="bob", key=key, methods="publickey")).code == 255
    ann, ops = sessions.seen
    assert (ann.user.subject, ann.user.groups) == ("ann", frozenset({"dev"}))
    assert (ops.user.subject, ops.user.groups) == ("ops", frozenset())
    assert ann.user.claims["key_id"] == "laptop of ann"
    assert ann.user.claims["serial"] == 7
    assert ann.parameters["login"].startswith("certificate 'laptop of ann' (serial 7) of SHA256:")


@pytest.mark.parametrize(
    ("arguments", "principals", "why"),
    [
        (["-V", "-2h:-1h"], ["ann"], "expired"),
        (["-V", "+1h:+2h"], ["ann"], "not yet valid"),
        ([], ["bob"], "principal mismatch"),
        (["-O", "source-address=10.0.0.0/8"], ["ann"], "not good from this address"),
        (["-O", "critical:unheard-of=x"], ["ann"], "critical option"),
    ],
)
async def test_a_certificate_that_is_not_good(
    sshd: SshServer,
    tmp_path: Path,
    ca: Path,
    key: Path,
    caplog: pytest.LogCaptureFixture,
    arguments: Sequence[str],
    principals: Sequence[str],
    why: str,
) -> None:
    certify(ca, key, *arguments, principals=principals)
    settings = {**sshd.settings, "client_ca": authorities(tmp_path, ca)}
    async with front(sshd, tmp_path, settings=settings) as gateway:
        done = await gateway.ssh("true", key=key, methods="publickey")
    assert done.code == 255
    assert "Permission denied" in done.err
    assert why in caplog.text.lower()


async def test_a_certificate_for_everybody_or_for_a_host_is_for_nobody(
    sshd: SshServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ca, key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    everybody = ca.generate_user_certificate(key, "everybody", principals=[])
    host = ca.generate_host_certificate(key, "a host", principals=["ann"])
    trusted = tmp_path / "ca"
    trusted.write_bytes(ca.export_public_key())
    async with front(sshd, tmp_path, settings={**sshd.settings, "client_ca": trusted}) as gateway:
        for certificate, why in ((everybody, "names no principals"), (host, "Invalid certificate type")):
            with pytest.raises(asyncssh.PermissionDenied):
                await gateway.connect(client_keys=[(key, certificate)])
            assert why in caplog.text


async def test_another_authority_is_not_believed(
    sshd: SshServer, tmp_path: Path, ca: Path, key: Path, caplog: pytest.LogCaptureFixture
) -> None:
    certify(new_key(tmp_path / "other"), key, principals=["ann"])
    async with front(sshd, tmp_path, settings={**sshd.settings, "client_ca": authorities(tmp_path, ca)}) as gateway:
        assert (await gateway.ssh("true", key=key, methods="publickey")).code == 255
    assert "which is not trusted" in caplog.text


async def test_without_an_authority_no_certificate_is_good(
    sshd: SshServer, tmp_path: Path, ca: Path, key: Path
) -> None:
    certify(ca, key, principals=["bob"])
    # bob's bare key is listed, and gets him in though his certificate is worth nothing here.
    settings = {**sshd.settings, "users": users_file(tmp_path, keys={"bob": key})}
    async with front(sshd, tmp_path, settings=settings) as gateway:
        assert (await gateway.ssh("true", user="bob", key=key, methods="publickey")).code == 0
        assert (await gateway.ssh("true", user="ann", key=key, methods="publickey")).code == 255


async def test_source_address_and_force_command_hold(sshd: SshServer, tmp_path: Path, ca: Path, key: Path) -> None:
    certify(
        ca,
        key,
        "-O",
        "source-address=127.0.0.0/8",
        "-O",
        "force-command=echo forced",
        "-O",
        "no-pty",
        principals=["ann"],
    )
    async with front(sshd, tmp_path, settings={**sshd.settings, "client_ca": authorities(tmp_path, ca)}) as gateway:
        done = await gateway.ssh("echo mine", key=key, methods="publickey")
        assert (done.code, done.out) == (0, "forced\n")
        done = await gateway.ssh("tty", key=key, methods="publickey", options=["-tt"])
        assert "PTY allocation request failed" in done.err


async def test_an_authority_that_signs_with_sha_1(
    sshd: SshServer, tmp_path: Path, key: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ca = new_key(tmp_path / "rsa_ca", kind="rsa")
    settings = {**sshd.settings, "client_ca": authorities(tmp_path, ca)}
    async with front(sshd, tmp_path, settings=settings) as gateway:
        certify(ca, key, "-t", "rsa-sha2-512", principals=["ann"])
        assert (await gateway.ssh("true", key=key, methods="publickey")).code == 0
        old = asyncssh.read_private_key(ca).generate_user_certificate(
            asyncssh.read_private_key(key), "old", principals=["ann"], sig_alg="ssh-rsa"
        )
        with pytest.raises(asyncssh.PermissionDenied):
            await gateway.connect(client_keys=[(asyncssh.read_private_key(key), old)])
    assert "(SHA-1)" in caplog.text


@pytest.mark.parametrize("arguments", [[], ["-O", "no-agent-forwarding"]], ids=["permitted", "not"])
async def test_a_certificate_says_whether_an_agent_is_forwarded(
    sshd: SshServer, tmp_path: Path, ca: Path, key: Path, arguments: Sequence[str]
) -> None:
    certify(ca, key, *arguments, principals=["ann"])
    settings = {**sshd.settings, "client_ca": authorities(tmp_path, ca), "allow": "agent_forward"}
    socket = tmp_path / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL) as agent:
        try:
            async with front(sshd, tmp_path, settings=settings) as gateway:
                await eventually(socket.exists)
                options = ["-A", f"-oIdentityAgent={socket}"]
                done = await gateway.ssh("echo agent=$SSH_AUTH_SOCK", key=key, methods="publickey", options=options)
        finally:
            agent.terminate()
    assert done.code == 0
    assert (done.out != "agent=\n") is (not arguments)
    assert ("does not permit it" in done.err) is bool(arguments)
