"""What is revoked lets nobody in: lists and certificates of ssh-keygen's own, and text as people write it."""

import os
import subprocess
from base64 import b64encode
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import asyncssh
import pytest
from asyncssh.packet import Byte, String, UInt32, UInt64
from hypothesis import given
from hypothesis import strategies as st

from hoopaddon.adapters.ssh.login.krl import MAGIC, Listed, read_krl
from hoopaddon.adapters.ssh.login.revocation import Revocations, Revoked
from hoopaddon.errors import ConfigError
from tests.adapters.ssh.login.front import front
from tests.adapters.ssh.login.test_certificates import authorities
from tests.adapters.ssh.login.test_tokens import users_file
from tests.docs.pages import ROOT, blocks
from tests.servers.ssh import SshServer, certify, new_key, public

HEADER = MAGIC + UInt32(1) + UInt64(1) + UInt64(0) + UInt64(0) + String("") + String("")


def krl(folder: Path, *specification: str | Path, ca: Path | None = None) -> Path:
    """A list by ssh-keygen: a text is a line of a specification, a path a file of keys or certificates."""
    path = folder / "krl"
    files = [item for item in specification if isinstance(item, Path)]
    lines = [item for item in specification if isinstance(item, str)]
    if lines:
        files.append(folder / "specification")
        files[-1].write_text("\n".join([*lines, ""]))
    of = ["-s", str(public(ca))] if ca is not None else []
    command = ["ssh-keygen", "-q", "-k", "-f", str(path), *of, *map(str, files)]
    subprocess.run(command, check=True, capture_output=True)
    return path


def fingerprint(key: Path) -> str:
    return asyncssh.read_public_key(public(key)).get_fingerprint()


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    return new_key(tmp_path / "ca")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return new_key(tmp_path / "key")


# -- through the gateway


type Write = Callable[[Path, Path, Path], Path]
"""A file that revokes, made of a folder, an authority's key, and the key of a certificate."""


def text(*lines: str) -> Write:
    def write(folder: Path, ca: Path, key: Path) -> Path:
        path = folder / "revoked"
        known = {"ca": public(ca).read_text().strip(), "key": public(key).read_text().strip()}
        path.write_text("\n".join(lines).format(**known, print=fingerprint(key)) + "\n")
        return path

    return write


WAYS: dict[str, Write] = {
    "text: a key": text("# lost", "", "{key}"),
    "text: key": text("key: {key}"),
    "text: sha256": text("sha256: {print}"),
    "text: the authority": text("{ca}"),
    "text: serial": text("serial: 7"),
    "text: serials": text("serial: 5 - 9"),
    "text: id": text("id: laptop of ann"),
    "krl: the certificate": lambda folder, ca, key: krl(folder, key.with_name("key-cert.pub")),
    "krl: a key": lambda folder, ca, key: krl(folder, public(key)),
    "krl: the authority": lambda folder, ca, key: krl(folder, public(ca)),
    "krl: sha1": lambda folder, ca, key: krl(folder, f"sha1: {public(key).read_text()}"),
    "krl: sha256": lambda folder, ca, key: krl(folder, f"sha256: {public(key).read_text()}"),
    "krl: serials": lambda folder, ca, key: krl(folder, "serial: 1-3", "serial: 7", ca=ca),
    "krl: a range": lambda folder, ca, key: krl(folder, "serial: 5-5000", ca=ca),
    "krl: a bitmap": lambda folder, ca, key: krl(folder, *(f"serial: {n}" for n in range(1, 90, 2)), ca=ca),
    "krl: id": lambda folder, ca, key: krl(folder, "id: laptop of ann", ca=ca),
    "krl: of any authority": lambda folder, ca, key: _of_none(folder, "serial: 7"),
}


def _of_none(folder: Path, line: str) -> Path:
    """`-s none`: certificates of any authority."""
    (folder / "specification").write_text(f"{line}\n")
    path = folder / "krl"
    command = ["ssh-keygen", "-q", "-k", "-f", str(path), "-s", "none", str(folder / "specification")]
    subprocess.run(command, check=True, capture_output=True)
    return path


