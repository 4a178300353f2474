"""A server as a child process, a client at the other end of our own stdin and stdout, and the guard between them."""

import asyncio
import logging
import os
import re
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from hoopaddon.adapters.mcp.guard import DEFAULT_LIMIT_BYTES, McpGuard
from hoopaddon.adapters.mcp.lines import Lines
from hoopaddon.adapters.mcp.messages import REFUSED, Failure, NotAMessage, Request, read, write
from hoopaddon.adapters.mcp.own_streams import OwnStreams
from hoopaddon.adapters.mcp.pins import Pins
from hoopaddon.adapters.mcp.toolbox import EVERYTHING, Offer, Toolbox
from hoopaddon.errors import HoopaddonError, Refused
from hoopaddon.gateway import Gateway
from hoopaddon.policy.chain import place
from hoopaddon.session import Session, Target, User

logger = logging.getLogger(__name__)

CHUNK_BYTES = 1 << 16
LEAVE_S = 2.0
"""How long the server has to end by itself, and then after SIGTERM, before it is killed."""
NOT_FOUND = 127
NOT_ADMITTED = 1
_SUFFIX = re.compile(r"(?<=.)(?:@.*|\.(?:py|js|mjs|cjs|ts))\Z")
_GENERIC = frozenset(
    {"index", "main", "server", "cli", "app", "__main__", "dist", "build", "src", "bin", "lib", "out"}
)
_INTERRUPTED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Wrapped:
    """What is put between a client and the command line of its server."""

    command: tuple[str, ...]
    target: Target
    user: User
    offer: Offer = EVERYTHING
    binary: bool = False
    methods: frozenset[str] = frozenset()
    limit_bytes: int = DEFAULT_LIMIT_BYTES


