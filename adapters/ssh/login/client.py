"""The client's side of a connection: who it is, and which sessions it opens."""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import asyncssh
from asyncssh.constants import MSG_CHANNEL_OPEN, MSG_IGNORE
from asyncssh.packet import SSHPacketLogger, String

from hoopaddon.adapters.ssh.login.algorithms import nothing_in_common
from hoopaddon.adapters.ssh.login.pass_through import PassThrough, TargetSilent
from hoopaddon.adapters.ssh.login.proof import Identity, NotProved
from hoopaddon.adapters.ssh.packets import may_need_padding, unlogged
from hoopaddon.adapters.ssh.session.requests import Requests
from hoopaddon.identity.throttle import Attempt, TooManyFailures
from hoopaddon.session import User

if TYPE_CHECKING:
    from hoopaddon.adapters.ssh.session.connection import Connection

logger = logging.getLogger(__name__)

MAX_SECRETS = 6
"""Passwords and answers that a client may get wrong."""
MAX_FAILURES = 24
"""Failed requests of any kind; an agent with many keys makes one for each."""
MAX_PENDING_BYTES = 1 << 20
"""What may arrive before its sender has proved who it is."""
PROMPT = "Token or password: "

type Challenge = bool | tuple[str, str, str, list[tuple[str, bool]]]


class ClientConnection(asyncssh.SSHServerConnection):
    """asyncssh's half of a client's connection, stricter than it comes.

    Public keys are checked here as a whole, because asyncssh takes SHA-1 signatures and certificates that name no
    principals; it counts no failed attempts, and keeps without limit what arrives while a login waits.
    """

    log_sent_packet = log_received_packet = unlogged
    failures = 0
    pads = True
    unmatched = ""
    """What client and gateway have no algorithm in common for."""
    active_at = 0.0
    """When a channel last had something to say to the client, by the monotonic clock."""

    @property
    def side(self) -> "ClientSide":
        """What decides about this client."""
        side = self.get_owner()
        if not isinstance(side, ClientSide):
            raise asyncssh.ConnectionLost("the client is gone")
        return side

    async def validate_public_key(self, username: str, key_data: bytes, msg: bytes, signature: bytes) -> bool:
        """Whether this key may log the user in and, where there is a signature, does."""
        side = self.side
        try:
            offer = side.connection.check.public_key(side.connection.asked, key_data, side.connection.client_host)
        except NotProved as e:
            side.failed(e)
            return False
        if not msg:
            return True
        if not side.connection.check.signed(offer, String(self._session_id) + msg, signature):
            side.failed(NotProved("the signature is not of this key and this session"))
            return False
        # From here on asyncssh keeps to what the certificate permits: pty, forwards, its own command.
        self._cert_options = offer.certificate.options if offer.certificate is not None else None
        side.proved(offer.identity)
        return True

    def send_userauth_failure(self, partial_success: bool) -> None:
        """Say no; to who has heard it too often, for the last time."""
        self.failures += 1
        if self.failures > MAX_FAILURES:
            self.too_many_failures()
        else:
            super().send_userauth_failure(partial_success)

    def too_many_failures(self) -> None:
        """Part from a client that guesses."""
        self.disconnect(asyncssh.DISC_PROTOCOL_ERROR, "Too many authentication failures")

    def _send_disconnect(self, code: int, reason: str, lang: str) -> None:
        # The client may have gone first for the same reason, and then that is all that asyncssh tells.
        if code == asyncssh.DISC_KEY_EXCHANGE_FAILED:
            self.unmatched = reason
        super()._send_disconnect(code, reason, lang)

    def data_received(self, data: bytes, datatype: int | None = None) -> None:
        if not self._auth_complete and len(self._inpbuf) > MAX_PENDING_BYTES:
            self.abort()
            return
        super().data_received(data, datatype)

    def send_packet(self, pkttype: int, *args: bytes, handler: SSHPacketLogger | None = None) -> None:
        if pkttype == MSG_IGNORE and not self.pads:
            return
        if pkttype >= MSG_CHANNEL_OPEN:
            self.active_at = time.monotonic()
        super().send_packet(pkttype, *args, handler=handler)

    def runs_a_program(self) -> bool:
        """Whether a channel is open on which something runs that nobody types at."""
        channels = list(self._channels.values())
        return any(isinstance(c, asyncssh.SSHServerChannel) and c.get_command() is not None for c in channels)


