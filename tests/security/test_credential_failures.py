"""A credential that cannot be had: each client hears so in its own protocol, soon, and nothing that helps anybody."""

import json
import time
from pathlib import Path

import psycopg
import pytest

from hoopaddon.identity.tokens import sign
from hoopaddon.store.keys import SigningKey
from tests.conftest import StartGateway, StartSshGateway
from tests.servers.gateway import Gateway
from tests.servers.http import exchange, post
from tests.servers.in_front import InFront, confdir, in_front
from tests.servers.postgres import APP, Database, PostgresServer
from tests.servers.ssh import SshServer
from tests.servers.vault import ROOT_TOKEN, Vault

__all__ = ["confdir", "in_front"]

SAID = "the gateway has no credential for"
CANARY = "what-the-program-knows"
PROGRAMS = {"fails": f"echo {CANARY} >&2; exit 7", "hangs": "sleep 60"}
WITHIN = {"credential_timeout": 1}


@pytest.fixture(params=PROGRAMS)
def program(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A reference to a program that gives nothing."""
    path = tmp_path / request.param
    path.write_text(f"#!/bin/sh\n{PROGRAMS[request.param]}\n")
    path.chmod(0o700)
    return f"exec:{path}"


def token_for(gateway: Gateway) -> str:
    return sign(SigningKey.load_or_create(gateway.confdir), subject="ann", groups=[], ttl_s=300)


def connect(gateway: Gateway, db: str = "postgres") -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(
        host=gateway.host,
        port=gateway.port,
        dbname=db,
        user="ann",
        password=token_for(gateway),
        autocommit=True,
    )


def test_postgresql(postgres: PostgresServer, gateway: StartGateway, program: str) -> None:
    front = gateway(postgres, settings={"user": APP, "password": program, "name": "orders"}, options=WITHIN)
    front.wait_for_log("password: cannot be had now")
    began = time.monotonic()
    with pytest.raises(psycopg.OperationalError) as raised:
        connect(front)
    assert time.monotonic() - began < 10
    assert f"FATAL:  {SAID} orders now" in str(raised.value)
    front.wait_for_log(r"orders: no credential: exec:.*: (fails|\S*fails ends with 7|no answer within 1 s)")
    for told in (str(raised.value), front.log()):
        assert CANARY not in told
    assert program not in str(raised.value)


def test_ssh(sshd: SshServer, ssh_gateway: StartSshGateway, program: str) -> None:
    settings = {"user": sshd.user, "password": program, "known_hosts": sshd.known_hosts, "name": "box"}
    front = ssh_gateway(sshd, settings=settings, options=WITHIN)
    done = front.ssh("true")
    assert done.returncode == 255
    assert f"{SAID} the target box now".encode() in done.stderr
    assert program.encode() not in done.stderr
    front.wait_for_log("no credential: exec:")
    assert CANARY not in front.log()


@pytest.mark.parametrize("protocol", ["http", "kubernetes", "mcp"])
async def test_what_runs_on_http(in_front: InFront, confdir: str, program: str, protocol: str) -> None:
    mode = f"{protocol}:http://127.0.0.1:{{}}?bearer={program}&name=shop@0"
    token = sign(SigningKey.load_or_create(Path(confdir)), subject="ann", groups=[], ttl_s=60)
    call = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "a", "arguments": {}}}
    request = post(json.dumps(call).encode())
    if protocol == "kubernetes":
        request = b"GET /api/v1/pods HTTP/1.1\r\nHost: target\r\nConnection: close\r\n\r\n"
    given = f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n".encode()
    given += b"Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2025-06-18\r\n"
    request = request.replace(b"\r\nHost", b"\r\n" + given + b"Host", 1)
    async with in_front(mode=mode, credential_timeout=1) as (upstream, address):
        answer = await exchange(address, request)
    head, _, body = answer.partition(b"\r\n\r\n")
    document = json.loads(body)
    assert SAID in body.decode()
    assert program not in answer.decode()
    assert CANARY not in answer.decode()
    assert not upstream.seen
    match protocol:
        case "http":
            assert b" 502 " in head.splitlines()[0]
            assert (document["status"], b"application/problem+json" in head) == (502, True)
        case "kubernetes":
            assert (document["kind"], document["code"]) == ("Status", 502)
        case "mcp":
            assert (document["jsonrpc"], document["id"]) == ("2.0", 7)


def test_what_is_missing_on_this_machine_keeps_the_gateway_from_starting(
    postgres: PostgresServer, sshd: SshServer, tmp_path: Path
) -> None:
    for number, reference in enumerate(("env:NOT_SET_ANYWHERE", "file:/not/there")):
        settings = {"user": APP, "password": reference}
        with pytest.raises(RuntimeError, match=r"password: (environment variable NOT_SET|cannot read /not/there)"):
            Gateway(postgres, tmp_path / str(number), settings=settings).start()


# -- leases


def test_each_role_that_vault_makes_ends_with_its_sessions(database: Database, gateway: StartGateway) -> None:
    server = database.server

    def create(user: str, password: str) -> None:
        server.execute(f"CREATE ROLE \"{user}\" LOGIN PASSWORD '{password}'")

    def drop(user: str) -> None:
        server.execute(f'DROP ROLE "{user}"')

    with Vault(create=create, drop=drop) as vault:
        environment = {"VAULT_ADDR": vault.address, "VAULT_TOKEN": ROOT_TOKEN}
        settings = {"user": "of-vault", "password": "vault:database/creds/readonly", "name": "orders"}
        options = {"credential_ttl": 0}
        front = gateway(server, settings=settings, options=options, environment=environment)
        with connect(front, database.name) as connection:
            row = connection.execute("SELECT current_user").fetchone()
            assert row is not None
            assert str(row[0]).startswith("v-gateway-")
            assert row[0] in [lease.user for lease in vault.leases.values()]
        deadline = time.monotonic() + 10
        while vault.leases and time.monotonic() < deadline:
            time.sleep(0.02)
        assert vault.leases == {}
        held = connect(front, database.name)
        assert len(vault.leases) == 1
        # The gateway's end is the end of what it was given, too.
        front.stop()
        assert vault.leases == {}
        held.close()
        assert not [password for password in vault.passwords if password in front.log()]
