"""The login service, as those who log in see it."""

import ssl
from dataclasses import dataclass
from typing import Any

from hoopaddon.identity.oidc.fetch import ask, fetch_json
from hoopaddon.login import protocol
from hoopaddon.login.client.provider import ProviderClient
from hoopaddon.login.protocol import LoginFailed, why


@dataclass(frozen=True, slots=True)
class GatewayClient:
    """The service at an address. `LoginFailed` and `NotFetched` are all that its methods raise."""

    url: str
    tls: ssl.SSLContext | bool

    async def provider(self) -> ProviderClient | None:
        """Where people log in; None where that is not OpenID Connect."""
        said = (await self._metadata()).get(protocol.PROVIDER)
        return await ProviderClient.of(said, self.tls) if said is not None else None

    async def _metadata(self) -> dict[str, Any]:
        said = await fetch_json(self.url + protocol.METADATA_PATH, self.tls)
        # RFC 8414 section 3.3; the nonce of a login is for this address too.
        if said.get("issuer") != self.url:
            raise LoginFailed(f"the login service there is not called {self.url}: use the address that it goes by")
        return said

    async def exchange(self, **form: str) -> str:
        """The gateway's token for these; names are as in RFC 8693 section 2.1."""
        asked = {"grant_type": protocol.TOKEN_EXCHANGE, **form}
        status, said = await ask(self.url + protocol.TOKEN_PATH, self.tls, form=asked)
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