class ClientSide(Requests):
    """What asyncssh asks about one client."""

    def __init__(self, connection: "Connection", *, overloaded: bool, hopeless: bool = False) -> None:
        super().__init__(connection)
        self.connection = connection
        self._unwanted = overloaded
        self._hopeless = hopeless
        self._wrong = 0
        self._asked = False
        self._identity: Identity | None = None
        self._pass_through: PassThrough | None = None
        self._client: ClientConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        super().connection_made(conn)
        if isinstance(conn, ClientConnection):
            self._client = conn
            conn.pads = may_need_padding(conn)
            self.connection.client_connected(conn)
        if self._hopeless:
            asyncio.get_running_loop().call_soon(conn.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if not self._asked and self._client is not None and self._client.get_extra_info("client_version"):
            logger.info("%s: login failed: %s", self.connection.client_address, _why_left(self._client.unmatched))
        if self._pass_through is not None:
            self._pass_through.abandon()
        self.connection.client_lost()

    # -- who it is

    async def begin_auth(self, username: str) -> bool:
        self._asked = True
        self._identity = None
        await self.connection.opened.wait()
        if self._unwanted:
            self._part(asyncssh.DISC_TOO_MANY_CONNECTIONS, "too many clients already at this gateway")
        elif not self.connection.choose(username):
            self._unwanted = True
            why = f"no target here is meant by {username!r}"
            self._part(asyncssh.DISC_ILLEGAL_USER_NAME, "no target of this gateway has this name", why)
        elif self.connection.mode.passes_login_through:
            return await self._begin_pass_through(self.connection.asked)
        return True

    async def _begin_pass_through(self, username: str) -> bool:
        """Whether the client has to answer questions of the target's before it is in."""
        if self._pass_through is not None:
            # Another name is another login, and there is one per connection.
            self._part(asyncssh.DISC_PROTOCOL_ERROR, "the user name changed during the login")
            return True
        self._pass_through = PassThrough(self.connection.login, username, self._banner)
        try:
            if await self._pass_through.asks():
                return True
        except TargetSilent as e:
            self._part(asyncssh.DISC_SERVICE_NOT_AVAILABLE, str(e), e.why)
            return True
        self.proved(Identity(User(username), "the operator's own key at the target"))
        return False

    def _banner(self, text: str) -> None:
        if self._client is not None and not self._client.is_closed():
            self._client.send_auth_banner(text)

    def public_key_auth_supported(self) -> bool:
        return not self.connection.mode.passes_login_through and self.connection.check.takes_keys

    def password_auth_supported(self) -> bool:
        return self._pass_through is None or "password" in self._pass_through.methods

    def kbdint_auth_supported(self) -> bool:
        return self._pass_through is None or "keyboard-interactive" in self._pass_through.methods

    async def validate_password(self, username: str, password: str) -> bool:
        return await self._secret(self.connection.asked, password)

    async def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Challenge:
        if self._pass_through is not None:
            answer = await self._pass_through.challenge()
            return self._passed(self.connection.asked, answer, "keyboard-interactive at the target")
        return "", "", "", [(PROMPT, False)]

    async def validate_kbdint_response(self, username: str, responses: Sequence[str]) -> Challenge:
        username = self.connection.asked
        if self._pass_through is not None:
            attempt = self._attempt(username)
            if attempt is None:
                return False
            answer = await self._pass_through.answer(list(responses))
            if answer:
                attempt.was_right(username if answer is True else "")
            return self._passed(username, answer, "keyboard-interactive at the target")
        return len(responses) == 1 and await self._secret(username, responses[0])

    async def _secret(self, username: str, secret: str) -> bool:
        if self._unwanted or self._wrong >= MAX_SECRETS:
            return False
        attempt = self._attempt(username)
        if attempt is None:
            return False
        is_right = await self._is_right(username, secret)
        if is_right and self._identity is not None:
            attempt.was_right(self._identity.user.subject)
        return is_right

    async def _is_right(self, username: str, secret: str) -> bool:
        if self._pass_through is not None:
            return self._passed(username, await self._pass_through.password(secret), "password at the target") is True
        if self.connection.mode.passes_login_through:
            return False
        try:
            self.proved(await self.connection.check.secret(username, secret))
        except NotProved as e:
            return self._guessed(e)
        return True

    def _attempt(self, username: str) -> Attempt | None:
        """The client may guess, unless too many guesses were wrong; then it is told so, and parted from."""
        try:
            return self.connection.gateway.throttle.attempt(self.connection.client_host, username)
        except TooManyFailures as e:
            self._part(asyncssh.DISC_NO_MORE_AUTH_METHODS_AVAILABLE, str(e))
            return None

    def _passed(self, username: str, answer: Challenge, proof: str) -> Challenge:
        if answer is True:
            self.proved(Identity(User(username), proof))
        return answer if answer else self._guessed(NotProved("the target refused the login"))

    def _guessed(self, why: NotProved) -> bool:
        self.failed(why)
        self._wrong += 1
        if self._wrong >= MAX_SECRETS and self._client is not None:
            self._client.too_many_failures()
        return False

    def proved(self, identity: Identity) -> None:
        """This is who the client is, provided that asyncssh lets it in now."""
        self._identity = identity

    def failed(self, why: NotProved) -> None:
        """Note why a client was not let in, for the operator alone."""
        logger.info("%s: login failed: %s", self.connection.client_address, why)

    def _part(self, code: int, text: str, why: str = "") -> None:
        logger.info("%s: login failed: %s", self.connection.client_address, why or text)
        if self._client is not None:
            self._client.disconnect(code, f"hoopaddon: {text}")

    def auth_completed(self) -> None:
        target = self._pass_through.taken() if self._pass_through is not None else None
        if self._identity is None or self._unwanted:
            # asyncssh says that the client is in, and nothing here has said who it is.
            self._part(asyncssh.DISC_PROTOCOL_ERROR, "not logged in")
            return
        self.connection.begin(self._identity, target)


def _why_left(unmatched: str) -> str:
    """Why a client that speaks SSH is gone before it said who it is; many leave without a word."""
    if not unmatched:
        return "it left before it said who it is; it may not know the gateway's host key"
    why = nothing_in_common(unmatched)
    return why if "host key" in why else f"{why}; allow=legacy_client takes old algorithms"