class Wrapper:
    """One run. The streams are ours unless a test has others."""

    def __init__(self, gateway: Gateway, wrapped: Wrapped) -> None:
        self._gateway = gateway
        self._wrapped = wrapped
        self._session = Session(wrapped.user, wrapped.target, "stdio")
        self._guard: McpGuard | None = None
        self._stopped = asyncio.Event()
        self._code: int | None = None
        self._telling: asyncio.Future[None] | None = None

    async def run(self) -> int:
        """Until either end is done; the exit code."""
        streams = OwnStreams()
        reader, writer = await streams.open()
        try:
            return await self._admit(reader, writer)
        finally:
            await streams.close()

    async def _admit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        chain = self._gateway.chain
        try:
            await chain.start_session(self._session)
        except HoopaddonError as e:
            logger.error("session refused: %s", e)
            await self._tell_refused(reader, writer, e.reason if isinstance(e, Refused) else "the gateway failed")
            await chain.end_session(self._session)
            return NOT_ADMITTED
        try:
            return await self._serve(reader, writer)
        finally:
            await self._gateway.chain.end_session(self._session)

    async def _tell_refused(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, reason: str) -> None:
        """The client's first request is answered; it would else see no more than that its server has gone."""
        with suppress(NotAMessage, OSError, TimeoutError, ValueError):
            line = await asyncio.wait_for(reader.readline(), LEAVE_S)
            message = read(line.strip(), from_client=True)
            if isinstance(message, Request):
                writer.write(write(Failure(message.id, REFUSED, f"refused: {reason}")) + b"\n")
                await writer.drain()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        try:
            child = await asyncio.create_subprocess_exec(
                *self._wrapped.command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=CHUNK_BYTES,
                start_new_session=True,
            )
        except OSError as e:
            logger.error("%s: cannot be started: %s", self._wrapped.command[0], e.strerror)
            await self._tell_refused(reader, writer, f"the server cannot be started: {e.strerror}")
            return NOT_FOUND
        self._on_signals()
        try:
            await self._between(child, reader, writer)
        finally:
            await self._end(child)
        if self._code is not None:
            return self._code
        code = child.returncode or 0
        return 128 - code if code < 0 else code

    async def _between(
        self, child: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if child.stdin is None or child.stdout is None:
            raise RuntimeError("the server has no pipes")
        wrapped = self._wrapped
        self._guard = McpGuard(
            self._session,
            self._gateway,
            _Sender(writer, self._stopped.set),
            _Sender(child.stdin, lambda: None),
            toolbox=Toolbox(Pins(self._gateway.confdir, wrapped.target.name, wrapped.target.address), wrapped.offer),
            binary=wrapped.binary,
            methods=wrapped.methods,
            limit_bytes=wrapped.limit_bytes,
        )
        self._session.when_ended(self._session_ended)
        client = asyncio.create_task(self._from_client(reader, child.stdin))
        server = asyncio.create_task(self._from_server(child.stdout))
        stopped = asyncio.create_task(self._stopped.wait())
        try:
            await asyncio.wait([server, stopped], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (client, server, stopped):
                task.cancel()
            await asyncio.wait([client, server, stopped])
            await self._guard.close()

    def _session_ended(self, reason: str) -> None:
        self._telling = asyncio.ensure_future(self._tell_ended(reason))

    async def _tell_ended(self, reason: str) -> None:
        """A policy has ended the session: whoever waits is told, if that client reads at all."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._needed_guard().give_up(reason), LEAVE_S)
        self._code = NOT_ADMITTED
        self._stopped.set()

    async def _from_client(self, reader: asyncio.StreamReader, to_server: asyncio.StreamWriter) -> None:
        guard, lines = self._needed_guard(), Lines(self._wrapped.limit_bytes)
        while data := await self._read(reader):
            for line in lines.feed(data):
                await _give(guard, line, from_client=True)
        for line in lines.close():
            await _give(guard, line, from_client=True)
        # Whoever sends requests and then closes its end still reads the answers.
        await guard.idle.wait()
        self._code = 0
        with suppress(OSError):
            to_server.close()
        await asyncio.sleep(LEAVE_S)
        self._stopped.set()

    async def _from_server(self, reader: asyncio.StreamReader) -> None:
        guard, lines = self._needed_guard(), Lines(self._wrapped.limit_bytes)
        while data := await self._read(reader):
            for line in lines.feed(data):
                await _give(guard, line, from_client=False)
        for line in lines.close():
            await _give(guard, line, from_client=False)
        await guard.give_up("the server has ended")

    @staticmethod
    async def _read(reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.read(CHUNK_BYTES)
        except OSError:
            return b""

    def _needed_guard(self) -> McpGuard:
        if self._guard is None:
            raise RuntimeError("nothing is served")
        return self._guard

    def _on_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in _INTERRUPTED:
            loop.add_signal_handler(number, self._on_signal, number)

    def _on_signal(self, number: int) -> None:
        self._code = 128 + number
        self._stopped.set()

    async def _end(self, child: asyncio.subprocess.Process) -> None:
        """End the server and what it has started, in the order that the specification asks for."""
        if child.stdin is not None:
            with suppress(OSError):
                child.stdin.close()
        for number in (None, signal.SIGTERM, signal.SIGKILL):
            if number is not None:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(child.pid, number)
            with suppress(TimeoutError):
                await asyncio.wait_for(child.wait(), LEAVE_S)
                break
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)


class _Sender:
    """Lines into a stream, one after the other; who sends waits while it takes none."""

    def __init__(self, writer: asyncio.StreamWriter, on_broken: Callable[[], None]) -> None:
        self._writer = writer
        self._on_broken = on_broken

    async def __call__(self, message: bytes) -> None:
        try:
            self._writer.write(message + b"\n")
            await self._writer.drain()
        except (OSError, RuntimeError):
            self._on_broken()


async def _give(guard: McpGuard, line: bytes | None, *, from_client: bool) -> None:
    try:
        if line is None:
            await guard.oversized(from_client=from_client)
        elif from_client:
            await guard.from_client(line)
        else:
            await guard.from_server(line)
    except Exception as e:
        # What nobody could read to its end is not sent on; the next line is another message.
        logger.error("a message was dropped: %s at %s", type(e).__name__, place(e))


async def wrap(gateway: Gateway, wrapped: Wrapped) -> int:
    """Stand between the client at our stdin and stdout and the server; the exit code."""
    return await Wrapper(gateway, wrapped).run()


def named(command: Sequence[str]) -> str:
    """What a server is called that nobody has named: its package or program."""
    words = [word for word in command if not word.startswith("-")] or list(command)
    launchers = {"npx", "uvx", "pipx", "node", "python", "python3", "uv", "bunx", "bun", "deno", "env", "run", "exec"}
    chosen = next((word for word in words if os.path.basename(word) not in launchers), words[0])
    # `/opt/server-x/dist/index.js` is called server-x, and `@scope/server-x@1.2` too.
    parts = [part for part in chosen.split("/") if part]
    names = [_SUFFIX.sub("", part) for part in reversed(parts) if not part.startswith("@")]
    return next((name for name in names if name not in _GENERIC), "") or "server"
