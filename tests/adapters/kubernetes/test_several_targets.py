"""One listener before several clusters, told apart by path or by host name."""

from pathlib import Path

import pytest

from hoopaddon import Command
from hoopaddon.gateway import serving
from tests.servers.http import Upstream, exchange, plain


class Seen:
    def __init__(self) -> None:
        self.names: list[str] = []

    def command(self, command: Command) -> None:
        self.names.append(f"{command.session.target.name} {command.text}")


@pytest.mark.parametrize(
    ("keys", "asked"),
    [
        (("path=/prod", "path=/test"), ("127.0.0.1 /prod/version", "127.0.0.1 /test/version")),
        (("host=prod.k8s", "host=test.k8s"), ("prod.k8s /version", "test.k8s /version")),
    ],
)
async def test_requests_reach_the_cluster_that_they_are_for(
    keys: tuple[str, str], asked: tuple[str, str], tmp_path: Path
) -> None:
    seen = Seen()
    async with Upstream(plain(b"{}")) as prod, Upstream(plain(b"{}")) as test:
        mode = (
            f"kubernetes:http://127.0.0.1:{prod.port}?name=prod&{keys[0]}"
            f"|http://127.0.0.1:{test.port}?name=test&{keys[1]}@0"
        )
        async with serving(modes=[mode], addons=[seen], confdir=str(tmp_path / "conf")) as gateway:
            address = gateway.servers.listen_addrs()[0][:2]
            for one in (*asked, "127.0.0.1 /version", "127.0.0.1 /other/version"):
                host, path = one.split()
                request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
                answer = await exchange(address, request.encode())
                assert answer.split()[1] == (b"200" if one in asked else b"404"), answer
        assert (prod.seen.count(b"GET /version "), test.seen.count(b"GET /version ")) == (1, 1)
    assert [name.split()[0] for name in seen.names] == ["prod", "test"]
