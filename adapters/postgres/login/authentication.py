"""Who proves what to whom: the client to the target, the client to the gateway, the gateway to the target."""

import hashlib
from dataclasses import dataclass

import scramp

from hoopaddon.adapters.postgres.login.opening import LoginFailed, read_message
from hoopaddon.adapters.postgres.protocol import codec, login
from hoopaddon.adapters.postgres.protocol.codec import Reader
from hoopaddon.adapters.postgres.protocol.login import Authentication, StartupMessage
from hoopaddon.credential import Secret
from hoopaddon.errors import PeerError
from hoopaddon.identity.check import TokenCheck
from hoopaddon.identity.compact import InvalidToken
from hoopaddon.identity.scram import ScramVerifier
from hoopaddon.identity.scram_server import ScramFailed, ScramServer
from hoopaddon.identity.throttle import Attempt, Throttle, TooManyFailures
from hoopaddon.identity.users import Users
from hoopaddon.relay.channel import Channel
from hoopaddon.session import User

SCRAM = "SCRAM-SHA-256"
SCRAM_PLUS = "SCRAM-SHA-256-PLUS"
AUTHENTICATION_FAILED = "28P01"
INVALID_AUTHORIZATION = "28000"

_ASKING = (Authentication.CLEARTEXT, Authentication.MD5, Authentication.SASL, Authentication.SASL_CONTINUE)


async def _from_server(server: Channel, client: Channel) -> tuple[int, bytes, bytes]:
    """The next authentication request: its code, its data, and the message. What else comes goes to the client."""
    while True:
        message = await read_message(server)
        kind = message[:1]
        if kind == b"R":
            reader = Reader("server", message[5:])
            return reader.int32(), reader.rest(), message
        if kind == b"E":
            client.write(message)
            code = codec.Diagnostics.parse(message[5:]).fields.get(b"C", b"").decode("ascii", "replace")
            raise LoginFailed("", "", why=f"the target refused the login ({code})")
        if kind not in (b"N", b"v"):
            raise PeerError("server", "no answer to a login")
        client.write(message)


async def _from_client(client: Channel) -> bytes:
    message = await read_message(client)
    if message[:1] != b"p":
        raise PeerError("client", "no answer to an authentication request")
    return message


# -- the client to the target


async def pass_through(client: Channel, server: Channel, startup: StartupMessage) -> None:
    """Relay the client's own login until the server says that it is in.

    Channel binding cannot pass a gateway, so SCRAM-SHA-256-PLUS is never offered to the client.
    """
    server.write(startup.serialize())
    while True:
        code, data, message = await _from_server(server, client)
        if code == Authentication.OK:
            return
        if code == Authentication.SASL:
            offered = [name for name in login.sasl_mechanisms(data) if not name.endswith("-PLUS")]
            if not offered:
                raise LoginFailed(INVALID_AUTHORIZATION, "the target insists on channel binding, which cannot pass")
            message = login.sasl_offer(offered)
        elif code not in (*_ASKING, Authentication.SASL_FINAL):
            raise LoginFailed(INVALID_AUTHORIZATION, "the target asks for a login (GSSAPI, SSPI) that cannot pass")
        client.write(message)
        if code in _ASKING:
            server.write(await _from_client(client))


# -- the client to the gateway


