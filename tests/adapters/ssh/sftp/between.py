"""A guard between a client and OpenSSH's own SFTP server, over pipes: no gateway, no SSH."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hoopaddon import Command, FileOperation, Session, Target, User
from hoopaddon.adapters.ssh.sftp.ends import Ends
from hoopaddon.adapters.ssh.sftp.guard import SftpGuard
from hoopaddon.approval import Approver
from hoopaddon.errors import HoopaddonError
from hoopaddon.policy.chain import Chain
from hoopaddon.policy.policies import Policy, flatten

SERVER = "/usr/lib/openssh/sftp-server"
CONNECT = (
    "import os,select,socket,sys\n"
    "s=socket.socket(socket.AF_UNIX);s.connect(sys.argv[1])\n"
    "ends={0:s.fileno(),s.fileno():1}\n"
    "while ends:\n"
    "  for e in select.select(list(ends),[],[])[0]:\n"
    "    d=os.read(e,65536);o=ends[e]\n"
    "    if not d:\n"
    "      if e==0: s.shutdown(socket.SHUT_WR);del ends[0];continue\n"
    "      sys.exit(0)\n"
    "    while d: d=d[os.write(o,d):]\n"
)
"""A program that connects its own pipes to a socket."""


@dataclass
class Rules:
    """The policies of one test: the operations that are refused, and what has ended."""

    refuses: Callable[[FileOperation], str] = lambda _: ""
    asks: Callable[[FileOperation], bool] = lambda _: False
    seen: list[FileOperation] = field(default_factory=list)
    ended: list[FileOperation] = field(default_factory=list)

    async def _asked(self, command: FileOperation) -> None:
        await command.approve("two eyes more")

    def sftp_operation(self, command: FileOperation) -> Any:
        from hoopaddon import Refused

        self.seen.append(command)
        if reason := self.refuses(command):
            raise Refused(reason)
        return self._asked(command) if self.asks(command) else None

    def command_end(self, command: Command) -> None:
        assert isinstance(command, FileOperation)
        self.ended.append(command)

    @property
    def texts(self) -> list[str]:
        return [command.text for command in self.seen]


def policies(*addons: object) -> Iterable[Policy]:
    for addon in addons:
        yield from flatten(addon, type(addon).__name__.lower())


@dataclass
class Judge:
    chain: Chain


def judge(*addons: object, approver: Approver | None = None) -> Judge:
    return Judge(Chain(policies(*addons), approver=approver))


def session() -> Session:
    return Session(User("ada"), Target("files", "ssh", "files:22", MappingProxyType({})), "127.0.0.1:1")


@dataclass
class Between:
    """One conversation, with what went over it."""

    guard: SftpGuard
    told: list[str] = field(default_factory=list)
    errors: list[HoopaddonError] = field(default_factory=list)


@contextlib.asynccontextmanager
async def between(
    gateway: Judge, folder: Path, server: tuple[str, ...] = (SERVER,)
) -> AsyncIterator[tuple[socket.socket, Between]]:
    """The client's end of a conversation with a server that runs in `folder`."""
    ours, theirs = socket.socketpair()
    process = await asyncio.create_subprocess_exec(
        *server, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=folder
    )
    ours.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=ours)
    conversation, tasks = connect(gateway, reader, writer, process)
    try:
        yield theirs, conversation
    finally:
        theirs.close()
        conversation.guard.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()
        writer.close()


def connect(
    gateway: Judge, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, process: asyncio.subprocess.Process
) -> tuple[Between, list[asyncio.Task[None]]]:
    """Let a guard stand between a client's streams and a server."""
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None
    assert stdout is not None
    going = asyncio.Event()
    going.set()

    def fail(error: HoopaddonError) -> None:
        conversation.errors.append(error)
        stdin.close()
        writer.close()

    guard = SftpGuard(
        session(),
        gateway,
        Ends(
            stdin.write,
            writer.write,
            hold_client=lambda hold: going.clear() if hold else going.set(),
            target_eof=stdin.close,
            tell=lambda text: conversation.told.append(text),
            fail=fail,
        ),
    )
    conversation = Between(guard)

    async def client() -> None:
        while data := await reader.read(32768):
            guard.client_data(data)
            await going.wait()
            await stdin.drain()
        guard.client_eof()

    async def server() -> None:
        while data := await stdout.read(32768):
            guard.server_data(data)
            await writer.drain()
        guard.close()
        writer.close()

    return conversation, [asyncio.ensure_future(client()), asyncio.ensure_future(server())]


@contextlib.asynccontextmanager
async def listening(
    gateway: Judge, folder: Path, socket_path: Path
) -> AsyncIterator[tuple[list[str], list[Between]]]:
    """A program that programs such as `sftp -D` can take for a server, and its conversations."""
    conversations: list[Between] = []
    running: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        process = await asyncio.create_subprocess_exec(
            SERVER, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=folder
        )
        conversation, tasks = connect(gateway, reader, writer, process)
        conversations.append(conversation)
        running.extend(tasks)
        await asyncio.gather(*tasks, return_exceptions=True)
        await process.wait()

    program = socket_path.with_name("server-by-socket")
    program.write_text(f"#!{sys.executable} -ISE\n{CONNECT.replace('sys.argv[1]', repr(str(socket_path)))}")
    program.chmod(0o755)
    served = await asyncio.start_unix_server(serve, socket_path)
    try:
        yield [str(program)], conversations
    finally:
        served.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
