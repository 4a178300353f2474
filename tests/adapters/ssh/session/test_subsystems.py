"""Subsystems that the mode allows by name are judged, and pass as they come; all others are refused."""

import subprocess
from collections.abc import Iterator

import pytest
from mitmproxy.proxy.mode_specs import ProxyMode

from hoopaddon import Refused
from hoopaddon.adapters.ssh.commands import SshSubsystem
from hoopaddon.testing import session
from tests.adapters.ssh.session.clients import one_note
from tests.adapters.ssh.session.conftest import POLICY, SOON
from tests.conftest import StartSshGateway
from tests.servers.ssh import SshGateway, SshServer

ALLOW = ["subsystem:upper", "subsystem:refuseme", "subsystem:absent", "subsystem:rewriteme"]


@pytest.fixture
def offering() -> Iterator[SshServer]:
    """A server with subsystems beside sftp."""
    with SshServer(
        settings=["Subsystem upper tr a-z A-Z", "Subsystem rewriteme cat", "Subsystem refuseme cat"]
    ) as server:
        yield server


@pytest.fixture
def gateway(offering: SshServer, ssh_gateway: StartSshGateway) -> SshGateway:
    return ssh_gateway(offering, scripts=[POLICY], settings={**offering.settings, "allow": ALLOW}, options=SOON)


def ask(gateway: SshGateway, name: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    return gateway.ssh(name, options=["-s"], stdin=stdin)


async def test_one_that_is_allowed_is_judged_and_passes(gateway: SshGateway) -> None:
    done = ask(gateway, "upper", b"<rpc/> \xff")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"<RPC/> \xff", b"")
    note = await one_note(gateway, "upper")
    assert (note["hook"], note["outcome"], note["tag"], note["bytes"]) == ("ssh_subsystem", "allowed", "exit 0", 8)


async def test_policies_have_their_say(gateway: SshGateway) -> None:
    done = ask(gateway, "refuseme")
    assert done.returncode == 126
    assert done.stderr.startswith(b"hoopaddon: no such thing here")
    assert (await one_note(gateway, "refuseme"))["outcome"] == "refused"
    done = ask(gateway, "rewriteme")
    assert (done.returncode, b"a subsystem cannot be rewritten" in done.stderr) == (126, True)
    # And over what comes back.
    done = ask(gateway, "upper", b"a secret")
    assert done.stdout == b"A [masked]"


def test_one_that_the_target_has_not(gateway: SshGateway) -> None:
    done = ask(gateway, "absent")
    assert (done.returncode, done.stderr) == (255, b"hoopaddon: the target refuses it: it grants no subsystem\n")


def test_all_others_are_refused_and_the_log_says_what_allows_them(gateway: SshGateway) -> None:
    for name in ("netconf", "upper2", "uppe"):
        done = ask(gateway, name)
        said = f"hoopaddon: the subsystem {name} is not allowed here\n"
        assert (done.returncode, done.stderr.decode()) == (126, said)
        gateway.wait_for_log(f"refused the subsystem {name}; allow=subsystem:{name} lets it through")


def test_the_setting_names_one(gateway: SshGateway) -> None:
    for wrong in ("subsystem", "subsystem:", "subsystems:x"):
        with pytest.raises(ValueError, match=r"allow is one of .*, subsystem:NAME, "):
            ProxyMode.parse(f"ssh:10.0.0.5:22?allow={wrong}@2222")


def test_the_same_name_is_no_rewriting() -> None:
    asked = SshSubsystem(session(protocol="ssh"), "netconf")
    asked.rewrite("netconf")
    with pytest.raises(Refused):
        asked.rewrite("sftp")
