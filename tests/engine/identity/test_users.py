"""The file of users: read strictly, and only when nobody else can write it."""

import base64
import hashlib
import hmac
from pathlib import Path

import pytest

from hoopaddon.errors import ConfigError
from hoopaddon.identity.scram import ScramVerifier, saslprep
from hoopaddon.identity.ssh_keys import SshKey
from hoopaddon.identity.users import Users
from tests.servers.ssh import new_key, public

VERIFIER = str(ScramVerifier.from_password("pencil", salt=b"0123456789abcdef"))


def write(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "users.yaml"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_a_user_has_groups_and_a_verifier(tmp_path: Path) -> None:
    users = Users.load(write(tmp_path, f"agent-7:\n  password: {VERIFIER}\n  groups: [dev, ops]\n"))
    entry = users.get("agent-7")
    assert entry is not None
    assert entry.groups == {"dev", "ops"}
    assert entry.scram_verifier is not None
    assert entry.scram_verifier.accepts("pencil")
    assert not entry.scram_verifier.accepts("Pencil")
    assert users.get("agent-8") is None
    assert list(users) == ["agent-7"]


def test_groups_may_be_missing_and_the_file_may_be_empty(tmp_path: Path) -> None:
    entry = Users.load(write(tmp_path, f"a: {{password: {VERIFIER}}}")).get("a")
    assert entry is not None
    assert entry.groups == frozenset()
    assert len(Users.load(write(tmp_path, "# nobody yet\n"))) == 0


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("- a\n", 1, "has to be a mapping of names"),
        ("agent-7: s3cret\n", 1, "has to be a mapping with a password"),
        (f"a:\n  password: {VERIFIER}\nb:\n  groups: [x]\n", 3, "has no password"),
        (f"a:\n  password: {VERIFIER}\n  group: [x]\n", 3, "did you mean groups"),
        (f"a:\n  groups: {{}}\n  password: {VERIFIER}\n", 2, "list of texts"),
        (f"a:\n  groups: [null]\n  password: {VERIFIER}\n", 2, "has to be a text"),
        ("a:\n  groups: []\n  password: s3cret\n", 3, "hoopaddon users hash"),
        ("a:\n  password: 12345\n", 2, "hoopaddon users hash"),
        ("a:\n  password: md5c4ca4238a0b923820dcc509a6f75849b\n", 2, "hoopaddon users hash"),
        (f"a:\n  password: {VERIFIER.replace('4096', '1')}\n", 2, "iterations"),
        (f"a:\n  password: {VERIFIER[:-3]}A==\n", 2, "hoopaddon users hash"),
        (f"a:\n  password: {VERIFIER}\na:\n  password: {VERIFIER}\n", 3, "is there twice"),
        (f"[a]:\n  password: {VERIFIER}\n", 1, "has to be a word"),
        ("a: {\n", 2, "is not YAML"),
        ("a: !!python/object/apply:os.system [id]\n", 1, "has a tag"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    file = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        Users.load(file)
    assert says in str(caught.value)
    assert caught.value.file == str(file)
    assert caught.value.line == line
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o606, 0o620, 0o777])
def test_a_file_that_others_can_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ConfigError, match="chmod 600"):
        Users.load(write(tmp_path, f"a: {{password: {VERIFIER}}}", mode))


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        Users.load(tmp_path / "missing.yaml")
    with pytest.raises(ConfigError, match="cannot read"):
        Users.load(tmp_path)
    with pytest.raises(ConfigError, match="not a regular file"):
        Users.load("/dev/null")
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    binary.chmod(0o600)
    with pytest.raises(ConfigError, match="UTF-8"):
        Users.load(binary)
    binary.write_bytes(b"#" * (1 << 20) + b"#")
    with pytest.raises(ConfigError, match="longer"):
        Users.load(binary)


def test_a_verifier_reads_back_and_never_shows_itself() -> None:
    verifier = ScramVerifier.from_password("pencil")
    assert ScramVerifier.parse(str(verifier)) == verifier
    assert "4096" not in repr(verifier)


def test_the_keys_are_those_of_rfc_7677() -> None:
    """The exchange that RFC 7677 section 3 prints, checked with our keys."""
    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    message = f"n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r={nonce}".encode()
    verifier = ScramVerifier.from_password("pencil", salt=salt, iterations=4096)

    server_signature = hmac.digest(verifier.server_key, message, "sha256")
    assert base64.b64encode(server_signature) == b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

    proof = base64.b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    client_signature = hmac.digest(verifier.stored_key, message, "sha256")
    client_key = bytes(a ^ b for a, b in zip(proof, client_signature, strict=True))
    assert hashlib.sha256(client_key).digest() == verifier.stored_key


@pytest.mark.parametrize(
    ("password", "prepared"),
    [
        ("I\u00adX", b"IX"),
        ("user", b"user"),
        ("\u00aa", b"a"),
        ("\u2168", b"IX"),
        ("a\u00a0b", b"a b"),
        ("\u0007", b"\x07"),
        ("\u06271", "\u06271".encode()),
    ],
)
def test_passwords_are_prepared_as_rfc_4013_says(password: str, prepared: bytes) -> None:
    assert saslprep(password) == prepared


def test_a_user_may_have_keys_alone(tmp_path: Path) -> None:
    key = public(new_key(tmp_path / "key")).read_text().strip()
    entry = Users.load(write(tmp_path, f"ann:\n  groups: [dev]\n  ssh_keys:\n    - {key}\n    - {key} again\n")).get(
        "ann"
    )
    assert entry is not None
    assert entry.scram_verifier is None
    assert entry.ssh_keys == {SshKey.parse(key)}


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ("none", "has to be a list"),
        ("[1]", r"ssh_keys\[1\]: is not TYPE"),
        ("[ssh-dss AAAA]", r"ssh_keys\[1\]: is not TYPE"),
        ("[]", "has no password"),
    ],
)
def test_keys_that_are_none(tmp_path: Path, keys: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Users.load(write(tmp_path, f"ann:\n  ssh_keys: {keys}\n"))
