"""The tools, and the thread in which their server runs beside the gateway."""

import asyncio
import contextlib
import threading
from collections.abc import Sequence
from typing import Annotated, Any

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from hoopaddon.adapters.mcp.serve.calls import Calls, Held, IsOf, Refusal
from hoopaddon.adapters.mcp.serve.kubectl import Program
from hoopaddon.adapters.mcp.serve.kubectl_arguments import kubectl
from hoopaddon.adapters.mcp.serve.shell import run_shell
from hoopaddon.adapters.mcp.serve.sql import run_sql
from hoopaddon.adapters.mcp.serve.targets import Served
from hoopaddon.command import Command
from hoopaddon.identity.tokens import MAX_TTL_S, new_id, sign
from hoopaddon.session import User
from hoopaddon.store.keys import SigningKey

WAIT_S = 3.0
"""How long an agent waits before it is told to ask again."""
MAX_WAIT_S = 60.0
MAX_ROWS = 1000

_INSTRUCTIONS = """Run SQL, shell commands and kubectl on the targets that list_targets names. Policies judge every
command: one may be refused, with the reason; its result may be masked; or it waits for a person to approve it. Then
you get an id: tell the person you work for, go on with something else, and ask result_of(id) later."""


class Tools:
    """What the agent can call."""

    def __init__(
        self, targets: Sequence[Served], user: User, key: SigningKey, held: Held, program: Program | None = None
    ) -> None:
        self._targets = {target.name: target for target in targets}
        self._user = user
        self._key = key
        self._calls = Calls(held)
        self._kubectl = program

    def server(self) -> MCPServer:
        """The server with the tools."""
        mcp = MCPServer("hoopaddon", instructions=_INSTRUCTIONS, log_level="WARNING")
        mcp.add_tool(self.list_targets)
        mcp.add_tool(self.run_sql)
        mcp.add_tool(self.run_shell)
        if self._kubectl is not None:
            mcp.add_tool(self.run_kubectl)
        mcp.add_tool(self.result_of)
        return mcp

    async def list_targets(self) -> dict[str, Any]:
        """The databases, hosts and clusters that you can reach, and which tool is for which."""
        tools = {"postgres": "run_sql", "ssh": "run_shell", "kubernetes": "run_kubectl"}
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
        return await self._run(_is(found, sql), work)

    async def run_shell(
        self,
        target: Annotated[str, Field(description="one of list_targets")],
        command: Annotated[str, Field(description="a command line for the host's shell; nobody can type at it")],
    ) -> dict[str, Any]:
        """Run a command line on a host."""
        found = self._find(target, "ssh")
        work = run_shell(found.port, self._user.subject, self._token(found), command)
        return await self._run(_is(found, command), work)

    async def run_kubectl(
        self,
        target: Annotated[str, Field(description="one of list_targets")],
        arguments: Annotated[
            list[str], Field(description='what follows `kubectl`, word by word: ["get", "pods", "-n", "shop"]')
        ],
        stdin: Annotated[
            str,
            Field(description="the manifest for -f -, or what a program reads that exec -i runs; no file is read"),
        ] = "",
    ) -> dict[str, Any]:
        """Run kubectl on a cluster. It follows and watches nothing, and reads and writes no file here."""
        found = self._find(target, "kubernetes")
        if self._kubectl is None:
            raise ToolError("there is no kubectl here")
        try:
            command = kubectl(arguments)
        except Refusal as e:
            raise ToolError(str(e)) from None
        # One call is several requests, and they tell by this whose they are.
        sid = new_id()
        work = self._kubectl.run(command, found.port, self._sign(found, sid), stdin)
        return await self._run(lambda held: held.session.user.claims.get("sid") == sid, work)

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

    async def _run(self, is_of: IsOf, work: Any) -> dict[str, Any]:
        try:
            return await self._calls.run(is_of, work, WAIT_S)
        except Refusal as e:
            raise ToolError(str(e)) from None

    def _find(self, name: str, protocol: str) -> Served:
        target = self._targets.get(name)
        if target is None or target.protocol != protocol:
            known = ", ".join(t.name for t in self._targets.values() if t.protocol == protocol) or "none"
            raise ToolError(f"no such target for this tool; there are: {known}")
        return target

    def _token(self, target: Served) -> str | None:
        return self._sign(target) if target.takes_token else None

    def _sign(self, target: Served, sid: str | None = None) -> str:
        """A token that nobody else gets; it has to last as long as people may take to approve something."""
        user = self._user
        return sign(self._key, subject=user.subject, groups=user.groups, ttl_s=MAX_TTL_S, target=target.name, sid=sid)

    async def close(self) -> None:
        """Give up what still waits."""
        await self._calls.close()


def _is(target: Served, text: str) -> IsOf:
    def is_of(held: Command) -> bool:
        return (held.session.target.name, held.text) == (target.name, text)

    return is_of


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
