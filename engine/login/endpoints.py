"""The login service's endpoints, as OAuth 2.0 has them: RFC 6749, 7009, 8414, 8693."""

import logging
import time
from collections.abc import Mapping
from typing import Any

from hoopaddon.identity.compact import MAX_BYTES, InvalidToken
from hoopaddon.identity.oidc.settings import settings_of as provider_of
from hoopaddon.login import protocol
from hoopaddon.login.endpoint import REFUSALS, Endpoint, OAuthError
from hoopaddon.login.exchange import Grant, Presented
from hoopaddon.login.forms import BadRequest
from hoopaddon.session import User

logger = logging.getLogger(__name__)


class Metadata(Endpoint):
    """What there is here (RFC 8414), and where people log in."""

    def get(self) -> None:
        """Answer it."""
        url = self.service.settings.url
        said: dict[str, Any] = {
            "issuer": url,
            "token_endpoint": url + protocol.TOKEN_PATH,
            "revocation_endpoint": url + protocol.REVOKE_PATH,
            "userinfo_endpoint": url + protocol.USERINFO_PATH,
            "grant_types_supported": [protocol.TOKEN_EXCHANGE],
            "response_types_supported": [],
            "token_endpoint_auth_methods_supported": ["none"],
        }
        if self.service.saml is not None:
            said |= {
                "authorization_endpoint": url + protocol.AUTHORIZE_PATH,
                "grant_types_supported": [protocol.TOKEN_EXCHANGE, protocol.AUTHORIZATION_CODE],
                "response_types_supported": ["code"],
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": True,
            }
        provider = provider_of(self.service.options)
        if provider is not None and provider.login_client:
            said[protocol.PROVIDER] = {
                "issuer": provider.issuer,
                "client_id": provider.login_client,
                "scope": " ".join(provider.login_scopes),
                "redirect_uri": provider.login_redirect,
            }
        self.finish(said)


class Token(Endpoint):
    """The token endpoint."""

    async def post(self) -> None:
        """Answer a token, or why there is none."""
        try:
            grant = await self._granted(self.form)
            token, user = await self.service.issue(grant)
        except REFUSALS as e:
            self.refuse(e)
            return
        _log(self.address, grant, user)
        self.finish(
            {
                "access_token": token,
                "issued_token_type": protocol.JWT,
                "token_type": "Bearer",
                "expires_in": int(user.claims["exp"] - time.time()),
            }
        )

    async def _granted(self, form: Mapping[str, str]) -> Grant:
        if form.get("grant_type") == protocol.AUTHORIZATION_CODE and self.service.saml is not None:
            who = f"login {self.address}"
            attempt = self.service.throttle.attempt(self.address, who)
            grant, user = self.service.saml.grant(form, self.service.settings.ttl_s)
            await self.service.identity.check_revocation(user)
            attempt.was_right(who)
            return grant
        if form.get("grant_type") != protocol.TOKEN_EXCHANGE:
            raise OAuthError("unsupported_grant_type", "this is not granted here")
        # Counted apart, so that failures here shut nobody out of the targets.
        who = f"login {Presented.of(form, 'subject').claimed_subject or self.address}"
        attempt = self.service.throttle.attempt(self.address, who)
        grant = await self.service.exchange.grant(form, self.service.settings)
        attempt.was_right(who)
        return grant


def _log(address: str, grant: Grant, user: User) -> None:
    by = f"{grant.agent} for {user.subject}" if grant.agent else user.subject
    logger.info("%s: %s is logged in, with token %s.", address, by, user.claims["jti"])


class Revoke(Endpoint):
    """Taking a token back (RFC 7009): whoever has it may."""

    async def post(self) -> None:
        """Answer that it is gone, which it is too where it never was."""
        try:
            token = self.form.get("token", "")
            if not token or len(token) > MAX_BYTES:
                raise BadRequest("token is missing")
            await self.service.revoke(token)
        except InvalidToken as e:
            logger.info("%s: nothing to revoke: %s", self.address, e.reason)
        except REFUSALS as e:
            self.refuse(e)
            return
        self.finish({})


class UserInfo(Endpoint):
    """Whom a token speaks for, and that it is good (OpenID Connect Core 1.0, section 5.3)."""

    async def get(self) -> None:
        """Answer what the token says."""
        scheme, _, token = self.request.headers.get("Authorization", "").partition(" ")
        try:
            if scheme.lower() != "bearer" or not token:
                raise InvalidToken("no token")
            user = await self.service.user(token.strip())
        except InvalidToken as e:
            logger.warning("%s: token refused: %s", self.address, e.reason)
            self.set_status(401)
            self.set_header("WWW-Authenticate", 'Bearer error="invalid_token"')
            self.finish({"error": "invalid_token"})
            return
        said = {"sub": user.subject, "groups": sorted(user.groups), "exp": user.claims["exp"]}
        self.finish(said | {name: user.claims[name] for name in ("act", "target") if name in user.claims})
