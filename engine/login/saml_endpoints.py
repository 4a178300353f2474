"""The endpoints that a SAML login needs: where it begins, where the provider's answer is posted, and who we are."""

from typing import TYPE_CHECKING

from hoopaddon.identity.throttle import network_of
from hoopaddon.login.endpoint import REFUSALS, Endpoint, OAuthError
from hoopaddon.login.forms import fields_of

if TYPE_CHECKING:
    from hoopaddon.login.saml import SamlLogins

ACS_LIMIT_BYTES = 512 * 1024


class SamlEndpoint(Endpoint):
    """What they have in common."""

    @property
    def saml(self) -> "SamlLogins":
        """Raises `OAuthError` where people do not log in by SAML."""
        if self.service.saml is None:
            raise OAuthError("invalid_request", "nobody logs in by SAML here", 404)
        return self.service.saml


class Authorize(SamlEndpoint):
    """Where `hoopaddon login` sends the browser (RFC 6749 section 3.1)."""

    def get(self) -> None:
        """Send it on to the identity provider."""
        try:
            address = self.saml.begin(fields_of(self.request.query), network_of(self.address))
        except REFUSALS as e:
            self.refuse(e)
        else:
            self.redirect(address, status=303)


class AssertionConsumer(SamlEndpoint):
    """Where the provider has the browser post its answer (SAML 2.0 Profiles, section 4.1.4.5)."""

    limit_bytes = ACS_LIMIT_BYTES

    async def post(self) -> None:
        """Send the browser back to the program that began the login."""
        who = f"login {self.address}"
        try:
            attempt = self.service.throttle.attempt(self.address, who)
            begun, user = await self.saml.judge(self.form)
            attempt.was_right(who)
            address = self.saml.end(begun, user, network_of(self.address))
        except REFUSALS as e:
            self.refuse(e)
        else:
            self.redirect(address, status=303)


class SamlMetadata(SamlEndpoint):
    """What the identity provider is given."""

    def get(self) -> None:
        """Answer it."""
        try:
            document = self.saml.service.metadata
        except REFUSALS as e:
            self.refuse(e)
            return
        self.set_header("Content-Type", "application/samlmetadata+xml")
        self.finish(document)
