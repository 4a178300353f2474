"""What a login leaves for its user: kept from others, whole at every moment, and over with its token."""

import stat
import time
from pathlib import Path

import orjson
import pytest

from hoopaddon.errors import ConfigError
from hoopaddon.identity import stored
from hoopaddon.identity.stored import StoredToken
from hoopaddon.identity.tokens import sign
from hoopaddon.store.keys import SigningKey

KEY = SigningKey.generate()


def login(**changes: str) -> StoredToken:
    token = sign(
        KEY, subject="ada", groups=["dev"], ttl_s=900, target=changes.get("target"), agent=changes.get("agent")
    )
    return StoredToken(token, "https://gateway.example.com:8443", "/etc/ca.pem")


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    kept = login(target="orders", agent="agent-7")
    kept.save(tmp_path / "new")
    loaded = StoredToken.load(tmp_path / "new")
    assert loaded == kept
    assert (loaded.user.subject, loaded.user.groups, loaded.user.actors) == ("ada", frozenset({"dev"}), ("agent-7",))
    assert loaded.target == "orders"
    assert 890 < loaded.expires_at - time.time() <= 900


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    login().save(folder)
    assert stat.S_IMODE((folder / stored.NAME).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (folder / stored.NAME).chmod(0o640)
    with pytest.raises(ConfigError, match="others can read"):
        StoredToken.load(folder)


def test_the_token_is_not_in_what_is_printed_of_it() -> None:
    kept = login()
    assert kept.token not in f"{kept!r} {kept}"


def test_where_nothing_is_kept_the_user_is_told_what_to_do(tmp_path: Path) -> None:
    assert StoredToken.find(tmp_path) is None
    with pytest.raises(ConfigError, match="nobody is logged in\n  log in: hoopaddon login"):
        StoredToken.load(tmp_path)
    login().save(tmp_path)
    StoredToken.remove(tmp_path)
    StoredToken.remove(tmp_path)
    assert StoredToken.find(tmp_path) is None


def test_what_is_over_is_found_and_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    login().save(tmp_path)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 1000)
    assert StoredToken.find(tmp_path) is not None
    with pytest.raises(ConfigError, match="expired"):
        StoredToken.load(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"[]",
        b'{"token": "eyJ.a.b"}',
        orjson.dumps({"token": 1, "gateway": "", "ca": ""}),
        orjson.dumps({"token": "secret", "gateway": "", "ca": ""}),
        orjson.dumps({"token": "eyJh.e30.x", "gateway": "", "ca": ""}),
        b"x" * 100_000,
    ],
)
def test_a_file_that_is_something_else_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / stored.NAME
    path.touch(0o600)
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"login\.json") as error:
        StoredToken.load(tmp_path)
    assert "secret" not in str(error.value)
