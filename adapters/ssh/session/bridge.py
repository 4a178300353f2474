"""One session channel at the target, and what goes between it and the client's while a command runs there."""

import asyncio
from typing import TYPE_CHECKING, Any, Protocol, cast

import asyncssh
from asyncssh.constants import EXTENDED_DATA_STDERR

from hoopaddon.adapters.ssh.session.flow import Socket, Valve, said
from hoopaddon.adapters.ssh.session.inlets import Inlet, Straight
from hoopaddon.adapters.ssh.session.running import REFUSED_STATUS, Running
from hoopaddon.adapters.ssh.session.wires import ClientWire, TargetWire, Wish
from hoopaddon.errors import HoopaddonError
from hoopaddon.output import Output
from hoopaddon.session import Session
from hoopaddon.stream import TextStream

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway

type Exit = tuple[str, bool, str, str]
"""A signal's name, whether core was dumped, a message, and its language."""


class Client(Protocol):
    """The client's half of the channel."""

    @property
    def wire(self) -> ClientWire: ...

    @property
    def source(self) -> Valve:
        """Stops what the client sends."""

    def say(self, text: str) -> None: ...

    def told(self, words: str) -> None:
        """What is shown at the terminal next is the gateway's own."""

    def fail(self, error: str) -> None:
        """Tell the client, and end its channel with the status of a refusal."""


