"""Where no identity is configured the gateway listens on this machine alone, and says so, whatever the protocol."""

from pathlib import Path

import pytest
from mitmproxy import exceptions

from demo.server import free_port
from hoopaddon.errors import ConfigError
from hoopaddon.gateway import serving

OPEN = [
    "postgres:127.0.0.1:1",
    "ssh:127.0.0.1:1",
    "http:http://127.0.0.1:1",
    "http:http://127.0.0.1:1?path=/a&login=token|http://127.0.0.1:2",
    "kubernetes:http://127.0.0.1:1",
    "mcp:http://127.0.0.1:1/mcp",
    "reverse:http://127.0.0.1:1",
    "regular",
    "upstream:http://127.0.0.1:1",
    "socks5",
    "transparent",
]
WITH_IDENTITY = [
    "postgres:127.0.0.1:1?user=app",
    "ssh:127.0.0.1:1?user=app&password=env:PW&host_key=accept-new",
    "http:http://127.0.0.1:1?login=token",
    "kubernetes:http://127.0.0.1:1?login=token",
    "mcp:http://127.0.0.1:1/mcp?login=token",
]


@pytest.mark.parametrize("mode", OPEN)
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "127.0.0.2"])
async def test_nobody_else_can_connect(mode: str, host: str, tmp_path: Path) -> None:
    with pytest.raises((ConfigError, exceptions.OptionsError), match="would be open to everybody"):
        async with serving(modes=[f"{mode}@{free_port()}"], listen_host=host, confdir=str(tmp_path)):
            pass


@pytest.mark.parametrize("mode", WITH_IDENTITY)
async def test_with_an_identity_others_can(mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", "the-targets-own")
    async with serving(modes=[f"{mode}@0.0.0.0:{free_port()}"], confdir=str(tmp_path)) as gateway:
        ((host, *_),) = gateway.servers.listen_addrs()
        assert host == "0.0.0.0"
