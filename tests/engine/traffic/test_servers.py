"""What is said when a mode cannot listen."""

import errno
from unittest.mock import Mock

import pytest
from mitmproxy import exceptions
from mitmproxy.proxy.mode_specs import ProxyMode

from hoopaddon.errors import ConfigError
from hoopaddon.gateway import serving
from hoopaddon.traffic.servers import _explain


@pytest.mark.parametrize(
    ("mode", "error", "says"),
    [
        (
            "regular@79",
            OSError(errno.EACCES, "Permission denied"),
            "127.0.0.1:79 needs more rights\n  ports below 1024 are for root; listen elsewhere: --mode regular@10079",
        ),
        (
            "reverse:http://db:1@0.0.0.0:8080",
            OSError(errno.EADDRINUSE, "Address already in use"),
            "0.0.0.0:8080 is in use by another program\n  stop that program, or listen elsewhere: "
            "--mode reverse:http://db:1@0.0.0.0:8081",
        ),
        (
            "regular",
            OSError(errno.EMFILE, "Too many open files"),
            "cannot listen at 127.0.0.1:8080: Too many open files",
        ),
        ("regular", ConfigError("no certificate"), "no certificate"),
        ("regular", ValueError("no key"), "regular does not start: no key"),
        ("regular", ValueError(), "regular does not start: ValueError"),
    ],
)
async def test_the_message_says_what_to_do(confdir: str, mode: str, error: Exception, says: str) -> None:
    async with serving(confdir=confdir):
        assert str(_explain(Mock(mode=ProxyMode.parse(mode)), error)) == says


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("regular@0.0.0.0:0", {}),
        ("reverse:http://127.0.0.1:1@0.0.0.0:0", {}),
        ("socks5@0.0.0.0:0", {}),
        ("upstream:http://127.0.0.1:1@:0", {}),
        ("socks5@0", {"forward_login": "token"}),
        ("regular@0", {"listen_host": "0.0.0.0"}),
    ],
)
async def test_nobody_unknown_is_served_from_elsewhere(confdir: str, mode: str, options: dict[str, str]) -> None:
    with pytest.raises(exceptions.OptionsError, match=r"open to everybody|cannot be asked"):
        async with serving(modes=[mode], confdir=confdir, **options):
            pass


async def test_who_proves_itself_may_come_from_elsewhere(confdir: str) -> None:
    async with serving(modes=["regular@0.0.0.0:0"], confdir=confdir, forward_login="token") as gateway:
        assert gateway.servers.listen_addrs()