@pytest.mark.parametrize("way", WAYS)
async def test_a_revoked_certificate_lets_nobody_in(
    sshd: SshServer, tmp_path: Path, ca: Path, key: Path, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    certify(ca, key, "-z", "7", "-I", "laptop of ann", principals=["ann"])
    other = new_key(tmp_path / "other")
    certify(ca if "authority" not in way else new_key(tmp_path / "ca2"), other, "-z", "4", principals=["ann"])
    trusted = authorities(tmp_path, ca, *([tmp_path / "ca2"] if "authority" in way else []))
    settings = {**sshd.settings, "client_ca": trusted, "revoked": WAYS[way](tmp_path, ca, key)}
    async with front(sshd, tmp_path, settings=settings) as gateway:
        done = await gateway.ssh("true", key=key, methods="publickey")
        assert (done.code, "Permission denied" in done.err) == (255, True)
        assert "is revoked" in caplog.text
        assert (await gateway.ssh("true", key=other, methods="publickey")).code == 0


async def test_a_list_that_changes_counts_at_once(
    sshd: SshServer, tmp_path: Path, key: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "revoked"
    path.write_text("")
    settings = {**sshd.settings, "users": users_file(tmp_path, keys={"ann": key}), "revoked": path}
    async with front(sshd, tmp_path, settings=settings) as gateway:

        async def code() -> int:
            return (await gateway.ssh("true", key=key, methods="publickey")).code

        assert await code() == 0
        path.write_text(public(key).read_text())
        assert await code() == 255
        assert f"the key {fingerprint(key)} is revoked" in caplog.text
        path.write_text("serial: 1\n")
        assert await code() == 0
        # Where nobody can say what is revoked, no key lets anybody in. A token still does.
        for broken in ("nonsense", None):
            if broken is None:
                path.unlink()
            else:
                path.write_text(broken)
            assert await code() == 255
            assert "no key lets anybody in" in caplog.text
        assert (await gateway.ssh("true")).code == 0


async def test_what_cannot_be_read_is_said_at_the_start(sshd: SshServer, tmp_path: Path, key: Path) -> None:
    settings = {**sshd.settings, "users": users_file(tmp_path, keys={"ann": key}), "revoked": tmp_path / "nothing"}
    with pytest.raises(ConfigError, match=r"nothing: revoked: cannot read it: No such file"):
        async with front(sshd, tmp_path, settings=settings):
            pass


# -- the file alone


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("serial: x", "not a serial"),
        ("serial: 0", "serials go from 1"),
        ("serial: 9-5", "the lower one first"),
        ("serial: 18446744073709551616", "serials go from 1"),
        ("serial: ٣", "not a serial"),
        ("id:", "neither a public key"),
        ("hash: SHA256:abc", "neither a public key"),
        ("sha256: abc", "not a fingerprint"),
        ("ssh-ed25519", "neither a public key"),
        ("ssh-ed25519 AAAA", "neither a public key"),
        ("ssh-rsa {blob}", "neither a public key"),
        ("ssh-ed25519-cert-v01@openssh.com AAAA", "a certificate; revoke it by its serial"),
    ],
)
def test_a_line_that_is_wrong(tmp_path: Path, key: Path, line: str, why: str) -> None:
    path = tmp_path / "revoked"
    path.write_text("# ours\n" + line.format(blob=public(key).read_text().split()[1]))
    with pytest.raises(ConfigError) as caught:
        Revoked(path).read()
    assert f"{path}:2: revoked: " in str(caught.value)
    assert why in str(caught.value)


def test_keys_of_any_type_can_be_revoked(tmp_path: Path) -> None:
    old = String("ssh-dss") + String(b"p") + String(b"q") + String(b"g") + String(b"y")
    path = tmp_path / "revoked"
    path.write_text(f"ssh-dss {b64encode(old).decode()} an old one\n")
    assert Revoked(path).read().has_key(old)


