"""The gateway's own short-lived tokens: JWTs that it signs with its key and accepts from nobody else.

The format is fixed on purpose, so that nothing in a token chooses how it is checked: compact serialisation
(RFC 7519), exactly one algorithm (`Ed25519`, RFC 9864, which replaces the deprecated name `EdDSA`), explicit
typing (RFC 8725 section 3.11), the id of the gateway's key as `kid`, and a lifetime of at most a day.
"""

import re
import secrets
import time
from collections.abc import Iterable
from types import MappingProxyType
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from hoopaddon.errors import ConfigError
from hoopaddon.identity.compact import MAX_BYTES, InvalidToken, StrictDecoder, ascii_text, is_canonical, json_of
from hoopaddon.session import User
from hoopaddon.store.keys import SigningKey

ALGORITHM = "Ed25519"
TYPE = "hoopaddon+jwt"
ISSUER = "hoopaddon"
AUDIENCE = "hoopaddon"
LEEWAY_S = 10
MAX_TTL_S = 24 * 3600
MAX_SUBJECT_CHARS = 256
MAX_GROUPS = 1024
"""As many as a provider's token may carry: who logs in by one gets a token of the gateway's with the same."""

# 64 bytes of signature are 86 characters without padding.
_COMPACT = re.compile(r"([A-Za-z0-9_-]{2,512})\.([A-Za-z0-9_-]{2,16384})\.([A-Za-z0-9_-]{86})")
_REQUIRED_CLAIMS = ("iss", "aud", "sub", "groups", "iat", "nbf", "exp", "jti")


def sign(
    key: SigningKey,
    *,
    subject: str,
    groups: Iterable[str] = (),
    ttl_s: int,
    target: str | None = None,
    agent: str | None = None,
    parents: Iterable[str] = (),
    sid: str | None = None,
) -> str:
    """A token for `subject`, good for `ttl_s` seconds from now; with a `target`, good for that target alone.

    With an `agent` it is the agent's, who acts for the subject (RFC 8693 section 4.1). `parents` are the ids of the
    tokens that it was given for, and is revoked with. What is asked on HTTP with another `sid` is another session.
    Raises ConfigError for what no token can say: an empty subject, more than a day, more than 16 KiB.
    """
    listed = sorted(set(groups))
    _check_signable(subject, listed, ttl_s)
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": subject,
        "groups": listed,
        "iat": now,
        "nbf": now,
        "exp": now + ttl_s,
        "jti": new_id(),
    }
    if sid is not None:
        claims["sid"] = sid
    if target is not None:
        claims["target"] = target
    if agent is not None:
        if not _is_name(agent) or agent == subject:
            raise ConfigError(f"an agent is 1 to {MAX_SUBJECT_CHARS} printable characters, not the user", key="agent")
        claims["act"] = {"sub": agent}
    if listed_parents := sorted(set(parents)):
        claims["parents"] = listed_parents
    header = {"alg": ALGORITHM, "typ": TYPE, "kid": key.key_id}
    token = jwt.encode(header, claims, OKPKey.import_key(key.private), [ALGORITHM])
    if len(token) > MAX_BYTES:
        raise ConfigError(f"the token would be longer than {MAX_BYTES} bytes", key="groups", hint="name fewer groups")
    return token


def new_id() -> str:
    """An id that nobody guesses, of a token or a session."""
    return secrets.token_urlsafe(16)


def _check_signable(subject: str, groups: list[str], ttl_s: int) -> None:
    if not _is_name(subject):
        raise ConfigError(f"a user is 1 to {MAX_SUBJECT_CHARS} printable characters", key="user")
    if len(groups) > MAX_GROUPS or not all(_is_name(group) for group in groups):
        raise ConfigError(
            f"groups are at most {MAX_GROUPS} names of 1 to {MAX_SUBJECT_CHARS} printable characters", key="groups"
        )
    if not 1 <= ttl_s <= MAX_TTL_S:
        raise ConfigError("a token lives between 1 second and 24 hours", key="ttl", hint="for example 15m or 8h")


def verify(token: str | bytes, key: SigningKey, *, target: str | None = None) -> User:
    """The user that the token speaks for. Raises InvalidToken.

    A token that was signed for one target is refused wherever `target` is not that one.
    """
    text = ascii_text(token)
    _check_header(text, key.key_id)
    jwk = OKPKey.import_key(key.private.public_key())
    try:
        claims = jwt.decode(text, jwk, [ALGORITHM], decoder_cls=StrictDecoder).claims
    except (JoseError, ValueError, RecursionError):
        # Whatever the library has to say may quote the token.
        raise InvalidToken("the token's signature or payload is not valid") from None
    _check_claims(claims, target, int(time.time()))
    return User(claims["sub"], frozenset(claims["groups"]), MappingProxyType(claims))


def _check_header(token: str, kid: str) -> None:
    parts = _COMPACT.fullmatch(token)
    if parts is None:
        raise InvalidToken("not a token: it must have three parts in base64url")
    if not all(is_canonical(part) for part in parts.groups()):
        raise InvalidToken("the token's base64url is not canonical")
    header = json_of(parts[1], "header")
    if not isinstance(header, dict) or set(header) != {"alg", "typ", "kid"}:
        raise InvalidToken("the token's header must have alg, typ and kid, and nothing else")
    if header["alg"] != ALGORITHM:
        raise InvalidToken(f"the token's algorithm is not {ALGORITHM}")
    if header["typ"] != TYPE:
        raise InvalidToken(f"the token's type is not {TYPE}")
    if header["kid"] != kid:
        raise InvalidToken("the token is signed with another key than this gateway's")


def _check_claims(claims: dict[str, Any], target: str | None, now: int) -> None:
    if missing := [name for name in _REQUIRED_CLAIMS if name not in claims]:
        raise InvalidToken(f"the token lacks {missing[0]}")
    if claims["iss"] != ISSUER:
        raise InvalidToken("the token is from another issuer")
    if claims["aud"] != AUDIENCE:
        raise InvalidToken("the token is for another audience")
    if not _is_name(claims["sub"]):
        raise InvalidToken("the token's subject is not a name")
    groups = claims["groups"]
    if not isinstance(groups, list) or len(groups) > MAX_GROUPS or not all(_is_name(group) for group in groups):
        raise InvalidToken("the token's groups are not a list of names")
    if not _is_name(claims["jti"]):
        raise InvalidToken("the token's id is not a string")
    if "act" in claims and not _is_actor(claims["act"]):
        raise InvalidToken("the token's act does not name who acts")
    if "target" in claims and (target is None or claims["target"] != target):
        raise InvalidToken("the token is for another target")
    _check_times(claims, now)


def _check_times(claims: dict[str, Any], now: int) -> None:
    issued, start, end = claims["iat"], claims["nbf"], claims["exp"]
    # A bool is an int to Python, and no time.
    if any(type(value) is not int for value in (issued, start, end)):
        raise InvalidToken("the token's times are not whole seconds")
    if end <= now - LEEWAY_S:
        raise InvalidToken("the token has expired")
    if start > now + LEEWAY_S or issued > now + LEEWAY_S:
        raise InvalidToken("the token is not valid yet: compare the clocks of the two machines")
    if not 0 < end - issued <= MAX_TTL_S:
        raise InvalidToken("the token's lifetime is longer than a day, or none")


def _is_actor(act: object) -> bool:
    return isinstance(act, dict) and set(act) == {"sub"} and _is_name(act["sub"])


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= MAX_SUBJECT_CHARS and value.isprintable()
