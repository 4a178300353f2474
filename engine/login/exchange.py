"""Token exchange (RFC 8693): what proves somebody to the provider becomes a token of this gateway.

    subject_token                    actor_token                 the gateway's token is
    the ID token of a login          none                        the person's
    an access token of the provider  none                        the same user's, no longer than that token is good
    a person's, of either            an agent's, of either       the agent's, for the person (`act`), no longer than
                                                                 both are good

An agent's token is not handed on, and a token of the gateway is not made longer by one.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hoopaddon.identity import tokens
from hoopaddon.identity.check import TokenCheck
from hoopaddon.identity.compact import MAX_BYTES, InvalidToken, claimed
from hoopaddon.identity.replay import UsedProofs
from hoopaddon.login.forms import BadRequest
from hoopaddon.login.protocol import ACCESS_TOKEN, ID_TOKEN, JWT, VERIFIER, nonce_of, s256
from hoopaddon.login.settings import LoginSettings
from hoopaddon.session import User

if TYPE_CHECKING:
    from hoopaddon.options import Options

_TYPES = (ID_TOKEN, ACCESS_TOKEN, JWT)
MAX_NAME_CHARS = 256


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token of the gateway is to say. `ends` is Unix time; `parents` are the tokens that it was given for."""

    user: User
    ends: float
    target: str | None = None
    agent: str | None = None
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Presented:
    """A token as somebody presents it, and of which type they say that it is."""

    token: str
    type: str

    @classmethod
    def of(cls, form: Mapping[str, str], name: str) -> "Presented":
        """The token of this name. Raises `BadRequest`."""
        token, type = form.get(f"{name}_token", ""), form.get(f"{name}_token_type", "")
        if not token or len(token) > MAX_BYTES:
            raise BadRequest(f"{name}_token is missing, or longer than {MAX_BYTES} characters")
        if type not in _TYPES:
            raise BadRequest(f"{name}_token_type is not an ID token's, an access token's or a JWT's")
        return cls(token, type)

    @property
    def is_login(self) -> bool:
        return self.type == ID_TOKEN

    @property
    def claimed_subject(self) -> str:
        """Whom it says that it speaks for, which nobody has checked; for counting failures."""
        return str(claimed(self.token).get("sub", ""))[:MAX_NAME_CHARS]


def _check_nothing_else(form: Mapping[str, str]) -> None:
    """What is asked for and not done would be a token that is good for more. Raises `BadRequest`."""
    if form.get("resource") or form.get("scope"):
        raise BadRequest("resource and scope are not known here: audience names the one target")
    if form.get("requested_token_type", JWT) not in (JWT, ACCESS_TOKEN):
        raise BadRequest("requested_token_type is a JWT's, or an access token's")


class Exchange:
    """What is granted for which tokens. Use it from one event loop."""

    def __init__(self, identity: TokenCheck, options: "Options") -> None:
        self._identity = identity
        self._options = options
        self._used = UsedProofs()

    async def grant(self, form: Mapping[str, str], settings: LoginSettings) -> Grant:
        """What the form asks for, where its tokens prove it. Raises `BadRequest`, `InvalidToken`."""
        target = form.get("audience") or None
        if target is not None and (len(target) > MAX_NAME_CHARS or not target.isprintable()):
            raise BadRequest("audience is the name of a target")
        _check_nothing_else(form)
        subject = Presented.of(form, "subject")
        actor = Presented.of(form, "actor") if "actor_token" in form else None
        user = await self._user(subject, target, form.get(VERIFIER), settings)
        if subject.is_login:
            # Without the signature: of one ECDSA signature everybody can make another that is valid.
            signed = subject.token.rpartition(".")[0]
            self._used.use(s256(signed), float(user.claims["exp"]) + self._options.oidc_leeway)
        if actor is not None:
            return await self._delegated(user, actor, target, settings)
        if user.claims["iss"] == tokens.ISSUER:
            raise InvalidToken("a token of the gateway is not exchanged for another without an actor_token")
        if len(user.actors) > 1:
            raise InvalidToken("the token is of an agent that acts for an agent")
        ends = time.time() + settings.ttl_s
        if not subject.is_login:
            ends = min(ends, float(user.claims["exp"]))
        return Grant(user, ends, target, next(iter(user.actors), None))

    async def _user(
        self, shown: Presented, target: str | None, verifier: str | None, settings: LoginSettings
    ) -> User:
        if shown.is_login:
            nonce = nonce_of(verifier, settings.url) if verifier else None
            return await self._identity.login(shown.token, nonce=nonce)
        return await self._identity.user(shown.token, target=target)

    async def _delegated(self, user: User, actor: Presented, target: str | None, settings: LoginSettings) -> Grant:
        if actor.is_login:
            raise BadRequest("actor_token_type is an access token's or a JWT's")
        agent = await self._identity.user(actor.token, target=target)
        if user.actors or agent.actors:
            raise InvalidToken("the token of an agent that acts for somebody is not handed on")
        if agent.subject not in settings.agents:
            raise InvalidToken("the actor is none of login_agents")
        may_act = user.claims.get("may_act")
        # RFC 8693 section 4.4: where the person's token says who may, nobody else does.
        if "may_act" in user.claims and not (isinstance(may_act, dict) and may_act.get("sub") == agent.claims["sub"]):
            raise InvalidToken("the person's token lets another act (may_act)")
        if agent.subject == user.subject:
            raise InvalidToken("the actor and the subject are the same")
        ends = min(time.time() + settings.ttl_s, *(float(one.claims["exp"]) for one in (user, agent)))
        parents = tuple(str(one.claims["jti"]) for one in (user, agent) if "jti" in one.claims)
        return Grant(user, ends, target, agent.subject, parents)
