"""One client's connection and the gateway's own to the target, with the session that both are."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import asyncssh
from mitmproxy import ctx

from hoopaddon.adapters.ssh.login.choice import Choice
from hoopaddon.adapters.ssh.login.proof import ClientCheck, Identity
from hoopaddon.adapters.ssh.login.target import TargetLogin, TargetSide, TargetUnreachable
from hoopaddon.adapters.ssh.mode import SshTarget
from hoopaddon.errors import Refused
from hoopaddon.policy.chain import PolicyFailed, place
from hoopaddon.relay.listener import Opened
from hoopaddon.session import Session, Target

if TYPE_CHECKING:
    from hoopaddon.adapters.ssh.login.client import ClientConnection
    from hoopaddon.adapters.ssh.session.channel import ClientChannel
    from hoopaddon.gateway import Gateway

logger = logging.getLogger(__name__)

PARTING_S = 2.0
"""How long a client that gets no session has to read why in the channel it opens, before it is told otherwise."""
HANG_UP_S = 0.5
"""How long the target has to read that the programs of a session are hung up on."""
MAX_PARAMETER_CHARS = 256


class NotAdmitted(Exception):
    """The client is who it says, and still gets no session; the text is for the client."""


class Connection:
    """See the module. Channels await `admitted` before they do anything."""

    def __init__(self, gateway: "Gateway", choice: Choice, opened: Opened) -> None:
        self.gateway = gateway
        self.opened = opened
        self.asked = ""
        """The user name that the client asked for, without the target's."""
        self._choice = choice
        self._served = choice.served[0]
        self.session: Session | None = None
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the session has ended, and everything of it."""
        self._client: ClientConnection | None = None
        self._peer: tuple[Any, ...] | None = None
        self._target: TargetSide | None = None
        self._admission: asyncio.Task[asyncssh.SSHClientConnection] | None = None
        self._running: set[asyncio.Task[None]] = set()
        self.channels: set[ClientChannel] = set()
        """The session channels that are open."""
        self._timer: asyncio.TimerHandle | None = None
        self._draining = False
        self._ending: asyncio.Task[None] | None = None

    # -- the target

    @property
    def mode(self) -> SshTarget:
        return self._served.target

    @property
    def check(self) -> ClientCheck:
        return self._served.check

    @property
    def login(self) -> TargetLogin:
        return self._served.login

    def choose(self, username: str) -> bool:
        """Whether there is a target that this name is meant for; from now on it is this connection's."""
        found = self._choice.of(username)
        if found is not None:
            self._served, self.asked = found
        return found is not None

    # -- the client

    @property
    def client_host(self) -> str:
        """The client's address without its port."""
        return str(self._peer[0]) if self._peer else ""

    @property
    def client_address(self) -> str:
        """`host:port`."""
        return f"{self._peer[0]}:{self._peer[1]}" if self._peer else ""

    def client_connected(self, conn: "ClientConnection") -> None:
        """A client is there, and may turn out to be anybody."""
        self._client = conn
        # Once it is gone nobody else knows from where it came.
        self._peer = conn.get_extra_info("peername")

    def begin(self, identity: Identity, target: TargetSide | None) -> None:
        """The client has proved who it is; where its login went to the target, that connection is there."""
        if self._client is None or self._admission is not None:
            return
        self._target = target
        self._client.active_at = time.monotonic()
        self._admission = asyncio.get_running_loop().create_task(self._admit(identity))
        self._admission.add_done_callback(self._decided)

    async def admitted(self) -> asyncssh.SSHClientConnection:
        """The connection to the target, once the policies want the session. Raises `NotAdmitted`."""
        if self._admission is None:
            raise NotAdmitted("not logged in")
        if self._draining:
            raise NotAdmitted("the gateway is shutting down")
        if self.session is not None and self.session.ended:
            raise NotAdmitted(self.session.ended)
        return await asyncio.shield(self._admission)

    # -- its admission

    async def _admit(self, identity: Identity) -> asyncssh.SSHClientConnection:
        """Raises `NotAdmitted`, and nothing else: what goes wrong lets nobody in."""
        session = self.session = self._new_session(identity)
        address = self.client_address
        try:
            await self.gateway.chain.start_session(session)
            side = self._target or await self.login.connect(self.asked, ctx.options.connect_timeout)
        except Refused as e:
            logger.info("%s: session refused: %s", address, e.reason)
            raise NotAdmitted(e.reason) from None
        except PolicyFailed as e:
            raise NotAdmitted(str(e)) from None
        except TargetUnreachable as e:
            logger.warning("%s: %s", address, e)
            raise NotAdmitted(e.reason) from None
        except Exception as e:
            logger.error("%s: session ended by %s at %s", address, type(e).__name__, place(e))
            raise NotAdmitted("the gateway failed") from None
        self._target = side
        if side.conn is None or side.conn.is_closed():
            raise NotAdmitted(f"the target {session.target.name} ended the connection")
        side.when_lost = self._target_lost
        session.when_ended(self._session_ended)
        self._watch_idleness()
        logger.info("%s: %s at %s by %s, session %s", address, *_names(session), identity.proof, session.id)
        return side.conn

    def _new_session(self, identity: Identity) -> Session:
        target = self.mode.target
        parameters = {
            "user": _printable(self.asked),
            "client_version": self._extra("client_version"),
            "login": identity.proof,
        }
        seen = {name: value[:MAX_PARAMETER_CHARS] for name, value in parameters.items()}
        where = Target(target.name, "ssh", target.address, target.labels)
        return Session(identity.user, where, self.client_address, seen)

    def _extra(self, name: str) -> str:
        return _printable(str(self._client.get_extra_info(name, ""))) if self._client is not None else ""

    def _decided(self, admission: "asyncio.Task[asyncssh.SSHClientConnection]") -> None:
        """Whoever is not admitted and opens no channel has to be told in another way."""
        error = None if admission.cancelled() else admission.exception()
        if error is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(PARTING_S, self._part, asyncssh.DISC_BY_APPLICATION, str(error))

    # -- its end

    def run(self, channel: asyncio.Task[None]) -> None:
        """Keep a channel's task until it is done."""
        self._running.add(channel)
        channel.add_done_callback(self._running.discard)

    async def drain(self) -> None:
        """Take no new channels, and return when no command is in flight."""
        self._draining = True
        busy = bool(self._running)
        while self._running:
            await asyncio.wait(self._running)
        if busy:
            # Who has just been told an exit status leaves with it, and would lose it to a disconnect.
            await asyncio.wait([self.closed], timeout=PARTING_S)
        self._part(asyncssh.DISC_BY_APPLICATION, "the gateway is shutting down")

    def close(self) -> None:
        """End both connections."""
        self._part(asyncssh.DISC_BY_APPLICATION, "the gateway is shutting down")
        self._close_target()

    def _session_ended(self, reason: str) -> None:
        """A policy has ended it: whoever reads a channel reads why there, and all hear it as they are parted from."""
        channels = list(self.channels)
        for channel in channels:
            channel.end(reason)
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        # A connection that is cut may lose what was sent over it last: that programs are to end.
        loop.call_later(HANG_UP_S if channels else 0, self._close_target)
        self._timer = loop.call_later(PARTING_S if channels else 0, self._part, asyncssh.DISC_BY_APPLICATION, reason)

    def _part(self, code: int, text: str) -> None:
        if self._client is not None and not self._client.is_closed():
            self._client.disconnect(code, f"hoopaddon: {text}")

    def _close_target(self) -> None:
        if self._target is not None and self._target.conn is not None:
            self._target.when_lost = None
            self._target.conn.close()

    def _target_lost(self) -> None:
        """The target is gone: channels still say how they ended, then the client hears it too."""
        logger.info("%s: the target ended the connection", self.client_address)
        loop = asyncio.get_running_loop()
        text = f"the target {self.mode.target.name} ended the connection"
        self._timer = loop.call_later(PARTING_S, self._part, asyncssh.DISC_CONNECTION_LOST, text)

    def client_lost(self) -> None:
        """The client is gone."""
        if self._timer is not None:
            self._timer.cancel()
        if self._ending is None:
            self._ending = asyncio.get_running_loop().create_task(self._end())

    async def _end(self) -> None:
        if self._admission is not None:
            self._admission.cancel()
        for task in list(self._running):
            task.cancel()
        try:
            waiting = [*self._running, *((self._admission,) if self._admission is not None else ())]
            if waiting:
                await asyncio.wait(waiting)
            if self.session is not None:
                await self.gateway.chain.end_session(self.session)
        finally:
            self._close_target()
            if not self.closed.done():
                self.closed.set_result(None)

    def when_over(self, tell: Callable[["Connection"], None]) -> None:
        """`tell` is called once everything has ended."""
        self.closed.add_done_callback(lambda _: tell(self))

    # -- idleness

    def _watch_idleness(self) -> None:
        limit_s = ctx.options.idle_timeout
        if limit_s and self._client is not None:
            left_s = limit_s - (time.monotonic() - self._client.active_at)
            if left_s <= 0 and not self._client.runs_a_program():
                logger.info("%s: idle for %d s", self.client_address, limit_s)
                self._part(asyncssh.DISC_BY_APPLICATION, f"idle for {limit_s} s, the session ends here")
                return
            wait_s = left_s if left_s > 0 else limit_s
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._watch_idleness)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)


def _names(session: Session) -> tuple[str, str]:
    return session.user.subject, session.target.name