@dataclass(frozen=True, slots=True)
class ClientCheck:
    """What a client may prove itself with: a token, or a password of a user in `users`."""

    tokens: TokenCheck
    users: Users | None
    target: str
    throttle: Throttle

    async def run(self, client: Channel, name: str) -> User:
        """The client's identity. Raises `LoginFailed`, which tells the client nothing but that it failed."""
        entry = self.users.get(name) if self.users else None
        if entry is not None and entry.scram_verifier is not None:
            await self._password(client, name, entry.scram_verifier)
            return User(name, entry.groups)
        return await self._token(client, name)

    async def _token(self, client: Channel, name: str) -> User:
        if client.tls is None and not client.from_loopback:
            raise LoginFailed(INVALID_AUTHORIZATION, "a token is only taken over TLS; connect with sslmode=require")
        client.write(login.authentication(Authentication.CLEARTEXT))
        reader = Reader("client", (await _from_client(client))[5:])
        token = reader.cstring()
        reader.end()
        attempt = self._attempt(client, name)
        try:
            user = await self.tokens.user(token, target=self.target)
        except InvalidToken as e:
            raise _wrong(name, f"token refused: {e}") from None
        attempt.was_right(user.subject)
        return user

    async def _password(self, client: Channel, name: str, verifier: ScramVerifier) -> None:
        """SCRAM-SHA-256 as a server (RFC 5802, RFC 7677; documentation, section 54.3)."""
        scram = ScramServer(verifier)
        client.write(login.sasl_offer([SCRAM]))
        reader = Reader("client", (await _from_client(client))[5:])
        mechanism, first = reader.cstring(), reader.value()
        reader.end()
        if mechanism != SCRAM.encode() or first is None:
            raise PeerError("client", "a SASL mechanism that was not offered")
        try:
            client.write(login.authentication(Authentication.SASL_CONTINUE, scram.first(first.decode()).encode()))
            proof = (await _from_client(client))[5:].decode()
            # Not before the client has guessed: psql connects once only to learn that it has to ask its user.
            attempt = self._attempt(client, name)
            final = scram.final(proof)
        except (ScramFailed, UnicodeDecodeError) as e:
            why = str(e) if isinstance(e, ScramFailed) else "a SCRAM message that is not UTF-8"
            raise _wrong(name, why) from None
        attempt.was_right(name)
        client.write(login.authentication(Authentication.SASL_FINAL, final.encode()))

    def _attempt(self, client: Channel, name: str) -> Attempt:
        try:
            return self.throttle.attempt(client.host, name)
        except TooManyFailures as e:
            raise LoginFailed(INVALID_AUTHORIZATION, str(e)) from None


def _wrong(name: str, why: str) -> LoginFailed:
    return LoginFailed(AUTHENTICATION_FAILED, f'password authentication failed for user "{name}"', why=why)


# -- the gateway to the target


async def log_in(client: Channel, server: Channel, startup: StartupMessage, password: Secret | None) -> None:
    """Log the gateway itself in at the target."""
    server.write(startup.serialize())
    user = startup.parameters["user"]
    while True:
        code, data, _ = await _from_server(server, client)
        if code == Authentication.OK:
            return
        if password is None:
            raise LoginFailed("", "", why="the target asks for a password, and the mode names none")
        if code == Authentication.CLEARTEXT:
            if server.tls is None and not server.from_loopback:
                raise LoginFailed(
                    INVALID_AUTHORIZATION, "the target asks for a password in the clear; set sslmode=verify-full"
                )
            server.write(codec.message(b"p", password.reveal().encode() + b"\0"))
        elif code == Authentication.MD5:
            server.write(codec.message(b"p", _md5(user, password, data) + b"\0"))
        elif code == Authentication.SASL:
            await _scram_client(client, server, login.sasl_mechanisms(data), user, password)
        else:
            raise LoginFailed(INVALID_AUTHORIZATION, "the target asks for a login that the gateway does not have")


def _md5(user: str, password: Secret, salt: bytes) -> bytes:
    """MD5 as the protocol wants it (section 54.2.1); not our choice of a hash."""
    inner = hashlib.md5(password.reveal().encode() + user.encode(), usedforsecurity=False).hexdigest()
    return b"md5" + hashlib.md5(inner.encode() + salt, usedforsecurity=False).hexdigest().encode()


async def _scram_client(client: Channel, server: Channel, offered: list[str], user: str, password: Secret) -> None:
    """SCRAM with channel binding where there is TLS and the server offers it.

    The server goes by the user of the startup message; scramp insists on one here too.
    """
    binding = server.tls.server_end_point if server.tls is not None else None
    if binding is not None and SCRAM_PLUS in offered:
        scram = scramp.ScramClient(
            [SCRAM_PLUS], user, password.reveal(), channel_binding=("tls-server-end-point", binding)
        )
        mechanism = SCRAM_PLUS
    elif SCRAM in offered:
        scram = scramp.ScramClient([SCRAM], user, password.reveal())
        mechanism = SCRAM
    else:
        raise LoginFailed(INVALID_AUTHORIZATION, "the target offers no SCRAM that the gateway knows")
    first = scram.get_client_first().encode()
    server.write(codec.message(b"p", mechanism.encode() + b"\0" + codec.INT32.pack(len(first)) + first))
    try:
        scram.set_server_first(await _sasl(server, client, Authentication.SASL_CONTINUE))
        server.write(codec.message(b"p", scram.get_client_final().encode()))
        scram.set_server_final(await _sasl(server, client, Authentication.SASL_FINAL))
    except scramp.ScramException:
        raise LoginFailed("08001", "the target did not prove that it knows the gateway's password") from None


async def _sasl(server: Channel, client: Channel, expected: int) -> str:
    code, data, _ = await _from_server(server, client)
    if code != expected:
        raise PeerError("server", "a SASL exchange out of order")
    return data.decode("utf-8", "replace")
