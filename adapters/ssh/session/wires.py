"""asyncssh's channels with what a gateway has to know or say beside: requests that asyncssh keeps to itself.

They rest on methods of asyncssh that its manual does not name; the tests of this folder fail where those change.
"""

import inspect
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import asyncssh
from asyncssh.constants import MSG_CHANNEL_CLOSE, OPEN_REQUEST_PTY_FAILED, OPEN_REQUEST_SESSION_FAILED
from asyncssh.packet import Byte, SSHPacket, String, UInt32

from hoopaddon.adapters.ssh.packets import unlogged

EOW = b"eow@openssh.com"
"""End of write: who says so reads no more (OpenSSH's PROTOCOL, 2.1)."""
KEEP_ALIVE = b"keepalive@openssh.com"
AGENT_REQUEST = b"auth-agent-req@openssh.com"


class ClientRequests(Protocol):
    """What the session of a `ClientWire` answers beside what asyncssh asks every session."""

    def environment_requested(self, name: bytes, value: bytes) -> bool: ...

    def agent_requested(self) -> bool | Awaitable[bool]: ...

    def reads_no_more(self) -> None: ...

    @property
    def awaits_end(self) -> bool: ...

    def close_received(self) -> None: ...


class ClientWire(asyncssh.SSHServerChannel[bytes]):
    """A session channel that a client has opened."""

    log_sent_packet = log_received_packet = unlogged

    @classmethod
    def on(cls, conn: asyncssh.SSHServerConnection) -> "ClientWire":
        """One more channel of this connection."""
        # Made there with all that the connection's options say; then it becomes ours.
        wire = conn.create_server_channel(encoding=None)
        wire.__class__ = cls
        return cast(ClientWire, wire)

    @property
    def requests(self) -> ClientRequests:
        return cast(ClientRequests, self._session)

    def _process_close(self, pkttype: int, pktid: int, packet: SSHPacket) -> None:
        session: Any = self._session
        if session is not None and self._recv_state == "eof" and session.awaits_end:
            # Both sides have said all: a client closes then, and is owed the status that follows. asyncssh would
            # close at once; sshd does when the command has ended, and so does `exit` here.
            packet.check_end()
            self._recv_state = "close_pending"
            return
        # Where reading is paused asyncssh tells of a close only after it has been resumed.
        super()._process_close(pkttype, pktid, packet)
        if session is not None:
            session.close_received()

    def _process_env_request(self, packet: SSHPacket) -> bool:
        name, value = packet.get_string(), packet.get_string()
        packet.check_end()
        return self.requests.environment_requested(name, value)

    def _process_auth_agent_req_at_openssh_dot_com_request(self, packet: SSHPacket) -> None:
        packet.check_end()
        self._conn.create_task(self._answer(self.requests.agent_requested()), self.logger)

    async def _answer(self, answer: bool | Awaitable[bool]) -> None:
        self._report_response(await answer if inspect.isawaitable(answer) else answer)

    def _process_eow_at_openssh_dot_com_request(self, packet: SSHPacket) -> bool:
        packet.check_end()
        self.requests.reads_no_more()
        return True

    def say_reads_no_more(self) -> None:
        """The target takes no more of what the client sends."""
        self._send_request(EOW)

    _packet_handlers = {**asyncssh.SSHServerChannel._packet_handlers, MSG_CHANNEL_CLOSE: _process_close}  # noqa: RUF012


@dataclass(frozen=True, slots=True)
class Terminal:
    """A terminal as a client asks for one: RFC 4254, section 6.2."""

    name: str
    size: tuple[int, int, int, int]
    """Columns, rows, and both in pixels."""
    modes: Mapping[int, int]


@dataclass(slots=True)
class Wish:
    """What is asked of a new channel at the target: `exec`, `shell` or `subsystem`, and what belongs to it."""

    request: str
    text: str = ""
    environment: dict[bytes, bytes] = field(default_factory=dict)
    terminal: Terminal | None = None
    agent: bool = False


class TargetRequests(Protocol):
    """What the session of a `TargetWire` answers beside what asyncssh asks every session."""

    def reads_no_more(self) -> None: ...


class TargetWire(asyncssh.SSHClientChannel[bytes]):
    """A session channel to a target."""

    log_sent_packet = log_received_packet = unlogged

    @classmethod
    async def open(
        cls, conn: asyncssh.SSHClientConnection, session: "asyncssh.SSHClientSession[bytes]", wish: Wish
    ) -> "TargetWire":
        """One more channel of this connection, with the wish granted. Raises `asyncssh.ChannelOpenError`."""
        # asyncssh's own way to do this takes an empty command line for a wish to have a shell.
        window, packet_bytes = 2 << 20, 1 << 15
        conn._update_recv_pktlen(packet_bytes)
        wire = cls(conn, conn._loop, "strict", None, "strict", window, packet_bytes)
        opened = await wire._open(b"session")
        opened.check_end()
        wire._session = session
        session.connection_made(wire)
        for name, value in wish.environment.items():
            wire._send_request(b"env", String(name), String(value))
        if wish.terminal is not None:
            await wire._ask_for_terminal(wish.terminal)
        if wish.agent:
            wire._send_request(AGENT_REQUEST)
        arguments = () if wish.request == "shell" else (String(wish.text),)
        if not await wire._make_request(wish.request.encode("ascii"), *arguments):
            wire.close()
            raise asyncssh.ChannelOpenError(OPEN_REQUEST_SESSION_FAILED, f"it grants no {wish.request}")
        session.session_started()
        await wire._start_reading()
        return wire

    async def _ask_for_terminal(self, terminal: Terminal) -> None:
        modes = b"".join(Byte(mode) + UInt32(value) for mode, value in terminal.modes.items()) + Byte(0)
        size = [UInt32(number) for number in terminal.size]
        if not await self._make_request(b"pty-req", String(terminal.name), *size, String(modes)):
            self.close()
            raise asyncssh.ChannelOpenError(OPEN_REQUEST_PTY_FAILED, "it grants no terminal")

    def _process_eow_at_openssh_dot_com_request(self, packet: SSHPacket) -> bool:
        packet.check_end()
        cast(TargetRequests, self._session).reads_no_more()
        return True

    async def reach(self) -> None:
        """Returns when the target has answered: it has taken what was sent, and what it had sent then is here."""
        # What clients ask to keep a connection alive. Whatever the answer says, it comes in its turn (RFC 4254, 4).
        await self._conn._make_global_request(KEEP_ALIVE)

    def say_reads_no_more(self) -> None:
        """The client takes no more of what the target sends."""
        self._send_request(EOW)
