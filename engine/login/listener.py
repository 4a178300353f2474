"""Where the login service listens: from before the first client of a target is served, until the end."""

import asyncio
import logging
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mitmproxy import exceptions
from tornado.httpserver import HTTPServer

from hoopaddon.errors import ConfigError
from hoopaddon.identity.oidc.settings import settings_of as check_provider
from hoopaddon.login.saml import SamlLogins
from hoopaddon.login.settings import AT_START, OPTIONS, LoginSettings, settings_of
from hoopaddon.login.sockets import listening
from hoopaddon.relay.certificates import gateway_context

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway
    from hoopaddon.login.service import LoginService

logger = logging.getLogger(__name__)

MOST_CONNECTIONS = 256
MAX_HEADER_BYTES = 32 * 1024
MAX_BODY_BYTES = 512 * 1024
"""A SAML response of 256 KiB in base64, in a form."""
BODY_WITHIN_S = 15.0
IDLE_S = 30.0
CLOSING_S = 2.0
"""For who is being answered, at the end."""


class LoginListener:
    """The addon that listens where `login_listen` says."""

    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway
        self._server: _Server | None = None
        self._service: LoginService | None = None

    def configure(self, updated: set[str]) -> None:
        """The addon's part: while it listens, what cannot be used is an error when it is set."""
        if self._service is None or not updated & {*OPTIONS, "oidc_issuer"}:
            return
        try:
            settings, saml = self._read()
        except ConfigError as e:
            raise exceptions.OptionsError(str(e)) from None
        if settings is None or settings.place != self._service.settings.place:
            # The file's own check says so first; scripts can set options too.
            raise exceptions.OptionsError(f"{' and '.join(AT_START)} cannot change while the gateway runs")
        self._service.settings = settings
        if any(name.startswith("saml_") for name in updated):
            self._service.saml = saml

    def check(self) -> None:
        """Raises `ConfigError` for what would keep it from starting."""
        self._read()

    def _read(self) -> tuple[LoginSettings | None, SamlLogins | None]:
        """What the options say. Raises `ConfigError`."""
        options = self._gateway.options
        settings = settings_of(options)
        if settings is not None:
            check_provider(options)
        return settings, SamlLogins(options, settings.url) if settings and options.saml_metadata else None

    def start(self) -> None:
        """Listen, where anybody may log in. Raises `ConfigError`."""
        settings, saml = self._read()
        if settings is None:
            return
        # Imported here: most gateways have no need of it.
        from hoopaddon.login.application import application
        from hoopaddon.login.service import LoginService

        self._gateway.identity.prepare()
        service = LoginService(self._gateway, settings, saml)
        tls = None if settings.is_loopback else gateway_context(self._gateway.options, alpn=("http/1.1",))
        # What it has to say of a malformed request may quote a token.
        logging.getLogger("tornado.general").setLevel(logging.CRITICAL)
        self._server = _Server(
            application(service),
            ssl_options=tls,
            max_header_size=MAX_HEADER_BYTES,
            max_body_size=MAX_BODY_BYTES,
            max_buffer_size=MAX_BODY_BYTES + MAX_HEADER_BYTES,
            body_timeout=BODY_WITHIN_S,
            idle_connection_timeout=IDLE_S,
        )
        self._server.add_sockets(_bound(settings))
        self._service = service
        logger.info("Logins at %s: hoopaddon login %s", settings.url, settings.url)

    async def close(self) -> None:
        """Let go of it."""
        if self._server is not None:
            self._server.stop()
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSING_S):
                    await self._server.close_all_connections()
            self._server = None


class _Server(HTTPServer):
    """Tornado's, with a bound on how many are served at the same time."""

    _open = 0

    def handle_stream(self, stream: Any, address: Any) -> None:
        if self._open >= MOST_CONNECTIONS:
            stream.close()
            return
        self._open += 1
        super().handle_stream(stream, address)

    def on_close(self, server_conn: object) -> None:
        self._open -= 1
        super().on_close(server_conn)


def _bound(settings: LoginSettings) -> list[socket.socket]:
    try:
        return listening(settings.host, settings.port)
    except OSError as e:
        message = f"cannot listen at {settings.host}:{settings.port}: {e.strerror or e}"
        raise ConfigError(message, key="login_listen", hint="choose another port") from None
