"""Ways that a client opens through the connection: to the target's network, from it, and to the client's own agent.

Each is refused unless the mode allows its kind, and then judged as a command that lasts as long as the way is open.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, cast

import asyncssh
from asyncssh.constants import OPEN_ADMINISTRATIVELY_PROHIBITED, OPEN_CONNECT_FAILED

from hoopaddon.adapters.ssh.session.flow import one_line
from hoopaddon.adapters.ssh.session.pipe import End
from hoopaddon.adapters.ssh.session.running import Running, refusal
from hoopaddon.commands import Forward
from hoopaddon.facts import Facts
from hoopaddon.session import Session

if TYPE_CHECKING:
    from hoopaddon.adapters.ssh.session.connection import Connection

logger = logging.getLogger(__name__)

ALLOW = {"local": "local_forward", "remote": "remote_forward", "agent": "agent_forward"}
"""What the mode has to allow for each kind."""
_AGENT_OPEN = "_process_auth_agent_at_openssh_dot_com_open"


class SshForward(Forward, hook="ssh_forward", protocol="ssh"):
    """A way through the connection, to the target's network or from it."""

    __slots__ = ("_host", "_kind", "_port")

    def __init__(self, session: Session, kind: str, host: str = "", port: int = 0) -> None:
        place = f"{kind} {_address(host, port)}" if kind != "agent" else kind
        super().__init__(session, place)
        self._kind, self._host, self._port = kind, host, port

    @property
    def facts(self) -> Facts:
        """Its kind, and where it leads."""
        where = frozenset({_address(self._host, self._port)}) if self._kind != "agent" else frozenset[str]()
        return Facts(frozenset({self._kind}), where)

    @property
    def host(self) -> str:
        """Where it leads, or for `remote` where the target listens; empty for an agent."""
        return self._host

    @property
    def port(self) -> int:
        """The port there; 0 for an agent, and for `remote` where the target may choose."""
        return self._port


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class NotForwarded(Exception):
    """The way is not opened; the text is for the client."""


class Listener(asyncssh.SSHListener):
    """Where the target listens for the client, until the client has enough of it."""

    def __init__(self, inner: asyncssh.SSHListener, running: Running) -> None:
        super().__init__()
        self._inner = inner
        self._running = running

    def get_port(self) -> int:
        return self._inner.get_port()

    def close(self) -> None:
        self._running.end()
        self._inner.close()

    async def wait_closed(self) -> None:
        await self._inner.wait_closed()


