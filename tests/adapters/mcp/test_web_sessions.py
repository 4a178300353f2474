"""Sessions of MCP over HTTP at a gateway that serves: whose they are, what a held call says, and who gives it up."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from hoopaddon import Command, Decision
from hoopaddon.adapters.mcp.web.owners import MOST_OWNED, Owners
from hoopaddon.gateway import serving
from hoopaddon.identity.tokens import sign
from hoopaddon.store.keys import SigningKey
from tests.adapters.mcp.policies import Approver
from tests.adapters.mcp.talk import initialize, note, request, result, texts, welcome
from tests.servers.http import Address, Upstream, exchange

WITHIN_S = 20
KEPT_OPEN = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


class HoldCalls:
    """Holds calls of tools; notes how every command has ended."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    async def mcp_tool_call(self, command: Command) -> None:
        await command.approve("somebody has to look")

    def command_end(self, command: Command) -> None:
        self.ended.append(f"{command.verdict.outcome} {command.text.partition(' ')[0]}")


async def respond(upstream: Upstream, writer: asyncio.StreamWriter) -> None:
    """A server with sessions that are all called `s1`; who listens waits."""
    asked = bytes(upstream.seen)
    head, _, body = asked.rpartition(b"\r\n\r\n")
    upstream.seen.clear()
    if head.startswith(b"GET"):
        writer.write(KEPT_OPEN)
        return
    message = json.loads(body) if body else {}
    answer = result(welcome() if message.get("method") == "initialize" else texts("done"), message.get("id"))
    said = json.dumps(answer).encode() if "id" in message else b""
    status = b"200 OK" if said else b"202 Accepted"
    kind = b"Content-Type: application/json\r\nMcp-Session-Id: s1\r\n" if said else b""
    writer.write(b"HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s" % (status, kind, len(said), said))


def wire(folder: Path, method: str, message: object = None, *, subject: str = "ann", headers: str = "") -> bytes:
    token = sign(SigningKey.load_or_create(folder), subject=subject, ttl_s=60)
    body = json.dumps(message).encode() if message is not None else b""
    kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
    head = f"{method} /mcp HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{kind}{headers}"
    return head.encode() + b"Connection: close\r\n\r\n" + body


S1 = "Mcp-Session-Id: s1\r\n"
CALL = request("tools/call", {"name": "pay", "arguments": {}, "_meta": {"progressToken": "p"}}, 7)


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TARGET_KEY", "the-key-of-the-target")


def address(gateway: Any) -> Address:
    host, port, *_ = gateway.servers.listen_addrs()[0]
    return host, port


@pytest.mark.usefixtures("key")
async def test_a_session_is_its_users(tmp_path: Path) -> None:
    async with Upstream(respond) as upstream:
        mode = f"mcp:http://127.0.0.1:{upstream.port}/mcp?bearer=env:TARGET_KEY@0"
        async with serving(modes=[mode], confdir=str(tmp_path)) as gateway:

            async def ask(method: str, message: object = None, **how: str) -> int:
                answer = await exchange(address(gateway), wire(tmp_path, method, message, **how))
                return int(answer.split(b" ", 2)[1])

            # One from before the gateway's time, too, is begun anew (transports: 404 says so).
            assert await ask("POST", CALL, headers=S1) == 404
            assert await ask("POST", request("initialize", initialize())) == 200
            for method, message in (("POST", CALL), ("POST", note("notifications/initialized")), ("DELETE", None)):
                assert await ask(method, message, subject="bob", headers=S1) == 404
            assert await ask("GET", subject="bob", headers=S1) == 404
            assert await ask("POST", CALL, headers=S1) == 200
            # What the server gives to somebody else from now on is theirs.
            assert await ask("POST", request("initialize", initialize()), subject="bob") == 200
            assert await ask("POST", CALL, subject="bob", headers=S1) == 200
            assert await ask("POST", CALL, headers=S1) == 404


def test_a_session_that_the_gateway_has_not_seen_begin_is_nobodys() -> None:
    owners = Owners()
    owners.give("server", "hers", "ann")
    assert not owners.has("server", "another", "ann")
    assert not owners.has("another server", "hers", "ann")
    assert owners.has("server", "hers", "ann")


def test_nobody_is_put_out_by_how_many_somebody_else_begins() -> None:
    owners = Owners()
    owners.give("server", "hers", "ann")
    for n in range(MOST_OWNED * 2):
        owners.give("server", f"x{n}", "bob")
        assert owners.has("server", "x0", "bob")
    assert not owners.has("server", "x1", "bob")
    assert not owners.has("server", "hers", "bob")
    assert owners.has("server", "hers", "ann")
    assert len(owners._owner) == MOST_OWNED + 1


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("ends", ["approved", "cancelled"])
async def test_a_held_call_says_so_where_its_client_listens(tmp_path: Path, ends: str) -> None:
    policy, approver = HoldCalls(), Approver()
    async with Upstream(respond) as upstream:
        mode = f"mcp:http://127.0.0.1:{upstream.port}/mcp?bearer=env:TARGET_KEY@0"
        async with serving(modes=[mode], addons=[policy], confdir=str(tmp_path)) as gateway:
            gateway.approver = approver
            await exchange(address(gateway), wire(tmp_path, "POST", request("initialize", initialize())))
            events, listening = await asyncio.open_connection(*address(gateway))
            listening.write(wire(tmp_path, "GET", headers=S1))
            await asyncio.wait_for(events.readuntil(b"\r\n\r\n"), WITHIN_S)
            call = asyncio.create_task(exchange(address(gateway), wire(tmp_path, "POST", CALL, headers=S1)))
            said = await asyncio.wait_for(events.readuntil(b"\n\n"), WITHIN_S)
            assert b'"method":"notifications/progress","params":{"progressToken":"p"' in said
            assert b"waiting for approval: somebody has to look" in said
            if ends == "approved":
                approver.answer.set_result(Decision(True))
            else:
                told = note("notifications/cancelled", {"requestId": 7})
                await exchange(address(gateway), wire(tmp_path, "POST", told, headers=S1))
            answer = await asyncio.wait_for(call, WITHIN_S)
            assert (b'"text":"done"' in answer) == (ends == "approved")
            assert (b"hoopaddon refused this call" in answer) == (ends == "cancelled")
            listening.close()
    assert ("approved pay" if ends == "approved" else "refused pay") in policy.ended


async def test_a_name_that_was_rebound_to_this_machine_is_nobodys(tmp_path: Path) -> None:
    async with Upstream(respond) as upstream:
        mode = f"mcp:http://127.0.0.1:{upstream.port}/mcp@0"
        async with serving(modes=[mode], confdir=str(tmp_path)) as gateway:
            for host, status in (
                ("evil.example", 404),
                ("127.0.0.1.evil.example", 404),
                ("localhost.evil.example:8082", 404),
                ("localhost", 200),
                ("app.localhost:8082", 200),
                ("127.0.0.1:8082", 200),
                ("[::1]:8082", 200),
            ):
                sent = wire(tmp_path, "POST", request("ping")).replace(b"Host: x", f"Host: {host}".encode())
                answer = await exchange(address(gateway), sent)
                assert int(answer.split(b" ", 2)[1]) == status, host
