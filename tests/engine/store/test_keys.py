"""The gateway's key is made once, kept from others, and never replaced."""

import os
import stat
import threading
from pathlib import Path

import pytest

from hoopaddon.errors import ConfigError
from hoopaddon.store.keys import KEY_NAME, PUBLIC_NAME, PublicKeys, SigningKey


def test_is_made_on_first_use_and_kept(tmp_path: Path) -> None:
    made = SigningKey.load_or_create(tmp_path / "conf")
    assert SigningKey.load_or_create(tmp_path / "conf").key_id == made.key_id
    assert stat.S_IMODE((tmp_path / "conf" / KEY_NAME).stat().st_mode) == 0o600
    assert sorted(path.name for path in (tmp_path / "conf").iterdir()) == [KEY_NAME, PUBLIC_NAME]


def test_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        SigningKey.load_or_create(tmp_path / "conf")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "conf" / KEY_NAME).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "conf").stat().st_mode) == 0o700


def test_of_several_that_make_it_at_once_one_wins(tmp_path: Path) -> None:
    start = threading.Barrier(8)
    ids = []

    def make() -> None:
        start.wait()
        ids.append(SigningKey.load_or_create(tmp_path).key_id)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 8
    assert len(set(ids)) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_is_refused_when_others_can_read_it(tmp_path: Path, mode: int) -> None:
    SigningKey.load_or_create(tmp_path)
    (tmp_path / KEY_NAME).chmod(mode)
    with pytest.raises(ConfigError, match="can be read by others") as error:
        SigningKey.load_or_create(tmp_path)
    assert "chmod 600" in str(error.value)


def test_is_refused_when_it_is_a_link(tmp_path: Path) -> None:
    SigningKey.load_or_create(tmp_path / "real")
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / KEY_NAME).symlink_to(tmp_path / "real" / KEY_NAME)
    with pytest.raises(ConfigError, match="cannot open the signing key"):
        SigningKey.load_or_create(tmp_path / "conf")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_is_refused_when_it_belongs_to_another(tmp_path: Path) -> None:
    SigningKey.load_or_create(tmp_path)
    os.chown(tmp_path / KEY_NAME, 4711, 4711)
    with pytest.raises(ConfigError, match="belongs to another user"):
        SigningKey.load(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"not a key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_is_refused_when_it_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / KEY_NAME).touch(mode=0o600)
    (tmp_path / KEY_NAME).write_bytes(content)
    with pytest.raises(ConfigError, match="is not a private key"):
        SigningKey.load_or_create(tmp_path)
    assert (tmp_path / KEY_NAME).read_bytes() == content


def test_reading_makes_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no signing key"):
        SigningKey.load(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot create it"):
        SigningKey.load_or_create(tmp_path / "file" / "conf")


def test_public_keys_verify_what_the_key_signed_and_nothing_else(tmp_path: Path) -> None:
    key, other = SigningKey.load_or_create(tmp_path), SigningKey.generate()
    keys = PublicKeys.load(tmp_path / PUBLIC_NAME)
    signature = key.sign(b"message")
    assert keys.verify(key.key_id, signature, b"message")
    assert not keys.verify(key.key_id, signature, b"massage")
    assert not keys.verify(key.key_id, other.sign(b"message"), b"message")
    assert not keys.verify(other.key_id, other.sign(b"message"), b"message")
    assert not keys.verify(key.key_id, b"", b"message")


def test_a_file_of_public_keys_may_hold_several(tmp_path: Path) -> None:
    old, new = SigningKey.generate(), SigningKey.generate()
    (tmp_path / "pub").write_bytes(old.public_pem + new.public_pem)
    keys = PublicKeys.load(tmp_path / "pub")
    assert old.key_id in keys
    assert new.key_id in keys
    assert SigningKey.generate().key_id not in keys


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_a_file_without_public_keys_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pub").write_bytes(content)
    with pytest.raises(ConfigError):
        PublicKeys.load(tmp_path / "pub")


def test_a_fingerprint_needs_the_key() -> None:
    key = SigningKey.generate()
    assert key.fingerprint(b"secret") == key.fingerprint(b"secret")
    assert key.fingerprint(b"secret") != key.fingerprint(b"Secret")
    assert key.fingerprint(b"secret") != SigningKey.generate().fingerprint(b"secret")
