"""Where the login service listens: from before the first client of a target is served, until the end."""

import logging
from typing import TYPE_CHECKING

from mitmproxy import exceptions

from hoopaddon.errors import ConfigError
from hoopaddon.identity.oidc.settings import settings_of as check_provider
from hoopaddon.login.settings import AT_START, OPTIONS, LoginSettings, settings_of
from hoopaddon.relay.certificates import gateway_context

if TYPE_CHECKING:
    from hoopaddon.gateway import Gateway
    from hoopaddon.login.saml import SamlLogins
    from hoopaddon.login.server import LoginServer
    from hoopaddon.login.service import LoginService

logger = logging.getLogger(__name__)


class LoginListener:
    """The addon that listens where `login_listen` says."""

    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway
        self._server: LoginServer | None = None
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

    def _read(self) -> "tuple[LoginSettings | None, SamlLogins | None]":
        """What the options say. Raises `ConfigError`."""
        options = self._gateway.options
        settings = settings_of(options)
        if settings is not None:
            check_provider(options)
        if settings is None or not options.saml_metadata:
            return settings, None
        from hoopaddon.login.saml import SamlLogins

        return settings, SamlLogins(options, settings.url)

    def start(self) -> None:
        """Listen, where anybody may log in. Raises `ConfigError`."""
        settings, saml = self._read()
        if settings is None:
            return
        # Imported here: most gateways have no need of it.
        from hoopaddon.login.server import serve
        from hoopaddon.login.service import LoginService

        self._gateway.identity.prepare()
        self._service = LoginService(self._gateway, settings, saml)
        tls = None if settings.is_loopback else gateway_context(self._gateway.options, alpn=("http/1.1",))
        self._server = serve(self._service, tls)
        logger.info("Logins at %s: hoopaddon login %s", settings.url, settings.url)

    async def close(self) -> None:
        """Let go of it."""
        if self._server is not None:
            await self._server.close()
            self._server = None
