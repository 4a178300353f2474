"""What was signed is listed, and what is revoked stays so."""

import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from hoopaddon.session import User
from hoopaddon.store.database import StoreUnusable
from hoopaddon.store.tokens import NoSuchToken, Revocations, Tokens


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[Tokens]:
    made = Tokens(tmp_path / "store" / "tokens.db")
    yield made
    made.close()


def user(name: str = "ada", jti: str = "k3Jx", **claims: Any) -> User:
    now = time.time()
    said = {"iss": "hoopaddon", "jti": jti, "sub": name, "iat": int(now), "exp": int(now) + 60} | claims
    return User(name, frozenset({"dev"}), MappingProxyType(said))


def test_what_was_signed_is_listed(tokens: Tokens) -> None:
    tokens.add(user())
    tokens.add(user("bob", "b2", target="orders", iat=time.time() + 1))
    bob, ada = tokens.list()
    assert (ada.id, ada.user, ada.groups, ada.target, ada.revoked) == ("k3Jx", "ada", ("dev",), "", False)
    assert (bob.id, bob.target) == ("b2", "orders")


def test_what_is_over_is_listed_on_demand_and_forgotten_in_time(tokens: Tokens) -> None:
    now = time.time()
    tokens.add(user(jti="over", iat=now - 100, exp=now - 10))
    tokens.add(user(jti="long over", iat=now - 9e5, exp=now - 8e5))
    tokens.add(user())
    assert [token.id for token in tokens.list()] == ["k3Jx"]
    assert {token.id for token in tokens.list(everything=True)} == {"k3Jx", "over"}


def test_a_token_is_revoked_by_the_beginning_of_its_id(tokens: Tokens) -> None:
    for jti in ("k3Jx", "k3", "k4zz"):
        tokens.add(user(jti=jti))
    assert tokens.revoke("k4").id == "k4zz"
    # A whole id means itself.
    assert tokens.revoke("k3").id == "k3"
    assert [token.id for token in tokens.list()] == ["k3Jx"]
    for unknown in ("", "x", "K4"):
        with pytest.raises(NoSuchToken, match="no token"):
            tokens.revoke(unknown)
    with pytest.raises(NoSuchToken, match="several"):
        tokens.revoke("k")
    assert tokens.revocations().has(user(jti="k3"))
    assert not tokens.revocations().has(user(jti="k3Jx"))


def test_of_a_user_what_was_issued_until_now_is_revoked(tokens: Tokens) -> None:
    tokens.add(user())
    tokens.add(user("bob", "b2"))
    assert tokens.revoke_user("ADA") == 1
    assert [token.user for token in tokens.list()] == ["bob"]
    revoked, later = tokens.revocations(), time.time() + 5
    assert revoked.has(user(jti="never listed"))
    assert revoked.has(user("bob", act={"sub": "ada"}))
    assert revoked.has(user("ada@example.com", sub="ada"))
    assert not revoked.has(user(iat=later))
    # A clock that is fast by so much may have said `later` before the moment of the revocation.
    assert revoked.has(user(iat=later), leeway_s=30)
    assert not revoked.has(user("bob"))
    # Whoever has no token is not meant.
    assert not revoked.has(User("ada"))


def test_revocations_join() -> None:
    one = Revocations(frozenset({"a"}), MappingProxyType({"ada": 2.0}))
    other = Revocations(frozenset({"b"}), MappingProxyType({"ada": 1.0, "bob": 3.0}))
    assert one.joined(other) == Revocations(frozenset("ab"), {"ada": 2.0, "bob": 3.0})


def test_another_process_is_noticed(tokens: Tokens, tmp_path: Path) -> None:
    before = tokens.version
    other = Tokens(tmp_path / "store" / "tokens.db")
    other.revoke_user("ada")
    other.close()
    assert tokens.version != before
    assert tokens.revocations().has(user())


def test_another_process_is_noticed_after_the_file_was_opened_twice_here(tokens: Tokens, tmp_path: Path) -> None:
    """The locks of a process are gone once it closes any file of the same: SQLite's must not be among them."""
    file = tmp_path / "store" / "tokens.db"
    Tokens(file).close()
    # The first takes itself for the last, and the second writes where the log would be.
    for name in ("ada", "bob"):
        program = f"from hoopaddon.store.tokens import *; Tokens(Path({str(file)!r})).revoke_user({name!r})"
        subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
        assert tokens.revocations().has(user(name))
    tokens.revoke_user("eve")
    assert Tokens(file).revocations().users.keys() == {"ada", "bob", "eve"}


def test_is_private(tokens: Tokens, tmp_path: Path) -> None:
    file = tmp_path / "store" / "tokens.db"
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(file.parent).st_mode) == 0o700
    os.chmod(file, 0o666)
    with pytest.raises(StoreUnusable, match="chmod 600"):
        Tokens(file)
    link = tmp_path / "store" / "link.db"
    link.symlink_to(file)
    with pytest.raises(StoreUnusable, match="cannot open"):
        Tokens(link)


def test_no_token_is_kept(tokens: Tokens, tmp_path: Path) -> None:
    secret = user(jti="k3Jx", signature="c2lnbmF0dXJl")
    tokens.add(secret)
    kept = b"".join(path.read_bytes() for path in (tmp_path / "store").iterdir())
    assert b"c2lnbmF0dXJl" not in kept
    assert b"k3Jx" in kept