class Bridge(asyncssh.SSHClientSession[bytes]):
    """The session of the target's channel. `ended` is set when nothing goes over it any more."""

    def __init__(
        self, gateway: "Gateway", client: Client, session: Session, running: Running | None, *, terminal: bool
    ) -> None:
        self._gateway = gateway
        self._client = client
        self._session = session
        self._running = running
        self._terminal = terminal
        self._wire: TargetWire | None = None
        self._status: int | None = None
        self._signal: Exit | None = None
        self._all_shown = False
        self._failed = False
        self._incomplete = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._sockets: list[tuple[Socket, Valve]] = []
        self.inlet: Inlet = Straight(self)
        """What stands before the target; set before `open`."""
        self.source = Valve(self._stop)
        self.ended = asyncio.Event()
        self._out = self._stream("terminal" if terminal else "stdout", None)
        self._err = self._out if terminal else self._stream("stderr", EXTENDED_DATA_STDERR)

    def _stream(self, kind: str, datatype: int | None) -> TextStream:
        def write(data: bytes) -> None:
            self._show(data, datatype)

        def hold(paused: bool) -> None:
            self.source.turn(kind, paused)

        command = self._running.command if self._running is not None else None
        return TextStream(self._session, kind, command, self._gateway, write, self.refuse, hold)

    async def open(self, conn: asyncssh.SSHClientConnection, wish: Wish) -> None:
        """Ask the target. Raises `asyncssh.Error` and `OSError` where it refuses or is gone."""
        if self._running is not None:
            self._running.begin()
        if wish.terminal is not None:
            self._record_size(*wish.terminal.size[:2])
        await TargetWire.open(conn, self, wish)

    def not_opened(self) -> None:
        """The target has refused it."""
        self._stop_all()
        self._end("the target refuses it")
        self.ended.set()

    # -- from the client

    def to_target(self, data: bytes) -> None:
        """What may go there, goes there."""
        wire = self._wire
        if wire is not None and not wire.is_closing():
            wire.write(data)

    async def reach_target(self) -> None:
        """Returns when the target has taken what was sent to it, and what it had sent by then is here."""
        if self._wire is not None:
            await self._wire.reach()

    def eof_to_target(self) -> None:
        """The client sends no more."""
        if self._wire is not None:
            self._wire.write_eof()

    def resize(self, columns: int, rows: int, width: int, height: int) -> None:
        """The client's window has changed."""
        if self._wire is not None:
            self._wire.change_terminal_size(columns, rows, width, height)
        self._record_size(columns, rows)
        self.inlet.resized(columns, rows)

    def send_signal(self, name: str) -> None:
        if self._wire is not None:
            self._wire.send_signal(name)

    def send_break(self, milliseconds: int) -> bool:
        if self._wire is None or not self._terminal:
            return False
        self._wire.send_break(milliseconds)
        return True

    def client_reads_no_more(self) -> None:
        """What the target sends has nowhere to go."""
        if self._wire is not None:
            self._wire.say_reads_no_more()

    def client_paused(self, paused: bool) -> None:
        """The client's window is full, or is no longer."""
        self.source.turn("client", paused)
        for stream in {self._out, self._err}:
            stream.client_paused(paused)
        self.inlet.client_paused(paused)

    def client_left(self) -> None:
        """Nobody is there to send to."""
        self._stop_all()
        self._end("the client left")
        if self._wire is not None:
            self._wire.close()
        self.ended.set()

    # -- from the target

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self._wire = cast(TargetWire, chan)
        if self._failed or self.ended.is_set():
            # The client has left meanwhile: nothing more is asked of the target.
            chan.close()
            return
        for source, reason, wire in (
            (self.source, "client's socket", self._client.wire),
            (self._client.source, "target's socket", chan),
        ):
            socket = Socket.of(wire.get_connection())
            socket.watch(source, reason)
            self._sockets.append((socket, source))

    def data_received(self, data: bytes, datatype: int | None) -> None:
        if self._failed or self.ended.is_set():
            return
        if datatype is None:
            self.inlet.server_data(data)
        else:
            self._err.feed(data)

    def eof_received(self) -> bool:
        if not self._failed and not self.ended.is_set():
            self._out.flush()
            self._err.flush()
            self._run(self._pass_eof())
        return True

    def exit_status_received(self, status: int) -> None:
        self._status = status

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:
        self._signal = (signal, core_dumped, msg, lang)

    def xon_xoff_requested(self, client_can_do: bool) -> None:
        self._client.wire.set_xon_xoff(client_can_do)

    def reads_no_more(self) -> None:
        self._client.wire.say_reads_no_more()

    def pause_writing(self) -> None:
        self._client.source.close("target")

    def resume_writing(self) -> None:
        self._client.source.open("target")

    def connection_lost(self, exc: Exception | None) -> None:
        if self.ended.is_set():
            return
        self._run(self._conclude(lost=exc is not None))

    # -- its end

    async def _pass_eof(self) -> None:
        await self._drained()
        if not self._client.wire.is_closing():
            self._client.wire.write_eof()
            self._all_shown = True

    @property
    def awaits_end(self) -> bool:
        """Whether nothing but the command's status is still to come."""
        return self._all_shown and not self.ended.is_set()

    async def _conclude(self, *, lost: bool) -> None:
        """All that the target has said is shown before its end is."""
        self._out.close()
        self._err.close()
        await self._drained()
        if self._failed or self.ended.is_set():
            return
        self._stop_all(but=asyncio.current_task())
        client = self._client
        known = self._signal is not None or self._status is not None
        if lost and not known:
            client.say("the target has closed the connection")
        if self._incomplete:
            client.wire.exit(REFUSED_STATUS)
        elif self._signal is not None:
            client.wire.exit_with_signal(*self._signal)
        elif self._status is not None:
            client.wire.exit(self._status)
        else:
            client.wire.close()
        self._end("" if known or not lost else "the target closed the connection")
        self.ended.set()

    async def _drained(self) -> None:
        await self._out.drained()
        await self._err.drained()

    def _tag(self) -> str:
        if self._signal is not None:
            return f"signal {self._signal[0]}{' (core dumped)' if self._signal[1] else ''}"
        return f"exit {self._status}" if self._status is not None else ""

    def fail(self, error: str) -> None:
        """Our own part, or a policy's, does not let it go on."""
        if self._failed or self.ended.is_set():
            return
        self._failed = True
        self._stop_all()
        self._end(error)
        self._client.fail(error)
        if self._wire is not None:
            self._wire.close()
        self.ended.set()

    def hang_up(self, error: str) -> None:
        """The session is over: so is the program."""
        if not self.ended.is_set():
            self.send_signal("HUP")
        self.fail(error)

    def refuse_rest(self) -> None:
        """What went before runs to its end, and the client is to know that it was not all."""
        self._incomplete = True

    def refuse(self, error: HoopaddonError) -> None:
        """A policy, or what the gateway cannot read, lets nothing further pass."""
        self.fail(said(error))

    def _end(self, error: str) -> None:
        if self._running is not None:
            self._running.end(self._tag(), error)

    def _stop_all(self, but: "asyncio.Task[Any] | None" = None) -> None:
        for stream in {self._out, self._err}:
            stream.abort()
        self.inlet.close()
        for task in self._tasks - {but}:
            task.cancel()
        for socket, source in self._sockets:
            socket.forget(source)

    def _run(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        if not task.done():
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    # -- to the client

    def through_policies(self, data: bytes) -> None:
        """What the target has written to its standard output."""
        self._out.feed(data)

    def to_client(self, data: bytes) -> None:
        """What the client may have as it stands."""
        self._show(data, None)

    def words(self, data: bytes) -> None:
        """What the gateway itself shows at the terminal."""
        self._client.told(data.decode("utf-8", "surrogateescape"))
        self._show(data, None)

    def say(self, text: str) -> None:
        """A line for the person at the client."""
        self._client.say(text)

    def hold_client(self, held: bool) -> None:
        """The client is to send nothing while what stands before the target is at work."""
        self._client.source.turn("inlet", held)

    def _show(self, data: bytes, datatype: int | None) -> None:
        self.inlet.shown(data)
        if self._running is not None:
            self._running.command.bytes += len(data)
        wire = self._client.wire
        if not wire.is_closing():
            wire.write(data, datatype)

    def _stop(self, stop: bool) -> None:
        if self._wire is None:
            return
        if stop:
            self._wire.pause_reading()
        else:
            self._wire.resume_reading()

    def _record_size(self, columns: int, rows: int) -> None:
        """Those who record how the terminal looks need to know how big it is."""
        command = self._running.command if self._running is not None else None
        output = Output(self._session, "resize", f"{columns}x{rows}", command)
        try:
            pending = self._gateway.chain.edit_output(output)
        except HoopaddonError as e:
            self.refuse(e)
            return
        if pending is not None:
            self._run(self._recorded(pending))

    async def _recorded(self, pending: Any) -> None:
        try:
            await pending
        except HoopaddonError as e:
            self.refuse(e)
