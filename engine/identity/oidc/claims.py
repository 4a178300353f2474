"""What the claims of a provider's token have to say before it logs anybody in."""

import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from hoopaddon.identity.compact import InvalidToken
from hoopaddon.identity.oidc.settings import ANY_CLIENT, OidcSettings
from hoopaddon.session import User

MAX_LIFETIME_S = 24 * 3600
MAX_NAME_CHARS = 256
MAX_GROUPS = 1024
MAX_AUDIENCES = 64
MAX_ACTORS = 5
_MAX_TIME = 1 << 53
# Keycloak says in the payload what a token is for; these are none to log in with.
_OTHER_TYPES = frozenset({"refresh", "offline", "logout", "registrationaccesstoken", "initialaccesstoken"})


def check_claims(claims: Mapping[str, Any], settings: OidcSettings, now: float) -> None:
    """Whether a token that is signed is for this gateway, now. Raises `InvalidToken`."""
    if claims.get("iss") != settings.issuer:
        raise InvalidToken("the token is from another issuer")
    _check_audience(claims, settings)
    _check_times(claims, now, settings.leeway_s)
    if "events" in claims or str(claims.get("typ", "")).lower() in _OTHER_TYPES:
        raise InvalidToken("the token is for something else than a login")
    if "cnf" in claims:
        # RFC 7800, RFC 8705, RFC 9449: without that key in hand it may be stolen, and that cannot be seen here.
        raise InvalidToken("the token is bound to a key of its holder (cnf), which nobody can prove here")


def _check_audience(claims: Mapping[str, Any], settings: OidcSettings) -> None:
    """OpenID Connect Core, section 3.1.3.7: `aud` is or lists this gateway, and `azp` is a client that it trusts."""
    said = claims.get("aud")
    audiences = [said] if isinstance(said, str) else said
    if (
        not isinstance(audiences, list)
        or not 1 <= len(audiences) <= MAX_AUDIENCES
        or not all(isinstance(audience, str) for audience in audiences)
    ):
        raise InvalidToken("the token names no audience")
    if not settings.audiences.intersection(audiences):
        raise InvalidToken("the token is for another audience")
    client = claims.get("azp", claims.get("client_id"))
    if client is None and len(audiences) > 1:
        raise InvalidToken("the token is for several audiences and does not say whom it was issued to (azp)")
    if client is not None and (
        not isinstance(client, str) or not ({client, ANY_CLIENT} & settings.clients or client in settings.audiences)
    ):
        raise InvalidToken("the token was issued to another client (azp): name those that may in oidc_clients")


def _check_times(claims: Mapping[str, Any], now: float, leeway_s: int) -> None:
    end, issued, start = (_time(claims, name) for name in ("exp", "iat", "nbf"))
    if end is None or issued is None:
        raise InvalidToken(f"the token lacks {'exp' if end is None else 'iat'}")
    if end <= now - leeway_s:
        raise InvalidToken("the token has expired")
    if issued > now + leeway_s or (start is not None and start > now + leeway_s):
        raise InvalidToken("the token is not valid yet: compare the clocks of the two machines")
    if not 0 < end - issued <= MAX_LIFETIME_S:
        raise InvalidToken("the token's lifetime is longer than a day, or none")


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    """A NumericDate, which may have a fraction (RFC 7519 section 2)."""
    if name not in claims:
        return None
    value = claims[name]
    # A bool is an int to Python, and no time. What is not finite compares as false.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MAX_TIME:
        raise InvalidToken(f"the token's {name} is no time")
    return float(value)


# -- whom it speaks for


def user_of(claims: dict[str, Any], settings: OidcSettings) -> User:
    """The user of claims that have been checked. Raises `InvalidToken`."""
    subject = claims.get("sub")
    if not is_name(subject):
        raise InvalidToken("the token's subject is not a name")
    name = claims.get(settings.user_claim)
    if not is_name(name):
        raise InvalidToken("the token has no name in the claim that oidc_user_claim says")
    if settings.user_claim == "email" and claims.get("email_verified") is not True:
        # Anybody can write somebody else's address into a profile of their own.
        raise InvalidToken("the token's e-mail address is not verified (email_verified)")
    _check_actors(claims, settings)
    return User(str(name), _groups(claims, settings), MappingProxyType(claims))


def _groups(claims: Mapping[str, Any], settings: OidcSettings) -> frozenset[str]:
    path = settings.groups_claim
    if not path:
        return frozenset()
    said = _at(claims, path)
    left_out = claims.get("_claim_names")
    if claims.get("hasgroups") or (isinstance(left_out, dict) and path in left_out):
        # Entra, above 200 groups. A rule for one of them would not hold.
        raise InvalidToken("the token leaves out the groups: have the provider send only those that matter here")
    if said is None:
        return frozenset()
    if not isinstance(said, list) or len(said) > MAX_GROUPS or not all(is_name(group) for group in said):
        raise InvalidToken("the token's groups are not a list of names")
    return frozenset(said)


def _at(claims: Mapping[str, Any], path: str) -> Any:
    """The claim of this name or, where there is none, what is at `outer.inner` (Keycloak's realm_access.roles)."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for name in path.split("."):
        if not isinstance(found, Mapping):
            raise InvalidToken("the token's groups are not where oidc_groups_claim says")
        found = found.get(name)
        if found is None:
            return None
    return found


def _check_actors(claims: Mapping[str, Any], settings: OidcSettings) -> None:
    """Who acts for the subject, the last one outermost (RFC 8693 section 4.1)."""
    found, depth = claims, 0
    while "act" in found:
        found, depth = found["act"], depth + 1
        if depth > MAX_ACTORS or not isinstance(found, dict) or not is_name(found.get("sub")):
            raise InvalidToken("the token's act does not name who acts")
        if found.get("iss", settings.issuer) != settings.issuer:
            raise InvalidToken("the token's act is somebody of another issuer")


def is_name(value: object) -> bool:
    """Whether this names somebody in one spelling: what looks like another name, or is not seen, is refused."""
    return (
        isinstance(value, str)
        and 1 <= len(value) <= MAX_NAME_CHARS
        and value.isprintable()
        and value == value.strip()
        and unicodedata.normalize("NFKC", value) == value
    )
