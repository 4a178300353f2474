"""A session channel: what the client asks of it is judged, and then runs on a channel to the target."""

import asyncio
import logging
from collections.abc import Awaitable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import asyncssh

from hoopaddon.adapters.ssh.commands import SshExec, SshShell, SshSubsystem
from hoopaddon.adapters.ssh.session import inlets, modes
from hoopaddon.adapters.ssh.session.bridge import Bridge
from hoopaddon.adapters.ssh.session.environment import bound, passes
from hoopaddon.adapters.ssh.session.flow import Valve, one_line
from hoopaddon.adapters.ssh.session.forwards import Forwards
from hoopaddon.adapters.ssh.session.inlets import MakeInlet
from hoopaddon.adapters.ssh.session.running import REFUSED_STATUS, Running, refusal
from hoopaddon.adapters.ssh.session.wires import ClientWire, Terminal, Wish
from hoopaddon.adapters.ssh.sftp.exec_line import transfer_of
from hoopaddon.command import Command
from hoopaddon.errors import HoopaddonError, Refused
from hoopaddon.output import Output
from hoopaddon.policy.chain import place
from hoopaddon.session import Session
from hoopaddon.terminal.piped import feeds_shell

if TYPE_CHECKING:
    from hoopaddon.adapters.ssh.session.connection import Connection

logger = logging.getLogger(__name__)

FAILED_STATUS = 255
SFTP = "sftp"
"""The one subsystem that can be seen into; others pass unseen, and only where the mode allows them by name."""
MOST_SIGNALS = 16
"""How many a client may send to a program before it runs."""


