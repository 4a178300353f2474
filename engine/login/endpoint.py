"""What the login service's endpoints have in common."""

import logging
from typing import TYPE_CHECKING, Any

from tornado import web

from hoopaddon.errors import ConfigError, HoopaddonError
from hoopaddon.identity.compact import InvalidToken
from hoopaddon.identity.throttle import TooManyFailures
from hoopaddon.login.forms import BadRequest, fields_of
from hoopaddon.login.once import NoRoom
from hoopaddon.policy.chain import place
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
            case TooManyFailures() | NoRoom():
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


REFUSALS = (OAuthError, BadRequest, TooManyFailures, NoRoom, InvalidToken, StoreUnusable, ConfigError)
"""What `Endpoint.refuse` answers."""
