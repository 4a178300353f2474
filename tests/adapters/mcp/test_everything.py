"""npm's `server-everything` on HTTP, behind the gateway: its tools, and streams that break and are resumed."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.types import CreateMessageResult, TextContent

from demo.server import free_port
from tests.adapters.mcp.talk import initialize, note, request
from tests.adapters.mcp.test_http import Gateway, listening
from tests.servers.clients import mcp_server

WITHIN_S = 30
DURATION_S = 1
MAIL = "ada@example.com"
TAKES = {"content-type": "application/json", "accept": "application/json, text/event-stream"}


@asynccontextmanager
async def behind(folder: Path, *scripts: str) -> AsyncIterator[Gateway]:
    """The gateway in front of the server."""
    port = free_port()
    with (
        listening(mcp_server("server-everything", "streamableHttp"), port),
        Gateway(port, folder, scripts=scripts) as gateway,
    ):
        yield gateway


async def test_its_tools_and_what_it_asks(tmp_path: Path) -> None:
    asked: list[str] = []

    async def sample(_context: Any, params: Any) -> CreateMessageResult:
        asked.append(params.messages[0].content.text)
        return CreateMessageResult(
            role="assistant", content=TextContent(type="text", text=f"to {MAIL}"), model="test"
        )

    async with behind(tmp_path, "record.py", "mask_pii.py") as gateway:
        how: dict[str, Any] = {"mode": "legacy", "sampling_callback": sample}
        async with Client(gateway.url, **how) as agent:
            assert {"echo", "get-sum"} <= {tool.name for tool in (await agent.list_tools()).tools}
            assert "[email]" in str(await agent.call_tool("echo", {"message": f"to {MAIL}"}))
            asking = {"prompt": f"about {MAIL}", "maxTokens": 10}
            answer = str(await agent.call_tool("trigger-sampling-request", asking))
            assert "[email]" in answer
            assert MAIL not in answer
            assert (await agent.list_prompts()).prompts
            assert (await agent.list_resources()).resources
        assert len(asked) == 1
        assert MAIL not in asked[0]


@pytest.mark.parametrize("breaks_after", [1, 2])
async def test_a_stream_that_breaks_is_resumed_where_it_was(tmp_path: Path, breaks_after: int) -> None:
    """Each event once, and the result, though nobody listened when it came."""
    async with (
        behind(tmp_path, "mask_pii.py") as gateway,
        httpx2.AsyncClient(headers=TAKES, timeout=WITHIN_S, trust_env=False) as client,
    ):
        began = await client.post(gateway.url, json=request("initialize", initialize()))
        session = {"mcp-session-id": began.headers["mcp-session-id"], "mcp-protocol-version": "2025-11-25"}
        await client.post(gateway.url, json=note("notifications/initialized"), headers=session)
        arguments = {"duration": DURATION_S, "steps": 4}
        call = request(
            "tools/call",
            {"name": "trigger-long-running-operation", "arguments": arguments, "_meta": {"progressToken": "p"}},
            7,
        )
        before: list[tuple[str, Any]] = []
        async with client.stream("POST", gateway.url, json=call, headers=session) as answer:
            async for event in events(answer):
                before.append(event)
                if len(before) == breaks_after:
                    break
        # This server goes on with a stream only if all of it is there by then: without a gateway, too.
        await asyncio.sleep(DURATION_S + 1)
        resumed = {**session, "last-event-id": before[-1][0]}
        after: list[tuple[str, Any]] = []
        async with client.stream("GET", gateway.url, headers=resumed) as answer:
            assert answer.status_code == 200
            async for event in events(answer):
                after.append(event)
                if "result" in event[1]:
                    break
    heard = [message for _, message in (*before, *after)]
    assert [m["params"]["progress"] for m in heard if "params" in m] == [1, 2, 3, 4]
    assert heard[-1]["id"] == 7
    assert "Long running operation completed" in heard[-1]["result"]["content"][0]["text"]


async def events(answer: httpx2.Response) -> AsyncIterator[tuple[str, Any]]:
    """The id and the message of each event that has one."""
    name = ""
    async for line in answer.aiter_lines():
        field, _, value = line.partition(": ")
        if field == "id":
            name = value
        elif field == "data" and value:
            yield name, json.loads(value)


async def test_whose_gateway_is_a_new_one_begins_another_session(tmp_path: Path) -> None:
    port = free_port()
    with listening(mcp_server("server-everything", "streamableHttp"), port):
        with Gateway(port, tmp_path) as gateway:
            async with httpx2.AsyncClient(headers=TAKES, timeout=WITHIN_S, trust_env=False) as client:
                began = await client.post(gateway.url, json=request("initialize", initialize()))
                session = {"mcp-session-id": began.headers["mcp-session-id"]}
                listed = await client.post(gateway.url, json=request("tools/list", {}, 2), headers=session)
                assert listed.status_code == 200
        with Gateway(port, tmp_path) as gateway:
            async with httpx2.AsyncClient(headers=TAKES, timeout=WITHIN_S, trust_env=False) as client:
                again = await client.post(gateway.url, json=request("tools/list", {}, 3), headers=session)
                assert again.status_code == 404
                began = await client.post(gateway.url, json=request("initialize", initialize()))
                session = {"mcp-session-id": began.headers["mcp-session-id"]}
                listed = await client.post(gateway.url, json=request("tools/list", {}, 4), headers=session)
                assert listed.status_code == 200
