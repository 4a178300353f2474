"""The tools, and the thread in which their server runs beside the gateway."""

import asyncio
import contextlib
import threading
from collections.abc import Sequence
from typing import Annotated, Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from hoopaddon.adapters.mcp.serve.calls import Calls, Held, Refusal
from hoopaddon.adapters.mcp.serve.shell import run_shell
from hoopaddon.adapters.mcp.serve.sql import run_sql
from hoopaddon.adapters.mcp.serve.targets import Served
from hoopaddon.identity.tokens import sign
from hoopaddon.session import User
from hoopaddon.store.keys import SigningKey

WAIT_S = 3.0
"""How long an agent waits before it is told to ask again."""
MAX_WAIT_S = 60.0
MAX_ROWS = 1000
_TOKEN_S = 60

_INSTRUCTIONS = """Run SQL and shell commands on the targets that list_targets names. Policies judge every command:
one may be refused, with the reason; its result may be masked; or it waits for a person to approve it. Then you get an
id: tell the person you work for, go on with something else, and ask result_of(id) later."""


class Tools:
    """What the agent can call."""

    def __init__(self, targets: Sequence[Served], user: User, key: SigningKey, held: Held) -> None:
        self._targets = {target.name: target for target in targets}
        self._user = user
        self._key = key
        self._calls = Calls(held)

    def server(self) -> MCPServer:
        """The server with the tools."""
        mcp = MCPServer("hoopaddon", instructions=_INSTRUCTIONS, log_level="WARNING")
        mcp.add_tool(self.list_targets)
        mcp.add_tool(self.run_sql)
        mcp.add_tool(self.run_shell)
        mcp.add_tool(self.result_of)
        return mcp

    async def list_targets(self) -> dict[str, Any]:
        """The databases and hosts that you can reach, and which tool is for which."""
        tools = {"postgres": "run_sql", "ssh": "run_shell"}
        return {"targets": [{"name": t.name, "tool": tools[t.protocol]} for t in self._targets.values()]}

    async def run_sql(
        self,
        target: Annotated[str, Field(description="one of list_targets")],
        sql: Annotated[str, Field(description="one or more statements; each call is a session of its own")],
        max_rows: Annotated[int, Field(description="at most so many rows", ge=1, le=MAX_ROWS)] = 100,
    ) -> dict[str, Any]:
        """Run SQL on a database. Values may be masked; NULL is null, everything else is text."""
        found = self._find(target, "postgres")
        user = self._user.subject if found.takes_token else None
        work = run_sql(found.port, user, self._token(found), found.database, sql, max_rows)
        return await self._run(found, sql, work)

    async def run_shell(
        self,
        target: Annotated[str, Field(description="one of list_targets")],
        command: Annotated[str, Field(description="a command line for the host's shell; nobody can type at it")],
    ) -> dict[str, Any]:
        """Run a command line on a host."""
        found = self._find(target, "ssh")
        return await self._run(found, command, run_shell(found.port, self._user.subject, self._token(found), command))

    async def result_of(
        self,
        id: Annotated[str, Field(description="what an earlier call has returned")],
        wait_seconds: Annotated[float, Field(ge=0, le=MAX_WAIT_S)] = WAIT_S,
    ) -> dict[str, Any]:
        """The result of a call that was still running, or that a person had to approve."""
        try:
            return await self._calls.result(id, wait_seconds)
        except Refusal as e:
            raise ToolError(str(e)) from None

    async def _run(self, target: Served, text: str, work: Any) -> dict[str, Any]:
        try:
            return await self._calls.run(target.name, text, work, WAIT_S)
        except Refusal as e:
            raise ToolError(str(e)) from None

    def _find(self, name: str, protocol: str) -> Served:
        target = self._targets.get(name)
        if target is None or target.protocol != protocol:
            known = ", ".join(t.name for t in self._targets.values() if t.protocol == protocol) or "none"
            raise ToolError(f"no such target for this tool; there are: {known}")
        return target

    def _token(self, target: Served) -> str | None:
        if not target.takes_token:
            return None
        groups = self._user.groups
        return sign(self._key, subject=self._user.subject, groups=groups, ttl_s=_TOKEN_S, target=target.name)

    async def close(self) -> None:
        """Give up what still waits."""
        await self._calls.close()


class ServerThread:
    """Serves standard input and output in a loop of its own: the gateway's is mitmproxy's, and not to be shared."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._done: asyncio.Event = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._main, name="serve-mcp", daemon=True)

    async def run(self) -> None:
        """Returns when the client has closed its end."""
        self._thread.start()
        await self._done.wait()

    def _main(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._done.set)

    async def _serve(self) -> None:
        try:
            await self._tools.server().run_stdio_async()
        finally:
            await self._tools.close()
