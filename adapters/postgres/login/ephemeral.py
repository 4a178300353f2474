"""A role of one session's own: made before its login with no more than its scopes allow, and dropped after its end.

What is left of a gateway that was killed is told from what is in use by the server itself: a role is in use while it
has a session, or while the connection that made it, which is named after it, is still there. So gateways that share a
server drop nothing of each other, whatever their clocks and names are.
"""

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from psycopg import AsyncConnection, Error
from psycopg.conninfo import make_conninfo
from psycopg.errors import DeadlockDetected, InternalError_, SerializationFailure
from psycopg.sql import SQL, Composed, Identifier, Literal

from hoopaddon.access.scope import Scope
from hoopaddon.adapters.postgres.login.authentication import log_in
from hoopaddon.adapters.postgres.login.grants import ADMIN_GRANTS, TABLES, grants_on
from hoopaddon.adapters.postgres.login.opening import LoginFailed, open_target
from hoopaddon.adapters.postgres.mode import PostgresTarget
from hoopaddon.adapters.postgres.protocol.login import StartupMessage
from hoopaddon.credential import CredentialUnavailable, Secret
from hoopaddon.credentials.resolving import Credentials, Held
from hoopaddon.identity.scram import ScramVerifier
from hoopaddon.relay.channel import Channel

logger = logging.getLogger(__name__)

PREFIX = "hoopaddon_"
"""Of a role's name; the rest is the id of its session."""
LOGIN_WITHIN_S = 60
"""Seconds in which its password can be used, once."""
_WITHIN_S = 10
_TWICE_AFTER_S = 1.0
_SWEEP_EVERY_S = 300.0
_TRIES = 20
"""Two who change the privileges of one table at once are an error to PostgreSQL, for the later of them."""
# A client may name a database in bytes that are no text.
_ERRORS = (Error, OSError, TimeoutError, UnicodeError)

_UNUSED = """
SELECT rolname FROM pg_catalog.pg_roles r WHERE rolname ~ '^hoopaddon_[0-9a-f]{32}$' AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_stat_activity a WHERE a.usename = r.rolname OR a.application_name = r.rolname
)
"""
_DATABASES = """
SELECT DISTINCT d.datname FROM pg_catalog.pg_shdepend s JOIN pg_catalog.pg_database d ON d.oid = s.dbid
JOIN pg_catalog.pg_roles r ON s.refclassid = 'pg_catalog.pg_authid'::regclass AND s.refobjid = r.oid
WHERE r.rolname = %s
"""
_END_ITS_SESSIONS = """
SELECT pg_catalog.pg_terminate_backend(pid, 2000) FROM pg_catalog.pg_stat_activity WHERE usename = %s
"""


@dataclass(slots=True)
class EphemeralRole:
    """A role that is there. `password` is good for one login; the server was only told a verifier of it."""

    name: str
    password: Secret
    database: str
    _maker: AsyncConnection[Any] | None

    async def settle(self) -> None:
        """Its session is there by now, and tells other gateways that it is in use."""
        if self._maker is not None:
            maker, self._maker = self._maker, None
            await maker.close()


