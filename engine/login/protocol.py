"""What the login service and those who log in agree on: OAuth 2.0's words, and a few of our own."""

import base64
import hashlib
import secrets
from typing import Any

from hoopaddon.errors import HoopaddonError

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 RFC 8693 section 2.1
AUTHORIZATION_CODE = "authorization_code"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"

ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105 RFC 8693 section 3
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105
JWT = "urn:ietf:params:oauth:token-type:jwt"

METADATA_PATH = "/.well-known/oauth-authorization-server"
TOKEN_PATH = "/token"  # noqa: S105
REVOKE_PATH = "/revoke"
USERINFO_PATH = "/userinfo"
AUTHORIZE_PATH = "/authorize"
ACS_PATH = "/saml/acs"
SAML_METADATA_PATH = "/saml/metadata"

CLIENT_ID = "hoopaddon"
"""Of `hoopaddon login` at the login service, which has no other clients."""
PROVIDER = "hoopaddon_provider"
"""In the service's metadata: the OpenID Connect provider to log in at, and as which client."""
VERIFIER = "login_verifier"
"""In an exchange: what the nonce of the ID token was made of, so that nobody else can exchange the token."""


class LoginFailed(HoopaddonError):
    """Nobody is logged in. The text is for the person, or the agent, who wants to be."""


def new_secret() -> str:
    """256 bits that nobody guesses; a code verifier too (RFC 7636 section 4.1)."""
    return secrets.token_urlsafe(32)


def s256(text: str) -> str:
    """The SHA-256 of a text in base64url: 43 characters (RFC 7636 section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def nonce_of(verifier: str, service: str) -> str:
    """The nonce of a login at the login service of this address.

    Whoever gets hold of the ID token, and another gateway to which somebody has logged in by the same client, lacks
    what would have to be shown with it here.
    """
    return s256(f"{service} {verifier}")


def why(status: int, said: dict[str, Any]) -> str:
    """What an error says of itself (RFC 6749 section 5.2), for people."""
    text = str(said.get("error_description") or said.get("error") or f"status {status}")
    return "".join(char for char in text[:300] if char.isprintable())
