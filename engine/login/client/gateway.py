"""The login service, as those who log in see it."""

import ssl
from dataclasses import dataclass
from typing import Any, ClassVar

from hoopaddon.identity.oidc.fetch import ask, fetch_json
from hoopaddon.identity.oidc.settings import DEFAULT_REDIRECT
from hoopaddon.login import protocol
from hoopaddon.login.protocol import LoginFailed, why


@dataclass(frozen=True, slots=True)
class GatewayClient:
    """The service at an address. `LoginFailed` and `NotFetched` are all that its methods raise."""

    url: str
    tls: ssl.SSLContext | bool

    async def metadata(self) -> dict[str, Any]:
        """What the service says of itself (RFC 8414)."""
        said = await fetch_json(self.url + protocol.METADATA_PATH, self.tls)
        # RFC 8414 section 3.3; the nonce of a login is for this address too.
        if said.get("issuer") != self.url:
            raise LoginFailed(f"the login service there is not called {self.url}: use the address that it goes by")
        return said

    # -- as the authorization server of `by_browser`, where people log in by SAML

    @property
    def issuer(self) -> str:
        return self.url

    client_id: ClassVar[str] = protocol.CLIENT_ID
    redirect_uri: ClassVar[str] = DEFAULT_REDIRECT
    sends_issuer: ClassVar[bool] = True

    @property
    def authorization_endpoint(self) -> str:
        return self.url + protocol.AUTHORIZE_PATH

    @property
    def token_endpoint(self) -> str:
        return self.url + protocol.TOKEN_PATH

    async def post(self, address: str, **form: str) -> tuple[int, dict[str, Any]]:
        """What an endpoint answers to a form of this client's."""
        return await ask(address, self.tls, form={"client_id": self.client_id, **form})

    # -- the gateway's own endpoints

    async def exchange(self, **form: str) -> str:
        """The gateway's token for these; names are as in RFC 8693 section 2.1."""
        return self.token_of(*await self.post(self.token_endpoint, grant_type=protocol.TOKEN_EXCHANGE, **form))

    @staticmethod
    def token_of(status: int, said: dict[str, Any]) -> str:
        """The gateway's token in what its token endpoint answers."""
        token = said.get("access_token")
        if status != 200 or not isinstance(token, str):
            raise LoginFailed(f"the gateway says no: {why(status, said)}")
        return token

    async def revoke(self, token: str) -> None:
        """Take a token back."""
        status, said = await ask(self.url + protocol.REVOKE_PATH, self.tls, form={"token": token})
        if status != 200:
            raise LoginFailed(f"the gateway says no: {why(status, said)}")

    async def takes(self, token: str) -> bool:
        """Whether the token is good."""
        headers = {"authorization": f"Bearer {token}"}
        status, said = await ask(self.url + protocol.USERINFO_PATH, self.tls, headers=headers)
        if status not in (200, 401):
            raise LoginFailed(f"the gateway does not say: {why(status, said)}")
        return status == 200