class ClientChannel(asyncssh.SSHServerSession[bytes]):
    """The client's half."""

    def __init__(self, connection: "Connection", forwards: Forwards) -> None:
        self._connection = connection
        self._forwards = forwards
        self._wire: ClientWire | None = None
        self._wish: Wish | None = None
        self._terminal: Terminal | None = None
        self._environment: dict[bytes, bytes] = {}
        self._agent = False
        self._running: Running | None = None
        self._bridge: Bridge | None = None
        self._task: asyncio.Task[None] | None = None
        self._early: list[bytes] = []
        self._signals: list[str] = []
        self._eof = self._open = self._gone = False
        self.source = Valve(self._stop)

    @property
    def wire(self) -> ClientWire:
        if self._wire is None:
            raise RuntimeError("the channel is not open yet")
        return self._wire

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._wire = cast(ClientWire, chan)

    # -- what the client asks for

    def environment_requested(self, name: bytes, value: bytes) -> bool:
        # What was judged, or is being judged, does not change afterwards.
        if self._wish is not None or not passes(name, self._connection.mode.target.allowed):
            return False
        self._environment[name] = value
        return True

    def pty_requested(self, term_type: str, term_size: tuple[int, int, int, int], term_modes: Any) -> bool:
        if self._wish is not None:
            return False
        self._terminal = Terminal(term_type, term_size, modes.allowed(term_modes))
        return True

    def agent_requested(self) -> bool | Awaitable[bool]:
        return self._request_agent()

    async def _request_agent(self) -> bool:
        self._agent = await self._forwards.agent(self.say)
        return self._agent

    def shell_requested(self) -> bool:
        return self._asked(Wish("shell"))

    def exec_requested(self, command: str) -> bool:
        return self._asked(Wish("exec", command))

    def subsystem_requested(self, subsystem: str) -> bool:
        return self._asked(Wish("subsystem", subsystem))

    def _asked(self, wish: Wish) -> bool:
        self._wish = wish
        return True

    def session_started(self) -> None:
        self._connection.channels.add(self)
        self._task = asyncio.get_running_loop().create_task(self._run())
        if not self._task.done():
            self._connection.run(self._task)

    # -- what comes of it

    async def _run(self) -> None:
        from hoopaddon.adapters.ssh.session.connection import NotAdmitted

        try:
            target = await self._connection.admitted()
            session = self._connection.session
            if session is None or self._wish is None:
                raise NotAdmitted("not logged in")
            await self._judge(session, target, self._wish)
        except NotAdmitted as e:
            self.say(str(e))
            self._exit(FAILED_STATUS)
        except Exception as e:  # our own mistake: nothing of this channel goes on
            logger.error(
                "%s: a channel ended by %s at %s", self._connection.client_address, type(e).__name__, place(e)
            )
            if self._running is not None:
                self._running.end(error="the gateway failed")
            self.fail("the gateway failed")

    async def _judge(self, session: Session, target: asyncssh.SSHClientConnection, wish: Wish) -> None:
        wish.environment, wish.terminal, wish.agent = self._environment, self._terminal, self._agent
        gateway = self._connection.gateway
        if wish.request == "subsystem" and wish.text == SFTP:
            # What is done over it is judged, each operation by itself. A terminal would edit the bytes after that.
            wish.terminal = None
            await self._bridged(target, wish, self._new_bridge(session, wish, None, inlets.sftp(session, gateway)))
            return
        if wish.request == "subsystem" and f"subsystem:{wish.text}" not in self._connection.mode.target.allowed:
            # Granted and then ended: clients show no word of a request that fails.
            name = one_line(wish.text)
            logger.info(
                "%s: refused the subsystem %s; allow=subsystem:%s lets it through",
                self._connection.client_address,
                name,
                name,
            )
            self.fail(f"the subsystem {name} is not allowed here")
            return
        running = self._running = Running(gateway, self._command(session, wish))
        verdict = await running.judge(self.say)
        if not verdict.passes:
            self.fail(refusal(verdict))
        elif self._gone:
            running.end(error="the client left")
        else:
            await self._start(session, target, wish, running)

    def _command(self, session: Session, wish: Wish) -> Command:
        beside = bound(self._environment)
        if wish.request == "exec":
            return SshExec(session, wish.text, beside)
        if wish.request == "subsystem":
            return SshSubsystem(session, wish.text, beside)
        columns, rows = self._terminal.size[:2] if self._terminal else (0, 0)
        name = self._terminal.name if self._terminal else ""
        return SshShell(session, wish.request, (name, columns, rows, *beside))

    async def _start(
        self, session: Session, target: asyncssh.SSHClientConnection, wish: Wish, running: Running
    ) -> None:
        make: MakeInlet | None = None
        command = running.command
        if isinstance(command, SshExec):
            wish.text = command.text
            try:
                line = transfer_of(command)
            except Refused as e:
                running.end(error=e.reason)
                self.fail(e.reason)
                return
            if line is not None:
                wish.terminal = None
                make = inlets.transfer(session, self._connection.gateway, line)
        if make is None and wish.terminal is not None:
            strict = "lines" in self._connection.mode.target.settings
            make = inlets.terminal(session, self._connection.gateway, wish.terminal.size[:2], strict=strict)
        elif make is None and (not isinstance(command, SshExec) or feeds_shell(command)):
            make = inlets.piped(session, self._connection.gateway)
        await self._bridged(target, wish, self._new_bridge(session, wish, running, make))

    def _new_bridge(self, session: Session, wish: Wish, running: Running | None, make: MakeInlet | None) -> Bridge:
        has_terminal = wish.terminal is not None
        bridge = self._bridge = Bridge(self._connection.gateway, self, session, running, terminal=has_terminal)
        if make is not None:
            bridge.inlet = make(bridge)
        return bridge

    async def _bridged(self, target: asyncssh.SSHClientConnection, wish: Wish, bridge: Bridge) -> None:
        try:
            await bridge.open(target, wish)
        except (asyncssh.Error, OSError) as e:
            logger.info("%s: the target refuses a channel: %s", self._connection.client_address, one_line(e))
            bridge.not_opened()
            if not self._gone:
                self.say(f"the target refuses it: {one_line(getattr(e, 'reason', e))}")
                self._exit(FAILED_STATUS)
            return
        self._begin(bridge)
        await bridge.ended.wait()

    def _begin(self, bridge: Bridge) -> None:
        """What the client has sent before there was anybody to take it goes first."""
        self._open = True
        for name in self._signals:
            bridge.send_signal(name)
        for data in self._early:
            bridge.inlet.client_data(data)
        self._early.clear()
        if self._eof:
            bridge.inlet.client_eof()
        self.source.open("starting")

    # -- what the client is told

    def say(self, text: str) -> None:
        """Tell the person at the other end, beside what the target says."""
        if self._wire is not None and not self._wire.is_closing():
            words = f"hoopaddon: {one_line(text)}" + ("\r\n" if self._terminal is not None else "\n")
            self.told(words)
            self._wire.write_stderr(words.encode(errors="replace"))

    def told(self, words: str) -> None:
        """Let observers see what the gateway itself says at a terminal. It is said whatever they make of it."""
        session = self._connection.session
        if self._terminal is None or session is None:
            return
        command = self._running.command if self._running is not None else None
        try:
            pending = self._connection.gateway.chain.show_output(Output(session, "terminal", words, command))
        except HoopaddonError:
            return
        if pending is not None:
            self._connection.run(asyncio.get_running_loop().create_task(_quietly(pending)))

    def fail(self, error: str) -> None:
        self.say(error)
        self._exit(REFUSED_STATUS)

    def end(self, reason: str) -> None:
        """The session is over: the client is told why, and what runs here is hung up on."""
        if self._bridge is not None:
            # Without a terminal a program would outlive the connection.
            self._bridge.hang_up(reason)
            return
        if self._running is not None:
            self._running.end(error=reason)
        self.fail(reason)
        if self._task is not None:
            self._task.cancel()

    def _exit(self, status: int) -> None:
        self._early.clear()
        if self._wire is not None:
            self._wire.exit(status)

    # -- what the client sends

    def data_received(self, data: bytes, datatype: int | None) -> None:
        if self.source.closed and self._wire is not None:
            # asyncssh resumes reading by itself when a request has been granted.
            self._wire.pause_reading()
        if self._open and self._bridge is not None:
            self._bridge.inlet.client_data(data)
        elif not self._gone:
            self._early.append(data)
            self.source.close("starting")

    def eof_received(self) -> bool:
        self._eof = True
        if self._open and self._bridge is not None:
            self._bridge.inlet.client_eof()
        return True

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        if self._terminal is None:
            return
        self._terminal = Terminal(self._terminal.name, (width, height, pixwidth, pixheight), self._terminal.modes)
        if self._bridge is not None:
            self._bridge.resize(width, height, pixwidth, pixheight)

    def signal_received(self, signal: str) -> None:
        if self._open and self._bridge is not None:
            self._bridge.send_signal(signal)
        elif len(self._signals) < MOST_SIGNALS:
            self._signals.append(signal)

    def break_received(self, msec: int) -> bool:
        return self._bridge is not None and self._bridge.send_break(msec)

    def reads_no_more(self) -> None:
        if self._bridge is not None:
            self._bridge.client_reads_no_more()

    def _stop(self, stop: bool) -> None:
        if self._wire is None or self._gone:
            return
        if stop:
            self._wire.pause_reading()
        else:
            self._wire.resume_reading()

    # -- what the client can take, and its leaving

    def pause_writing(self) -> None:
        if self._bridge is not None:
            self._bridge.client_paused(True)

    def resume_writing(self) -> None:
        if self._bridge is not None:
            self._bridge.client_paused(False)

    @property
    def awaits_end(self) -> bool:
        """Whether nothing but the command's status is still to be told."""
        return self._bridge is not None and self._bridge.awaits_end

    def close_received(self) -> None:
        self._leave()

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()

    def _leave(self) -> None:
        """A hold ends with the wish of the one who waited."""
        if self._gone:
            return
        self._gone = True
        self._connection.channels.discard(self)
        self._early.clear()
        if self._bridge is not None:
            self._bridge.client_left()
        elif self._running is not None:
            self._running.end(error="the client left")
        if self._task is not None and self._bridge is None:
            self._task.cancel()


async def _quietly(pending: Awaitable[None]) -> None:
    """What an observer does wrong is in the log by then."""
    with suppress(HoopaddonError):
        await pending
