"""What is private is read only where nobody else could have read or written it."""

from pathlib import Path

import pytest

from hoopaddon.errors import ConfigError
from hoopaddon.private_file import LIMIT_BYTES, read_private


def test_a_private_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"secret")
    file.chmod(0o400)
    assert read_private(file) == b"secret"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o602, 0o660])
def test_a_file_that_others_can_open_is_not(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"secret")
    file.chmod(mode)
    with pytest.raises(ConfigError, match=r"key: passphrase: others can read or write it\n  chmod 600") as caught:
        read_private(file, key="passphrase")
    assert "secret" not in str(caught.value)


def test_what_is_no_file_or_too_much_of_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_private(tmp_path / "nothing")
    with pytest.raises(ConfigError, match="cannot read it: Is a directory"):
        read_private(tmp_path)
    large = tmp_path / "large"
    large.write_bytes(b"x" * (LIMIT_BYTES + 1))
    large.chmod(0o600)
    with pytest.raises(ConfigError, match="longer than"):
        read_private(large)