class EphemeralRoles:
    """Those of one target. The gateway's own login there makes them: a role with CREATEROLE, or a superuser."""

    def __init__(self, target: PostgresTarget, credentials: Credentials) -> None:
        self._target = target
        self._credentials = credentials
        self._sweeping: asyncio.Task[None] | None = None
        self._swept = 0.0
        self._one_at_a_time = asyncio.Lock()

    async def log_in(
        self, client: Channel, held: Held | None, startup: StartupMessage, scopes: Sequence[Scope]
    ) -> tuple[Channel, EphemeralRole]:
        """Make the role that the startup message names, with what all of the scopes allow, and log in as it.

        Raises `LoginFailed`.
        """
        target = self._target.name
        if not scopes:
            raise LoginFailed("28000", f"nothing says what you may do at {target}: it takes a role or a grant")
        if time.monotonic() - self._swept > _SWEEP_EVERY_S:
            self.sweep_soon()
        try:
            role = await self._make(held, startup.parameters["user"], startup.parameters["database"], scopes)
        except _ERRORS as e:
            raise LoginFailed("08001", f"the gateway has no role for you at {target} now", why=_why(e)) from None
        except asyncio.CancelledError:
            # It may be there all the same.
            self.sweep_soon()
            raise
        server: Channel | None = None
        try:
            server = await open_target(self._target, _WITHIN_S)
            await log_in(client, server, startup, role.password)
        except BaseException:
            if server is not None:
                server.close()
            await self.drop(held, role)
            raise
        return server, role

    async def _make(self, held: Held | None, name: str, database: str, scopes: Sequence[Scope]) -> EphemeralRole:
        password = secrets.token_urlsafe(32)
        async with asyncio.timeout(_WITHIN_S):
            maker = await self._connect(held, database, name)
            try:
                verifier = str(ScramVerifier.from_password(password))
                async with self._one_at_a_time:
                    await _changed(maker, partial(_create, maker, name, verifier, scopes))
            except BaseException:
                await maker.close()
                raise
        return EphemeralRole(name, Secret(password), database, maker)

    async def drop(self, held: Held | None, role: EphemeralRole) -> None:
        """Take it away with all that it has. What fails is left for the next sweep."""
        try:
            async with asyncio.timeout(_WITHIN_S):
                await role.settle()
                await self._remove(held, role.name, role.database)
        except _ERRORS as e:
            logger.error("%s: the role %s is not dropped: %s", self._target.name, role.name, _why(e))
            self.sweep_soon()

    def sweep_soon(self) -> None:
        """Drop what sessions of killed gateways have left, in the background."""
        if self._sweeping is None or self._sweeping.done():
            self._swept = time.monotonic()
            self._sweeping = asyncio.get_running_loop().create_task(self._sweep())

    async def _sweep(self) -> None:
        held: Held | None = None
        try:
            if reference := self._target.settings.get("password"):
                held = await self._credentials.hold(reference, key="password")
            database = self._target.settings.get("database", "postgres")
            for name in await self._left(held, database):
                await self._remove(held, name, database)
                logger.info("%s: the role %s, left by a session, is dropped", self._target.name, name)
        except (CredentialUnavailable, *_ERRORS) as e:
            logger.warning("%s: roles that sessions have left are not looked for: %s", self._target.name, _why(e))
        finally:
            if held is not None:
                held.release()

    async def _left(self, held: Held | None, database: str) -> list[str]:
        """Roles that are in use by nobody."""
        found: list[set[str]] = []
        # A list of sessions is no picture of one moment: one may be missed that began meanwhile, but not twice.
        for wait_s in (0.0, _TWICE_AFTER_S):
            await asyncio.sleep(wait_s)
            connection = await self._connect(held, database, "hoopaddon")
            async with connection:
                found.append({name for (name,) in await (await connection.execute(_UNUSED)).fetchall()})
            if not found[0]:
                break
        return sorted(set.intersection(*found))

    async def _remove(self, held: Held | None, name: str, database: str) -> None:
        connection = await self._connect(held, database, "hoopaddon")
        async with connection:
            rows = await (await connection.execute(_DATABASES, (name,))).fetchall()
        elsewhere = [found for (found,) in rows if found != database]
        for one in [*elsewhere, database]:
            connection = await self._connect(held, one, "hoopaddon")
            async with connection, self._one_at_a_time:
                await _changed(connection, partial(_drop, connection, name, last=one == database))

    async def _connect(self, held: Held | None, database: str, application: str) -> AsyncConnection[Any]:
        settings = self._target.settings
        files = {name: settings[name] for name in ("sslrootcert", "sslcert", "sslkey") if name in settings}
        password = {"password": held.credential.secret.reveal()} if held is not None else {}
        where = make_conninfo(
            "",
            host=self._target.host,
            port=self._target.port,
            user=(held.credential.user if held is not None else "") or settings["user"],
            dbname=database,
            sslmode=self._target.sslmode,
            gssencmode="disable",
            # What the gateway's environment says of other servers is not meant for this one.
            hostaddr="",
            options="",
            connect_timeout=_WITHIN_S,
            application_name=application,
            **files,
            **password,
        )
        return await AsyncConnection.connect(where, autocommit=True)


async def _changed(connection: AsyncConnection[Any], change: Callable[[], Awaitable[None]]) -> None:
    """Make a change of privileges whole, or not at all. It takes no lock: whoever may connect could hold that."""
    for tries_left in reversed(range(_TRIES)):
        try:
            async with connection.transaction():
                await connection.execute(f"SET LOCAL statement_timeout = '{_WITHIN_S}s'")
                await connection.execute("SET LOCAL search_path = pg_catalog")
                await change()
            return
        except (InternalError_, DeadlockDetected, SerializationFailure):
            if not tries_left:
                raise
            await asyncio.sleep(random.uniform(0.01, 0.1))  # noqa: S311 to be out of step with others


async def _create(connection: AsyncConnection[Any], name: str, verifier: str, scopes: Sequence[Scope]) -> None:
    until = await connection.execute("SELECT (now() + %s * interval '1 second')::text", (LOGIN_WITHIN_S,))
    (moment,) = await until.fetchone() or ("-infinity",)
    await connection.execute(
        SQL(
            "CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
            " CONNECTION LIMIT 1 PASSWORD {} VALID UNTIL {}"
        ).format(Identifier(name), Literal(verifier), Literal(moment))
    )
    for statement in await _grants(connection, name, scopes):
        await connection.execute(statement)


async def _grants(connection: AsyncConnection[Any], name: str, scopes: Sequence[Scope]) -> Iterable[Composed]:
    rows = await (await connection.execute(TABLES)).fetchall()
    role = Identifier(name)
    if all(scope.is_admin for scope in scopes):
        admin = await (await connection.execute(ADMIN_GRANTS)).fetchall()
        return grants_on(rows, scopes, role, [(kind, parts) for kind, parts in admin])
    return grants_on(rows, scopes, role)


async def _drop(connection: AsyncConnection[Any], name: str, *, last: bool) -> None:
    role = Identifier(name)
    known = await connection.execute("SELECT FROM pg_catalog.pg_roles WHERE rolname = %s", (name,))
    if known.rowcount != 1:
        return
    superuser = await connection.execute("SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user")
    if (await superuser.fetchone()) != (True,):
        # Only who has a role's privileges may give away what it owns.
        await connection.execute(SQL("GRANT {} TO CURRENT_USER").format(role))
    await connection.execute(_END_ITS_SESSIONS, (name,))
    # What a session has made on purpose stays; it belongs to the gateway's role from now on.
    await connection.execute(SQL("REASSIGN OWNED BY {} TO CURRENT_USER").format(role))
    await connection.execute(SQL("DROP OWNED BY {}").format(role))
    if last:
        await connection.execute(SQL("DROP ROLE {}").format(role))


def _why(error: BaseException) -> str:
    if isinstance(error, Error):
        return error.diag.message_primary or error.sqlstate or "the server is not there"
    return str(error) or type(error).__name__
