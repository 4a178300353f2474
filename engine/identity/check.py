"""Who a token speaks for, wherever a client sends one: the one place that every protocol and command asks."""

import asyncio
import hashlib
import logging
import time
from functools import partial
from typing import TYPE_CHECKING

from mitmproxy import exceptions

from hoopaddon.errors import ConfigError
from hoopaddon.identity import tokens
from hoopaddon.identity.compact import InvalidToken, ascii_text, json_of
from hoopaddon.identity.oidc.provider import ID_TOKEN_TYPES, OidcProvider
from hoopaddon.identity.oidc.settings import settings_of
from hoopaddon.identity.open_sessions import OpenSessions
from hoopaddon.identity.revocation import LOOK_S, RevocationList
from hoopaddon.session import User
from hoopaddon.store.database import StoreUnusable
from hoopaddon.store.keys import SigningKey
from hoopaddon.store.layout import Layout, store_folder
from hoopaddon.store.tokens import Revocations

if TYPE_CHECKING:
    from hoopaddon.options import Options

logger = logging.getLogger(__name__)

MOST_KNOWN = 1024
KNOWN_FOR_S = 30.0
"""How long a token that was good is taken without another look at its signature, up to its end."""


class TokenCheck:
    """What the gateway's `identity` is: it takes the gateway's own tokens, and those of the OIDC provider.

    Use it from one event loop.
    """

    def __init__(self, options: "Options", sessions: OpenSessions | None = None) -> None:
        self._options = options
        self._key: SigningKey | None = None
        self._provider: OidcProvider | None = None
        self._logins: OidcProvider | None = None
        self._is_configured = False
        self._known: dict[bytes, tuple[User, float]] = {}
        self._revoked: RevocationList | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.sessions = sessions or OpenSessions()
        """Those that are open by a token."""

    # -- its life

    def configure(self, updated: set[str]) -> None:
        """The addon's part: options that change while tokens are taken are checked as a whole."""
        if any(name.startswith("oidc_") for name in updated) and self._is_configured:
            try:
                self._configure()
            except ConfigError as e:
                raise exceptions.OptionsError(str(e)) from None

    def prepare(self) -> None:
        """Called before anything listens where tokens are taken. Raises `ConfigError` for what cannot be used."""
        self._key = SigningKey.load_or_create(self._options.confdir)
        self._configure()
        try:
            self._revocations().check()
        except StoreUnusable as e:
            raise ConfigError(str(e), key="store") from None
        if not self._tasks:
            # So that a wrong address is in the log at the start; logins do not wait for it.
            first = [self._provider.keys.refresh()] if self._provider is not None else []
            self._tasks = [asyncio.get_running_loop().create_task(one) for one in (*first, self._watch())]

    async def close(self) -> None:
        """Let go of everything."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._provider is not None:
            await self._provider.keys.close()
        if self._revoked is not None:
            self._revoked.close()

    def _configure(self) -> None:
        settings = settings_of(self._options)
        if settings is None:
            self._provider = None
        elif self._provider is None or self._provider.settings != settings:
            self._provider = OidcProvider(settings)
        self._logins = None
        if self._provider is not None and self._provider.settings.login_client:
            of_logins, keys = self._provider.settings.of_logins, self._provider.keys
            self._logins = OidcProvider(of_logins, keys=keys, types=ID_TOKEN_TYPES)
        self._is_configured = True
        self._known.clear()

    def _revocations(self) -> RevocationList:
        if self._revoked is None:
            self._revoked = RevocationList(Layout(store_folder(self._options.store, self._options.confdir)).tokens)
        return self._revoked

    # -- a token

    async def user(self, token: str | bytes, *, target: str | None = None) -> User:
        """The user that the token speaks for, at this target. Raises `InvalidToken`, whose reason is for the log."""
        text, now = ascii_text(token), time.time()
        digest = hashlib.sha256(f"{target!r} {text}".encode()).digest()
        known = self._known.get(digest)
        if known is not None and now < known[1]:
            user = known[0]
        else:
            user = await self._verified(text, target)
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[digest] = (user, min(now + KNOWN_FOR_S, float(user.claims["exp"])))
        await self.check_revocation(user)
        return user

    async def login(self, id_token: str, *, nonce: str | None) -> User:
        """The user of an ID token that the provider has issued to `hoopaddon login`. Raises `InvalidToken`.

        A token that has a nonce has to have this one.
        """
        if not self._is_configured:
            self._configure()
        if self._logins is None:
            raise InvalidToken("no client of the provider's is named that logs people in (oidc_login_client)")
        user = await self._logins.user(id_token, nonce=nonce)
        if nonce is None and "nonce" in user.claims:
            raise InvalidToken("the token is of a login that is not proved")
        if user.claims.get("typ") == "Bearer":
            # Keycloak's access tokens differ from its ID tokens in nothing else.
            raise InvalidToken("the token is an access token, and no login")
        await self.check_revocation(user)
        return user

    async def check_revocation(self, user: User) -> None:
        """Raises `InvalidToken` where what the user has proved themselves by was taken back, or nobody can know."""
        try:
            revoked = await self._revocations().current()
        except StoreUnusable as e:
            raise InvalidToken(f"what is revoked cannot be known: {e}") from None
        if self._is_revoked(revoked, user):
            raise InvalidToken("the token is revoked")

    async def _verified(self, text: str, target: str | None) -> User:
        if not self._is_configured:
            self._configure()
        # Each is checked by its own rules as a whole: what a token says of itself only selects who looks at it.
        if self._provider is not None and not _is_our_kind(text):
            user = await self._provider.user(text)
            if self._logins is not None and self._logins.settings.is_login(user.claims):
                raise InvalidToken("the token is the ID token of a login: hoopaddon login exchanges it for another")
            return user
        if self._key is None:
            self._key = SigningKey.load(self._options.confdir)
        return tokens.verify(text, self._key, target=target)

    def _leeway_s(self, user: User) -> float:
        return tokens.LEEWAY_S if user.claims["iss"] == tokens.ISSUER else float(self._options.oidc_leeway)

    def _fast_s(self, user: User) -> float:
        """By how much the clock may be fast that says when the token was issued; our own is the one that revokes."""
        return 0.0 if user.claims["iss"] == tokens.ISSUER else self._leeway_s(user)

    # -- the sessions that tokens have opened

    async def _watch(self) -> None:
        """End sessions with their tokens."""
        is_known, revoked = True, Revocations()
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                revoked = await self._revocations().current()
                is_known = True
            except StoreUnusable as e:
                # Nobody gets in meanwhile; who is in stays until the token expires.
                if is_known:
                    logger.error("What is revoked cannot be known: %s", e)
                is_known = False
            until = self._until if self._options.token_expiry_ends_sessions else None
            self.sessions.end(partial(self._is_revoked, revoked), until)

    def _is_revoked(self, revoked: Revocations, user: User) -> bool:
        return revoked.has(user, self._fast_s(user))

    def _until(self, user: User) -> float:
        """When a session that this token has opened is over: not before the token lets nobody in any more."""
        return float(user.claims["exp"]) + self._leeway_s(user)


def _is_our_kind(text: str) -> bool:
    try:
        header = json_of(text.partition(".")[0], "header")
    except InvalidToken:
        return False
    return isinstance(header, dict) and header.get("typ") == tokens.TYPE
