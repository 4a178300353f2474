"""Just-in-time access to a machine: command lines, files and terminals are held to it, and end with it."""

import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from hoopaddon.access.scope import read_scope
from hoopaddon.store.grants import Grant, Grants
from hoopaddon.store.person import Person
from tests.conftest import StartSshGateway
from tests.servers.ssh import SshGateway, SshServer

BOB = Person("bob", frozenset({"dba"}), "token")


@pytest.fixture
def machine(sshd: SshServer, ssh_gateway: StartSshGateway) -> SshGateway:
    settings = {**sshd.settings, "name": "box"}
    return ssh_gateway(sshd, scripts=["jit_access.py"], settings=settings, options={"shutdown_timeout": 2})


@pytest.fixture
def grants(machine: SshGateway) -> Iterator[Grants]:
    with closing(Grants(machine.confdir / "store" / "grants.db")) as grants:
        yield grants


def granted(grants: Grants, *scope: str, seconds: float = 600) -> Grant:
    asked = grants.ask(Person("ada", frozenset(), "token"), "box", read_scope(scope), seconds, "ticket 1")
    return grants.answer(asked.id, BOB, approve=True)


def test_from_nothing_to_the_end(machine: SshGateway, grants: Grants) -> None:
    ada = machine.token("ada")
    refused = machine.ssh("true", secret=ada)
    assert b"you have no access to box now; ask for it: hoopaddon access request box" in refused.stderr
    grant = granted(grants, "echo,cat:/etc/hosts", seconds=25)
    assert machine.ssh("cat /etc/hosts > /dev/null", secret=ada).returncode != 0
    assert machine.ssh("cat /etc/hosts", secret=ada).returncode == 0
    for line in (
        "cat /etc/passwd",
        "cat /etc/../etc/passwd",
        "sh -c 'rm -rf /tmp/none'",
        "c=cat; $c /etc/hosts",
        "id",
    ):
        assert b"more than your grant" in machine.ssh(line, secret=ada).stderr, line
    grants.revoke(grant.id, BOB, "done")
    assert b"you have no access" in machine.ssh("cat /etc/hosts", secret=ada).stderr


def test_a_session_that_runs_is_told_and_cut(machine: SshGateway, grants: Grants) -> None:
    grant = granted(grants, "read", seconds=12)
    began = time.monotonic()
    done = machine.ssh("sleep 60", secret=machine.token("ada"))
    assert f"hoopaddon: your grant {grant.id} has ended".encode() in done.stderr
    assert time.monotonic() - began < 30
