"""ID and access tokens of the provider (OpenID Connect Core 1.0, RFC 9068), checked as RFC 8725 asks for.

Nothing in a token chooses how it is checked: the algorithms are the operator's, the keys the provider's, and a key is
only used for an algorithm of its own type and curve.
"""

import hmac
import re
import time

from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

from hoopaddon.identity.compact import InvalidToken, ascii_text, b64decode, is_canonical, json_of
from hoopaddon.identity.oidc.claims import check_claims, user_of
from hoopaddon.identity.oidc.keys import NoKeys, ProviderKey, ProviderKeys
from hoopaddon.identity.oidc.settings import OidcSettings
from hoopaddon.session import User

MAX_HEADER_CHARS = 4096
MAX_KID_CHARS = 512
TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt", "application/jwt"})
"""Of an ID token, and of an access token; those of logouts, DPoP and others are no logins (RFC 8725 section 3.11)."""
ID_TOKEN_TYPES = frozenset({"jwt"})

# The longest signature is RSA's, of 8192 bits.
_COMPACT = re.compile(r"([A-Za-z0-9_-]{2,})\.([A-Za-z0-9_-]{2,})\.([A-Za-z0-9_-]{0,1366})")
_OF_ITS_OWN = ("jwk", "jku", "x5u", "x5c")
"""With these a token brings its own key, or says where to find one."""


class OidcProvider:
    """Takes the tokens of one issuer. Use it from one event loop."""

    def __init__(
        self, settings: OidcSettings, *, keys: ProviderKeys | None = None, types: frozenset[str] = TYPES
    ) -> None:
        self.settings = settings
        self._types = types
        self.keys = keys or ProviderKeys(settings)

    async def user(self, token: str | bytes, *, nonce: str | None = None) -> User:
        """The user that the token speaks for. Raises `InvalidToken`.

        `nonce` is what a login has sent along; the token has to bring it back.
        """
        text = ascii_text(token)
        parts = _COMPACT.fullmatch(text)
        if parts is None:
            raise InvalidToken("not a signed token: it must have three parts in base64url")
        if not all(is_canonical(part) for part in parts.groups()):
            raise InvalidToken("the token's base64url is not canonical")
        algorithm, kid = self._header(parts[1])
        await self._check_signature(text.rpartition(".")[0].encode(), b64decode(parts[3]), algorithm, kid)
        # What nobody has signed is not even read.
        claims = json_of(parts[2], "payload")
        if not isinstance(claims, dict):
            raise InvalidToken("the token's payload is no JSON object")
        check_claims(claims, self.settings, time.time())
        if nonce is not None and not _same(claims.get("nonce"), nonce):
            raise InvalidToken("the token is not of this login: its nonce is another")
        return user_of(claims, self.settings)

    def _header(self, part: str) -> tuple[str, str | None]:
        """The algorithm and the key's name."""
        if len(part) > MAX_HEADER_CHARS:
            raise InvalidToken(f"the token's header is longer than {MAX_HEADER_CHARS} characters")
        header = json_of(part, "header")
        if not isinstance(header, dict):
            raise InvalidToken("the token's header is no JSON object")
        algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
        if not isinstance(algorithm, str) or algorithm not in self.settings.algorithms:
            raise InvalidToken("the token's algorithm is not one of oidc_algorithms")
        if "crit" in header or "b64" in header or "zip" in header or "enc" in header:
            raise InvalidToken("the token's header asks for what is not done here (crit, b64, zip, enc)")
        if brought := [name for name in _OF_ITS_OWN if name in header]:
            raise InvalidToken(f"the token brings its own key ({brought[0]})")
        if not isinstance(kind, str) or kind.lower() not in self._types:
            raise InvalidToken("the token's type is not one of those that are taken here")
        if kid is not None and (not isinstance(kid, str) or not 1 <= len(kid) <= MAX_KID_CHARS):
            raise InvalidToken("the token's kid is not a name")
        return algorithm, kid

    async def _check_signature(self, signed: bytes, signature: bytes, algorithm: str, kid: str | None) -> None:
        try:
            keys = await self.keys.find(kid, algorithm)
        except NoKeys as e:
            raise InvalidToken(str(e)) from None
        if not keys:
            raise InvalidToken("the provider has no key of this kid for this algorithm")
        if kid is None and len(keys) > 1:
            raise InvalidToken("the token does not say which of the provider's keys it is signed with")
        if not any(_is_signed(key, algorithm, signed, signature) for key in keys):
            raise InvalidToken("the token's signature is not the provider's")


def _is_signed(key: ProviderKey, algorithm: str, signed: bytes, signature: bytes) -> bool:
    # The same algorithm under the name that RFC 9864 gives it.
    model = JWSRegistry.algorithms["Ed25519" if algorithm == "EdDSA" else algorithm]
    try:
        model.check_key(key.key)
        return model.verify(signed, signature, key.key)
    except (JoseError, ValueError):
        return False


def _same(one: object, other: str) -> bool:
    return isinstance(one, str) and hmac.compare_digest(one.encode(), other.encode())
