"""A listener for PostgreSQL clients: from the first byte to the session."""

import asyncio
import logging
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Self

from mitmproxy import ctx
from mitmproxy.proxy.mode_servers import ServerManager

from hoopaddon.adapters.postgres.login.authentication import ClientCheck, log_in, pass_through
from hoopaddon.adapters.postgres.login.cancel import CancelKey, CancelKeys
from hoopaddon.adapters.postgres.login.choice import Choice, Served
from hoopaddon.adapters.postgres.login.opening import LoginFailed, open_client, open_target, read_message
from hoopaddon.adapters.postgres.login.startup_settings import settings_in
from hoopaddon.adapters.postgres.mode import PostgresMode, PostgresTarget
from hoopaddon.adapters.postgres.protocol import codec
from hoopaddon.adapters.postgres.protocol.login import (
    ALPN,
    Authentication,
    BackendKeyData,
    CancelRequest,
    StartupMessage,
    authentication,
)
from hoopaddon.adapters.postgres.session.conversation import PostgresConversation
from hoopaddon.adapters.postgres.session.link import FEATURE_NOT_SUPPORTED, Link
from hoopaddon.adapters.postgres.session.replication import (
    OpaqueConversation,
    PostgresReplication,
    asks_for_replication,
    is_physical,
    replication,
)
from hoopaddon.adapters.postgres.sql.command import PostgresQuery
from hoopaddon.command import Command, Verdict
from hoopaddon.credential import CredentialUnavailable
from hoopaddon.credentials.resolving import Held
from hoopaddon.errors import PeerError, Refused
from hoopaddon.identity.users import Users
from hoopaddon.policy.chain import PolicyFailed
from hoopaddon.relay.certificates import gateway_context
from hoopaddon.relay.channel import Channel, ConnectionEnded
from hoopaddon.relay.listener import Listener, Reach, RelayInstance
from hoopaddon.relay.relay import Relay
from hoopaddon.session import Session, Target, User, new_session_id

if TYPE_CHECKING:
    from hoopaddon.adapters.postgres.login.ephemeral import EphemeralRole

logger = logging.getLogger(__name__)

TOO_MANY_CONNECTIONS = "53300"
_CANNOT_BE_HELD = (
    "a policy asks for read-only transactions, and this target does not say whether it has them: "
    "PostgreSQL does from version 14 on"
)


@dataclass(slots=True)
class Login:
    """What a login leaves for the session."""

    server: Channel
    served: Served
    session: Session
    replication: PostgresReplication | None
    """What a replication connection was judged as."""
    credential: Held | None
    """What the gateway has logged in with."""
    role: "EphemeralRole | None" = None
    """The session's own at the target."""

    async def let_go(self) -> None:
        """End what was only there for the session."""
        try:
            if self.role is not None and self.served.roles is not None:
                await self.served.roles.drop(self.credential, self.role)
        finally:
            if self.credential is not None:
                self.credential.release()