def test_the_list_is_read_again_only_when_it_changed(tmp_path: Path) -> None:
    path = tmp_path / "revoked"
    path.write_text("serial: 5\n")
    revoked = Revoked(path)
    assert revoked.read() is not revoked.read()
    os.utime(path, (1_000_000, 1_000_000))
    assert revoked.read() is revoked.read()
    path.write_text("serial: 6\n")
    assert revoked.read().has_certificate(b"k", b"a", 6, "")


def listed(*sections: tuple[int, bytes]) -> Revocations:
    return Revocations(read_krl(HEADER + b"".join(Byte(kind) + String(data) for kind, data in sections)))


def certificates(*parts: tuple[int, bytes], authority: bytes = b"") -> tuple[int, bytes]:
    return 1, String(authority) + String("") + b"".join(Byte(kind) + String(data) for kind, data in parts)


def test_serials_ids_and_authorities() -> None:
    of_one = certificates((0x20, UInt64(3) + UInt64(9)), authority=b"one")
    of_all = certificates(
        (0x21, UInt64(20) + UInt64(29)), (0x22, UInt64(100) + String(b"\0\x85")), (0x23, String("x"))
    )
    found = listed(of_one, of_all)

    def serials(authority: bytes) -> list[int]:
        return [serial for serial in range(120) if found.has_certificate(b"key", authority, serial, "")]

    assert serials(b"other") == [*range(20, 30), 100, 102, 107]
    assert serials(b"one") == [3, 9, *range(20, 30), 100, 102, 107]
    assert found.has_certificate(b"key", b"other", 0, "x")
    # A certificate without a serial is not the one with the serial 0.
    assert not listed(certificates((0x21, UInt64(0) + UInt64(9)))).has_certificate(b"key", b"a", 0, "")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (HEADER[:20], "cut short"),
        (MAGIC + UInt32(2) + HEADER[12:], "version 1"),
        (HEADER + Byte(9) + String(""), "a section of type 9"),
        (HEADER + Byte(1) + String(String("") + String("") + Byte(0x30) + String("")), "of type 0x30"),
        (HEADER + Byte(1) + String(String("") + String("") + Byte(0x21) + String(UInt64(1))), "cut short"),
        (HEADER + Byte(1) + String(String("") + String("") + Byte(0x21) + String(UInt64(1) * 3)), "cut short"),
        (HEADER + Byte(255) + String(String("new") + Byte(1) + String("")), "a critical extension"),
        (HEADER + Byte(4) + String("key") + String("signature") + Byte(2) + String(""), "follows its signature"),
        (HEADER + Byte(2) + UInt32(1 << 31), "cut short"),
    ],
)
def test_a_list_that_cannot_be_read_whole_is_not_read(data: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_krl(data)


def test_what_need_not_be_known_is_passed_over() -> None:
    extension = Byte(255) + String(String("new") + Byte(0) + String("x"))
    signature = Byte(4) + String("key") + String("signature")
    found = read_krl(HEADER + extension + Byte(2) + String(String("a key")) + signature + signature)
    assert found.keys == {b"a key"}


def parts() -> Sequence[bytes]:
    whole = [
        certificates((0x20, UInt64(3)), (0x21, UInt64(1) + UInt64(2)), (0x22, UInt64(1) + String(b"\1"))),
        (2, String("a key")),
        (5, String(bytes(32))),
    ]
    return [Byte(kind) + String(data) for kind, data in whole]


@given(st.binary(max_size=60), st.integers(0, 400))
def test_damaged_lists_are_errors_and_nothing_else(noise: bytes, at: int) -> None:
    whole = HEADER + b"".join(parts())
    damaged = whole[:at] + noise + whole[at + len(noise) :]
    with suppress(ValueError):
        assert isinstance(read_krl(damaged), Listed)


def test_the_example_of_the_documentation(tmp_path: Path) -> None:
    (example,) = (block.text for block in blocks(ROOT / "docs" / "ssh.md") if block.file == "revoked")
    path = tmp_path / "revoked"
    path.write_text(example)
    found = Revoked(path).read()
    assert [serial for serial in range(1, 400) if found.has_certificate(b"k", b"a", serial, "")] == [
        7,
        *range(100, 201),
    ]
    assert found.has_certificate(b"k", b"a", 1, "laptop of ann")
