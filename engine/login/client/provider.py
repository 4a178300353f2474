"""The OpenID Connect provider, as a public client on the user's machine sees it."""

import base64
import ssl
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from hoopaddon.credential import Secret
from hoopaddon.identity.oidc.fetch import ask, fetch_json
from hoopaddon.identity.oidc.settings import check_address, check_redirect
from hoopaddon.login.protocol import LoginFailed, why

_DISCOVERY = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class ProviderClient:
    """The client that the gateway names, at the provider that it names. Endpoints that it lacks are empty."""

    issuer: str
    client_id: str
    scope: str
    redirect_uri: str
    tls: ssl.SSLContext | bool
    authorization_endpoint: str
    token_endpoint: str
    device_endpoint: str = ""
    sends_issuer: bool = False
    """Whether its answers to browsers say whose they are (RFC 9207)."""
    takes_secret_by: tuple[str, ...] = field(default=("client_secret_basic",))

    @classmethod
    async def of(cls, said: Any, tls: ssl.SSLContext | bool) -> "ProviderClient":
        """By what the gateway says, and what the provider says of itself. Raises `NotFetched`, `ConfigError`."""
        names = ("issuer", "client_id", "scope", "redirect_uri")
        if not isinstance(said, dict) or not all(isinstance(said.get(name), str) and said[name] for name in names):
            raise LoginFailed("the gateway does not say where to log in")
        issuer = said["issuer"]
        check_address(issuer, key="issuer")
        check_redirect(said["redirect_uri"], key="redirect_uri")
        document = await fetch_json(issuer.rstrip("/") + _DISCOVERY, tls)
        if document.get("issuer") != issuer:
            raise LoginFailed("the provider's discovery document is of another issuer")
        methods = document.get("code_challenge_methods_supported", ["S256"])
        if not isinstance(methods, list) or "S256" not in methods:
            raise LoginFailed("the provider does not take proof keys for code exchange (PKCE) by S256")
        by = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return cls(
            issuer=issuer,
            client_id=said["client_id"],
            scope=said["scope"],
            redirect_uri=said["redirect_uri"],
            tls=tls,
            authorization_endpoint=_endpoint(document, "authorization_endpoint", is_needed=True),
            token_endpoint=_endpoint(document, "token_endpoint", is_needed=True),
            device_endpoint=_endpoint(document, "device_authorization_endpoint"),
            sends_issuer=document.get("authorization_response_iss_parameter_supported") is True,
            takes_secret_by=tuple(map(str, by)) if isinstance(by, list) else (),
        )

    async def post(self, address: str, **form: str) -> tuple[int, dict[str, Any]]:
        """What an endpoint answers to a form of this client's. Raises `NotFetched`."""
        return await ask(address, self.tls, form={"client_id": self.client_id, **form})

    async def agents_token(self, client_id: str, secret: Secret, **more: str) -> str:
        """The access token of another client than this, an agent (RFC 6749 section 4.4)."""
        form = {"grant_type": "client_credentials", **more}
        headers = {}
        if "client_secret_basic" in self.takes_secret_by:
            # RFC 6749 section 2.3.1: as in forms, before it is put together.
            pair = f"{quote(client_id, safe='')}:{quote(secret.reveal(), safe='')}"
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": client_id, "client_secret": secret.reveal()}
        status, said = await ask(self.token_endpoint, self.tls, form=form, headers=headers)
        return token_of(status, said, "access_token")


def _endpoint(document: dict[str, Any], name: str, *, is_needed: bool = False) -> str:
    address = document.get(name, "")
    if not isinstance(address, str) or (is_needed and not address):
        raise LoginFailed(f"the provider's discovery document names no {name}")
    if address:
        check_address(address, key=name)
    return address


def token_of(status: int, said: dict[str, Any], name: str) -> str:
    """The token of this name in what a token endpoint answers. Raises `LoginFailed`."""
    token = said.get(name)
    if status != 200 or not isinstance(token, str) or not token:
        raise LoginFailed(f"the provider gives no {name}: {why(status, said)}")
    return token
