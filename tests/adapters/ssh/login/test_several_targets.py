"""One listener before several SSH servers: clients ask for `user+target`, and strangers learn of no target."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlencode

import asyncssh
import pytest

from hoopaddon import Session
from hoopaddon.gateway import serving
from hoopaddon.identity.tokens import sign
from hoopaddon.store.keys import SigningKey
from tests.servers.ssh import SshServer


class Seen:
    def __init__(self) -> None:
        self.names: list[tuple[str, str, str]] = []

    def session_start(self, session: Session) -> None:
        self.names.append((session.target.name, session.user.subject, session.parameters["user"]))


@asynccontextmanager
async def before(sshd: SshServer, folder: Path, seen: Seen, *names: str) -> AsyncIterator[int]:
    login = urlencode(sshd.settings)
    mode = "|".join(f"{sshd.host}:{sshd.port}?name={name}&{login}" for name in names)
    async with serving(modes=[f"ssh:{mode}@0"], addons=[seen], confdir=str(folder / "conf")) as gateway:
        yield gateway.servers.listen_addrs()[0][1]


async def run(port: int, folder: Path, username: str, target: str | None = None) -> str:
    token = sign(SigningKey.load_or_create(folder / "conf"), subject="ann", ttl_s=300, target=target)
    async with asyncssh.connect(
        "127.0.0.1", port, username=username, password=token, known_hosts=None, config=None, client_keys=None
    ) as connection:
        return str((await connection.run("echo here", check=True)).stdout)


async def test_by_user_and_target(sshd: SshServer, tmp_path: Path) -> None:
    seen = Seen()
    async with before(sshd, tmp_path, seen, "orders-host", "bills-host") as port:
        for username in ("ann+orders-host", "ann@bills-host", "ann+x@orders-host", "bills-host"):
            assert await run(port, tmp_path, username) == "here\n"
    assert seen.names == [
        ("orders-host", "ann", "ann"),
        ("bills-host", "ann", "ann"),
        ("orders-host", "ann", "ann+x"),
        ("bills-host", "ann", ""),
    ]


@pytest.mark.parametrize(
    "username", ["ann", "ann+nothing", "ann@", "+orders-host", "ann+Orders-host", "orders-host+"]
)
async def test_an_unknown_target_is_one_error_that_names_no_other(
    username: str, sshd: SshServer, tmp_path: Path
) -> None:
    seen = Seen()
    async with before(sshd, tmp_path, seen, "orders-host", "bills-host") as port:
        with pytest.raises(asyncssh.DisconnectError) as caught:
            await run(port, tmp_path, username)
    assert "no target of this gateway has this name" in str(caught.value)
    assert "bills" not in str(caught.value)
    assert seen.names == []


async def test_a_token_for_one_target_is_none_for_the_other(sshd: SshServer, tmp_path: Path) -> None:
    seen = Seen()
    async with before(sshd, tmp_path, seen, "orders-host", "bills-host") as port:
        assert await run(port, tmp_path, "ann+orders-host", "orders-host") == "here\n"
        with pytest.raises(asyncssh.PermissionDenied):
            await run(port, tmp_path, "ann+bills-host", "orders-host")
    assert [name for name, _, _ in seen.names] == ["orders-host"]


async def test_one_target_alone_needs_no_name(sshd: SshServer, tmp_path: Path) -> None:
    seen = Seen()
    async with before(sshd, tmp_path, seen, "orders-host") as port:
        assert await run(port, tmp_path, "somebody") == "here\n"
        assert await run(port, tmp_path, "somebody+orders-host") == "here\n"
    assert [user for _, _, user in seen.names] == ["somebody", "somebody"]
