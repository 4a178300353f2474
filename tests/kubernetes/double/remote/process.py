"""A command in a pod: a real process, with pipes or a terminal, for as long as its client is there."""

import asyncio
import fcntl
import os
import pty
import struct
import termios
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.kubernetes.double.remote.channels import STDERR, STDOUT, Channels, ended, not_run
from tests.kubernetes.double.remote.kubelet import stop

_LONGEST_S = 300


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a client wants of a session."""

    command: Sequence[str] = ()
    stdin: bool = False
    stdout: bool = True
    stderr: bool = True
    tty: bool = False


async def execute(wanted: Wanted, folder: Path, environment: Mapping[str, str], channels: Channels) -> None:
    """Run a command, and say how it ended."""
    run = _with_terminal if wanted.tty else _with_pipes
    try:
        process, tasks = await run(wanted, folder, environment, channels)
    except OSError as error:
        await channels.finish(not_run(list(wanted.command), error))
        return
    gone = asyncio.ensure_future(channels.gone())
    ending = asyncio.ensure_future(_ended(process, tasks))
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_S):
                await asyncio.wait((gone, ending), return_when=asyncio.FIRST_COMPLETED)
        if ending.done():
            await channels.finish(ended(_code(process)))
    finally:
        if process.returncode is None:
            await stop(process, 0.2)
        for task in (gone, ending, *tasks.values()):
            task.cancel()
        await asyncio.gather(gone, ending, *tasks.values(), return_exceptions=True)
        # What nobody has read keeps the pipes open.
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(1):
                await process.communicate()


type _Tasks = dict[str, "asyncio.Future[None]"]
type _Running = tuple[asyncio.subprocess.Process, _Tasks]


def _code(process: asyncio.subprocess.Process) -> int:
    code = process.returncode or 0
    return code if code >= 0 else 128 - code


async def _ended(process: asyncio.subprocess.Process, tasks: _Tasks) -> None:
    await process.wait()
    # What it started may still hold the pipes: only what is already there is waited for.
    outputs = [task for name, task in tasks.items() if name.startswith("out")]
    if outputs:
        await asyncio.wait(outputs, timeout=1)


async def _with_pipes(wanted: Wanted, folder: Path, environment: Mapping[str, str], channels: Channels) -> _Running:
    process = await asyncio.create_subprocess_exec(
        *wanted.command,
        cwd=folder,
        env=environment,
        stdin=asyncio.subprocess.PIPE if wanted.stdin else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    tasks: _Tasks = {}
    if process.stdout and process.stderr:
        tasks["out"] = asyncio.ensure_future(_copy(process.stdout, STDOUT, channels))
        tasks["out of errors"] = asyncio.ensure_future(_copy(process.stderr, STDERR, channels))
    if process.stdin:
        tasks["in"] = asyncio.ensure_future(_feed(channels, process.stdin))
    return process, tasks


async def _copy(reader: asyncio.StreamReader, channel: int, channels: Channels) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(32768):
            await channels.write(channel, data)


async def _feed(channels: Channels, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await channels.stdin():
            writer.write(data)
            await writer.drain()
        writer.close()


async def _with_terminal(
    wanted: Wanted, folder: Path, environment: Mapping[str, str], channels: Channels
) -> _Running:
    ours, theirs = pty.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            *wanted.command,
            cwd=folder,
            env={**environment, "TERM": "xterm"},
            preexec_fn=lambda: os.login_tty(theirs),
        )
    except OSError:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    tasks: _Tasks = {"out": asyncio.ensure_future(_terminal_output(ours, channels))}
    tasks["sizes"] = asyncio.ensure_future(_sizes(ours, channels))
    if wanted.stdin:
        tasks["in"] = asyncio.ensure_future(_type(ours, channels))
    return process, tasks


async def _terminal_output(terminal: int, channels: Channels) -> None:
    try:
        while data := await _readable(terminal):
            await channels.write(STDOUT, data)
    except ConnectionError:
        return
    finally:
        os.close(terminal)


async def _readable(terminal: int) -> bytes:
    """Some output; none once nobody has the terminal open any more, which Linux calls an I/O error."""
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_reader(terminal, ready.set_result, None)
    try:
        await ready
    finally:
        loop.remove_reader(terminal)
    try:
        return os.read(terminal, 32768)
    except OSError:
        return b""


async def _type(terminal: int, channels: Channels) -> None:
    with suppress(OSError):
        while data := await channels.stdin():
            os.write(terminal, data)


async def _sizes(terminal: int, channels: Channels) -> None:
    with suppress(OSError):
        while (size := await channels.size()) is not None:
            columns, rows = size
            fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
