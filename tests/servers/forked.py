"""The program `hoopaddon` in processes of its own that start at once: forked off one that has imported it already.

Most of a start is Python's imports and the compiling of patterns. They are done once for each test process, in one
that does nothing else (`serve`), and each program is a fork of that: with its own folder, environment, standard
streams and session, and from its first line on what `python -m hoopaddon` runs.
"""

import atexit
import contextlib
import gc
import json
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any

_LENGTH = struct.Struct("!I")
_STATUS = struct.Struct("!i")
_STREAMS = 3
_ONE_AT_A_TIME = threading.Lock()


class Program:
    """`hoopaddon` while it runs, to be asked as a `subprocess.Popen` is."""

    def __init__(self, pid: int, status: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._status = status

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        return self._look(0)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended. Raises `subprocess.TimeoutExpired`."""
        code = self._look(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("hoopaddon", timeout or 0)
        return code

    def send_signal(self, number: int, /) -> None:
        """Nothing where it has ended: its id may be somebody else's."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _look(self, within_s: float | None) -> int | None:
        if self.returncode is None and select.select([self._status], [], [], within_s)[0]:
            told = os.read(self._status, _STATUS.size)
            os.close(self._status)
            self.returncode = _STATUS.unpack(told)[0] if told else -signal.SIGKILL
        return self.returncode

    def __del__(self) -> None:
        if self.returncode is None:
            os.close(self._status)


def start(
    arguments: Sequence[str | os.PathLike[str]],
    *,
    cwd: str | os.PathLike[str],
    env: Mapping[str, str],
    stdout: IO[Any],
    stderr: IO[Any],
    stdin: IO[Any] | None = None,
) -> Program:
    """Start `hoopaddon` with these arguments; without `stdin` it reads nothing."""
    wanted = {"arguments": [os.fspath(word) for word in arguments], "cwd": os.fspath(cwd), "env": dict(env)}
    body = json.dumps(wanted).encode()
    status, theirs = os.pipe()
    with open(os.devnull) as nothing:
        streams = [stream.fileno() for stream in (stdin or nothing, stdout, stderr)]
        with _ONE_AT_A_TIME:
            channel = _forker()
            socket.send_fds(channel, [_LENGTH.pack(len(body))], [*streams, theirs])
            channel.sendall(body)
            os.close(theirs)
            pid = _STATUS.unpack(_exactly(channel, _STATUS.size))[0]
    return Program(pid, status)


def run(
    arguments: Sequence[str | os.PathLike[str]],
    *,
    cwd: str | os.PathLike[str],
    env: Mapping[str, str],
    text: str = "",
    within_s: float = 60,
) -> subprocess.CompletedProcess[str]:
    """Run `hoopaddon` to its end, with `text` as its input. Raises `subprocess.TimeoutExpired`, and then ends it."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write(text.encode())
        given.seek(0)
        program = start(arguments, cwd=cwd, env=env, stdin=given, stdout=out, stderr=err)
        try:
            code = program.wait(within_s)
        finally:
            program.kill()
        shown = []
        for stream in (out, err):
            stream.seek(0)
            shown.append(stream.read().decode())
        return subprocess.CompletedProcess(["hoopaddon", *arguments], code, *shown)


@cache
def _forker() -> socket.socket:
    """The channel to the process that forks, started when it is first needed."""
    ours, theirs = socket.socketpair()
    with theirs:
        command = [sys.executable, "-m", "tests.servers.forked", str(theirs.fileno())]
        root = Path(__file__).parents[2]
        process = subprocess.Popen(command, cwd=root, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
    atexit.register(_end, ours, process)
    return ours


def _end(channel: socket.socket, process: "subprocess.Popen[bytes]") -> None:
    channel.close()
    process.wait()


def _exactly(channel: socket.socket, count: int) -> bytes:
    read = channel.recv(count, socket.MSG_WAITALL)
    if len(read) < count:
        raise ConnectionError("the process that forks has ended")
    return read


# -- in the process that forks


def serve(channel: socket.socket) -> None:
    """Fork a program for each that is asked for. Returns when nobody can ask any more, and in each program, as it."""
    while True:
        header, descriptors, _, _ = socket.recv_fds(channel, _LENGTH.size, _STREAMS + 1)
        if not header:
            return
        wanted = json.loads(_exactly(channel, _LENGTH.unpack(header)[0]))
        # The one in between waits for the program, so that this one never has to.
        if not os.fork():
            if _fork_program(channel, descriptors, wanted):
                return
            os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)


def _fork_program(channel: socket.socket, descriptors: list[int], wanted: dict[str, Any]) -> bool:
    """Whether this is the program; else its parent, which has told how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *streams, status = descriptors
    pid = os.fork()
    if not pid:
        channel.close()
        os.close(status)
        _become(streams, wanted)
        return True
    for descriptor in streams:
        os.close(descriptor)
    channel.sendall(_STATUS.pack(pid))
    channel.close()
    _, ended = os.waitpid(pid, 0)
    # Nobody may be left who wants to know.
    with contextlib.suppress(BrokenPipeError):
        os.write(status, _STATUS.pack(os.waitstatus_to_exitcode(ended)))
    return False


def _become(streams: list[int], wanted: dict[str, Any]) -> None:
    os.setsid()
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(wanted["cwd"])
    os.environ.clear()
    os.environ.update(wanted["env"])
    # Found out once in a process, by the environment.
    tempfile.tempdir = None
    sys.argv = ["hoopaddon", *wanted["arguments"]]
    sys.path[0] = wanted["cwd"]
    # What a terminal's Ctrl-C would find, wherever the tests were started.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", closefd=False, errors="backslashreplace", buffering=1)


def _import() -> None:
    """All that a gateway imports, and the patterns of the shipped policies, compiled."""
    from hoopaddon.adapter import adapters
    from hoopaddon.detect import Prefilter
    from hoopaddon.testing import load

    adapters()
    for script in ("block_destructive.py", "require_approval.py", "record.py"):
        load(script)
    Prefilter(load("mask_pii.py").DEFAULT_ENTITIES)
    # What is imported by now stays, and forks need not look through it.
    gc.collect()
    gc.freeze()


def main() -> None:
    """Serve on the socket whose descriptor is the argument; in a fork of it, be `hoopaddon`."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    channel = socket.socket(fileno=int(sys.argv[1]))
    _import()
    serve(channel)
    if sys.argv[0] == "hoopaddon":
        runpy.run_module("hoopaddon", run_name="__main__")


if __name__ == "__main__":
    main()
