"""The login service's endpoints, as OAuth 2.0 has them: RFC 6749, 7009, 8414, 8693."""

import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tornado import web

from hoopaddon.errors import ConfigError, HoopaddonError
from hoopaddon.identity.compact import MAX_BYTES, InvalidToken
from hoopaddon.identity.oidc.settings import settings_of as provider_of
from hoopaddon.identity.throttle import TooManyFailures
from hoopaddon.login import protocol
from hoopaddon.login.exchange import Grant, Presented
from hoopaddon.login.forms import BadRequest, fields_of
from hoopaddon.policy.chain import place
from hoopaddon.session import User
from hoopaddon.store.database import StoreUnusable

if TYPE_CHECKING:
    from hoopaddon.login.service import LoginService

logger = logging.getLogger(__name__)

FORM_LIMIT_BYTES = 64 * 1024
_FORM = "application/x-www-form-urlencoded"
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; form-action 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Server": "hoopaddon",
}


class OAuthError(HoopaddonError):
    """An answer that is an error (RFC 6749 section 5.2). What it says is for the client."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.status = status


NOT_TAKEN = OAuthError("invalid_request", "what was sent proves nothing here; the gateway's log says why")


class Endpoint(web.RequestHandler):
    """What all of them have in common: one form, bounded answers, and no word about why a proof was not taken."""

    service: "LoginService"
    limit_bytes = FORM_LIMIT_BYTES

    def initialize(self, service: "LoginService") -> None:
        self.service = service

    def set_default_headers(self) -> None:
        for name, value in _HEADERS.items():
            self.set_header(name, value)

    @property
    def address(self) -> str:
        return str(self.request.remote_ip)

    @property
    def form(self) -> dict[str, str]:
        """The form that was posted. Raises `BadRequest` for what is none, or says something twice."""
        if self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != _FORM:
            raise BadRequest(f"a form is wanted: {_FORM}")
        if len(self.request.body) > self.limit_bytes:
            raise BadRequest(f"longer than {self.limit_bytes} bytes")
        try:
            return fields_of(self.request.body.decode("ascii"))
        except UnicodeDecodeError:
            raise BadRequest("the form is not ASCII") from None

    def refuse(self, error: Exception) -> None:
        """Answer what went wrong."""
        match error:
            case OAuthError():
                self._say(error)
            case BadRequest():
                self._say(OAuthError("invalid_request", str(error)))
            case TooManyFailures():
                self._say(OAuthError("temporarily_unavailable", str(error), 429))
            case InvalidToken():
                logger.warning("%s: login refused: %s", self.address, error.reason)
                self._say(NOT_TAKEN)
            case StoreUnusable() | ConfigError():
                logger.error("%s: nobody can log in: %s", self.address, error)
                self._say(OAuthError("server_error", "the gateway cannot do that now; its log says why", 500))

    def _say(self, error: OAuthError) -> None:
        self.set_status(error.status)
        self.finish({"error": error.error, "error_description": str(error)})

    def write_error(self, status_code: int, **_said: Any) -> None:
        self.finish({"error": "invalid_request" if status_code < 500 else "server_error"})

    def log_exception(self, _type: Any, error: BaseException | None, _trace: Any) -> None:
        # Tornado would log the request, and whatever the error quotes.
        if error is not None and not isinstance(error, web.HTTPError):
            logger.error("A login ended with %s at %s", type(error).__name__, place(error))


REFUSALS = (OAuthError, BadRequest, TooManyFailures, InvalidToken, StoreUnusable, ConfigError)
"""What `Endpoint.refuse` answers."""


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


class Nothing(Endpoint):
    """Everything else."""

    def prepare(self) -> None:
        """Answer that there is nothing."""
        self.set_status(404)
        self.finish({"error": "invalid_request", "error_description": "there is nothing here"})


def application(service: "LoginService") -> web.Application:
    """All of it."""
    own = {"service": service}
    routes: list[Any] = [
        (protocol.METADATA_PATH, Metadata, own),
        (protocol.TOKEN_PATH, Token, own),
        (protocol.REVOKE_PATH, Revoke, own),
        (protocol.USERINFO_PATH, UserInfo, own),
    ]
    return web.Application(
        routes,
        default_handler_class=Nothing,
        default_handler_args=own,
        log_function=_say_nothing,
        compress_response=False,
    )


def _say_nothing(_handler: web.RequestHandler) -> None:
    """What was asked for may hold a code; what comes of it is logged where it happens."""
