"""A session channel: what the client asks of it is judged, and then runs on a channel to the target."""

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

import asyncssh

from hoopaddon.adapters.ssh.commands import SshExec, SshShell
from hoopaddon.command import Command, Verdict
from hoopaddon.policy.in_force import judged

if TYPE_CHECKING:
    from hoopaddon.adapters.ssh.session.connection import Connection

logger = logging.getLogger(__name__)

REFUSED_STATUS = 126
"""What a shell says of a command that it found and may not run."""
FAILED_STATUS = 255


class ClientChannel(asyncssh.SSHServerSession[bytes]):
    """The client's half."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self._channel: asyncssh.SSHServerChannel[bytes] | None = None
        self._target: asyncssh.SSHClientChannel[bytes] | None = None
        self._line: str | None = None
        self._pty: dict[str, Any] = {}
        self._early: list[tuple[bytes, Any]] = []
        self._eof = False

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._channel = chan

    def pty_requested(self, term_type: str, term_size: tuple[int, int, int, int], term_modes: Any) -> bool:
        self._pty = {"request_pty": "force", "term_type": term_type, "term_size": term_size, "term_modes": term_modes}
        return True

    def shell_requested(self) -> bool:
        return True

    def exec_requested(self, command: str) -> bool:
        self._line = command
        return True

    def session_started(self) -> None:
        self._connection.run(asyncio.get_running_loop().create_task(self._run()))

    async def _run(self) -> None:
        channel = self._channel
        if channel is None:
            return
        from hoopaddon.adapters.ssh.session.connection import NotAdmitted

        try:
            target = await self._connection.admitted()
        except NotAdmitted as e:
            self.say(str(e))
            channel.exit(FAILED_STATUS)
            return
        session = self._connection.session
        if session is None:
            return
        command: Command = SshExec(session, self._line) if self._line is not None else SshShell(session, "shell")
        gateway = self._connection.gateway
        verdict = await judged(gateway, command)
        if not verdict.passes:
            self.refuse(verdict)
            gateway.chain.end_command(command)
            return
        began = time.monotonic()
        half = TargetHalf(channel, command)
        line = command.text if self._line is not None else None
        self._target, _ = await target.create_session(lambda: half, line, encoding=None, **self._pty)
        for data, datatype in self._early:
            self._target.write(data, datatype)
        self._early.clear()
        if self._eof:
            self._target.write_eof()
        await half.ended
        command.duration_s = time.monotonic() - began
        gateway.chain.end_command(command)

    def say(self, text: str) -> None:
        """Tell the person at the other end, beside what the target says."""
        if self._channel is not None:
            self._channel.write_stderr(f"hoopaddon: {text}\n".encode())

    def refuse(self, verdict: Verdict) -> None:
        self.say(f"{verdict.reason} (refused by {verdict.addon})")
        if self._channel is not None:
            self._channel.exit(REFUSED_STATUS)

    def data_received(self, data: bytes, datatype: Any) -> None:
        if self._target is None:
            self._early.append((data, datatype))
        else:
            self._target.write(data, datatype)

    def eof_received(self) -> bool:
        self._eof = True
        if self._target is not None:
            self._target.write_eof()
        return True

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        if self._target is not None:
            self._target.change_terminal_size(width, height, pixwidth, pixheight)


class TargetHalf(asyncssh.SSHClientSession[bytes]):
    """The target's half."""

    def __init__(self, client: asyncssh.SSHServerChannel[bytes], command: Command) -> None:
        self._client = client
        self._command = command
        self._exit: tuple[Any, ...] = ()
        self._status: int | None = None
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes, datatype: Any) -> None:
        self._command.bytes += len(data)
        self._client.write(data, datatype)

    def eof_received(self) -> bool:
        return True

    def exit_status_received(self, status: int) -> None:
        self._status = status

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:
        self._exit = (signal, core_dumped, msg, lang)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._exit:
            self._client.exit_with_signal(*self._exit)
        elif self._status is not None:
            self._client.exit(self._status)
        else:
            self._client.close()
        if not self.ended.done():
            self.ended.set_result(None)
