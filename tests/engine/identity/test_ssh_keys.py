"""Public keys as files list them: those that may be trusted, and why the others may not."""

import base64
import subprocess
from pathlib import Path

import pytest

from hoopaddon.identity.ssh_keys import SshKey
from tests.servers.ssh import certify, new_key, public


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_keys_as_ssh_keygen_makes_them(tmp_path: Path, kind: str) -> None:
    file = public(new_key(tmp_path / "key", kind=kind))
    key = SshKey.parse(file.read_text())
    said = subprocess.run(["ssh-keygen", "-lf", str(file)], check=True, capture_output=True, text=True).stdout
    assert key.fingerprint in said.split()
    assert SshKey.parse(" ".join(file.read_text().split()[:2])) == key
    assert SshKey.from_blob(key.blob) == key


def test_a_certificate_is_no_key(tmp_path: Path) -> None:
    key = new_key(tmp_path / "key")
    certificate = certify(new_key(tmp_path / "ca"), key, principals=["ann"])
    with pytest.raises(ValueError, match="a certificate; trust the authority"):
        SshKey.parse(certificate.read_text())
    with pytest.raises(ValueError, match="a private key"):
        SshKey.parse(key.read_text())


def packed(*fields: bytes) -> str:
    return base64.b64encode(b"".join(len(field).to_bytes(4) + field for field in fields)).decode()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "not TYPE BASE64"),
        ("ssh-dss AAAA", "not TYPE BASE64"),
        ('from="10.0.0.0/8" ssh-ed25519 AAAA', "not TYPE BASE64"),
        ("ssh-ed25519", "cut short"),
        ("ssh-ed25519 ???", "not base64"),
        (f"ssh-ed25519 {packed(b'ssh-ed25519')}", "cut short"),
        (f"ssh-ed25519 {packed(b'ssh-ed25519', b'x')[:-8]}", "cut short"),
        (f"ssh-ed25519 {packed(b'ssh-rsa', b'e', b'n' * 300)}", "of another type"),
        (f"ssh-rsa {packed(b'ssh-rsa', b'e', b'n' * 128)}", "less than 2048 bits"),
        (f"ssh-rsa {packed(b'ssh-rsa', b'e')}", "less than 2048 bits"),
        (f"ssh-ed25519 {packed(b'ssh-dss', b'x')}", "of a type that is not taken"),
        ("ssh-ed25519 " + "A" * 20_000, "longer than any"),
    ],
)
def test_a_line_that_is_no_key_says_why(line: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        SshKey.parse(line)