class Forwards:
    """Those of one client's connection."""

    def __init__(self, connection: "Connection", client: asyncssh.SSHServerConnection) -> None:
        self._connection = connection
        self._client = client
        self._agent: Awaitable[bool] | None = None
        self._agent_granted = False
        self._open: set[Running] = set()

    def end(self) -> None:
        """The client's connection is over."""
        for running in list(self._open):
            running.end()
        self._open.clear()

    async def _granted(
        self, kind: str, host: str, port: int, say: Callable[[str], None]
    ) -> tuple[asyncssh.SSHClientConnection, Running]:
        """The target's connection, for a forward that the mode allows and the policies let pass."""
        from hoopaddon.adapters.ssh.session.connection import NotAdmitted

        allow = ALLOW[kind]
        if allow not in self._connection.mode.target.allowed:
            raise NotForwarded(f"{kind} forwarding is not allowed here")
        try:
            target = await self._connection.admitted()
        except NotAdmitted as e:
            raise NotForwarded(str(e)) from None
        session = self._connection.session
        if session is None:
            raise NotForwarded("not logged in")
        running = Running(self._connection.gateway, SshForward(session, kind, host, port))
        self._open.add(running)
        try:
            verdict = await running.judge(say)
        except BaseException:
            self._over(running, "the client left")
            raise
        if not verdict.passes:
            self._open.discard(running)
            raise NotForwarded(refusal(verdict))
        if running.ended:
            raise NotForwarded("the client has left")
        running.begin()
        return target, running

    def _over(self, running: Running, error: str = "") -> None:
        self._open.discard(running)
        running.end(error=error)

    def _refused(self, kind: str, why: object) -> str:
        text = one_line(why)
        logger.info("%s: no %s forward: %s", self._connection.client_address, kind, text)
        return text

    # -- local

    async def local(self, host: str, port: int, from_host: str, from_port: int) -> End:
        """The client's end of a way to `host`, as the target sees it. Raises `asyncssh.ChannelOpenError`."""
        running: Running | None = None
        try:
            target, running = await self._granted("local", host, port, _silent)
            ours, theirs = self._pair(running)
            await target.create_connection(cast(Any, lambda: theirs), host, port, from_host, from_port)
        except NotForwarded as e:
            raise asyncssh.ChannelOpenError(
                OPEN_ADMINISTRATIVELY_PROHIBITED, f"hoopaddon: {self._refused('local', e)}"
            ) from None
        except Exception as e:
            if running is not None:
                self._over(running, "the target refuses it")
            reason = e.reason if isinstance(e, asyncssh.ChannelOpenError) else "the target is gone"
            raise asyncssh.ChannelOpenError(OPEN_CONNECT_FAILED, one_line(reason)) from None
        return ours

    def _pair(self, running: Running) -> tuple[End, End]:
        return End.pair(self._counter(running), lambda: self._over(running))

    @staticmethod
    def _counter(running: Running) -> Callable[[int], None]:
        command = running.command

        def count(size: int) -> None:
            command.bytes += size

        return count

    # -- remote

    async def remote(self, host: str, port: int) -> asyncssh.SSHListener | None:
        """A listener at the target; None where it is refused: the protocol has no place for the reason."""
        running: Running | None = None
        try:
            target, running = await self._granted("remote", host, port, self._mention)
            inner = await target.create_server(cast(Any, self._acceptor(host, port, running)), host, port)
        except NotForwarded as e:
            self._mention(self._refused("remote", e))
            return None
        except Exception as e:
            if running is not None:
                self._over(running, "the target refuses it")
            self._mention(self._refused("remote", f"the target refuses it ({type(e).__name__})"))
            return None
        return Listener(inner, running)

    def _acceptor(self, host: str, port: int, running: Running) -> Callable[[str, int], Awaitable[End]]:
        async def accept(from_host: str, from_port: int) -> End:
            theirs, ours = End.pair(self._counter(running), _nothing)
            await self._open_to_client(
                self._client.create_connection(cast(Any, lambda: ours), host, port, from_host, from_port)
            )
            return theirs

        return accept

    @staticmethod
    async def _open_to_client(opening: Awaitable[object]) -> None:
        try:
            await opening
        except asyncssh.ChannelOpenError:
            raise
        except Exception:
            raise asyncssh.ChannelOpenError(OPEN_CONNECT_FAILED, "the client is gone") from None

    def _mention(self, text: str) -> None:
        """A global request has an answer without words: those who ask (`ssh -v`) see this."""
        self._client.send_debug(f"hoopaddon: {text}", always_display=True)

    # -- agent

    async def agent(self, say: Callable[[str], None]) -> bool:
        """Whether programs at the target may ask the client's agent. sshd asks for it once per connection."""
        if self._agent_granted:
            return True
        if not self._client.check_certificate_permission("agent-forwarding"):
            say(self._refused("agent", "the client's certificate does not permit it"))
            return False
        try:
            target, running = await self._granted("agent", "", 0, say)
        except NotForwarded as e:
            say(self._refused("agent", e))
            return False
        self._agent_granted = True
        # Where asyncssh looks for what answers the target's wish to open such a channel.
        vars(target)[_AGENT_OPEN] = self._agent_opener(target, running)
        return True

    def _agent_opener(
        self, target: asyncssh.SSHClientConnection, running: Running
    ) -> Callable[[Any], tuple[Any, Awaitable[End]]]:
        async def bridge(theirs: End, ours: End) -> End:
            channel = self._client.create_agent_channel()
            await self._open_to_client(channel.open(cast(Any, lambda: ours)))
            return theirs

        def opened(packet: Any) -> tuple[Any, Awaitable[End]]:
            packet.check_end()
            if running.ended:
                raise asyncssh.ChannelOpenError(OPEN_ADMINISTRATIVELY_PROHIBITED, "no agent")
            theirs, ours = End.pair(self._counter(running), _nothing)
            return target.create_unix_channel(), bridge(theirs, ours)

        return opened


def _silent(_text: str) -> None:
    """A channel that is being opened has no place for words."""


def _nothing() -> None:
    """The forward outlasts this connection through it."""
