"""The login service's HTTP server: Tornado's, with bounds for all that strangers may send it."""

import asyncio
import logging
import ssl
from contextlib import suppress
from typing import Any

from tornado.httpserver import HTTPServer

from hoopaddon.errors import ConfigError
from hoopaddon.login.application import application
from hoopaddon.login.service import LoginService
from hoopaddon.login.sockets import listening

MOST_CONNECTIONS = 256
MAX_HEADER_BYTES = 32 * 1024
MAX_BODY_BYTES = 512 * 1024
"""A SAML response of 256 KiB in base64, in a form."""
BODY_WITHIN_S = 15.0
IDLE_S = 30.0
CLOSING_S = 2.0
"""For who is being answered, at the end."""


class LoginServer(HTTPServer):
    """Serves until it is closed; only so many at the same time."""

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

    async def close(self) -> None:
        """Let go of the sockets, and of who is being answered for too long."""
        self.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSING_S):
                await self.close_all_connections()


def serve(service: LoginService, tls: ssl.SSLContext | None) -> LoginServer:
    """Listen where the service's settings say. Raises `ConfigError`."""
    settings = service.settings
    # What it has to say of a malformed request may quote a token.
    logging.getLogger("tornado.general").setLevel(logging.CRITICAL)
    server = LoginServer(
        application(service),
        ssl_options=tls,
        max_header_size=MAX_HEADER_BYTES,
        max_body_size=MAX_BODY_BYTES,
        max_buffer_size=MAX_BODY_BYTES + MAX_HEADER_BYTES,
        body_timeout=BODY_WITHIN_S,
        idle_connection_timeout=IDLE_S,
    )
    try:
        server.add_sockets(listening(settings.host, settings.port))
    except OSError as e:
        message = f"cannot listen at {settings.host}:{settings.port}: {e.strerror or e}"
        raise ConfigError(message, key="login_listen", hint="choose another port") from None
    return server