class PostgresInstance(RelayInstance[PostgresMode]):
    """Serves one `postgres` mode."""

    def __init__(self, mode: PostgresMode, manager: ServerManager) -> None:
        super().__init__(mode, manager)
        self._keys = CancelKeys()
        self._choice = Choice(())
        self._cancelling: set[asyncio.Task[None]] = set()
        self._tls: ssl.SSLContext | None = None

    @property
    def needs_loopback(self) -> bool:
        return any(target.passes_login_through for target in self.mode.targets)

    @property
    def reaches(self) -> Sequence[Reach]:
        return [Reach(target.name, target.host, target.port) for target in self.mode.targets]

    def prepare(self) -> None:
        """Read what the mode names, so that what is missing is said at the start."""
        choice = Choice(tuple(map(self._serve_target, self.mode.targets)))
        # Where the target speaks TLS to a client whose login passes through, the client must not speak TLS to
        # us: it would tell the target, signed, that it could bind the channel, and the target would take the
        # gateway for an attacker (RFC 5802 section 6). Which target it is comes after the TLS.
        without = any(one.passes_login_through and one.sslmode != "disable" for one in self.mode.targets)
        self._tls = None if without else gateway_context(ctx.options, alpn=(ALPN,))
        self._choice = choice

    def take_from(self, twin: Self) -> None:
        self._choice, self._tls = twin._choice, twin._tls

    def _serve_target(self, target: PostgresTarget) -> Served:
        if target.passes_login_through:
            return Served(target, None)
        settings = target.settings
        users = Users.load(settings["users"]) if "users" in settings else None
        self.gateway.identity.prepare()
        if "password" in settings:
            self.gateway.credentials.try_at_start(settings["password"], key="password")
        check = ClientCheck(self.gateway.identity, users, target.name, self.gateway.throttle)
        if not target.is_ephemeral:
            return Served(target, check)
        from hoopaddon.adapters.postgres.login.ephemeral import EphemeralRoles

        return Served(target, check, EphemeralRoles(target, self.gateway.credentials))

    async def listen(self, host: str | None, port: int) -> Listener:
        listener = await super().listen(host, port)
        for served in self._choice.served:
            if served.roles is not None:
                served.roles.sweep_soon()
        return listener

    # -- one client

    async def admit(self, client: Channel, *, overloaded: bool) -> None:
        try:
            async with asyncio.timeout(ctx.options.login_timeout or None):
                request = await open_client(client, self._tls)
                if isinstance(request, CancelRequest):
                    await self._cancel(request)
                    return
                if overloaded:
                    raise LoginFailed(TOO_MANY_CONNECTIONS, "sorry, too many clients already at this gateway")
                login = await self._log_in(client, request)
        except TimeoutError:
            client.write(codec.error_response("FATAL", "57014", "the login took too long"))
            return
        except LoginFailed as e:
            logger.info("%s: login failed: %s", client.address(), e.why)
            if e.message:
                client.write(codec.error_response("FATAL", e.code, e.message))
            return
        except ssl.SSLError as e:
            logger.info(
                "%s: login failed: no TLS session: %s", client.address(), e.reason or "closed in the handshake"
            )
            return
        except PeerError as e:
            logger.info("%s: login failed: %s sent %s", client.address(), e.side, e.message)
            client.write(codec.error_response("FATAL", "08P01", f"unexpected: {e.message}"))
            return
        await self._converse(client, login)

    async def _log_in(self, client: Channel, startup: StartupMessage) -> Login:
        name = startup.parameters.get("user")
        if not name:
            raise LoginFailed("28000", "no PostgreSQL user name specified in startup packet")
        served, startup = self._choice.of(startup, client.tls.server_name if client.tls else "")
        target = served.target
        replicates = asks_for_replication(startup.parameters)
        if replicates and "replication" not in target.allowed:
            reason = "replication connections are refused by this gateway, which cannot see into them"
            raise LoginFailed(FEATURE_NOT_SUPPORTED, reason)
        if replicates and not is_physical(startup.parameters):
            reason = "only physical replication can be allowed: a walsender for a database takes SQL as well"
            raise LoginFailed(FEATURE_NOT_SUPPORTED, reason)
        name = startup.parameters["user"]
        user = await served.check.run(client, name) if served.check else User(name)
        # Before the target hears of anything: it does not wait long for who says nothing.
        credential = await self._credential(target)
        try:
            if target.is_ephemeral:
                return await self._log_in_with_role(client, startup, served, user, credential)
            server = await open_target(target, ctx.options.connect_timeout)
            try:
                startup = await _prove(client, server, startup, served, credential)
                session = _session(target, client, user, startup)
                replication = await self._start_session(session, startup, replicates)
            except BaseException:
                server.close()
                raise
        except BaseException:
            if credential is not None:
                credential.release()
            raise
        return Login(server, served, session, replication, credential)

    async def _log_in_with_role(
        self, client: Channel, startup: StartupMessage, served: Served, user: User, credential: Held | None
    ) -> Login:
        """The policies come first here: they say what the role may do."""
        from hoopaddon.adapters.postgres.login.ephemeral import PREFIX

        id = new_session_id()
        startup = startup.by(f"{PREFIX}{id}")
        session = _session(served.target, client, user, startup, id)
        await self._start_session(session, startup, replicates=False)
        try:
            if served.roles is None:
                raise LoginFailed("28000", "no role can be made here")
            server, role = await served.roles.log_in(client, credential, startup, session.scopes)
        except BaseException:
            await self.gateway.chain.end_session(session)
            raise
        return Login(server, served, session, None, credential, role)

    async def _credential(self, target: PostgresTarget) -> Held | None:
        """What the gateway logs in with. Raises `LoginFailed`, which says no more than that it is missing."""
        reference = target.settings.get("password")
        if reference is None:
            return None
        try:
            return await self.gateway.credentials.hold(reference, key="password")
        except CredentialUnavailable as e:
            logger.error("%s: no credential: %s", target.name, e)
            raise LoginFailed("08001", f"the gateway has no credential for {target.name} now") from None

    # -- the session

    async def _converse(self, client: Channel, login: Login) -> None:
        session, server, target = login.session, login.server, login.served.target
        catalogue = login.served.catalogues.of(session.parameters["database"])
        link = Link(session, self.gateway, catalogue, allows_function_calls="function_call" in target.allowed)
        conversation: PostgresConversation | OpaqueConversation = PostgresConversation(link)
        if login.replication is not None:
            conversation = OpaqueConversation(login.replication, self.gateway.chain)
        relay = Relay(client, server, conversation, idle_timeout_s=ctx.options.idle_timeout)
        session.when_ended(partial(self._end, link, relay))
        issued: CancelKey | None = None
        try:
            client.write(authentication(Authentication.OK))
            async with asyncio.timeout(ctx.options.login_timeout or None):
                issued = await self._until_ready(client, login, link, conversation)
            if login.role is not None:
                await login.role.settle()
            if issued is not None:
                link.cancel = partial(self._stop_command, issued, relay)
            logger.info(
                "%s: %s at %s, session %s", client.address(), session.user.subject, session.target.name, session.id
            )
            await self.run(relay)
        except TimeoutError:
            client.write(codec.error_response("FATAL", "57014", "the target did not become ready in time"))
        except LoginFailed as e:
            logger.info("%s: login failed: %s", client.address(), e.why)
            client.write(codec.error_response("FATAL", e.code, e.message))
        finally:
            if issued:
                self._keys.revoke(issued)
            server.close()
            try:
                await self.gateway.chain.end_session(session)
            finally:
                await login.let_go()

    async def _until_ready(
        self,
        client: Channel,
        login: Login,
        link: Link,
        conversation: PostgresConversation | OpaqueConversation,
    ) -> CancelKey | None:
        """Relay what the server says before it is ready; its cancel key is replaced by one of ours."""
        issued = None
        while True:
            message = await read_message(login.server)
            kind = message[:1]
            if kind == b"K":
                backend = BackendKeyData.parse(message[5:])
                issued = self._keys.issue(backend, login.served.target, conversation.cancel)
                message = issued.key.serialize()
            elif kind == b"S":
                link.parameter(*codec.parameter_status(message[5:]))
            elif kind not in (b"N", b"Z", b"E"):
                raise PeerError("server", "something else than what ends a login")
            if kind == b"Z":
                if link.session.read_only and link.read_only is None:
                    raise LoginFailed(FEATURE_NOT_SUPPORTED, _CANNOT_BE_HELD)
                link.status = message[5:6]
                client.write(message)
                return issued
            client.write(message)

    async def _cancel(self, request: CancelRequest) -> None:
        """Cancel what the session with this key does; like PostgreSQL, without a word."""
        issued = self._keys.find(request.process_id, request.secret)
        if issued is not None and not issued.held():
            await self._cancel_backend(issued)

    async def _cancel_backend(self, issued: CancelKey) -> None:
        """Returns once the cancel has arrived: what is sent after that is not hit."""
        server = await open_target(issued.target, ctx.options.connect_timeout)
        server.write(CancelRequest(issued.backend.process_id, issued.backend.secret).serialize())
        try:
            await server.peek()
        except ConnectionEnded:
            # This is how the server says that it is done.
            return
        finally:
            server.close()

    def _end(self, link: Link, relay: Relay, reason: str) -> None:
        """A policy has ended the session. A server that is only hung up on would finish what it runs."""
        if link.owed and link.cancel is not None:
            cancelling = asyncio.ensure_future(link.cancel())
            self._cancelling.add(cancelling)
            cancelling.add_done_callback(self._cancelling.discard)
        relay.end(reason)

    async def _stop_command(self, issued: CancelKey, relay: Relay) -> None:
        """Cancel what a session runs, because a policy keeps its result from the client."""
        try:
            async with asyncio.timeout(ctx.options.login_timeout or None):
                await self._cancel_backend(issued)
        except (LoginFailed, OSError, ssl.SSLError, ConnectionEnded, PeerError) as e:
            why = e.why if isinstance(e, LoginFailed) else type(e).__name__
            logger.warning("a command whose result is withheld could not be cancelled: %s", why)
            relay.end("a command whose result is withheld could not be cancelled")

    async def _start_session(
        self, session: Session, startup: StartupMessage, replicates: bool
    ) -> PostgresReplication | None:
        """Let the policies have a say in the session, and in what its startup message sets."""
        chain = self.gateway.chain
        try:
            await chain.start_session(session)
            for text in settings_in(startup.parameters):
                setting = PostgresQuery(session, text)
                await self._judge(setting)
                chain.end_command(setting)
            if not replicates:
                return None
            connection = replication(session)
            await self._judge(connection)
            return connection
        except (Refused, PolicyFailed) as e:
            await chain.end_session(session)
            raise LoginFailed(
                "28000", e.reason if isinstance(e, Refused) else f"{e}; the session ends here"
            ) from None
        except BaseException:
            await chain.end_session(session)
            raise

    async def _judge(self, command: Command) -> None:
        """Raises `Refused` unless the command may run."""
        found = self.gateway.chain.judge(command)
        command.verdict = found if isinstance(found, Verdict) else await found
        if not command.verdict.passes:
            command.error = command.verdict.reason
            self.gateway.chain.end_command(command)
            raise Refused(command.verdict.reason)


async def _prove(
    client: Channel, server: Channel, startup: StartupMessage, served: Served, credential: Held | None
) -> StartupMessage:
    """Log in at the target; the startup message that it took."""
    if served.check is None:
        await pass_through(client, server, startup)
        return startup
    # A name that comes with the password is the only one that it is good for.
    user = credential.credential.user if credential is not None else ""
    startup = startup.by(user or served.target.settings["user"])
    try:
        await log_in(client, server, startup, credential.credential.secret if credential is not None else None)
    except LoginFailed:
        if credential is not None:
            credential.was_refused()
        raise
    return startup


def _session(target: PostgresTarget, client: Channel, user: User, startup: StartupMessage, id: str = "") -> Session:
    where = Target(target.name, "postgres", target.address, target.labels)
    parameters = {"database": startup.parameters["user"], **startup.parameters}
    return Session(user, where, client.address(), parameters, id or new_session_id())
