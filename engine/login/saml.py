"""Logins by a SAML identity provider: the login service is the provider's service, and `hoopaddon login`'s server.

To `hoopaddon login` this is OAuth's authorization code with PKCE; between the two redirects lies a SAML login. No
browser is remembered here: what the provider posts is taken for a request that is open, which RelayState names, and
the code that comes of it is worth something only to the program that began that request.
"""

import asyncio
import hmac
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from hoopaddon.errors import ConfigError
from hoopaddon.identity.compact import InvalidToken
from hoopaddon.login import protocol
from hoopaddon.login.exchange import MAX_NAME_CHARS, Grant
from hoopaddon.login.forms import BadRequest
from hoopaddon.login.once import Once
from hoopaddon.session import User

if TYPE_CHECKING:
    from hoopaddon.options import Options

LOGIN_WITHIN_S = 600.0
CODE_WITHIN_S = 60.0
MAX_STATE_CHARS = 256

# RFC 8252 sections 7.3 and 8.3: by address, since a name may resolve to somewhere else.
_LOOPBACK = re.compile(r"http://(?:127\.0\.0\.1|\[::1\]):[1-9][0-9]{0,4}/callback")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


@dataclass(frozen=True, slots=True)
class Begun:
    """A login on its way. `id` is the AuthnRequest's, which the answer has to name."""

    id: str
    redirect_uri: str
    state: str
    challenge: str
    target: str | None

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Begun":
        """What an authorization request asks for (RFC 6749 section 4.1.1). Raises `BadRequest`."""
        redirect_uri, state, target = (query.get(name, "") for name in ("redirect_uri", "state", "audience"))
        if not _LOOPBACK.fullmatch(redirect_uri):
            raise BadRequest("redirect_uri has to be http://127.0.0.1:PORT/callback: logins end where they began")
        if query.get("response_type") != "code" or query.get("client_id") != protocol.CLIENT_ID:
            raise BadRequest("response_type is code, and client_id is hoopaddon")
        if query.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(query.get("code_challenge", "")):
            raise BadRequest("a code_challenge by S256 is needed")
        if not 16 <= len(state) <= MAX_STATE_CHARS or not (state.isascii() and state.isprintable()):
            raise BadRequest(f"state is 16 to {MAX_STATE_CHARS} characters")
        if len(target) > MAX_NAME_CHARS or not target.isprintable():
            raise BadRequest("audience is the name of a target")
        return cls(f"_{secrets.token_hex(20)}", redirect_uri, state, query["code_challenge"], target or None)


@dataclass(frozen=True, slots=True)
class Ended:
    """A login that a code stands for. `ends` is when the provider's own session does, if it says so."""

    begun: Begun
    user: User
    ends: float


class SamlLogins:
    """See the module. Use it from one event loop."""

    def __init__(self, options: "Options", url: str) -> None:
        try:
            from hoopaddon.identity.saml.metadata import IdentityProvider, ServiceProvider
            from hoopaddon.identity.saml.response import SamlProvider, SamlSettings
        except ImportError:
            hint = "pip install 'hoopaddon[saml]'"
            raise ConfigError("needs packages that are not installed", key="saml_metadata", hint=hint) from None

        self._idp = IdentityProvider.load(options.saml_metadata)
        entity = options.saml_entity or url + protocol.SAML_METADATA_PATH
        self.service = ServiceProvider(entity, url + protocol.ACS_PATH)
        self._url = url
        self._provider = SamlProvider(
            SamlSettings(
                issuer=self._idp.issuer,
                certificates=self._idp.certificates,
                recipient=self.service.acs,
                audience=entity,
                user_attribute=options.saml_user_attribute,
                groups_attribute=options.saml_groups_attribute,
            )
        )
        self._begun: Once[Begun] = Once(LOGIN_WITHIN_S)
        self._ended: Once[Ended] = Once(CODE_WITHIN_S)
        self._judging = asyncio.Semaphore(1)

    def begin(self, query: Mapping[str, str], network: str) -> str:
        """Where the browser goes to log in. Raises `BadRequest`, `NoRoom`."""
        begun = Begun.of(query)
        relay_state = self._begun.put(begun, network)
        return self._idp.address(self.service.request(begun.id, self._idp.sign_on), relay_state)

    async def judge(self, form: Mapping[str, str]) -> tuple[Begun, User]:
        """Whom an answer of the provider's logs in, and where. Raises `BadRequest`, `InvalidToken`."""
        if not form.get("SAMLResponse"):
            raise BadRequest("SAMLResponse is missing")
        # Taken before it is looked at: one request has one answer.
        begun = self._begun.take(form.get("RelayState", ""))
        if begun is None:
            raise InvalidToken("no login is open that the response could be of (RelayState)")
        async with self._judging:
            # Signatures of XML take a while.
            return begun, await asyncio.to_thread(self._provider.user, form["SAMLResponse"], request_id=begun.id)

    def end(self, begun: Begun, user: User, network: str) -> str:
        """Where the browser goes then: back to the program, with a code. Raises `NoRoom`."""
        ends = user.claims.get("session_ends")
        ended = Ended(begun, user, float(ends) if isinstance(ends, float) else float("inf"))
        code = self._ended.put(ended, network)
        # RFC 9207: whose answer it is.
        answer = {"code": code, "state": begun.state, "iss": self._url}
        return f"{begun.redirect_uri}?{urlencode(answer)}"

    def grant(self, form: Mapping[str, str], ttl_s: int) -> tuple[Grant, User]:
        """What a code is good for, and whom the provider has named. Raises `InvalidToken`."""
        ended = self._ended.take(form.get("code", ""))
        if ended is None:
            raise InvalidToken("the code is not known, was used, or is over")
        verifier = form.get("code_verifier", "")
        if not _VERIFIER.fullmatch(verifier) or not hmac.compare_digest(
            protocol.s256(verifier), ended.begun.challenge
        ):
            raise InvalidToken("the code_verifier is not the one of this login")
        if form.get("redirect_uri") != ended.begun.redirect_uri or form.get("client_id") != protocol.CLIENT_ID:
            raise InvalidToken("the code was issued to another client, or redirect_uri")
        ends = min(time.time() + ttl_s, ended.ends)
        return Grant(User(ended.user.subject, ended.user.groups), ends, ended.begun.target), ended.user
