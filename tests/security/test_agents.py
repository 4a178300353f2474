"""An agent and the person it acts for: policies, records and approvals see both, and neither of them approves."""

import asyncio
import json
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from hoopaddon import Command
from hoopaddon.cli.approvals import main
from hoopaddon.gateway import serving
from hoopaddon.store.approvals import Approvals, Request
from tests.servers.http import Upstream, get, plain
from tests.servers.issuer import Issuer

WITHIN_S = 60


class Asks:
    """Holds what an agent does for somebody."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, tuple[str, ...]]] = []

    async def command(self, command: Command) -> None:
        user = command.session.user
        self.seen.append((user.acts_for, user.actors))
        if user.actors:
            await command.approve(f"{user.actors[0]} acts for {user.acts_for}", within_s=600)


async def waiting(store: Path) -> Request:
    approvals = Approvals(store / "approvals.db")
    try:
        async with asyncio.timeout(WITHIN_S):
            while not (found := approvals.list(pending=True)):
                await asyncio.sleep(0.05)
    finally:
        approvals.close()
    return found[0]


async def test_neither_approves_and_both_are_on_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    policy, conf = Asks(), tmp_path / "conf"

    async def answer(token: str) -> tuple[int, str]:
        monkeypatch.setenv("HOOPADDON_TOKEN", token)
        code = await asyncio.to_thread(main, ["approve", request.id, "--confdir", str(conf)])
        said = capsys.readouterr()
        return code, said.out + said.err

    async with Issuer() as issuer, Upstream(plain()) as upstream:
        mode = f"http:http://127.0.0.1:{upstream.port}?login=token@0"
        async with serving(
            modes=[mode], scripts=["record.py"], addons=[policy], confdir=str(conf), **issuer.options
        ) as gateway:
            # The command has to know the provider as well.
            YAML().dump(issuer.options, conf / "config.yaml")
            host, port, *_ = gateway.servers.listen_addrs()[0]
            token = issuer.token(act={"sub": "agent-7"}, email="ada@example.com")
            sent = get("/", f"Authorization: Bearer {token}\r\nConnection: close\r\n".encode())
            # However long the people below take to answer.
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(sent)
            request = await waiting(conf / "store")
            assert (request.user, request.actors, request.names) == ("ada", ["agent-7"], ["ada", "agent-7"])
            for requester in (issuer.token(), issuer.token(sub="agent-7"), issuer.token(sub="Agent-7")):
                code, said = await answer(requester)
                assert (code, "nobody answers their own requests" in said) == (1, True), said
            code, said = await answer(issuer.token(sub="bob", act={"sub": "agent-8"}))
            assert (code, "only people answer" in said) == (1, True), said
            code, said = await answer(issuer.token(sub="bob", aud="grafana"))
            assert (code, "another audience" in said) == (1, True), said
            await asyncio.to_thread(main, ["show", request.id, "--confdir", str(conf)])
            assert "ada (dev, ops), by agent-7" in capsys.readouterr().out
            assert (await answer(issuer.token(sub="bob")))[0] == 0
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            writer.close()
    assert policy.seen == [("ada", ("agent-7",))]
    (file,) = (conf / "store" / "sessions").rglob("*.jsonl")
    first = json.loads(file.read_text().splitlines()[0])
    assert (first["user"], first["actors"]) == ("ada", ["agent-7"])
