"""How the gateway finds out that the target is the one that is meant, and logs in there."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from tests.adapters.ssh.login.front import Target, front
from tests.adapters.ssh.login.test_refusals import until
from tests.servers.missing import program
from tests.servers.ssh import SshServer, new_key, public


def fingerprint(key: Path) -> str:
    return asyncssh.read_public_key(public(key)).get_fingerprint()


# -- who it is


async def test_a_pinned_fingerprint(sshd: SshServer, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    login = {"user": sshd.user, "key": sshd.user_key}
    right = fingerprint(sshd.host_key)
    async with front(sshd, tmp_path, settings=login | {"fingerprint": right}) as gateway:
        assert (await gateway.ssh("true")).code == 0
    wrong = fingerprint(sshd.user_key)
    async with front(sshd, tmp_path, settings=login | {"fingerprint": wrong}) as gateway:
        done = await gateway.ssh("true")
    assert done.code == 255
    assert done.err == (
        f"hoopaddon: the host key of the target {sshd.host}:{sshd.port} is not the one that is known; "
        "nothing was sent to it\n"
    )
    assert f"is {right} (ssh-ed25519), pinned is {wrong}" in caplog.text


async def test_a_changed_host_key_is_refused_with_both_fingerprints(
    sshd: SshServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    known = tmp_path / "known"
    shutil.copy(sshd.known_hosts, known)
    settings = {"user": sshd.user, "key": sshd.user_key, "known_hosts": known}
    async with front(sshd, tmp_path, settings=settings) as gateway:
        assert (await gateway.ssh("true")).code == 0
        known.write_text(f"[{sshd.host}]:{sshd.port} {public(sshd.user_key).read_text()}")
        done = await gateway.ssh("true")
        assert "nothing was sent to it" in done.err
        assert "has changed: it is " in caplog.text
        assert fingerprint(sshd.host_key) in caplog.text
        assert fingerprint(sshd.user_key) in caplog.text
        known.write_text(f"@revoked * {public(sshd.host_key).read_text()}{sshd.known_hosts.read_text()}")
        assert (await gateway.ssh("true")).code == 255
        # Whoever writes the right key there again is heard at once.
        shutil.copy(sshd.known_hosts, known)
        assert (await gateway.ssh("true")).code == 0


@pytest.mark.parametrize("otherwise", [{}, {"host_key": "accept-new"}])
async def test_a_key_revoked_for_one_port_stays_revoked(
    sshd: SshServer, tmp_path: Path, otherwise: dict[str, str]
) -> None:
    known = tmp_path / "known"
    key = public(sshd.host_key).read_text()
    known.write_text(f"@revoked [{sshd.host}]:{sshd.port} {key}{'' if otherwise else f'{sshd.host} {key}'}")
    settings = {**sshd.settings, "known_hosts": known, **otherwise}
    async with front(sshd, tmp_path, settings=settings) as gateway:
        assert (await gateway.ssh("true")).code == 255


async def test_a_known_key_of_another_kind_counts_as_changed(
    sshd: SshServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    known = tmp_path / "known"
    known.write_text(f"[{sshd.host}]:{sshd.port} {public(new_key(tmp_path / 'rsa', kind='rsa')).read_text()}")
    settings = {"user": sshd.user, "key": sshd.user_key, "known_hosts": known, "host_key": "accept-new"}
    async with front(sshd, tmp_path, settings=settings) as gateway:
        assert (await gateway.ssh("true")).code == 255
    assert "has changed" in caplog.text


async def test_a_host_is_known_by_whichever_of_its_keys_is_known(tmp_path: Path) -> None:
    rsa = new_key(tmp_path / "rsa", kind="rsa")
    with SshServer(settings=[f"HostKey {rsa}"]) as server:
        server.known_hosts.write_text(f"[{server.host}]:{server.port} {public(rsa).read_text()}")
        async with front(server, tmp_path, settings=server.settings) as gateway:
            assert (await gateway.ssh("true")).code == 0


async def test_new_hosts_are_accepted_once_where_that_is_asked_for(
    sshd: SshServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = tmp_path / "known"
    nowhere.touch()
    settings: dict[str, Any] = {"user": sshd.user, "key": sshd.user_key, "known_hosts": nowhere}
    async with front(sshd, tmp_path, settings=settings) as gateway:
        assert (await gateway.ssh("true")).code == 255
        assert "is not known: SHA256:" in caplog.text
    async with front(sshd, tmp_path, settings=settings | {"host_key": "accept-new"}) as gateway:
        assert (await gateway.ssh("true")).code == 0
        kept = gateway.confdir / "ssh_known_hosts"
        assert kept.stat().st_mode & 0o777 == 0o600
        before = kept.read_text()
        assert before.split()[:2] == [f"[{sshd.host}]:{sshd.port}", "ssh-ed25519"]
        assert (await gateway.ssh("true")).code == 0
        assert kept.read_text() == before
        kept.write_text(f"[{sshd.host}]:{sshd.port} {public(sshd.user_key).read_text()}")
        assert (await gateway.ssh("true")).code == 255
        assert "has changed" in caplog.text


async def test_a_certified_host_is_known_by_its_authority(tmp_path: Path) -> None:
    with SshServer() as server:
        certificate = server.certify(server.host_key, "-h", principals=[server.host])
        with_certificate = SshServer(settings=[f"HostCertificate {certificate}", f"HostKey {server.host_key}"])
        with with_certificate as certified:
            known = tmp_path / "known"
            known.write_text(f"@cert-authority * {public(server.ca_key).read_text()}")
            settings = {"user": certified.user, "key": certified.user_key, "known_hosts": known}
            async with front(certified, tmp_path, settings=settings) as gateway:
                done = await gateway.ssh("true")
                assert done.code == 0, done.err


# -- how the gateway gets in


async def test_a_key_with_a_passphrase(sshd: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = tmp_path / "locked"
    shutil.copy(sshd.user_key, key)
    key.chmod(0o600)
    program("ssh-keygen")
    import subprocess

    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "sesame", "-f", str(key)], check=True)
    monkeypatch.setenv("TEST_PASSPHRASE", "sesame")
    settings = {**sshd.settings, "key": key, "passphrase": "env:TEST_PASSPHRASE"}
    async with front(sshd, tmp_path, settings=settings) as gateway:
        assert (await gateway.ssh("true")).code == 0


@pytest.mark.parametrize("named", [False, True])
async def test_a_certificate_of_the_gateways_own(sshd: SshServer, tmp_path: Path, named: bool) -> None:
    key = new_key(tmp_path / "gateway_key")
    certificate = sshd.certify(key)
    settings = {**sshd.settings, "key": key}
    if named:
        settings["certificate"] = certificate.rename(tmp_path / "elsewhere.pub")
    async with front(sshd, tmp_path, settings=settings) as gateway:
        assert (await gateway.ssh("true")).code == 0


@pytest.mark.parametrize("interactive", [False, True])
async def test_a_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, interactive: bool
) -> None:
    monkeypatch.setenv("TEST_PASSWORD", "p3ncil")
    asks: dict[str, Any] = {"secrets": {"svc": "p3ncil"}}
    if interactive:
        asks = {"rounds": [([("Password: ", False)], ["p3ncil"])]}
    async with Target(**asks) as target:
        known = target.known_hosts(tmp_path)
        settings = {"user": "svc", "password": "env:TEST_PASSWORD", "known_hosts": known}
        async with front(target, tmp_path, settings=settings) as gateway:
            done = await gateway.ssh("id")
            assert (done.out, done.err) == ("svc ran id\n", "")
            monkeypatch.setenv("TEST_PASSWORD", "changed")
            done = await gateway.ssh("id")
            assert done.err == f"hoopaddon: the target {target.host}:{target.port} refuses the gateway's login\n"
    assert "refuses the login of svc" in caplog.text
    assert "p3ncil" not in caplog.text


# -- when it does not work


async def test_a_target_that_is_not_there(sshd: SshServer, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Nowhere:
        host = sshd.host
        port = 9

    async with front(Nowhere, tmp_path, settings={**sshd.settings, "name": "db1"}) as gateway:
        done = await gateway.ssh("true")
    assert (done.code, done.err) == (255, "hoopaddon: the target db1 cannot be reached: nothing listens there\n")
    assert "the target 127.0.0.1:9: nothing listens there" in caplog.text


async def test_a_name_that_cannot_be_resolved(sshd: SshServer, tmp_path: Path) -> None:
    class Unnamed:
        host = "no-such-host.invalid"
        port = 22

    async with front(Unnamed, tmp_path, settings=sshd.settings) as gateway:
        done = await gateway.ssh("true")
    assert (
        done.err == "hoopaddon: the target no-such-host.invalid:22 cannot be reached: its name cannot be resolved\n"
    )


async def test_a_target_that_says_nothing(sshd: SshServer, tmp_path: Path) -> None:
    import socket

    with socket.create_server((sshd.host, 0)) as silent:

        class Silent:
            host = sshd.host
            port = silent.getsockname()[1]

        async with front(Silent, tmp_path, settings=sshd.settings, connect_timeout=1) as gateway:
            done = await gateway.ssh("true")
    assert "cannot be reached: no answer within 1 s" in done.err


async def test_old_algorithms_only_where_they_are_allowed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with SshServer(settings=["KexAlgorithms diffie-hellman-group14-sha1", "Ciphers aes128-cbc"]) as server:
        async with front(server, tmp_path, settings=server.settings) as gateway:
            done = await gateway.ssh("true")
            assert "and the gateway have no algorithm in common" in done.err
            assert "offered were diffie-hellman-group14-sha1" in caplog.text
            assert "; allow=legacy_target takes old algorithms" in caplog.text
        async with front(server, tmp_path, settings={**server.settings, "allow": "legacy_target"}) as gateway:
            assert (await gateway.ssh("true")).code == 0


@pytest.mark.parametrize(
    "offer",
    [
        {"kex_algs": ["diffie-hellman-group14-sha1"]},
        {"kex_algs": ["diffie-hellman-group1-sha1"]},
        {"encryption_algs": ["aes128-cbc"]},
        {"encryption_algs": ["aes128-ctr"], "mac_algs": ["hmac-sha1"]},
        {"encryption_algs": ["aes128-ctr"], "mac_algs": ["hmac-md5"]},
    ],
)
async def test_clients_with_old_algorithms_only(sshd: SshServer, tmp_path: Path, offer: dict[str, Any]) -> None:
    async with front(sshd, tmp_path, settings=sshd.settings) as gateway:
        with pytest.raises(asyncssh.KeyExchangeFailed):
            await gateway.connect(password=gateway.token(), **offer)


@pytest.mark.parametrize(
    ("option", "says"),
    [
        (
            "KexAlgorithms=diffie-hellman-group14-sha1",
            "No matching key exchange algorithm found; offered were diffie-",
        ),
        ("Ciphers=aes128-cbc", "found; offered were aes128-cbc; allow=legacy_client takes old algorithms"),
        ("HostKeyAlgorithms=ecdsa-sha2-nistp256", "Unable to find compatible server host key"),
        ("StrictHostKeyChecking=yes", "it left before it said who it is; it may not know the gateway's host key"),
    ],
)
async def test_a_client_that_does_not_get_as_far_as_a_login(
    sshd: SshServer, tmp_path: Path, caplog: pytest.LogCaptureFixture, option: str, says: str
) -> None:
    async with front(sshd, tmp_path, settings=sshd.settings) as gateway:
        options = ["-v", f"-o{option}"]
        done = await gateway.ssh("true", options=options)
        assert done.code == 255
        await until(lambda: "login failed" in caplog.text)
        (said,) = [message for message in caplog.messages if "login failed" in message]
        assert said.startswith("127.0.0.1:")
        assert says in said


@pytest.mark.parametrize("says", [b"", b"220 mail.example.com ESMTP\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
async def test_a_target_that_speaks_something_else(sshd: SshServer, tmp_path: Path, says: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(says)
        writer.close()

    other = await asyncio.start_server(answer, sshd.host, 0)
    async with other:

        class Other:
            host = sshd.host
            port = other.sockets[0].getsockname()[1]

        async with front(Other, tmp_path, settings={**sshd.settings, "name": "db1"}) as gateway:
            done = await gateway.ssh("true")
    said = "hoopaddon: the target db1 cannot be reached: it does not answer as an SSH server does\n"
    assert (done.code, done.err) == (255, said)
