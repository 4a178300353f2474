"""What is wrong with a mode is said at the start, in one message that says what to do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from mitmproxy.proxy import mode_specs

from hoopaddon.adapters.ssh.login import host_key
from hoopaddon.adapters.ssh.mode import SshMode
from hoopaddon.errors import ConfigError
from tests.adapters.ssh.login.front import front
from tests.servers.ssh import new_key, public


class Nowhere:
    """A target that nobody is about to reach."""

    host = "127.0.0.1"
    port = 9


def private(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(0o600)
    return path


def locked(folder: Path) -> Path:
    return new_key(folder / "locked", passphrase="sesame")


def readable(folder: Path) -> Path:
    key = new_key(folder / "readable")
    key.chmod(0o644)
    return key


def foreign(folder: Path) -> Path:
    ca, one, other = (new_key(folder / name) for name in ("ca", "one", "other"))
    signed = asyncssh.read_private_key(ca).generate_user_certificate(
        asyncssh.read_private_key(other), "x", principals=["a"]
    )
    signed.write_certificate(folder / "one-cert.pub")
    return one


WRONG: dict[str, tuple[Callable[[Path], dict[str, Any]], str]] = {
    "no key": (lambda d: {"key": d / "nothing"}, r"nothing: key: there is no such key file"),
    "no key in it": (lambda d: {"key": private(d / "k", "hello")}, r"k: key: is not a private key\n  a file as"),
    "public key": (
        lambda d: {"key": private(d / "k", public(new_key(d / "x")).read_text())},
        r"is not a private key",
    ),
    "readable key": (lambda d: {"key": readable(d)}, r"key: others can read or write it\n  chmod 600"),
    "no passphrase": (
        lambda d: {"key": locked(d)},
        r"passphrase: the key has a passphrase\n  name it with passphrase=",
    ),
    "wrong passphrase": (
        lambda d: {"key": locked(d), "passphrase": f"file:{private(d / 'p', 'open')}"},
        r"locked: passphrase: the passphrase is wrong",
    ),
    "unset passphrase": (
        lambda d: {"key": locked(d), "passphrase": "env:NO_SUCH_NAME"},
        r"passphrase: environment variable NO_SUCH_NAME is not set",
    ),
    "unset password": (lambda d: {"password": "env:NO_SUCH_NAME"}, r"password: environment variable NO_SUCH_NAME"),
    "certificate of another key": (lambda d: {"key": foreign(d)}, r"one-cert.pub: certificate: is for another key"),
    "no certificate": (
        lambda d: {"key": new_key(d / "k"), "certificate": private(d / "c", "hello")},
        r"c: certificate: is not an OpenSSH certificate",
    ),
    "no known_hosts": (
        lambda d: {"key": new_key(d / "k"), "known_hosts": d / "kh"},
        r"kh: known_hosts: is not there",
    ),
    "bad known_hosts": (
        lambda d: {"key": new_key(d / "k"), "known_hosts": private(d / "kh", "oops\n")},
        r"kh: known_hosts: is not a known_hosts file",
    ),
    "no users": (lambda d: {"key": new_key(d / "k"), "users": d / "u"}, r"u: cannot read the users"),
    "bad user key": (
        lambda d: {"key": new_key(d / "k"), "users": private(d / "u", "ann:\n  ssh_keys:\n    - ssh-dss AAAA\n")},
        r"u:3: ann.ssh_keys\[1\]: is not TYPE BASE64",
    ),
    "no authority": (lambda d: {"key": new_key(d / "k"), "client_ca": d / "ca"}, r"ca: client_ca: cannot read it"),
    "empty authorities": (
        lambda d: {"key": new_key(d / "k"), "client_ca": private(d / "ca", "# none\n")},
        r"ca: client_ca: names no authority",
    ),
    "private authority": (
        lambda d: {"key": new_key(d / "k"), "client_ca": new_key(d / "ca")},
        r"ca:1: client_ca: is a private key; list the public one",
    ),
}


@pytest.mark.parametrize("name", WRONG)
async def test_what_a_mode_names_is_looked_at_before_it_listens(tmp_path: Path, name: str) -> None:
    make, says = WRONG[name]
    with pytest.raises(ConfigError, match=says) as caught:
        async with front(Nowhere, tmp_path, settings={"user": "root", **make(tmp_path)}):
            pass
    assert "sesame" not in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 2


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("usr=root", "unknown key 'usr': did you mean user?"),
        ("key=k", "key needs user"),
        ("client_ca=k", "client_ca needs user"),
        ("user=root", "user needs password"),
        ("user=root&password=pencil", "password is not a reference"),
        ("user=root&password=env:A&passphrase=env:B", "passphrase needs key"),
        ("user=root&key=k&host_key=no", "host_key can only be accept-new"),
        ("user=root&key=k&fingerprint=MD5:aa", "fingerprint is SHA256:"),
        ("user=root&key=k&fingerprint=SHA256:" + "A" * 43 + "&known_hosts=f", "pins one key"),
        ("user=root&key=k&allow=everything", "allow is one of"),
    ],
)
def test_a_mode_that_cannot_be_meant_is_refused(query: str, says: str) -> None:
    with pytest.raises(ValueError, match=says.replace("?", r"\?")) as caught:
        mode_specs.ProxyMode.parse(f"ssh:127.0.0.1:22?{query}@2222")
    assert "pencil" not in str(caught.value)


def test_a_fingerprint_may_be_written_as_it_is_printed() -> None:
    pinned = "SHA256:" + "a+/" * 14 + "x"
    mode = mode_specs.ProxyMode.parse(f"ssh:127.0.0.1:22?user=root&key=k&fingerprint={pinned}@2222")
    assert isinstance(mode, SshMode)


# -- the gateway's own host key


def test_the_host_key_is_made_once_and_kept(tmp_path: Path) -> None:
    made = host_key.load_or_create(tmp_path / "conf")
    path = tmp_path / "conf" / host_key.FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert host_key.load_or_create(tmp_path / "conf").public_data == made.public_data
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [
        (None, 0o640, "others can read or write it\n  chmod 600"),
        ("hello", 0o600, "is not a private key without a passphrase"),
    ],
)
def test_a_host_key_that_is_no_secret_is_not_used(tmp_path: Path, content: str | None, mode: int, says: str) -> None:
    host_key.load_or_create(tmp_path)
    path = tmp_path / host_key.FILE
    if content is not None:
        path.write_text(content)
    path.chmod(mode)
    with pytest.raises(ConfigError, match=says):
        host_key.load_or_create(tmp_path)


def test_a_host_key_that_is_a_link_to_nothing(tmp_path: Path) -> None:
    (tmp_path / host_key.FILE).symlink_to(tmp_path / "gone")
    with pytest.raises(ConfigError, match="a link to a file that is not there"):
        host_key.load_or_create(tmp_path)
