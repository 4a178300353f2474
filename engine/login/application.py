"""The login service as a whole: which endpoint is where."""

from typing import TYPE_CHECKING, Any

from tornado import web

from hoopaddon.login import protocol
from hoopaddon.login.endpoint import Endpoint
from hoopaddon.login.endpoints import Metadata, Revoke, Token, UserInfo
from hoopaddon.login.saml_endpoints import AssertionConsumer, Authorize, SamlMetadata

if TYPE_CHECKING:
    from hoopaddon.login.service import LoginService


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
        (protocol.AUTHORIZE_PATH, Authorize, own),
        (protocol.ACS_PATH, AssertionConsumer, own),
        (protocol.SAML_METADATA_PATH, SamlMetadata, own),
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
