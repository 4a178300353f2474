"""The scene with tools: the same policies between an agent and an MCP server."""

import asyncio
import json
import sys
from pathlib import Path

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import TextContent

from demo.agent import NAME
from demo.mcp_server import CUSTOMER, PULLED
from demo.scenes import Stage

_ROOT = Path(__file__).resolve().parents[1]
_POLICIES = ("mask_pii.py", "block_destructive.py", "record.py")


def mcp(stage: Stage) -> None:
    report, folder = stage.report, stage.gateway.folder / "mcp"
    folder.mkdir()
    report.note("The agent's configuration starts the server behind the gateway:\n")
    scripts = [word for name in _POLICIES for word in ("-s", name)]
    report.command(NAME, "mcp", *scripts, "--", "python", "shop.py")
    report.gap()
    looked_up = _call(stage, folder, "customer", {"name": "Amara"})
    report.check("mcp", "masked: the result has neither the address nor the card", _is_masked(looked_up))
    report.gap()
    refused = _call(stage, folder, "execute_sql", {"sql": "DROP TABLE customers"})
    told = "DROP TABLE is refused" in refused and "block_destructive" in refused
    unheard = not (folder / "calls").exists()
    report.check("mcp", "blocked: the agent's model reads why, and the server never hears of it", told and unheard)
    report.gap()
    (folder / "pulled").touch()
    held = _call(stage, folder, "execute_sql", {"sql": "SELECT 1"})
    report.check("mcp", "held: the tool says something else than when it was accepted", _is_held(held, folder))
    report.gap()
    listed = stage.gateway.run("mcp", "tools", "list").out
    report.check("mcp", "a person is shown what has changed", PULLED in listed)
    _recorded(stage)


def _call(stage: Stage, folder: Path, tool: str, arguments: dict[str, str]) -> str:
    stage.report.tool(NAME, f"{tool} {json.dumps(arguments)}")
    text = asyncio.run(_called(stage, folder, tool, arguments))
    stage.report.output(text)
    return text


async def _called(stage: Stage, folder: Path, tool: str, arguments: dict[str, str]) -> str:
    scripts = [word for name in _POLICIES for word in ("-s", name)]
    ours = ["-m", "hoopaddon", "mcp", "-q", "--confdir", str(stage.gateway.confdir), "--user", NAME, "--name", "shop"]
    server = [sys.executable, "-m", "demo.mcp_server", str(folder)]
    parameters = StdioServerParameters(command=sys.executable, args=[*ours, *scripts, "--", *server], cwd=_ROOT)
    with (folder / "log").open("a") as log:
        async with Client(stdio_client(parameters, errlog=log)) as agent:
            await agent.list_tools()
            result = await agent.call_tool(tool, arguments)
    return "\n".join(part.text for part in result.content if isinstance(part, TextContent))


def _is_masked(text: str) -> bool:
    return "Amara Osei" in text and not any(part in text for part in CUSTOMER.split(", ")[1:])


def _is_held(text: str, folder: Path) -> bool:
    return "has changed since it was accepted" in text and not (folder / "calls").exists()


def _recorded(stage: Stage) -> None:
    listed = map(json.loads, stage.gateway.run("sessions", "list", "--json").out.splitlines())
    sessions = [session["id"] for session in listed if session["protocol"] == "mcp"]
    told = [line for session in reversed(sessions) for line in stage.told(session)]
    calls = [(text, verdict) for text, verdict in told if text.startswith(("customer ", "execute_sql "))]
    wanted = [
        ('customer {"name": "Amara"}', "allowed"),
        ('execute_sql {"sql": "DROP TABLE customers"}', "refused"),
        ('execute_sql {"sql": "SELECT 1"}', "refused"),
    ]
    stage.report.check("mcp", "recorded: every call with its verdict", calls == wanted)
