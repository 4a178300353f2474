"""The gateway's login service: what gives people and agents the gateway's tokens, and takes them back."""

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from hoopaddon.identity import tokens
from hoopaddon.identity.compact import claimed
from hoopaddon.identity.issue import note
from hoopaddon.login.exchange import Exchange, Grant
from hoopaddon.login.saml import SamlLogins
from hoopaddon.login.settings import LoginSettings
from hoopaddon.session import User
from hoopaddon.store.keys import SigningKey
from hoopaddon.store.layout import Layout, store_folder
from hoopaddon.store.tokens import Tokens

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway

logger = logging.getLogger(__name__)


class LoginService:
    """What the endpoints do. `settings` may change while it runs, its place excepted."""

    def __init__(self, gateway: "Gateway", settings: LoginSettings, saml: SamlLogins | None) -> None:
        self.options = gateway.options
        self.identity = gateway.identity
        self.throttle = gateway.throttle
        self.settings = settings
        self.saml = saml
        self.exchange = Exchange(gateway.identity, gateway.options)

    async def issue(self, grant: Grant) -> tuple[str, User]:
        """Sign and list a token. Raises `ConfigError` for what no token can say, `StoreUnusable`."""
        return await asyncio.to_thread(self._issue, grant)

    async def user(self, token: str) -> User:
        """Whom a token speaks for, wherever it is good. Raises `InvalidToken`."""
        return await self.identity.user(token, target=claimed(token).get("target"))

    async def revoke(self, token: str) -> None:
        """Take a token of the gateway back. Raises `InvalidToken` for any other, `StoreUnusable`."""
        key = SigningKey.load(self.options.confdir)
        user = tokens.verify(token, key, target=claimed(token).get("target"))
        await asyncio.to_thread(self._revoke, str(user.claims["jti"]))
        logger.info("%s has logged out: token %s is revoked.", user.subject, user.claims["jti"])

    def _revoke(self, id: str) -> None:
        listed = Tokens(Layout(store_folder(self.options.store, self.options.confdir)).tokens)
        try:
            listed.revoke_token(id)
        finally:
            listed.close()

    def _issue(self, grant: Grant) -> tuple[str, User]:
        key = SigningKey.load(self.options.confdir)
        token = tokens.sign(
            key,
            subject=grant.user.subject,
            groups=grant.user.groups,
            ttl_s=max(1, int(grant.ends - time.time())),
            target=grant.target,
            agent=grant.agent,
            parents=grant.parents,
        )
        store = store_folder(self.options.store, self.options.confdir)
        return token, note(token, key, store, target=grant.target)
